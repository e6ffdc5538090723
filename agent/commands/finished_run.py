"""The commands ``evaluate`` and ``film``, which play the final policy of a finished run again.

Neither changes what the run is: they write files of their own into its folder. Not for training
(``single_run.py``).
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.commands.servers import client_of
from agent.config import Arm, ConfigError, check_name
from agent.recording.run_folder import ANIMATION, EVALUATION, VIDEO, read_finished
from agent.reporting.run_report import write_report
from agent.reporting.video import film
from agent.training.evaluate import EVAL_SEED, true_returns
from agent.training.saving.final_policy import load_final_policy
from reward_client import RewardClient
from reward_client.labeling.labeler import max_images_of
from reward_client.rubric import Rubric
from reward_client.schema import ServerInfo
from reward_report.folder_lock import locked
from reward_report.json_file import write_json

FILM_OUTAGE_S = 60.0
"""How long a film waits for a server that went away meanwhile."""


@dataclass(frozen=True)
class EvaluateConfig:
    """Plays greedy episodes with the final policy of a finished run, and tells their true returns.

    Raises:
        ConfigError: an option is out of its range.
    """

    name: str
    """name of the finished run, in RUNS/NAME; its evaluation.json is written there"""
    runs: Path = Path("runs")
    """folder of all runs"""
    episodes: int = 100
    """how many episodes to play"""
    seed: int = EVAL_SEED
    """seed of the first episode, the next ones have the seeds after it; the default is that of the
    evaluation after training, which gives the same episodes again"""

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.episodes < 1:
            raise ConfigError("--episodes must be at least 1")
        if self.seed < 0:
            raise ConfigError("--seed must be at least 0")

    @property
    def folder(self) -> Path:
        """Where the run's files are."""
        return self.runs / self.name


@dataclass(frozen=True)
class FilmConfig:
    """Films one greedy episode of the final policy of a finished run: video.mp4 and video.gif in its folder.

    Raises:
        ConfigError: the name is of no folder.
    """

    name: str
    """name of the finished run, in RUNS/NAME"""
    runs: Path = Path("runs")
    """folder of all runs"""
    server_url: str | None = None
    """address of the reward server whose answers are drawn on the frames; default: the run's own, without
    a user name and password. Where none is ready there, the film has no answers"""

    def __post_init__(self) -> None:
        check_name(self.name)

    @property
    def folder(self) -> Path:
        """Where the run's files are."""
        return self.runs / self.name


def evaluate(config: EvaluateConfig) -> int:
    """Plays a finished run's policy, writes ``evaluation.json`` and prints the result.

    Returns:
        The exit code, 0 whether or not the policy solves the task.

    Raises:
        CheckpointError: the run kept no final policy.
        ConfigError: there is no finished run of that name.
        FolderLockedError: somebody writes its folder.
    """
    read_finished(config.folder)  # before a lock would make the folder
    with locked(config.folder):
        policy = load_final_policy(config.folder)
        returns = true_returns(policy.greedy, config.episodes, policy.task, config.seed)
        solved = bool(returns.mean() >= policy.task.solved_return)
        result = {
            "task": policy.summary["task"],
            "episodes": config.episodes,
            "seed": config.seed,
            "mean_return": float(returns.mean()),
            "min_return": float(returns.min()),
            "solved_return": policy.task.solved_return,
            "solved": solved,
            "returns": returns.tolist(),
        }
        write_json(config.folder / EVALUATION, result)
    print(
        f"{'solved' if solved else 'NOT solved'}: mean true return {returns.mean():.1f} (lowest "
        f"{returns.min():.0f}) over {config.episodes} greedy episodes of {policy.summary['task']}; solved is "
        f"from {policy.task.solved_return:g} on. All returns are in {config.folder / EVALUATION}"
    )
    return 0


def film_finished(config: FilmConfig) -> int:
    """Films a finished run's policy, and says whether the film has the model's answers.

    Returns:
        The exit code.

    Raises:
        CheckpointError: the run kept no final policy.
        ConfigError: there is no finished run of that name, or the address cannot be used.
        FolderLockedError: somebody writes its folder.
        RewardServiceError: the server failed in the middle.
    """
    read_finished(config.folder)  # before a lock would make the folder
    with locked(config.folder), ExitStack() as stack:
        policy = load_final_policy(config.folder)
        question: str | Rubric = policy.config["options"]["rubric"]
        if policy.config["rubric"] is not None:  # a rubric of one's own, as it was sent
            question = Rubric.model_validate(policy.config["rubric"])
        client = server = None
        arm = policy.summary["arm"]
        if Arm(arm).scores_frames:
            url = config.server_url or policy.config["options"]["server_url"]
            client = stack.enter_context(client_of(url, FILM_OUTAGE_S))
            server, answers = _server_to_ask(client, url, question, policy.summary)
        else:
            answers = f"without answers, since the arm {arm} asks no model"
        film(
            config.folder,
            policy.greedy,
            policy.task,
            client if server else None,
            question,
            max_images_of(server),
        )
        write_report(config.folder)
    print(f"filmed {answers}: {config.folder / VIDEO}, {config.folder / ANIMATION}")
    return 0


def _server_to_ask(
    client: RewardClient, url: str, question: str | Rubric, summary: dict[str, Any]
) -> tuple[ServerInfo | None, str]:
    """The server's ``/info``, or None where it cannot be asked; and what the film's answers are, in words."""
    if not client.is_ready():
        return None, f"without answers, since no reward server is ready at {url}"
    server = client.info()
    same = server.model == summary["model"]
    if isinstance(question, str):
        known = server.rubrics.get(question)
        if known is None or known.unavailable:
            return None, f"without answers, since the server at {url} cannot answer the rubric {question}"
        same = known.reward_id == summary["reward_id"]
    other = "" if same else ", whose rewards are not those that the run learned from"
    return server, f"with the answers of {server.model}{other}"
