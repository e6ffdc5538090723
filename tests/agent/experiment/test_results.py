"""The table, the score of record, random actions and the files of an experiment, from made-up runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.config import Arm, TrainConfig
from agent.experiment.plan import ExperimentConfig
from agent.experiment.random_policy import random_return
from agent.experiment.report import write_report
from agent.experiment.results import HEAD, cells, read_runs, table_rows
from tests.agent.experiment.fake_runs import plan, write_run, write_runs

LEVELS = {
    Arm.VLM: 480.0,
    Arm.ENV: 400.0,
    Arm.ORACLE: 485.0,
    Arm.CONSTANT: 40.0,
    Arm.RANDOM: 45.0,
    Arm.RESAMPLED: 35.0,
}


def of_arm(runs: list[TrainConfig], arm: Arm) -> list[TrainConfig]:
    return [run for run in runs if run.arm == arm]


def cell(runs: list[TrainConfig], name: str) -> str:
    (row,) = table_rows(read_runs(runs))
    return dict(zip(HEAD, cells(row), strict=True))[name]


def test_the_score_is_the_mean_of_the_greedy_curve(tmp_path: Path) -> None:
    run = plan(tmp_path)[0]
    write_run(run, [100.0, 200.0, 480.0], final=500.0)
    (found,) = read_runs([run])
    assert found.score == 260.0
    (row,) = table_rows([found])
    assert (row["score"].point, row["final"].point) == (260.0, 500.0)


def test_the_cost_of_an_arm_is_that_of_its_runs_and_unknown_where_one_did_not_count(tmp_path: Path) -> None:
    runs = of_arm(plan(tmp_path), Arm.VLM)[:2]
    usage = {"images": 64, "cached_images": 2, "prompt_tokens": 640, "completion_tokens": 64, "engine_s": 1.5}
    for run in runs:
        write_run(run, [100.0], final=500.0)
        path = run.folder / "summary.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "usage": usage}))
    (row,) = table_rows(read_runs(runs))
    assert row["usage"] == {name: 2 * count for name, count in usage.items()}
    path.write_text(json.dumps({**json.loads(path.read_text()), "usage": None}))
    (row,) = table_rows(read_runs(runs))
    assert row["usage"] is None


def test_two_arms_with_the_same_end_have_different_scores(tmp_path: Path) -> None:
    runs = plan(tmp_path)[:2]
    write_run(runs[0], [500.0, 500.0], final=500.0)
    write_run(runs[1], [20.0, 500.0], final=500.0)
    scores = [row["score"].point for row in table_rows(read_runs(runs))]
    assert scores == [500.0, 260.0]


@pytest.mark.parametrize(
    ("reached", "shown"),
    [
        (5, "1000 steps, 10 s"),
        (3, "1000 steps, 10 s (3 of 5 did)"),
        (2, "never (2 of 5 did)"),
        (0, "never"),
    ],
)
def test_a_seed_that_never_reached_the_bar_counts_as_never(tmp_path: Path, reached: int, shown: str) -> None:
    runs = of_arm(plan(tmp_path), Arm.VLM)
    for row, run in enumerate(runs):
        write_run(run, [480.0 if row < reached else 90.0, 90.0], final=90.0)
    assert cell(runs, "first solved, median") == shown


def test_runs_without_evaluations_on_the_way_have_no_score(tmp_path: Path) -> None:
    runs = of_arm(plan(tmp_path), Arm.VLM)
    for run in runs:
        write_run(run, [], final=90.0)
    assert [cell(runs, name) for name in HEAD[3:5]] == ["not measured", "90.0 (all seeds equal)"]
    assert cell(runs, "first solved, median") == "not measured"


def test_the_worst_seeds_share_of_episodes_above_the_lowest_return_is_told(tmp_path: Path) -> None:
    """On MountainCar: those that reached the flag in time."""
    name = "above lowest return"
    train = TrainConfig(name="e", runs=tmp_path)
    runs = ExperimentConfig(tasks=("MountainCar-v0",), arms=(Arm.VLM,), seeds=2, train=train).plan()
    for run, returns in zip(runs, ([-120.0, -130.0], [-200.0, -150.0, -200.0, -200.0]), strict=True):
        write_run(run, [-200.0], final=-180.0)
        path = run.folder / "summary.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "returns": returns}))
    assert cell(runs, name) == "25%"
    summary = json.loads(path.read_text())
    del summary["returns"]  # a run of an earlier version
    path.write_text(json.dumps(summary))
    assert cell(runs, name) == "not recorded"


def test_fewer_than_five_seeds_have_no_interval(tmp_path: Path) -> None:
    runs = of_arm(plan(tmp_path), Arm.VLM)[:4]
    write_runs(runs, LEVELS)
    assert "[" not in cell(runs, "final return, IQM [95 %]")


def test_an_experiment_says_how_many_runs_are_missing_and_then_its_verdict(tmp_path: Path) -> None:
    runs = plan(tmp_path)
    write_runs(runs[:-1], LEVELS)
    text = write_report(tmp_path / "e", runs, 1.0)
    assert "**CartPole-v1: no verdict: 1 of 35 runs are not finished.**" in text
    write_runs(runs[-1:], LEVELS)
    text = write_report(tmp_path / "e", runs, 1.0)
    assert "**CartPole-v1: the VLM's reward teaches.**" in text
    assert "It does not beat the environment's own reward: 60.0 [" in text  # by too little to count
    content = json.loads((tmp_path / "e" / "experiment.json").read_text())
    assert content["verdicts"][0]["teaches"] is True
    assert content["verdicts"][0]["leads"]["constant"]["point"] == pytest.approx(330, abs=5)
    assert "nan" not in json.dumps(content).lower()
    assert "Infinity" not in json.dumps(content)
    page = (tmp_path / "e" / "report.html").read_text()
    assert page.count("<img") == 3
    assert "the VLM&#39;s reward teaches." in page


def test_random_actions_are_those_of_the_task_and_the_same_each_time() -> None:
    found = random_return(TrainConfig())
    assert 10 < found < 40  # about 22 for random actions
    assert random_return(TrainConfig()) == found
    upright = random_return(TrainConfig(task="CartPoleContinuing-v0"))
    assert random_return(TrainConfig(task="CartPoleContinuing-v0", any_tilt=True)) < upright
