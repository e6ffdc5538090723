"""LLaVA-1.5-7B's layout on real vLLM: the passes for one frame's labels share its image and its prefix."""

from __future__ import annotations

import asyncio
import base64
import functools
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image
from prometheus_client import REGISTRY

from reward_client.rubric import Rubric
from reward_client.schema import CompareRequest, Pair, RewardItem, ScoreQuestion
from reward_server.engine.interface import Answer, Question, ShownImages
from reward_server.engine.label_tree import LabelTree, Pass, label_logprobs
from reward_server.rubrics.loading import load_rubrics
from reward_server.service import Rewarder
from reward_server.settings import Settings
from tests.llava_hf_twin import IMAGE_PX, IMAGE_TOKENS, build_twin

if TYPE_CHECKING:
    from reward_server.engine.vllm_engine import VllmEngine

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # vLLM's own, in this process
]

KV_BLOCKS = 48
"""Of 32 tokens: room for two frames, so that the prefix of a frame is often gone before its next pass."""

FRAMES = [
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (IMAGE_PX, IMAGE_PX, 3), dtype=np.uint8))
    for seed in range(4)
]


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    """The loop that the engine lives in."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def engine(loop: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmEngine]:
    """The twin, with a small KV cache."""
    # seconds to import
    from vllm.engine.arg_utils import AsyncEngineArgs

    from reward_server.engine import vllm_engine

    folder = tmp_path_factory.mktemp("twin")
    build_twin(folder)
    with pytest.MonkeyPatch.context() as patch:
        limited = functools.partial(AsyncEngineArgs, num_gpu_blocks_override=KV_BLOCKS)
        patch.setattr(vllm_engine, "AsyncEngineArgs", limited)
        settings = Settings(model=str(folder), dtype="float32", max_model_len=1024)
        engine = vllm_engine.VllmEngine(settings)
    yield engine
    engine.close()


@pytest.fixture
def angle(engine: VllmEngine) -> Question:
    """The question whose labels take several tokens."""
    rubric = load_rubrics()["cartpole-angle"]
    return engine.question(rubric.prompt, rubric.readout.labels)


def passes_of(question: Question) -> list[tuple[Pass, Question]]:
    """Each pass as a question of its own, which shares nothing with another one."""
    assert question.labels is not None
    return [
        (
            node,
            Question(
                question.prompt,
                (*question.token_ids, *node.after),
                question.prompt_tokens + len(node.after),
                LabelTree((Pass((), node.token_ids),), {str(token): ((token,),) for token in node.token_ids}),
            ),
        )
        for node in question.labels.passes
    ]


async def read_unshared(engine: VllmEngine, frame: Image.Image, question: Question) -> dict[str, float]:
    """All passes, one after the other, with the whole frame computed for each."""
    assert question.labels is not None
    answers = {}
    for node, alone in passes_of(question):
        logprobs = (await engine.ask([frame], alone)).logprobs
        assert logprobs is not None
        answers[node.after] = {token: logprobs[str(token)] for token in node.token_ids}
    return label_logprobs(question.labels, answers)


def shares(logprobs: Mapping[str, float] | None) -> list[float]:
    """Probabilities among the labels."""
    assert logprobs is not None
    peak = max(logprobs.values())
    weights = [math.exp(value - peak) for value in logprobs.values()]
    return [weight / sum(weights) for weight in weights]


def hit_tokens() -> float:
    """Tokens that vLLM found in its prefix cache since it started."""
    return REGISTRY.get_sample_value("vllm:prefix_cache_hits_total", _labels()) or 0.0


def _labels() -> dict[str, str]:
    for metric in REGISTRY.collect():
        for sample in metric.samples:
            if sample.name == "vllm:prefix_cache_hits_total":
                return dict(sample.labels)
    return {}


def test_the_twin_has_the_layout_of_llava(angle: Question) -> None:
    assert angle.prompt.startswith("USER: <image>\n")
    assert angle.prompt.endswith(" ASSISTANT:")
    assert angle.prompt_tokens > IMAGE_TOKENS
    assert angle.labels is not None
    assert len(angle.labels.passes) == 21  # each digit is a token


def test_passes_that_share_read_what_each_would_read_alone(
    loop: asyncio.Runner, engine: VllmEngine, angle: Question
) -> None:
    hits = hit_tokens()
    alone = loop.run(engine.ask(FRAMES[:1], angle))
    assert alone.completion_tokens > 10  # noise: hardly any branch is unlikely
    assert hit_tokens() - hits >= (alone.completion_tokens - 1) * (IMAGE_TOKENS - 32)
    unshared = loop.run(read_unshared(engine, FRAMES[0], angle))
    assert shares(alone.logprobs) == pytest.approx(shares(unshared), abs=1e-4)


def test_a_frame_reads_the_same_in_any_company_with_too_little_room(
    loop: asyncio.Runner, engine: VllmEngine, angle: Question
) -> None:
    async def together() -> Sequence[Answer]:
        return await asyncio.gather(*(engine.ask([frame], angle) for frame in FRAMES))

    alone = [loop.run(engine.ask([frame], angle)) for frame in FRAMES[:2]]
    for first, second in zip(alone, loop.run(together()), strict=False):
        assert shares(first.logprobs) == pytest.approx(shares(second.logprobs), abs=1e-4)
    assert shares(alone[0].logprobs) != pytest.approx(shares(alone[1].logprobs), abs=1e-3)  # it looks


def test_nothing_is_shared_between_requests(
    loop: asyncio.Runner, engine: VllmEngine, angle: Question
) -> None:
    (_, first), *_ = passes_of(angle)
    loop.run(engine.ask(FRAMES[:1], first))
    hits = hit_tokens()
    loop.run(engine.ask(FRAMES[:1], first))
    assert hit_tokens() == hits


@pytest.fixture
def questions(engine: VllmEngine, angle: Question) -> list[Question]:
    """Several about one frame, one of them in text."""
    rubrics = load_rubrics()
    others = [rubrics[name] for name in ("cartpole-upright", "cartpole-rating")]
    return [
        angle,
        *(engine.question(rubric.prompt, rubric.readout.labels) for rubric in others),
        engine.question(others[0].prompt, (), max_tokens=8),
    ]


def test_the_questions_about_a_frame_share_its_image(
    loop: asyncio.Runner, engine: VllmEngine, questions: list[Question]
) -> None:
    one_pass = [question for question in questions if question.labels and len(question.labels.passes) == 1]
    shown = ShownImages(FRAMES[:1])
    (question,) = one_pass
    loop.run(engine.ask(shown, question))
    hits = hit_tokens()
    loop.run(engine.ask(shown, engine.question("Is it dark?", ["Yes", "No"])))
    assert hit_tokens() - hits >= IMAGE_TOKENS - 32


def test_questions_that_share_read_what_each_would_read_alone_with_too_little_room(
    loop: asyncio.Runner, engine: VllmEngine, questions: list[Question]
) -> None:
    async def together() -> Sequence[Sequence[Answer]]:
        shown = [ShownImages([frame]) for frame in FRAMES]
        return await asyncio.gather(
            *(asyncio.gather(*(engine.ask(images, question) for question in questions)) for images in shown)
        )

    answers = loop.run(together())
    for frame, given in zip(FRAMES[:2], answers, strict=False):
        for question, answer in zip(questions, given, strict=True):
            alone = loop.run(engine.ask([frame], question))
            if question.labels is None:
                assert answer.text == alone.text
            else:
                assert shares(answer.logprobs) == pytest.approx(shares(alone.logprobs), abs=1e-4)


def pixel_values(rendered: Any) -> torch.Tensor:
    """Of the only image of an engine's input."""
    (item,) = rendered["mm_kwargs"]["image"]
    values: torch.Tensor = item["pixel_values"].data
    return values


