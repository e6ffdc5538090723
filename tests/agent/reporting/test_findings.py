"""A run says by itself what its labels show: models whose faults are known are called by their names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import somersd

from agent.config import Arm, TrainConfig
from agent.reporting.findings import findings, sentences, terminal_lines
from agent.reporting.label_plots import plot_over_training
from agent.reporting.measures import agreement_of, independent, labels_of
from agent.training.train import Trainer
from reward_client.rubric import Rubric
from reward_tasks.catalog import find_task
from reward_tasks.task import Task
from tests.agent.reporting import fabricated
from tests.agent.reporting.fabricated import QUESTION, Item, labels

CONFIG: dict[str, Any] = {"options": {"null_terminal": "skip"}}
CARTPOLE, CONTINUING = find_task("CartPole-v1"), find_task("CartPoleContinuing-v0")


def found(model: fabricated.Model, task: Task = CONTINUING) -> dict[str, Any]:
    seen = findings(labels(model, task.env_id), CONFIG, task, QUESTION)
    assert json.loads(json.dumps(seen, allow_nan=False)) == seen  # a summary is JSON
    return seen


def one(seen: dict[str, Any], words: str) -> str:
    """The one warning that holds these words."""
    (warning,) = [warning for warning in seen["warnings"] if words in warning]
    return str(warning)


def test_a_model_that_always_answers_45_is_named() -> None:
    seen = found(fabricated.always_45)
    assert (seen["top_answer"], seen["top_answer_share"], seen["distinct_answers"]) == ("45", 1.0, 1)
    assert seen["reward_truth_tau_b"] is None
    assert one(seen, "collapsed") == 'the model gives the same answer, "45", to every frame: collapsed.'
    assert one(seen, "blind") == "the reward is 0.5 in every frame: a blind reward would have done as well."
    assert "no better than the best constant answer" in one(seen, "what was read of tilt is off by")


def test_a_model_that_answers_by_coin_is_named() -> None:
    seen = found(fabricated.coin)
    assert 0.5 < seen["top_answer_share"] < 0.7
    assert one(seen, "collapsed") == (
        'the model answers "45" or "30", and which of them has nothing to do with the frame: collapsed.'
    )
    assert abs(seen["reward_truth_tau_b"]) < 0.05
    assert "no better than by chance" in one(seen, "blind reward would have done as well")


def test_a_model_that_always_says_yes_is_named() -> None:
    seen = found(fabricated.always_yes)
    assert one(seen, "collapsed") == 'the model gives the same answer, "Yes", to every frame: collapsed.'
    assert "blind reward would have done as well" in one(seen, "τ_b")


def test_a_yes_whose_probability_reads_the_frame_is_no_collapse() -> None:
    seen = found(fabricated.yes_by_its_probability)
    assert seen["reward_truth_tau_b"] > 0.4
    assert seen["warnings"] == [
        'the model gives the same answer, "Yes", to every frame; only its probabilities tell frames apart.'
    ]


@pytest.mark.parametrize("seed", range(5))
def test_a_model_that_reads_rightly_has_no_warning_but_that_of_its_task(seed: int) -> None:
    for task in (CARTPOLE, CONTINUING):
        seen = findings(labels(fabricated.right, task.env_id, seed), CONFIG, task, QUESTION)
        assert seen["reward_truth_tau_b"] > 0.6
        assert len(seen["warnings"]) == int(task.survival_pays)


@pytest.mark.parametrize("seed", range(5))
def test_a_coin_is_found_out_whatever_the_coin_shows(seed: int) -> None:
    seen = findings(labels(fabricated.coin, "CartPole-v1", seed), CONFIG, CARTPOLE, QUESTION)
    assert "has nothing to do with the frame" in one(seen, "collapsed")


def test_a_reward_that_is_missing_is_told_with_the_reason() -> None:
    seen = found(fabricated.half_null, CARTPOLE)
    assert 0.45 < seen["null_share"] < 0.6
    assert seen["null_share_terminal"] > 0.9
    (reason,) = seen["null_reasons"]
    assert (reason["status"], reason["message"]) == ("unparsable", "there is no number in the answer")
    assert "of the frames have no reward" in one(seen, "nothing is learned")
    assert "teaches that ends are free" in one(seen, "an episode ends")
    (told,) = [line for line in sentences(seen) if "have no reward" in line]
    assert 'unparsable ("there is no number in the answer")' in told


def test_a_reward_that_is_missing_everywhere_alike_is_not_said_to_be_missing_at_ends() -> None:
    def anywhere(tilt: float, _ends: bool, rng: np.random.Generator) -> Item:
        return fabricated.half_null(tilt, False, rng)

    assert not [w for w in found(anywhere, CARTPOLE)["warnings"] if "ends are free" in w]


def test_ends_that_count_as_the_lowest_reward_are_no_free_ends() -> None:
    config = {"options": {"null_terminal": "lower_bound"}}
    seen = findings(labels(fabricated.half_null), config, CARTPOLE, QUESTION)
    assert not [warning for warning in seen["warnings"] if "ends are free" in warning]
    assert "which count as the lowest reward" in one(seen, "nothing is learned")
    assert seen["null_share_terminal"] > 0.9


def test_a_rubric_is_told_by_its_question() -> None:
    rubric = Rubric.model_validate(
        {
            "prompt": QUESTION,
            "readout": {"type": "number"},
            "reward": {"type": "distance", "target": 0, "tolerance": 9},
        }
    )
    assert findings([], CONFIG, CARTPOLE, rubric)["question"] == QUESTION


def test_a_reward_that_teaches_the_opposite_is_named() -> None:
    seen = found(fabricated.opposite, CARTPOLE)
    assert seen["reward_truth_tau_b"] < -0.5
    assert "it teaches the opposite" in one(seen, "higher where the truth is worse")


def test_solved_on_cartpole_proves_nothing_by_itself() -> None:
    assert "proves nothing by itself" in one(found(fabricated.right, CARTPOLE), '"solved" on CartPole-v1')
    nothing_asked = findings([], CONFIG, CARTPOLE, None)
    assert len(nothing_asked["warnings"]) == 1
    assert sentences(nothing_asked) == ["No model was asked."]
    assert nothing_asked["null_share"] is nothing_asked["top_answer_share"] is None


def test_answers_that_get_worse_in_training_are_told() -> None:
    rows = labels(fabricated.right, "CartPole-v1")
    same = fabricated.reads(0.0)
    for row in rows[len(rows) // 2 :]:
        row.update(same)
    warning = one(findings(rows, CONFIG, CARTPOLE, QUESTION), "got worse in training")
    assert 'where nearly all answers are "0"' in warning


def test_few_frames_judge_nothing() -> None:
    seen = findings(labels(fabricated.coin)[:60], CONFIG, CARTPOLE, QUESTION)
    assert "only 60 of 60 frames have a reward" in one(seen, "too few")
    assert len(seen["warnings"]) == 2  # and that of the task


def test_the_terminal_says_first_what_was_asked_and_then_the_warnings() -> None:
    seen = found(fabricated.coin, CARTPOLE)
    lines = terminal_lines(seen)
    assert lines[0] == f"Asked: {QUESTION}"
    assert lines[1].startswith('The most frequent answer, "45", was given to ')
    assert "the best constant reward has 0, and 50 of 100" in lines[2]
    assert "the best constant answer" in lines[3]
    assert lines[4] == "Every frame has a reward."
    assert lines[5:] == [f"Warning: {warning}" for warning in seen["warnings"]]


def test_what_a_run_counts_itself_has_other_names(tmp_path: Path) -> None:
    short = TrainConfig(
        name="run", runs=tmp_path, arm=Arm.ORACLE, env_steps=64, learning_starts=32, eval_episodes=1
    )
    assert not set(Trainer(short).run()) & set(findings([], CONFIG, CARTPOLE, None))


def test_rows_of_an_older_run_are_read_too() -> None:
    rows = labels(fabricated.half_null)
    for row in rows:
        for name in ("label_mass", "probabilities", "message", "episode", "terminated"):
            del row[name]
    seen = findings(rows, CONFIG, CARTPOLE, None)
    assert seen["null_share_terminal"] is None
    assert [reason["message"] for reason in seen["null_reasons"]] == [None]
    assert sentences(seen)[0].startswith("The most frequent answer")


class Shy(type(CONTINUING)):  # type: ignore[misc] # find_task returns a Task
    """A task of one's own, that does not tell a perfect reward from the truth."""

    def oracle_of_truth(self, truth: dict[str, Any]) -> None:
        return None


