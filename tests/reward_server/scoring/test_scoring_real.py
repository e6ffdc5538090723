"""Every readout, explanations, comparisons and the cache on real vLLM with the shipped checkpoint."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from transformers import AutoProcessor, LlavaForConditionalGeneration

from reward_client import RewardClient, Rubric
from reward_client.errors import InvalidRequestError
from reward_client.fitting import pad_to_square
from tests.paths import CHECKPOINT
from tiny_llava.pictures.frames import render_states
from tiny_llava.report.measures import Fresh, fresh_frames, fresh_pairs, measure, measure_pairs

pytestmark = pytest.mark.vllm

BATCH_TOLERANCE = 1e-4
"""Stated in docs/scoring.md: rewards of a frame alone and in a batch differ by less, in float32."""


@pytest.fixture(scope="module")
def fresh() -> Fresh:
    """Frames that training never saw, the first half within +-12 degrees."""
    return fresh_frames(64)


@pytest.fixture(scope="module")
def played(fresh: Fresh) -> Fresh:
    """Those within +-12 degrees."""
    return Fresh(fresh.frames[:32], fresh.truth[:32])


def yes_no(prompt: str = "Is the pole upright? Answer yes or no.", **change: Any) -> Rubric:
    rubric = {"prompt": prompt, "readout": {"type": "yes_no"}, "reward": {"type": "probability"}}
    return Rubric.model_validate({**rubric, **change})


@pytest.mark.parametrize(
    ("rubric", "task", "least"),
    [
        ("cartpole-degrees-text", "angle", {"answered": 1.0, "sign_right": 0.9}),
        ("cartpole-upright", "upright", {"answered": 1.0, "right": 0.9}),
        ("cartpole-lean", "lean", {"answered": 1.0, "right": 0.85}),
        ("cartpole-rating", "rating", {"answered": 1.0, "kendall_tau_b": 0.75}),
    ],
)
def test_every_readout_reads_the_frames(
    client: RewardClient, played: Fresh, rubric: str, task: Any, least: dict[str, float]
) -> None:
    answer = client.score(played.frames, rubric)
    measured = measure(task, answer.data, played.truth)
    for name, value in least.items():
        assert measured[name] >= value, (name, measured)
    bounds = client.rubric(rubric).reward_bounds
    assert all((bounds.low or 0.0) <= (item.reward or 0.0) <= (bounds.high or 0.0) for item in answer.data)
    one_pass = rubric != "cartpole-degrees-text"
    assert (answer.usage.completion_tokens == len(played.frames)) == one_pass


def test_an_explanation_generates_the_text_and_reads_it(client: RewardClient, played: Fresh) -> None:
    answer = client.score(played.frames[:8], "cartpole-angle", explain=True)
    for item in answer.data:
        assert item.explanation is not None
        assert item.explanation.text == item.text
        assert not item.explanation.truncated
        ways = item.explanation.readouts
        assert set(ways) == {"number", "expectation", "choice"}
        assert ways["number"].value == float(item.explanation.text)
        assert ways["expectation"].value == item.value
        assert ways["choice"].label == item.explanation.text


def test_a_prompt_of_ones_own_and_an_answer_outside_the_labels(client: RewardClient, played: Fresh) -> None:
    labels = {"type": "choice", "labels": ["Yes", "No"]}
    reward = {"type": "weights", "weights": {"Yes": 1, "No": 0}}
    question = "What is the tilt of the pole in degrees?"
    items = client.score(played.frames[:4], yes_no(question, readout=labels, reward=reward)).data
    assert {(item.status.value, item.reward) for item in items} == {("low_label_mass", None)}
    patient = {**labels, "min_label_mass": 0.0}
    items = client.score(played.frames[:4], yes_no(question, readout=patient, reward=reward)).data
    assert {item.status.value for item in items} == {"ok"}


def test_the_more_upright_frame_is_preferred_in_both_orders(client: RewardClient, fresh: Fresh) -> None:
    pairs = fresh_pairs(fresh.truth, 32)
    answer = client.compare([(fresh.frames[a], fresh.frames[b]) for a, b in pairs], "cartpole-upright")
    size = np.abs(fresh.truth)
    truth = ["first" if size[a] < size[b] else "second" for a, b in pairs]
    measured = measure_pairs(answer.data, truth)
    assert answer.composed
    assert measured["right"] >= 0.85, measured
    assert measured["consistent"] >= 0.85, measured
    swapped = client.compare([(fresh.frames[b], fresh.frames[a]) for a, b in pairs], "cartpole-upright")
    for one, other in zip(answer.data, swapped.data, strict=True):
        assert (one.probability or 0.0) == pytest.approx(1.0 - (other.probability or 0.0), abs=1e-3)


def test_cached_and_fresh_answers_are_equal(client: RewardClient, played: Fresh) -> None:
    rubric = yes_no("Is the pole upright? Answer no or yes.")  # that no other test asks
    first, second = (client.score(played.frames, rubric) for _ in range(2))
    assert (first.usage.cached_images, second.usage.cached_images) == (0, len(played.frames))
    assert second.data == first.data
    assert second.reward_id == first.reward_id
    assert second.usage.prompt_tokens == 0


def orders(rubric: Rubric) -> tuple[list[str], list[str]]:
    labels = rubric.readout.labels
    return labels[1:] + labels[:1], labels[::-1]


def test_a_frame_scores_the_same_alone_and_in_a_batch(client: RewardClient, fresh: Fresh) -> None:
    angle = client.rubric("cartpole-angle").rubric
    # another order of the labels is another question with the same answer: neither finds the other's answers
    ones, turned = (angle.readout.model_copy(update={"labels": labels}) for labels in orders(angle))
    together = client.score(fresh.frames, angle.model_copy(update={"readout": ones})).data
    alone = [
        client.score([frame], angle.model_copy(update={"readout": turned})).data[0]
        for frame in fresh.frames[:16]
    ]
    differences = [
        abs((one.reward or 0.0) - (other.reward or 0.0)) for one, other in zip(alone, together, strict=False)
    ]
    assert max(differences) <= BATCH_TOLERANCE


def test_labels_of_several_tokens_have_the_probability_of_the_whole_sequence(
    client: RewardClient, played: Fresh
) -> None:
    question = "Which way does the pole lean?"
    labels = ["Left", "Left of the middle", "slightly", "slightly tilted", "Right"]
    readout = {"type": "choice", "labels": labels, "min_label_mass": 0.0}
    reward = {"type": "weights", "weights": dict.fromkeys(labels, 1.0)}
    (item,) = client.score(played.frames[:1], yes_no(question, readout=readout, reward=reward)).data
    expected = sequence_probabilities(played.frames[0], question, labels)
    assert item.probabilities is not None
    assert item.label_mass == pytest.approx(sum(expected.values()), rel=1e-2)
    for label, probability in expected.items():
        share = probability / sum(expected.values())
        assert item.probabilities[label] == pytest.approx(share, rel=2e-2, abs=1e-4), label  # closed branches


def sequence_probabilities(frame: NDArray[np.uint8], question: str, labels: list[str]) -> dict[str, float]:
    """What transformers' own model gives to whole labels; one that begins another one ends there."""
    processor = AutoProcessor.from_pretrained(CHECKPOINT)
    model = LlavaForConditionalGeneration.from_pretrained(CHECKPOINT, dtype=torch.float32).eval()
    tokenizer = processor.tokenizer
    text = f"USER: <image>\n{question} ASSISTANT:"
    inputs = processor(text=text, images=pad_to_square(Image.fromarray(frame), 224), return_tensors="pt")
    before = tokenizer(text).input_ids
    expected: dict[str, float] = {}
    for label in labels:
        ids = tokenizer(f"{text} {label}").input_ids[len(before) :]
        if any(other != label and other.startswith(label) for other in labels):
            ids.append(tokenizer.eos_token_id)
        whole = torch.cat([inputs["input_ids"], torch.tensor([ids])], dim=1)
        with torch.no_grad():
            logits = model(input_ids=whole, pixel_values=inputs["pixel_values"]).logits[0]
        logprobs = torch.log_softmax(logits[-len(ids) - 1 : -1], dim=-1)
        expected[label] = float(logprobs[range(len(ids)), ids].sum().exp())
    return expected


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"prompt": "What is in <image> here?"}, "rubric.prompt"),
        ({"prompt": "end </s> of it"}, "rubric.prompt"),
        ({"prompt": "<s>"}, "rubric.prompt"),
        ({"prompt": "é" * 4000}, "rubric.prompt"),
        ({"readout": {"type": "yes_no", "yes": "y" * 64, "no": "<pad>"}}, "rubric.readout"),
    ],
)
def test_what_the_model_cannot_be_asked_is_422_and_the_engine_lives_on(
    client: RewardClient, played: Fresh, change: dict[str, Any], field: str
) -> None:
    rubric = Rubric.model_validate({**yes_no().model_dump(), **change})
    with pytest.raises(InvalidRequestError) as caught:
        client.score(played.frames[:1], rubric)
    assert caught.value.param == field
    assert client.score(played.frames[:1], "cartpole-upright").data[0].reward is not None


def test_another_preprocessing_is_another_reward_and_another_id(client: RewardClient) -> None:
    true_deg = np.array([-9.0, -6.0, -3.0, 3.0, 6.0, 9.0])
    states = np.stack([np.full(6, 2.2), true_deg], axis=1)
    frames = [frame.copy() for frame in render_states(states)]
    padded = client.score(frames, "cartpole-angle")
    cropped = client.score(frames, "cartpole-angle", preprocess="crop")
    assert padded.reward_id != cropped.reward_id
    errors_deg = [
        np.abs(np.array([item.value or 0.0 for item in answer.data]) - true_deg).mean()
        for answer in (padded, cropped)
    ]
    assert errors_deg[0] < 1.5
    # the crop loses the cart at the track's end, as LLaVA's own processor does
    assert errors_deg[1] > 1.5
