"""Many runs: the plan, workers, going on where it stopped, and the comparison's files."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from agent.config import Arm, ConfigError, TrainConfig
from agent.experiment.plan import ExperimentConfig, finished
from agent.experiment.plots import COLOURS
from agent.experiment.report import write_report
from agent.experiment.results import MixedRewardsError
from agent.experiment.run_pool import RunPool
from agent.training.train import Trainer
from reward_client.version import __version__
from tests.agent.experiment.fake_runs import write_run
from tests.agent.experiment.work import (
    dies_for_seed_one,
    fails_for_seed_two,
    goes_on_from_half,
    leaves_a_mark,
    never_ends,
)
from tests.fakes import FakeClient, server_info
from tests.paths import ROOT

pytestmark = pytest.mark.slow


def plan(
    tmp_path: Path, arms: tuple[Arm, ...] = (Arm.ORACLE, Arm.RANDOM), seeds: int = 3
) -> list[TrainConfig]:
    base = TrainConfig(
        name="c", runs=tmp_path, env_steps=192, learning_starts=64, eval_episodes=2, eval_every=64
    )
    return ExperimentConfig(arms=arms, seeds=seeds, seeds_without_server=seeds, train=base).plan()


def train(config: TrainConfig, progress: Callable[[int], None]) -> None:
    """What workers do here; the arms have no server."""
    Trainer(config, progress=progress).run()


def nothing(pool: RunPool, ended: int) -> None:
    return None


def test_the_plan_has_every_arm_environment_and_seed_once(tmp_path: Path) -> None:
    runs = plan(tmp_path)
    assert len(runs) == len({run.name for run in runs}) == 2 * 2 * 3
    assert {run.seed for run in runs[:4]} == {1}  # all of the first seed come first
    assert all(run.folder == tmp_path / "c" / run.task / run.arm / f"seed-{run.seed}" for run in runs)


def test_an_arm_without_a_server_has_more_seeds(tmp_path: Path) -> None:
    runs = ExperimentConfig(tasks=("CartPole-v1",), train=TrainConfig(name="c", runs=tmp_path)).plan()
    assert Counter(run.arm for run in runs) == {
        Arm.VLM: 5,
        **dict.fromkeys((Arm.ENV, Arm.ORACLE, Arm.CONSTANT, Arm.RANDOM, Arm.RESAMPLED), 20),
    }
    assert [run.seed for run in runs] == sorted(run.seed for run in runs)
    resampled = {run.seed: run.rewards_of for run in runs if run.arm == Arm.RESAMPLED}
    vlm = {run.seed: run.folder for run in runs if run.arm == Arm.VLM}
    assert resampled == {seed: vlm[(seed - 1) % 5 + 1] for seed in range(1, 21)}


def test_shuffled_is_run_only_where_it_is_named(tmp_path: Path) -> None:
    assert Arm.SHUFFLED not in ExperimentConfig().arms
    named = ExperimentConfig(arms=tuple(Arm), train=TrainConfig(name="c", runs=tmp_path))
    assert Arm.SHUFFLED in {run.arm for run in named.plan()}


def test_a_number_of_seeds_below_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="--seeds must be at least 1"):
        ExperimentConfig(seeds=0)
    with pytest.raises(ConfigError, match="--seeds-without-server must be at least 1"):
        ExperimentConfig(seeds_without_server=0)


def test_what_is_learned_from_a_null_at_the_end_goes_to_the_arm_that_has_it(tmp_path: Path) -> None:
    runs = ExperimentConfig(train=TrainConfig(name="c", runs=tmp_path, null_terminal="lower_bound")).plan()
    assert {run.arm for run in runs if run.null_terminal == "lower_bound"} == {Arm.VLM}


def test_any_tilt_goes_to_the_environment_that_has_it(tmp_path: Path) -> None:
    runs = ExperimentConfig(train=TrainConfig(runs=tmp_path, any_tilt=True)).plan()
    assert {run.any_tilt for run in runs if run.task == "CartPole-v1"} == {False}
    assert {run.any_tilt for run in runs if run.task == "CartPoleContinuing-v0"} == {True}


def test_an_arm_is_named_once() -> None:
    with pytest.raises(ConfigError, match="--arms takes one or more names, each of them once"):
        ExperimentConfig(arms=(Arm.VLM, Arm.VLM))


@pytest.mark.parametrize("changes", [{"arm": Arm.ENV}, {"seed": 7}, {"task": "CartPoleContinuing-v0"}])
def test_options_of_a_single_run_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="is for single runs"):
        ExperimentConfig(train=TrainConfig(**changes))


def test_workers_do_all_runs_and_a_second_time_there_is_nothing_to_do(tmp_path: Path) -> None:
    runs = plan(tmp_path)
    seen: list[int] = []
    pool = RunPool(train, runs, workers=2)
    ended = pool.run(None, lambda pool, ended: seen.append(ended))
    assert ended == dict.fromkeys(range(len(runs)))
    assert pool.steps_done() == 192 * len(runs)
    assert seen[-1] == len(runs)
    assert all(finished(run) for run in runs)
    text = write_report(tmp_path / "c", runs, minutes=1.0)
    assert text.count("| CartPole") == 4
    assert "no verdict" in text  # vlm was not run
    content = json.loads((tmp_path / "c" / "experiment.json").read_text())
    assert (content["runs_planned"], content["runs_finished"]) == (12, 12)
    page = (tmp_path / "c" / "report.html").read_text()
    assert page.count("<img") == 6
    assert f"Code of all runs: {__version__}" in page
    assert not re.search(r'src="(?!data:)|href="(?!data:|[\w./-]+")', page)  # links lead beside it alone


Failed = tuple[list[TrainConfig], dict[int, str | None], list[str]]
"""A plan, how its runs ended, and what was told meanwhile."""


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Failed:
    """A plan whose runs of one seed fail."""
    told: list[str] = []
    runs = plan(tmp_path_factory.mktemp("failed"), seeds=3)
    ended = RunPool(fails_for_seed_two, runs, workers=2).run(None, nothing, told.append)
    return runs, ended, told


def test_one_runs_failure_is_told_and_the_others_go_on(failed: Failed) -> None:
    runs, ended, _ = failed
    assert len(ended) == len(runs)
    assert {runs[index].seed for index, error in ended.items() if error} == {2}
    assert "ValueError: no such luck" in set(ended.values())


def test_the_time_limit_ends_runs_and_leaves_no_process(tmp_path: Path) -> None:
    pool = RunPool(never_ends, plan(tmp_path), workers=2)
    started = time.monotonic()
    assert pool.run(started + 8, nothing) == {}
    assert time.monotonic() - started < 8 + 4
    assert not any(worker.process.is_alive() for worker in pool._workers)


def test_a_worker_that_was_killed_is_told_and_replaced(tmp_path: Path) -> None:
    runs = plan(tmp_path, (Arm.ORACLE,), seeds=2)
    ended = RunPool(dies_for_seed_one, runs, workers=1).run(time.monotonic() + 120, nothing)
    assert ended == {
        i: "its process ended with exit code -9" if run.seed == 1 else None for i, run in enumerate(runs)
    }


def test_all_resampled_runs_begin_when_their_run_of_vlm_has_ended(tmp_path: Path) -> None:
    runs = ExperimentConfig(
        arms=(Arm.RESAMPLED, Arm.VLM),
        seeds=1,
        seeds_without_server=3,
        train=TrainConfig(name="c", runs=tmp_path),
    ).plan()
    first, second = runs[1].folder, runs[3].folder
    assert [run.rewards_of for run in runs] == [first, None, second, None, *([first, second] * 2)]
    ended = RunPool(leaves_a_mark, runs, workers=2).run(None, nothing)
    assert ended == dict.fromkeys(range(8))


def test_the_time_left_counts_only_steps_of_this_call(tmp_path: Path) -> None:
    seen: list[float | None] = []
    runs = plan(tmp_path, (Arm.ORACLE,), seeds=1)[:1]
    RunPool(goes_on_from_half, runs, workers=1).run(
        time.monotonic() + 60, lambda pool, _ended: seen.append(pool.seconds_left())
    )
    assert next(left for left in seen if left) == pytest.approx(2.0, rel=0.5)


def test_failures_are_told_when_they_happen(failed: Failed) -> None:
    _, _, told = failed
    assert len(told) == 4
    assert all("seed-2: ValueError: no such luck" in sentence for sentence in told)


def test_a_long_plan_that_is_cut_short_does_not_keep_the_process_alive(tmp_path: Path) -> None:
    code = f"""
