"""What the audit during training says of readers whose faults are known, and does not say of honest ones."""

from __future__ import annotations

import numpy as np
import pytest

from agent.training.watching import frame_rules
from agent.training.watching.frame_rules import Kind
from agent.training.watching.window import WINDOW_FRAMES, Frame, look
from tests.agent.training.watching.streams import STEPS, Noted, Read, watched

HONEST: dict[str, Read] = {
    "perfect": lambda tilt, done, rng: tilt,
    "half a degree of noise": lambda tilt, done, rng: tilt + float(rng.normal(0, 0.5)),
    "two degrees of noise": lambda tilt, done, rng: tilt + float(rng.normal(0, 2.0)),
    "whole degrees": lambda tilt, done, rng: float(round(tilt)),
    "half of it": lambda tilt, done, rng: tilt / 2,
    "null by a coin": lambda tilt, done, rng: None if rng.random() < 0.5 else tilt,
}

FAULTS: dict[str, tuple[Read, str]] = {
    "always 45": (lambda tilt, done, rng: 45.0, "the reward has collapsed: in the 512 frames up to step 512"),
    "45 or 30 by coin": (lambda tilt, done, rng: float(rng.choice([45, 30])), "the reward has collapsed"),
    "45 from a quarter on": (
        lambda tilt, done, rng: 45.0 if done > 0.25 else tilt,
        "and the most frequent answer is '45'",
    ),
    "blind from a quarter on": (
        lambda tilt, done, rng: float(rng.normal(0, 5)) if done > 0.25 else tilt,
        "the reward says next to nothing of the states",
    ),
    "inverted from a quarter on": (
        lambda tilt, done, rng: 12 - abs(tilt) if done > 0.25 else tilt,
        "the reward is higher where the truth is worse",
    ),
    "an offset that grows": (lambda tilt, done, rng: tilt + 8 * done, "what is read has drifted"),
    "noise that grows": (
        lambda tilt, done, rng: tilt + float(rng.normal(0, 0.5 + 5 * done)),
        "what is read has drifted",
    ),
    "45 once the policy balances": (
        lambda tilt, done, rng: 45.0 if done > 0.7 else tilt,
        "what is read has drifted",
    ),
}


def told(noted: Noted) -> str:
    return "\n".join(sentence for _, sentence in noted.warnings)


@pytest.mark.slow
@pytest.mark.parametrize("name", HONEST)
@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_said_of_a_reader_that_stays_as_it_is(name: str, seed: int) -> None:
    noted = watched(HONEST[name], seed)
    assert noted.warnings == []
    assert len(noted.measures) == STEPS // WINDOW_FRAMES


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_once(name: str) -> None:
    read, words = FAULTS[name]
    noted = watched(read, seed=0)
    assert told(noted).count(words) == 1


def frames(tilt: np.ndarray, read: np.ndarray) -> list[Frame]:
    return [
        Frame(1 - abs(float(r)) / 12, 1 - abs(float(t)) / 12, f"{r:.0f}", float(r - t), float(t))
        for t, r in zip(tilt, read, strict=True)
    ]


def test_the_measures_of_a_window_that_is_read_rightly() -> None:
    tilt = np.linspace(-12, 12, WINDOW_FRAMES)
    seen = look(frames(tilt, tilt), 512, 1.0, 360.0, 0.0)
    assert (seen.step, seen.frames, seen.scored, seen.unscored_share) == (512, 512, 512, 0.0)
    assert seen.order == pytest.approx(1.0)
    assert (seen.tied, seen.error) == (0.0, 0.0)
    assert seen.mean_reward == pytest.approx(0.5, abs=0.01)
    assert seen.blind_error == pytest.approx(6.0, abs=0.2)
    assert set(seen.scalars()) == {
        "audit/reward_truth_tau_b",
        "audit/clear_pairs_order",
        "audit/top_answer_share",
        "audit/reading_error",
        "audit/unscored_share",
        "audit/mean_reward",
    }


def test_states_that_are_all_alike_have_no_order_and_no_warning() -> None:
    tilt = np.linspace(-0.5, 0.5, WINDOW_FRAMES)
    seen = look(frames(tilt, np.zeros(WINDOW_FRAMES)), 512, 1.0, 360.0, 0.0)
    assert (seen.order, seen.tied) == (None, None)
    assert seen.top_answer_share == 1.0
    assert frame_rules.of_window(seen, seen) == []


def test_a_window_without_a_reward_measures_only_that() -> None:
    seen = look([Frame(None, 0.5, None, None, None)] * WINDOW_FRAMES, 512, 1.0, None, 0.0)
    assert seen.scalars() == {"audit/unscored_share": 1.0}


def test_a_reward_that_collapses_does_not_shrink_what_counts_as_the_same() -> None:
    """Its last differences are far below those it had."""
    tilt, rng = np.linspace(-12, 12, WINDOW_FRAMES), np.random.default_rng(0)
    nearly = [
        Frame(0.5 + 1e-4 * float(rng.random()), 1 - abs(float(t)) / 12, "yes", None, None) for t in tilt
    ]
    seen = look(nearly, 1024, 1.0, None, spread_before=1.0)
    assert seen.tied == 1.0
    (alarm,) = frame_rules.of_window(seen, look(frames(tilt, tilt), 512, 1.0, 360.0, 0.0))
    assert alarm.kind is Kind.COLLAPSED


def test_a_question_that_does_not_matter_is_told_and_one_that_does_is_not() -> None:
    rng = np.random.default_rng(0)
    oracle = [float(value) for value in rng.random(50)]
    blind = [float(value) for value in rng.random(50)]
    assert frame_rules.of_wrong_question(blind, oracle, oracle) is None
    assert frame_rules.of_wrong_question([0.5] * 50, oracle, oracle) is None
    assert frame_rules.of_wrong_question(oracle[:40], oracle[:40], oracle[:40]) is None  # too few
    alarm = frame_rules.of_wrong_question(oracle, oracle, oracle)
    assert alarm is not None
    assert "the question hardly matters: asked about giraffes, 50 frames" in alarm.sentence


def test_the_answers_after_a_mark_wait_for_the_next_one() -> None:
    rng = np.random.default_rng(0)
    oracle, chance = ([float(value) for value in rng.random(100)] for _ in range(2))
    blind = [*chance[:50], *oracle[50:]]
    assert frame_rules.of_wrong_question(blind[:99], oracle[:99], oracle[:99]) is None  # as at 50
    assert frame_rules.of_wrong_question(blind, oracle, oracle) is not None
    assert frame_rules.of_wrong_question(oracle[:49], oracle[:49], oracle[:49]) is None
    alarm = frame_rules.of_wrong_question(oracle[:51], oracle[:51], oracle[:51])
    assert alarm is not None  # two answers came at once: none was the 50th alone
    assert "asked about giraffes, 50 frames" in alarm.sentence


def test_a_black_frame_is_answered_alike_or_else_it_is_told() -> None:
    assert frame_rules.of_black_frames([0.3, None, 0.3 + 1e-6], 1.0) is None
    alarm = frame_rules.of_black_frames([0.3, 0.5], 1.0)
    assert alarm is not None
    assert alarm.kind is Kind.UNSTEADY
    assert "from 0.3 to 0.5 in 2 tries" in alarm.sentence
