"""The command ``experiment``: many runs, and a report on all of them.

Not for one run (``single_run.py``) or for what an experiment is (``experiment/``).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from tqdm import tqdm

from agent.commands.servers import OWN_SERVER_OUTAGE_S, client_of, own_server
from agent.commands.single_run import train
from agent.config import TrainConfig
from agent.exit_codes import EXIT_UNFINISHED
from agent.experiment.plan import ExperimentConfig, finished
from agent.experiment.report import write_report
from agent.experiment.results import MixedRewardsError, read_runs
from agent.experiment.run_pool import RunPool
from agent.rewards.question import resolve_question
from reward_client.schema import ServerInfo
from reward_report.folder_lock import locked


def experiment(config: ExperimentConfig) -> int:
    """Does the runs of an experiment that are not done yet, and reports on all of them.

    Returns:
        The exit code: 0 where all runs are finished.
    """
    started, folder = time.monotonic(), config.train.folder
    with ExitStack() as stack:
        stack.enter_context(locked(folder))  # its runs have locks of their own
        plan = config.plan()
        todo = [run for run in plan if not finished(run)]
        if config.checkpoint is not None and any(run.arm.scores_frames for run in todo):
            server = stack.enter_context(own_server(config.checkpoint, config.port, config.train))
            todo = [replace(run, server_url=server.url, outage_s=OWN_SERVER_OUTAGE_S) for run in todo]
        scored = [run for run in todo if run.arm.scores_frames]
        if scored:  # what cannot work is told now, not by each run
            with client_of(scored[0].server_url, scored[0].outage_s) as client:
                server_info = client.wait_ready(config.train.wait_ready_s)
                resolve_question(scored[0], client, server_info)
                _check_reward_id(config, server_info, plan)
        print(f"{len(plan)} runs, {len(plan) - len(todo)} of them already done; {folder}", flush=True)
        deadline = None if config.max_minutes is None else started + 60 * config.max_minutes
        bar = stack.enter_context(
            tqdm(total=sum(run.env_steps for run in todo), unit="step", bar_format="{desc} {percentage:.0f}%")
        )

        def tell(pool: RunPool, ended: int) -> None:
            left_s = pool.seconds_left()
            left = "unknown" if left_s is None else f"{left_s / 60:.0f} min"
            bar.set_description_str(f"{ended} of {len(todo)} runs, {left} left,")
            bar.update(pool.steps_done() - bar.n)

        RunPool(train, todo, config.workers).run(deadline, tell, lambda told: bar.write(told, sys.stderr))
        print("\n" + write_report(folder, plan, (time.monotonic() - started) / 60))
        left = sum(not finished(run) for run in plan)
        if left:
            print(f"{left} runs are not finished; run the same command again to go on with them")
        print(f"The report is {folder / 'report.html'}")
        return EXIT_UNFINISHED if left else 0


def _check_reward_id(config: ExperimentConfig, server: ServerInfo, plan: Sequence[TrainConfig]) -> None:
    """Refuses a server whose rewards differ in kind from those of the finished runs.

    Raises:
        MixedRewardsError: its rewards have another reward id.
    """
    known = server.rubrics.get(config.train.rubric)
    if known is None or config.train.prompt is not None:
        return  # the reward id of a question of your own comes with the first answer
    earlier = {run.summary["reward_id"] for run in read_runs(plan)} - {None, known.reward_id}
    if earlier:
        raise MixedRewardsError(
            f"the finished runs of this experiment have the reward id {', '.join(earlier)}, but the server "
            f"has {known.reward_id}; choose another --name"
        )