def test_a_task_that_does_not_tell_its_perfect_reward_is_compared_by_its_first_column() -> None:
    good, bad = (
        findings(labels(model, CONTINUING.env_id), CONFIG, Shy(), QUESTION)
        for model in (fabricated.right, fabricated.coin)
    )
    assert good["reward_truth_of"] == "closeness of tilt to 0"
    assert good["reward_truth_tau_b"] > 0.6
    assert good["warnings"] == []
    assert "a blind reward would have done as well" in one(bad, "τ_b")


class Silent(type(CONTINUING)):  # type: ignore[misc] # find_task returns a Task
    """A task that gives no perfect reward in about half of the frames."""

    def oracle_of_truth(self, truth: dict[str, Any]) -> Any:
        return np.where(truth["tilt_deg"] * 1000 % 2 < 1, np.nan, super().oracle_of_truth(truth))


def test_frames_without_a_perfect_reward_are_left_out_of_the_comparison() -> None:
    rows = labels(fabricated.yes_by_its_probability, CONTINUING.env_id)
    seen = found(fabricated.yes_by_its_probability, Silent())
    of_some = [row for row in rows if row["true_tilt_deg"] * 1000 % 2 >= 1]
    expected = findings(of_some, CONFIG, CONTINUING, QUESTION)["reward_truth_tau_b"]
    assert 0 < len(of_some) < len(rows)
    assert seen["reward_truth_tau_b"] == pytest.approx(expected)
    figure = plot_over_training(labels_of(rows, Silent()), Silent())
    assert figure is not None
    for line in figure.axes[0].lines:  # how far the rewards and the best constant are off
        assert np.isfinite(np.asarray(line.get_ydata(), dtype=np.float64)).all()