import time
from pathlib import Path
from agent.experiment.plan import ExperimentConfig
from agent.config import TrainConfig
from agent.experiment.run_pool import RunPool
from tests.agent.experiment.work import never_ends
if __name__ == "__main__":
    train = TrainConfig(name="c", runs=Path({str(tmp_path)!r}))
    plan = ExperimentConfig(seeds=30, seeds_without_server=30, train=train).plan()
    RunPool(never_ends, plan, 1).run(time.monotonic() + 5, lambda *_: None)
"""
    (tmp_path / "long.py").write_text(code)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, tmp_path / "long.py"], check=True, timeout=60, cwd=ROOT, env=environment)


def test_workers_end_with_the_experiment_where_that_is_killed(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from agent.experiment.plan import ExperimentConfig
from agent.config import TrainConfig
from agent.experiment.run_pool import RunPool
from tests.agent.experiment.work import never_ends
if __name__ == "__main__":
    plan = ExperimentConfig(seeds=2, train=TrainConfig(name="c", runs=Path({str(tmp_path)!r}))).plan()
    RunPool(never_ends, plan, 2).run(None, lambda pool, _: print(pool.steps_done(), flush=True))
"""
    (tmp_path / "killed.py").write_text(code)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, tmp_path / "killed.py"], stdout=subprocess.PIPE, cwd=ROOT, env=environment
    ) as pool:
        assert pool.stdout is not None
        while pool.stdout.readline() != b"2\n":  # both are in the middle of a run
            assert pool.poll() is None
        family = psutil.Process(pool.pid).children(recursive=True)
        pool.kill()
        _, alive = psutil.wait_procs(family, timeout=10)
        for process in alive:
            process.kill()
        assert len(family) >= 2
        assert not alive


