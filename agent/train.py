"""The training loop: act on states, have the frames scored, learn from those rewards alone.

Not for the learner (``dqn.py``), scoring (``labeler.py``) or files (``recorder.py``).
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from agent.config import TrainConfig
from agent.dqn import OBSERVATION_SIZE, Dqn
from agent.evaluate import SOLVED_RETURN, true_returns
from agent.labeler import Labeler, Scores
from agent.recorder import Recorder
from agent.replay import Replay
from agent.samples import Samples
from reward_client.schema import RewardItem, ServerInfo

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # no screen needed; pygame reads it on import


class RunStoppedError(Exception):
    """The run cannot go on; the message says why. What was recorded is kept."""


@dataclass(frozen=True)
class Step:
    """One step in the environment, waiting for its label.

    Attributes:
        observation: ``(4,)`` float32, before the step.
        action: what was done.
        next_observation: ``(4,)`` float32, after the step.
        true_reward: the environment's own reward, recorded only.
        terminated: whether the episode failed here.
        ended: whether the episode is over, by failure or by its time limit.
        frame: ``(400, 600, 3)`` uint8 RGB after the step, while samples are kept.
    """

    observation: NDArray[np.float32]
    action: int
    next_observation: NDArray[np.float32]
    true_reward: float
    terminated: bool
    ended: bool
    frame: NDArray[np.uint8] | None


class Trainer:
    """One run.

    Args:
        config: the run's options.
        client: where frames are scored.
        server: the reward server's ``/info``.
    """

    def __init__(self, config: TrainConfig, client: Scores, server: ServerInfo) -> None:
        torch.set_num_threads(1)  # the networks are small; more threads only take turns
        self.config, self.client, self.server = config, client, server
        self.recorder = Recorder(config, server)
        self.samples = Samples(config.folder)
        self.rng = np.random.default_rng(config.seed)
        self.dqn = Dqn(config.dqn, config.seed)
        self.replay = Replay(config.replay_size, OBSERVATION_SIZE)
        self.env_steps = self.frames_scored = self.frames_failed = 0
        self.episode, self.episode_steps = 1, 0
        self.true_return = self.vlm_return = 0.0
        self.started = time.perf_counter()
        self.train_wall_clock_s = 0.0

    def run(self) -> dict[str, Any]:
        """Trains, evaluates the final policy, and writes the run's files.

        Returns:
            What ``summary.json`` holds. Where the run breaks off, the files are written all the same,
            with ``error`` in the summary, and the exception goes on.
        """
        try:
            self._train()
            returns = true_returns(self.dqn.greedy_actions, self.config.eval_episodes)
        except BaseException as error:
            with suppress(OSError):  # on a full disk the first failure is the one to tell
                self._finish(self._summary(None, error=str(error) or type(error).__name__))
            raise
        summary = self._summary(returns)
        self._finish(summary)
        return summary

    def _train(self) -> None:
        env = gym.make("CartPole-v1", render_mode="rgb_array")
        observation, _ = env.reset(seed=self.config.seed)
        bar = tqdm(total=self.config.env_steps, desc="training", unit="step", smoothing=0.05)
        with bar, Labeler(self.client, self.config.rubric) as labeler:
            while self.env_steps < self.config.env_steps:
                chunk_started = time.perf_counter()
                chunk: list[Step] = []
                for _ in range(min(self.config.chunk_steps, self.config.env_steps - self.env_steps)):
                    step = self._step(env, observation, labeler)
                    chunk.append(step)
                    observation = env.reset()[0] if step.ended else step.next_observation
                for step, label in zip(chunk, labeler.collect(), strict=True):
                    self._take(step, label)
                self._check_failures()
                loss = self._learn(len(chunk))
                self.train_wall_clock_s = time.perf_counter() - self.started
                self.recorder.learning(
                    self.env_steps, loss, len(chunk) / (time.perf_counter() - chunk_started)
                )
                bar.update(len(chunk))
        env.close()

    def _step(self, env: gym.Env[Any, Any], observation: NDArray[np.float32], labeler: Labeler) -> Step:
        if self.rng.random() < self.config.epsilon(self.env_steps):
            action = int(self.rng.integers(2))
        else:
            action = int(self.dqn.greedy_actions(observation[None])[0])
        next_observation, true_reward, terminated, truncated, _ = env.step(action)
        frame: NDArray[np.uint8] = env.render()  # type: ignore[assignment]
        labeler.submit(frame)  # the frame after the step, the terminal one too
        self.env_steps += 1
        return Step(
            observation,
            action,
            next_observation,
            float(true_reward),
            terminated,
            terminated or truncated,
            None if self.samples.full else frame,
        )

    def _take(self, step: Step, label: RewardItem) -> None:
        """Puts a labelled step into replay; one without a reward is counted and left out."""
        self.episode_steps += 1
        self.true_return += step.true_reward
        if label.reward is None:
            self.frames_failed += 1
        else:
            self.frames_scored += 1
            self.vlm_return += label.reward
            self.replay.add(
                step.observation, step.action, label.reward, step.next_observation, step.terminated
            )
        if step.frame is not None and not self.samples.full:
            self.samples.add(step.frame, label, step.next_observation, self.episode, self.episode_steps)
        if step.ended:
            seen = self.frames_scored + self.frames_failed
            self.recorder.episode(
                seen, self.true_return, self.vlm_return, self.episode_steps, self.config.epsilon(seen)
            )
            self.episode, self.episode_steps = self.episode + 1, 0
            self.true_return = self.vlm_return = 0.0

    def _learn(self, gradient_steps: int) -> float | None:
        if len(self.replay) < self.config.learning_starts:
            return None
        progress = self.env_steps / self.config.env_steps
        losses = [
            self.dqn.update(self.replay.sample(self.config.dqn.batch_size, self.rng), progress)
            for _ in range(gradient_steps)
        ]
        return float(np.mean(losses))

    def _check_failures(self) -> None:
        seen = self.frames_scored + self.frames_failed
        if self.frames_failed > self.config.max_failed_share * seen:
            raise RunStoppedError(
                f"{self.frames_failed} of {seen} frames could not be scored, more than the "
                f"{self.config.max_failed_share:.0%} that --max-failed-share allows; "
                f"see {self.config.folder / 'samples' / 'samples.jsonl'}"
            )

    def _summary(self, returns: NDArray[np.float64] | None, error: str | None = None) -> dict[str, Any]:
        rubric = self.server.rubrics.get(self.config.rubric)
        return {
            "solved": returns is not None and bool(returns.mean() >= SOLVED_RETURN),
            "mean_return": None if returns is None else float(returns.mean()),
            "min_return": None if returns is None else float(returns.min()),
            "eval_episodes": 0 if returns is None else len(returns),
            "env_steps": self.env_steps,
            "train_wall_clock_s": round(self.train_wall_clock_s, 1),
            "arm": "vlm",
            "model": self.server.model,
            "rubric": self.config.rubric,
            "reward_id": rubric.reward_id if rubric else None,
            "frames_scored": self.frames_scored,
            "frames_failed": self.frames_failed,
            "seed": self.config.seed,
            "error": error,
        }

    def _finish(self, summary: dict[str, Any]) -> None:
        self.recorder.save_networks(self.dqn)
        self.recorder.finish(summary)
