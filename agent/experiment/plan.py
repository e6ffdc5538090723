"""Which runs an experiment consists of, and which of them are done.

Not for doing them (``run_pool.py``) or for what their numbers say (``results.py``).
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace

from agent.config import Arm, ConfigError, TrainConfig, changed_options, options

CONTINUING = "CartPoleContinuing-v0"
"""The one task that takes --any-tilt."""

NOT_HERE = ("arm", "task", "seed", "resume", "overwrite", "video", "rewards_of")


@dataclass(frozen=True)
class ExperimentConfig:
    """Trains every arm with several seeds on several tasks, and says whether the VLM's reward teaches.

    Raises:
        ConfigError: an option is out of its range, or belongs to a single run.
    """

    arms: tuple[Arm, ...] = tuple(arm for arm in Arm if arm != Arm.SHUFFLED)
    """the sources of rewards to run; shuffled, which needs as many frames scored as vlm, only where named"""
    tasks: tuple[str, ...] = ("CartPole-v1", "CartPoleContinuing-v0")
    """the tasks to run them on, as --task of train takes them"""
    seeds: int = 5
    """how many runs each arm that needs a server has on each task; their seeds are 1, 2, ..."""
    seeds_without_server: int = 20
    """the same for the arms that need no server; resampled draws from the runs of vlm in turn. Fewer than 5
    of either are for quick tries: there is no verdict"""
    workers: int = field(default_factory=lambda: 2 * (os.cpu_count() or 1))
    """how many runs to do at a time; default: twice the cores, since runs wait for the server"""
    max_minutes: float | None = None
    """stop after this many minutes and report what is finished; the same command goes on later"""
    checkpoint: str | None = None
    """start a reward server with this model, folder or Hub id, on the CPU; None: use --server-url"""
    port: int = 8000
    """port of that server on this machine"""
    train: TrainConfig = field(default_factory=lambda: TrainConfig(name="experiment"))

    def __post_init__(self) -> None:
        plain = TrainConfig()
        for name in NOT_HERE:
            if getattr(self.train, name) != getattr(plain, name):
                raise ConfigError(
                    f"--{name.replace('_', '-')} is for single runs; see --arms, --tasks and --seeds"
                )
        for name in ("seeds", "seeds_without_server", "workers"):
            if getattr(self, name) < 1:
                raise ConfigError(f"--{name.replace('_', '-')} must be at least 1")
        for name in ("arms", "tasks"):
            given = getattr(self, name)
            if not given or len(set(given)) < len(given):
                raise ConfigError(f"--{name} takes one or more names, each of them once")
        if Arm.RESAMPLED in self.arms and Arm.VLM not in self.arms:
            raise ConfigError("the arm resampled draws from the rewards of the arm vlm: add vlm to --arms")
        for config in self.plan():
            config.find_task()

    def plan(self) -> list[TrainConfig]:
        """All runs, seed by seed, so that every arm has about as many runs as the others at any time."""
        return [
            self._run(task, arm, seed)
            for seed in range(1, max(self.seeds, self.seeds_without_server) + 1)
            for task in self.tasks
            for arm in self.arms
            if seed <= (self.seeds if arm.scores_frames else self.seeds_without_server)
        ]

    def _run(self, task: str, arm: Arm, seed: int) -> TrainConfig:
        drawn_from = self.train.folder / task / Arm.VLM / f"seed-{(seed - 1) % self.seeds + 1}"
        return replace(
            self.train,
            runs=self.train.folder,
            name=f"{task}/{arm}/seed-{seed}",
            arm=arm,
            rewards_of=drawn_from if arm == Arm.RESAMPLED else None,
            null_terminal=self.train.null_terminal if arm == Arm.VLM else "skip",
            task=task,
            any_tilt=self.train.any_tilt and task == CONTINUING,
            seed=seed,
            resume=True,
        )


def finished(config: TrainConfig) -> bool:
    """Whether a run is already complete.

    Raises:
        ConfigError: its folder holds a run with other options.
    """
    path = config.folder / "config.json"
    if not path.exists():
        return False
    changed = changed_options(json.loads(path.read_text())["options"], options(config))
    if changed:
        raise ConfigError(
            f"{config.folder} holds a run with other options ({changed}); choose another --name"
        )
    summary = config.folder / "summary.json"
    return summary.exists() and json.loads(summary.read_text())["error"] is None