def test_resampled_needs_the_arm_that_it_draws_from() -> None:
    with pytest.raises(ConfigError, match="add vlm to --arms"):
        ExperimentConfig(arms=(Arm.RESAMPLED, Arm.RANDOM))


def test_a_folder_with_other_options_is_not_mixed_in(tmp_path: Path) -> None:
    (run, *_) = plan(tmp_path)
    assert not finished(run)
    Trainer(run).run()
    assert finished(run)
    other = TrainConfig(**{**run.__dict__, "env_steps": 256})
    with pytest.raises(ConfigError, match="--env-steps"):
        finished(other)


def test_a_finished_run_is_known_by_any_path_to_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path, an absolute one, and a link to the folder of all runs."""
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    monkeypatch.chdir(tmp_path)

    def resampled(runs: Path) -> TrainConfig:
        found = ExperimentConfig(
            arms=(Arm.VLM, Arm.RESAMPLED),
            tasks=("CartPole-v1",),
            seeds=1,
            seeds_without_server=1,
            train=TrainConfig(name="c", runs=runs),
        )
        return found.plan()[-1]

    write_run(resampled(Path("there")), [20.0], final=20.0)
    for runs in (Path("there"), tmp_path / "there", Path("link"), tmp_path / "link", Path("link/../there")):
        assert finished(resampled(runs)), runs
    run = resampled(Path("there"))
    assert run.rewards_of
    other = dataclasses.replace(run, rewards_of=run.rewards_of.with_name("seed-2"))
    with pytest.raises(ConfigError, match="--rewards-of"):
        finished(other)


def test_rewards_of_two_kinds_are_not_compared(tmp_path: Path) -> None:
    runs = plan(tmp_path, (Arm.VLM,), seeds=1)
    for run in runs:
        Trainer(run, FakeClient(), server_info()).run()
    write_report(tmp_path / "c", runs, 1.0)
    path = runs[0].folder / "summary.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "reward_id": "other"}))
    with pytest.raises(MixedRewardsError, match="abc, other"):
        write_report(tmp_path / "c", runs, 1.0)


def test_every_arm_has_its_colour() -> None:
    assert set(COLOURS) == set(Arm)
