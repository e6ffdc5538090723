"""What an experiment says about a reward: when it says nothing, and when it says that the reward teaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from agent.config import Arm
from agent.experiment import seed_statistics
from agent.experiment.seed_statistics import p_value
from agent.experiment.verdict import COMPARED, ArmResults, Verdict, verdict
from agent.rewards.arms import CONTROLS

RANDOM_RETURN = 50.0
LEVELS = {Arm.VLM: 400.0, Arm.ORACLE: 450.0, **dict.fromkeys(CONTROLS, 60.0)}
"""Scores around which the seeds lie; a difference counts from 200."""


def around(level: float, seeds: int) -> list[float]:
    return [float(score) for score in np.linspace(level - 10, level + 10, seeds)]


def arms(levels: Mapping[Arm, float]) -> dict[Arm, ArmResults]:
    found = {}
    for arm, level in levels.items():
        scores = around(level, 5 if arm.scores_frames else 20)
        found[arm] = ArmResults(len(scores), scores, [score + 40 for score in scores])
    return found


def judged(**levels: float) -> Verdict:
    """The verdict where the arms named have other scores."""
    changed = {Arm(name): level for name, level in levels.items()}
    return verdict("T", arms({**LEVELS, **changed}), RANDOM_RETURN)


def test_a_reward_that_beats_every_control_teaches() -> None:
    found = judged()
    assert found.teaches is True
    assert found.headline == "T: the VLM's reward teaches."
    assert found.smallest_gap == pytest.approx(200, abs=1)
    assert "constant 340.0 [" in found.details
    assert "A difference counts from 200.0: half of what oracle (450.0) has over random actions (50.0)" in (
        found.details
    )
    assert "Final returns: vlm 440.0, oracle 490.0, constant 100.0" in found.details


@pytest.mark.parametrize("control", CONTROLS)
def test_one_control_that_is_as_good_is_enough_against_it(control: Arm) -> None:
    found = judged(**{control.value: 249.0, "vlm": 260.5})
    assert found.teaches is False
    assert found.headline == f"T: the VLM's reward cannot be told from {control}."


def test_a_certain_lead_below_the_smallest_gap_does_not_count() -> None:
    found = judged(vlm=200.0)
    assert found.teaches is False
    assert all(lead.low > 0 for lead in found.leads.values())
    assert "is better than constant, random and resampled by too little to count" in found.headline


def test_a_lead_that_is_large_and_uncertain_does_not_count() -> None:
    uncertain = [10.0, 40.0, 460.0, 480.0, 490.0]
    found = verdict("T", {**arms(LEVELS), Arm.VLM: ArmResults(5, uncertain, uncertain)}, RANDOM_RETURN)
    assert found.leads[Arm.CONSTANT].point > 200
    assert found.teaches is False
    assert "cannot be told from constant, random and resampled" in found.headline


def test_a_worse_reward_is_told_with_its_p_value() -> None:
    found = judged(vlm=-200.0)
    assert found.teaches is False
    assert "teaches worse than constant, random and resampled." in found.headline
    assert "after Holm's correction: constant p = 0.0" in found.details
    plain = p_value(around(-200, 5), around(60, 20))
    assert found.p_values == pytest.approx(dict.fromkeys(CONTROLS, 3 * plain))  # three equal ones, by Holm
    one = judged(vlm=20.0, random=240.0)
    assert "the VLM's reward teaches worse than random; " in one.headline
    assert one.headline.endswith("; it is worse than constant and resampled by too little to count.")
    assert "Holm" not in judged().details
    assert "; it cannot be told from constant and resampled." in judged(vlm=60.0, random=140.0).headline


@pytest.mark.parametrize("control", CONTROLS)
def test_a_setting_in_which_the_oracle_beats_too_little_cannot_tell(control: Arm) -> None:
    """As stock CartPole, where survival alone is rewarded."""
    for level in (440.0, 300.0):  # not to be told from the oracle; surely less, by too little
        found = judged(**{control.value: level})
        assert found.teaches is None
        assert found.headline == (
            "T: this setting cannot tell whether the VLM's reward teaches: oracle, a reward without error, "
            f"does not beat {control} by enough."
        )
        assert not found.leads


def test_a_setting_in_which_random_actions_do_as_well_as_the_oracle_cannot_tell() -> None:
    found = verdict("T", arms(LEVELS), random_return=460.0)
    assert found.teaches is None
    assert "cannot tell" in found.headline


@pytest.mark.parametrize("arm", COMPARED)
def test_there_is_no_verdict_without_an_arm_that_it_needs(arm: Arm) -> None:
    without = {other: results for other, results in arms(LEVELS).items() if other != arm}
    found = verdict("T", without, RANDOM_RETURN)
    assert found.teaches is None
    assert f"this experiment lacks {arm}" in found.headline


@pytest.mark.parametrize("arm", COMPARED)
def test_fewer_than_five_seeds_of_an_arm_give_no_verdict(arm: Arm) -> None:
    few = {**arms(LEVELS), arm: ArmResults(4, around(100, 4), around(100, 4))}
    found = verdict("T", few, RANDOM_RETURN)
    assert found.teaches is None
    assert found.headline == f"T: no verdict: it needs at least 5 seeds of each arm; {arm} has 4."


@pytest.mark.parametrize("arm", [*COMPARED, Arm.ENV])
def test_there_is_no_verdict_on_the_way(arm: Arm) -> None:
    """Fifteen of twenty seeds would do; but who stops where the verdict pleases is more often wrong."""
    all_arms = arms({**LEVELS, Arm.ENV: 60.0})
    left = replace(all_arms[arm], scores=all_arms[arm].scores[:-2], finals=all_arms[arm].finals[:-2])
    found = verdict("T", {**all_arms, arm: left}, RANDOM_RETURN)
    assert found.teaches is None
    assert found.headline == "T: no verdict: 2 of 105 runs are not finished."


def test_runs_without_a_greedy_curve_give_no_verdict() -> None:
    all_arms = arms(LEVELS)
    found = verdict("T", {**all_arms, Arm.VLM: replace(all_arms[Arm.VLM], scores=[])}, RANDOM_RETURN)
    assert found.teaches is None
    assert "--eval-every" in found.headline


@pytest.mark.parametrize(("level", "words"), [(60.0, "It beats"), (399.0, "It does not beat")])
def test_the_environments_own_reward_is_told_beside_the_verdict(level: float, words: str) -> None:
    found = judged(env=level)
    assert found.teaches is True
    assert f"{words} the environment's own reward: {found.leads[Arm.ENV]}." in found.details
    assert "own reward" not in judged().details


def test_shuffled_is_told_and_decides_nothing() -> None:
    found = judged(shuffled=400.0)
    assert found.teaches is True
    assert "does not beat shuffled, which is no blind control" in found.details


def test_scores_that_are_all_equal_say_so() -> None:
    equal: Sequence[float] = [500.0] * 5
    found = verdict(
        "T",
        {
            **arms(LEVELS),
            Arm.VLM: ArmResults(5, equal, equal),
            Arm.CONSTANT: ArmResults(5, [40.0] * 5, [40.0] * 5),
        },
        RANDOM_RETURN,
    )
    assert found.teaches is True
    assert "constant 460.0 (all seeds equal)" in found.details


@pytest.mark.slow
def test_a_reward_no_better_than_its_controls_is_called_worse_in_at_most_5_of_100_experiments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The rule of before, any interval below 0, did so in 8 to 30 of 100."""
    monkeypatch.setattr(seed_statistics, "RESAMPLES", 1000)
    rng, told = np.random.default_rng(2), {"worse": 0, "teaches": 0}
    for _ in range(200):
        results = {
            arm: ArmResults(count, scores, scores)
            for arm in COMPARED
            for count in [5 if arm.scores_frames else 20]
            for scores in [rng.normal(500 if arm == Arm.ORACLE else 60, 10, count).tolist()]
        }
        found = verdict("T", results, RANDOM_RETURN)
        told["worse"] += "worse" in found.headline
        told["teaches"] += found.teaches is True
    assert told["worse"] <= 10
    assert told["teaches"] == 0
