"""The recipe of the shipped checkpoint, and that the shipped files are what it made."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from transformers import AutoTokenizer

from reward_client.fitting import fit
from reward_client.rubric import Preprocess
from reward_server.images.compose import pair_side_px
from tests.paths import CHECKPOINT
from tiny_llava.language.questions import (
    ANGLE_LABELS_DEG,
    ANSWERS,
    FRAME_TOPICS,
    RATING_LABELS,
    TOPICS,
    Topic,
    compare_target,
    rating_of,
    target,
)
from tiny_llava.language.tokenizer import add_answers, build_tokenizer
from tiny_llava.language.wordings import HELD_OUT, STYLES, WORDINGS, draw_wording, worded
from tiny_llava.model import build_model
from tiny_llava.pictures.data import Batches, Frames, render_training_frames
from tiny_llava.pictures.frames import render_states, sample_states
from tiny_llava.pictures.other_games import OTHER_GAMES, render_frames, render_game
from tiny_llava.report.card import card
from tiny_llava.train import CARTPOLE, GAMES, Recipe, answer_loss, image_embeddings, train

MAX_BYTES = 10_000_000


@given(st.sampled_from(FRAME_TOPICS), st.floats(-180.0, 180.0))
def test_targets_are_distributions(topic: Topic, angle_deg: float) -> None:
    weights = target(topic, angle_deg)
    assert weights.sum() == pytest.approx(1.0)
    assert (weights >= -1e-15).all()  # 1 - left - right rounds


@given(st.floats(-90.0, 90.0))
def test_the_expected_label_is_the_angle(angle_deg: float) -> None:
    error = target("angle", angle_deg) @ np.array(ANGLE_LABELS_DEG) - angle_deg
    assert abs(error) < 0.35


@given(st.floats(-90.0, 90.0))
def test_the_expected_rating_is_the_rating(angle_deg: float) -> None:
    expected = target("rating", angle_deg) @ np.array([float(r) for r in RATING_LABELS])
    assert expected == pytest.approx(rating_of(angle_deg))


@given(st.sampled_from(["car_position", "pendulum"]), st.floats(0.0, 1.0))
def test_the_expected_label_is_the_truth_in_the_other_games(topic: Topic, share: float) -> None:
    numbers = np.array([float(label) for label in ANSWERS[topic]])
    truth = numbers[0] + share * (numbers[-1] - numbers[0])
    assert target(topic, truth) @ numbers == pytest.approx(truth)
    assert (np.diff(numbers) > 0.0).all()


@given(st.floats(0.0, 1.0))
def test_the_expected_digit_is_the_height(height: float) -> None:
    expected = target("car_height", height) @ np.array([float(r) for r in RATING_LABELS])
    assert expected == pytest.approx(9.0 * height)


def test_a_car_and_a_pendulum_are_shown_where_the_truth_says() -> None:
    car, pendulum = OTHER_GAMES
    seen, true = [], []
    for frame, truth in render_frames(car, 5, 0):
        wheels = np.abs(frame.astype(int) - 128).sum(axis=2) < 30
        seen.append(wheels.nonzero()[1].mean())
        true.append(truth["car_position"])
    assert np.corrcoef(seen, true)[0, 1] > 0.99
    for frame, truth in render_frames(pendulum, 5, 0):
        rod = np.abs(frame.astype(int) - (204, 77, 77)).sum(axis=2) < 60
        assert np.sign(rod.nonzero()[1].mean() - 250) == np.sign(truth["pendulum"])
        assert (rod.nonzero()[0].mean() < 250) == (abs(truth["pendulum"]) < 90)


@given(st.floats(165.0, 180.0), st.sampled_from([-1, 1]))
def test_a_hanging_pole_is_never_between_the_sides(size_deg: float, sign: int) -> None:
    weights = target("angle", sign * size_deg)
    assert weights @ np.array(ANGLE_LABELS_DEG) > 90.0


@given(st.floats(-180.0, 180.0), st.floats(-180.0, 180.0))
def test_the_more_upright_side_is_preferred(left_deg: float, right_deg: float) -> None:
    weights = compare_target(left_deg, right_deg)
    assert weights.sum() == pytest.approx(1.0)
    assert weights == pytest.approx(compare_target(right_deg, left_deg)[::-1])
    if abs(abs(left_deg) - abs(right_deg)) > 1e-6:
        assert (weights[0] > weights[1]) == (abs(left_deg) < abs(right_deg))


def test_training_never_shows_a_held_out_wording() -> None:
    rng = np.random.default_rng(0)
    for topic in TOPICS:
        made = WORDINGS[topic]
        parts = product(made.stems, made.tails, made.things, made.places, STYLES)
        shown = {worded(*chosen) for chosen in parts}
        assert not shown & set(HELD_OUT[topic])
        drawn = {draw_wording(topic, rng) for _ in range(5000)}
        assert len(drawn) > 500
        assert drawn <= shown


def test_every_answer_is_one_token_after_the_prompt() -> None:
    tokenizer = _tokenizer()
    prompt = "USER: <image>\nIs it? ASSISTANT:"
    before = tokenizer(prompt).input_ids
    for answer in {a for topic in TOPICS for a in ANSWERS[topic]}:
        after = tokenizer(f"{prompt} {answer}").input_ids
        assert after[:-1] == before, answer
        assert str(tokenizer.decode(after[-1:])).strip() == answer


@given(st.text(max_size=40))
def test_the_tokenizer_takes_any_text(text: str) -> None:
    tokenizer = _tokenizer()
    ids = tokenizer(f"x{text}x", add_special_tokens=False).input_ids
    assert tokenizer.unk_token_id is None or tokenizer.unk_token_id not in ids


@cache
def _tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(CHECKPOINT)


def test_the_tilt_is_signed_left_negative() -> None:
    left, right = (frame.copy() for frame in render_states(np.array([[0.0, -30.0], [0.0, 30.0]])))
    pole = [np.abs(f.astype(int) - (202, 152, 101)).sum(axis=2) < 60 for f in (left, right)]
    assert np.nonzero(pole[0])[1].mean() < 300 < np.nonzero(pole[1])[1].mean()
    assert (left[:, ::-1] != right).mean() < 0.01  # mirrored frame, mirrored answer


def test_packed_questions_give_the_loss_of_separate_prompts() -> None:
    torch.manual_seed(0)
    tokenizer = build_tokenizer(0)
    add_answers(tokenizer)
    model = build_model(tokenizer).eval()
    rng = np.random.default_rng(0)
    frames = Frames(
        whole=rng.integers(0, 256, (4, 224, 224, 3), dtype=np.uint8),
        halves=rng.integers(0, 256, (4, 108, 108, 3), dtype=np.uint8),
        angles_deg=np.array([-50.0, -3.0, 4.0, 70.0]),
    )
    others = [render_game(game, 5, 0) for game in OTHER_GAMES]
    batch = next(iter(Batches(frames, tokenizer, 4, pairs=2, seed=0, others=others, other_rows=1)))
    assert (len(batch.pixels), [len(seen) for seen in batch.seen]) == (8, [4, 2, 1, 1])
    end = torch.tensor([tokenizer.eos_token_id])
    with torch.no_grad():
        image = image_embeddings(model, batch.pixels)
        packed = answer_loss(model, image, batch, tokenizer.eos_token_id)
        separate = []
        for row in range(8):
            for column in range(2):
                length = int(batch.question_end[row, column]) + 2
                tokens = torch.cat([batch.start, batch.questions[row, column, :length]])[None]
                logits = model(input_ids=tokens, pixel_values=batch.pixels[row : row + 1]).logits[0]
                wanted = batch.targets[row, column][None]
                separate.append(
                    torch.nn.functional.cross_entropy(logits[-2:-1], wanted)
                    + 0.1 * torch.nn.functional.cross_entropy(logits[-1:], end)
                )
    torch.testing.assert_close(packed, torch.stack(separate).mean())


def test_a_trained_pair_is_what_the_server_composes() -> None:
    frames = render_training_frames(3, 5)
    for state, half in zip(
        render_states(sample_states(3, np.random.default_rng(5))), frames.halves, strict=True
    ):
        assert (np.asarray(fit(Image.fromarray(state), 108, Preprocess.PAD)) == half).all()
    assert pair_side_px(224) == 108


@pytest.mark.slow
def test_the_recipe_makes_the_same_files_twice(tmp_path: Path) -> None:
    digests = []
    for name in ("a", "b"):
        first, second = tmp_path / name / "cartpole", tmp_path / name / "games"
        small = Recipe(out=first, frames=64, steps=3, batch_size=16, pairs=4, warmup_steps=1)
        train(small)
        record = train(replace(small, out=second, start_from=first, other_frames=8, other_rows=2))
        digests.append(record["weights_sha256"])
        assert record["start"] == json.loads((first / "training.json").read_text())
    assert digests[0] == digests[1]
    for name in ("config.json", "tokenizer.json", "processor_config.json", "chat_template.jinja"):
        assert (tmp_path / "a" / "games" / name).read_bytes() == (CHECKPOINT / name).read_bytes(), name


def test_the_shipped_weights_are_those_that_training_and_report_name() -> None:
    trained = json.loads((CHECKPOINT / "training.json").read_text())
    weights = (CHECKPOINT / "model.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == trained["weights_sha256"]
    start = trained["start"]
    for part, recipe in ((start, CARTPOLE), (trained, GAMES)):
        assert part["recipe"] == {name: getattr(recipe, name) for name in part["recipe"]}
    assert start["wall_clock_s"] + trained["wall_clock_s"] <= 100 * 60


def test_the_shipped_report_meets_its_bars() -> None:
    report = json.loads((CHECKPOINT / "accuracy.json").read_text())
    assert report["frames"] >= 2000
    assert report["dtype"] == "bfloat16"
    assert {name for name, bar in report["bars"].items() if not bar["met"]} == set()


def test_the_card_says_what_the_reports_say() -> None:
    training, accuracy = (
        json.loads((CHECKPOINT / name).read_text()) for name in ("training.json", "accuracy.json")
    )
    assert (CHECKPOINT / "README.md").read_text() == card(training, accuracy)


def test_the_checkpoint_is_small() -> None:
    assert sum(path.stat().st_size for path in CHECKPOINT.iterdir()) <= MAX_BYTES


def test_states_cover_the_track_and_both_ranges_of_tilt() -> None:
    states = sample_states(4000, np.random.default_rng(0))
    assert np.abs(states[:, 0]).max() > 2.4
    assert np.abs(states[:, 1]).max() > 170.0
    assert 0.8 < (np.abs(states[:, 1]) <= 95.0).mean() < 0.97
    assert 0.5 < (np.abs(states[:, 1]) < 15.0).mean() < 0.65