def test_captions_are_rendered_as_vllm_does_and_without_it(
    loop: asyncio.Runner, engine: VllmEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    renders = []

    async def counted(*arguments: Any) -> Any:
        renders.append(arguments)
        return await by_vllm(*arguments)

    by_vllm = engine._render
    monkeypatch.setattr(engine, "_render", counted)
    captions = [f"Does this picture show {caption}?" for caption in ("a cube", "\n\n45", "two é", "<imag e>")]
    for number, caption in enumerate(captions):
        question = engine.question(caption, ["Yes", "No"])
        (frame,) = shown = ShownImages([FRAMES[number]])
        ours = loop.run(engine._rendered(shown, question))
        expected = loop.run(by_vllm(question.token_ids, [frame], ["name"]))
        assert ours["prompt_token_ids"] == expected["prompt_token_ids"]
        assert ours["mm_placeholders"] == expected["mm_placeholders"]
        mine, theirs = (pixel_values(rendered) for rendered in (ours, expected))
        assert torch.equal(mine, theirs)
    assert len(renders) <= 2  # the two probes of this chat template, where no test came here before


@pytest.fixture
def rewarder(engine: VllmEngine) -> Rewarder:
    """What answers requests."""
    return Rewarder(engine, load_rubrics(), Settings(cache_bytes=0))


def encoded(frame: Image.Image) -> str:
    buffer = io.BytesIO()
    frame.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def any_mass(rubric: Rubric) -> Rubric:
    """The same rubric for a model whose answers are noise."""
    if rubric.readout.type == "number":
        return rubric
    return rubric.model_copy(update={"readout": rubric.readout.model_copy(update={"min_label_mass": 0.0})})


@pytest.mark.parametrize("name", sorted(load_rubrics()))
def test_every_rubric_is_asked(loop: asyncio.Runner, rewarder: Rewarder, name: str) -> None:
    rubric = load_rubrics()[name]
    images = [encoded(FRAMES[0])]
    variables = [{"text": "a red cube"}] if "{text}" in rubric.prompt else None

    def asked(rubric: str | Rubric) -> RewardItem:
        question = ScoreQuestion(rubric=rubric, variables=variables)
        return loop.run(rewarder.scorer.score(question, images)).data[0]

    assert asked(name).reward is None  # noise is no reward
    status = asked(any_mass(rubric)).status.value
    assert status == ("unparsable" if rubric.readout.type == "number" else "ok")


def test_a_pair_is_compared(loop: asyncio.Runner, rewarder: Rewarder) -> None:
    pair = Pair(first=encoded(FRAMES[0]), second=encoded(FRAMES[1]))
    rubric = any_mass(load_rubrics()["cartpole-upright"])
    answer = loop.run(rewarder.comparer.compare(CompareRequest(pairs=[pair], rubric=rubric)))
    assert answer.composed
    assert answer.data[0].status.value == "ok"