def test_independence_is_not_claimed_where_it_cannot_be_told() -> None:
    rng = np.random.default_rng(0)
    truth = {"x": rng.normal(size=1000)}
    assert not independent(["5"] * 1000, truth)
    assert not independent(list(rng.choice(["5", "6"], 1000)), {"x": np.ones(1000)})
    assert independent(list(rng.choice(["5", "6"], 1000)), truth)
    assert not independent(["5" if x > 0.5 else "6" for x in truth["x"]], truth)
    inner = ["5" if abs(x) < 0.6 else "6" for x in truth["x"]]  # no trend, but no chance either
    assert not independent(inner, truth)


def test_a_range_in_which_no_frame_falls_is_no_range() -> None:
    """Interpolated quantiles of a truth with few values leave a range empty."""
    few = np.array([0.0] * 25 + [1.0] * 27 + [2.0] * 24 + [3.0] * 24)
    assert independent(["a", "b"] * 50, {"x": few})
    assert not independent(["a" if x < 1.5 else "b" for x in few], {"x": few})


def test_a_dependence_that_is_proved_but_useless_counts_as_none() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=50_000)
    answers = np.where(rng.random(len(x)) < 0.5 + 0.01 * np.sign(x), "5", "6")
    assert independent(list(answers), {"x": x})


def test_a_second_half_whose_truth_never_changes_is_not_said_to_be_worse() -> None:
    rows = labels(fabricated.right, CONTINUING.env_id)
    for row in rows[len(rows) // 2 :]:  # the pole has fallen for good: a perfect reward is 0 throughout
        row.update({"true_tilt_deg": 150.0 + row["step"] / 1000, **fabricated.reads(150.0)})
    assert not [w for w in findings(rows, CONFIG, CONTINUING, QUESTION)["warnings"] if "worse" in w]


def test_a_reward_that_sees_what_is_rare_is_not_called_blind() -> None:
    rng = np.random.default_rng(0)
    rows = labels(fabricated.right, CONTINUING.env_id)
    for number, row in enumerate(rows):  # upright in 8 of 2000 frames, and the reward knows
        upright = number % 250 == 0
        chance = float(rng.uniform(0.8, 0.9) if upright else rng.uniform(0.1, 0.2))
        row.update(true_tilt_deg=number / 1000 if upright else 90.0, text="Yes" if upright else "No")
        row.update(reward=chance, value=chance, unit="probability")
    seen = findings(rows, CONFIG, CONTINUING, QUESTION)
    assert seen["reward_truth_tau_b"] < 0.1
    assert seen["pairs_in_order"] > 0.99
    assert not [warning for warning in seen["warnings"] if "blind" in warning]


def test_agreement_counts_ties_as_kendall_and_somers_do() -> None:
    rewards, truth = np.array([1.0, 1.0, 2.0, 2.0]), np.array([1.0, 2.0, 3.0, 4.0])
    seen = agreement_of(rewards, truth)
    assert seen.tau_b == pytest.approx(4 / np.sqrt(4 * 6))  # 4 of 6 pairs in order; 2 are tied in one
    assert seen.pairs_in_order == pytest.approx((4 + 2 / 2) / 6)
    rng = np.random.default_rng(0)
    rewards, truth = rng.integers(0, 5, 300).astype(float), rng.integers(0, 3, 300).astype(float)
    d = somersd(truth, rewards).statistic
    assert agreement_of(rewards, truth).pairs_in_order == pytest.approx((1 + d) / 2)
