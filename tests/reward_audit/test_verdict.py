"""Each rule of the verdict, on evidence made for it. The simulated readers are in ``test_simulated``."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from reward_audit.judging import thresholds
from reward_audit.judging.evidence import parts
from reward_audit.judging.verdict import Evidence, judge

Floats = NDArray[np.float64]
NAN = float("nan")
NO_NULLS = {"black": None, "noise": 0.03, "still": None, "shuffled": -0.02, "wrong_question": 0.05}


def evidence(rewards: Floats, oracle: Floats, **other: object) -> Evidence:
    """Of a rubric that reads no value; every other frame is a visited state."""
    made = Evidence(
        rewards=rewards,
        oracle=oracle,
        values=None,
        truth=None,
        period=None,
        answers=[None if np.isnan(reward) else f"{reward:.3f}" for reward in rewards],
        bounds=(0.0, 1.0),
        null_taus=NO_NULLS,
        retest=None,
        visited=np.arange(len(rewards)) % 2 == 1,
    )
    return replace(made, **other)  # type: ignore[arg-type] # names are checked by replace


def states(count: int = 400) -> Floats:
    return np.random.default_rng(0).random(count)


def nulled(rewards: Floats, where: NDArray[np.bool_]) -> Floats:
    return np.where(where, NAN, rewards)


def test_right_rewards_are_trustworthy_and_accepted() -> None:
    verdict = judge(evidence(states(), states()))
    assert (verdict.ranking.name, verdict.values.name, verdict.exit_code) == ("trustworthy", "trustworthy", 0)


def test_the_verdict_says_why_with_numbers_that_json_can_hold() -> None:
    verdict = judge(evidence(1 - states(), states()))
    assert verdict.exit_code == 3
    assert verdict.reasons[0].startswith("Ranking: inverted: the order is -1.00")
    assert "rewards against the oracle" in verdict.reasons[1]
    for judgement in (verdict.ranking, verdict.values):
        assert all(math.isfinite(number) for number in judgement.numbers.values())
        assert json.dumps(judgement.numbers, allow_nan=False)
    assert verdict.ranking.numbers["kendall_tau_b"] == pytest.approx(-1.0)
    assert verdict.ranking.numbers["epic"] == pytest.approx(1.0)


def test_undefined_measures_are_absent() -> None:
    constant = judge(evidence(np.full(400, 0.5), states()))
    assert constant.ranking.name == "collapsed"
    assert "kendall_tau_b" not in constant.ranking.numbers
    assert "null_black_tau_b" not in constant.ranking.numbers
    nothing = judge(evidence(np.full(400, NAN), states()))
    assert (nothing.ranking.name, nothing.values.name, nothing.exit_code) == ("cannot tell", "cannot tell", 4)


def test_no_frame_at_all_is_told_apart_from_a_bad_reward() -> None:
    assert judge(evidence(np.array([]), np.array([]))).exit_code == 4


def test_the_same_evidence_has_the_same_verdict() -> None:
    rng = np.random.default_rng(3)
    weak = evidence(states() + rng.normal(0, 0.9, 400), states())
    assert judge(weak) == judge(weak)


def test_too_few_frames_cannot_be_told() -> None:
    few = states(thresholds.MIN_FRAMES)
    assert judge(evidence(few, few)).exit_code == 0
    assert judge(evidence(few[1:], few[1:])).exit_code == 4


def test_a_weak_order_of_few_frames_may_be_chance() -> None:
    """With ten times the frames the same order is no chance."""
    rng = np.random.default_rng(1)
    oracle = rng.random(1000)
    rewards = oracle + rng.normal(0, 0.9, 1000)
    assert judge(evidence(rewards, oracle)).ranking.name == "noisy"
    few = judge(evidence(rewards[:100], oracle[:100])).ranking
    assert few.name == "cannot tell"
    assert "chance" in few.rule


def test_nulls_at_random_are_cause_for_care_and_too_many_end_it() -> None:
    rng, oracle = np.random.default_rng(1), states(1000)
    for share, expected in ((0.02, "trustworthy"), (0.3, "usable with care"), (0.7, "cannot tell")):
        assert judge(evidence(nulled(oracle, rng.random(1000) < share), oracle)).ranking.name == expected


def test_few_nulls_on_the_worst_states_alone_cannot_be_told() -> None:
    """8 % on terminal frames made an agent learn nothing."""
    oracle = states(1000)
    verdict = judge(evidence(nulled(oracle, oracle < np.quantile(oracle, 0.08)), oracle))
    assert (verdict.ranking.name, verdict.values.name, verdict.exit_code) == ("cannot tell", "cannot tell", 4)
    assert "one kind" in verdict.ranking.rule


def test_states_that_are_all_alike_cannot_be_told() -> None:
    verdict = judge(evidence(states(), np.full(400, 0.5)))
    assert (verdict.ranking.name, verdict.values.name) == ("cannot tell", "cannot tell")
    assert "alike" in verdict.ranking.rule


def test_a_policy_that_keeps_to_alike_states_does_not_condemn_a_good_reward() -> None:
    """τ_b over its states is that of noise: the truth hardly varies there."""
    rng = np.random.default_rng(0)
    oracle = np.where(np.arange(1000) % 2 == 1, rng.uniform(0.95, 1.0, 1000), rng.random(1000))
    verdict = judge(evidence(oracle + rng.normal(0, 0.03, 1000), oracle))
    assert (verdict.ranking.name, verdict.exit_code) == ("usable with care", 0)
    assert "differ too little" in verdict.ranking.rule
    assert verdict.ranking.numbers["visited_kendall_tau_b"] < 0.5
    assert verdict.values.name == "trustworthy"


def test_rewards_that_differ_by_less_than_a_learner_can_use_are_collapsed() -> None:
    rng = np.random.default_rng(1)
    assert judge(evidence(0.5 + rng.normal(0, 0.002, 400), states())).ranking.name == "collapsed"


@pytest.mark.parametrize("bounds", [(-math.inf, math.inf), (0.0, math.inf)])
def test_rewards_without_bounds_are_tied_by_their_own_spread(bounds: tuple[float, float]) -> None:
    right = judge(evidence(50 * states(), states(), bounds=bounds)).ranking
    assert right.name == "trustworthy"
    assert right.numbers["all_tied_share"] < 0.02
    assert judge(evidence(np.full(400, 0.5), states(), bounds=bounds)).ranking.name == "collapsed"
    wild = 50 * states()
    wild[7] = 1e6
    assert judge(evidence(wild, states(), bounds=bounds)).ranking.name == "trustworthy"
    assert judge(evidence(np.full(400, NAN), states(), bounds=bounds)).exit_code == 4


def test_one_answer_for_all_is_collapsed_unless_the_order_is_right() -> None:
    rng = np.random.default_rng(1)
    same = ["No"] * 400
    assert judge(evidence(rng.random(400), states(), answers=same)).ranking.name == "collapsed"
    assert judge(evidence(rng.random(400), states())).ranking.name == "ungrounded"
    assert judge(evidence(states(), states(), answers=same)).ranking.name == "trustworthy"


@pytest.mark.parametrize("null", ["black", "noise", "still", "shuffled"])
def test_rewards_that_need_no_frame_are_ungrounded(null: str) -> None:
    verdict = judge(evidence(states(), states(), null_taus=NO_NULLS | {null: 0.6}))
    assert (verdict.ranking.name, verdict.exit_code) == ("ungrounded", 3)
    assert f"'{null}'" in verdict.ranking.rule
    assert judge(evidence(states(), states(), null_taus=NO_NULLS | {null: -0.6})).exit_code == 3


def test_a_null_that_follows_the_truth_a_little_is_cause_for_care() -> None:
    verdict = judge(evidence(states(), states(), null_taus=NO_NULLS | {"shuffled": 0.3}))
    assert verdict.ranking.name == "usable with care"


def test_an_answer_to_another_question_is_cause_for_care_but_seen_in_the_frame() -> None:
    verdict = judge(evidence(states(), states(), null_taus=NO_NULLS | {"wrong_question": 0.9}))
    assert verdict.ranking.name == "usable with care"
    assert "wrong_question" in verdict.ranking.rule


def test_without_nulls_or_without_visited_states_nothing_is_trustworthy() -> None:
    assert judge(evidence(states(), states(), null_taus={})).ranking.name == "usable with care"
    grid_alone = (None, np.zeros(400, dtype=np.bool_))
    for visited in grid_alone:
        verdict = judge(evidence(states(), states(), visited=visited))
        assert (verdict.ranking.name, verdict.values.name) == ("usable with care", "usable with care")


def test_wrong_on_visited_states_is_never_trustworthy_however_few_they_are() -> None:
    oracle = states(1000)
    visited = np.arange(1000) < 60
    rewards = np.where(visited, 1 - oracle, oracle)
    verdict = judge(evidence(rewards, oracle, visited=visited))
    assert verdict.ranking.numbers["all_clear_order"] > 0.75
    assert (verdict.ranking.name, verdict.values.name, verdict.exit_code) == ("inverted", "inverted", 3)
    assert "policies visit" in verdict.ranking.rule


def test_a_saturated_reward_is_usable_only_if_visited_states_and_nulls_allow_it() -> None:
    """Right from 0.6 upwards, the same below: enough for policies that stay there, and not on the grid."""
    visited = np.arange(1000) >= 500
    oracle = np.where(visited, 0.6 + 0.4 * states(1000), states(1000) ** 4)
    rewards = np.maximum(oracle, 0.6)
    usable = evidence(rewards, oracle, visited=visited)
    assert judge(usable).ranking.name == "usable with care"
    assert "same for" in judge(usable).ranking.rule
    assert judge(replace(usable, null_taus=NO_NULLS | {"still": 0.7})).ranking.name == "ungrounded"
    assert judge(evidence(rewards, oracle, visited=~visited)).ranking.name == "saturated"
    few = np.arange(1000) >= 930
    wrong = np.where(few, 1.6 - rewards, rewards)
    assert judge(evidence(wrong, oracle, visited=few)).ranking.name == "inverted"


def test_a_handful_of_visited_states_is_not_judged_by_itself() -> None:
    oracle = states(1000)
    for count, expected in ((20, "usable with care"), (thresholds.MIN_PART_FRAMES, "inverted")):
        visited = np.arange(1000) < count
        rewards = np.where(visited, 1 - oracle, oracle)
        verdict = judge(evidence(rewards, oracle, visited=visited))
        assert verdict.ranking.name == expected


def test_asked_twice_with_different_answers_is_cause_for_care() -> None:
    rng = np.random.default_rng(1)
    twice = np.column_stack([states(), states()])
    assert judge(evidence(states(), states(), retest=twice)).ranking.name == "trustworthy"
    verdict = judge(evidence(states(), states(), retest=twice + rng.normal(0, 0.2, twice.shape)))
    assert verdict.ranking.name == "usable with care"
    assert verdict.ranking.numbers["retest_noise"] == pytest.approx(0.2, rel=0.1)


def test_two_well_placed_levels_are_usable_and_badly_placed_ones_are_saturated() -> None:
    middle = judge(evidence((states() > 0.5).astype(float), states()))
    assert (middle.ranking.name, middle.exit_code) == ("usable with care", 0)
    edge = judge(evidence((states() > 0.1).astype(float), states()))
    assert (edge.ranking.name, edge.exit_code) == ("saturated", 3)


def test_compressed_rewards_rank_but_do_not_score() -> None:
    verdict = judge(evidence(0.4 + 0.2 * states(), states()))
    assert (verdict.ranking.name, verdict.values.name, verdict.exit_code) == ("trustworthy", "biased", 0)


def tilts(read: Floats, true: Floats, visited: NDArray[np.bool_]) -> Evidence:
    rewards, oracle = (1 - np.minimum(np.abs(tilt) / 12, 1) for tilt in (read, true))
    return evidence(rewards, oracle, values=read, truth=true, visited=visited)


def test_whole_degrees_are_not_collapsed_where_a_policy_keeps_within_one() -> None:
    visited = np.arange(1000) % 2 == 1
    rng = np.random.default_rng(0)
    true = np.where(visited, rng.uniform(-0.4, 0.4, 1000), rng.uniform(-15, 15, 1000))
    verdict = judge(tilts(np.round(true), true, visited))
    assert (verdict.ranking.name, verdict.values.name) == ("usable with care", "trustworthy")


def test_two_readings_of_two_truths_are_not_collapsed() -> None:
    true = np.where(states(1000) < 0.5, 2.0, 10.0)
    verdict = judge(tilts(true, true, np.arange(1000) % 2 == 1))
    assert (verdict.ranking.name, verdict.values.name) == ("trustworthy", "trustworthy")


def test_readings_that_differ_by_rounding_alone_are_collapsed() -> None:
    rng = np.random.default_rng(0)
    true = rng.uniform(-15, 15, 1000)
    verdict = judge(tilts(45 + rng.normal(0, 1e-13, 1000), true, np.arange(1000) % 2 == 1))
    assert (verdict.ranking.name, verdict.values.name) == ("collapsed", "collapsed")


def test_evidence_that_does_not_fit_together_is_refused() -> None:
    some = states(10)
    with pytest.raises(ValueError, match="length"):
        evidence(some, some[1:])
    with pytest.raises(ValueError, match="together"):
        evidence(some, some, values=some)
    with pytest.raises(ValueError, match="no range"):
        evidence(some, some, bounds=(1.0, 1.0))
    with pytest.raises(ValueError, match="not finite"):
        evidence(some, nulled(some, some > 0.5))


def test_parts_without_frames_are_absent() -> None:
    some = states(10)
    assert set(parts(evidence(some, some))) == {"all", "grid", "visited"}
    assert set(parts(evidence(some, some, visited=np.ones(10, dtype=np.bool_)))) == {"all", "visited"}
    assert set(parts(evidence(some, some, visited=None))) == {"all"}
