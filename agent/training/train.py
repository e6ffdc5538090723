"""The training loop: act on states, have the frames scored, learn from the arm's rewards alone.

Not for the learner (``dqn.py``), scoring (``rewards/labeler.py``) or files (``recording/``).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from agent.config import TrainConfig
from agent.recording.recorder import Recorder
from agent.recording.run_folder import LABELS, rewards_of
from agent.rewards.arms import chunk_rewards
from agent.training.chunk import Chunk, chunk_of
from agent.training.counting.cost import CountedScores
from agent.training.counting.step_records import StepRecords
from agent.training.evaluate import true_returns
from agent.training.frame_envs import envs_state, make_envs, restore_envs
from agent.training.learner.dqn import acting_weights, greedy_actions, new_learner, update
from agent.training.learner.replay import Replay
from agent.training.learner.spaces import spaces_of
from agent.training.saving.final_policy import save_final_policy
from agent.training.saving.run_state import RunState, load_run_state, save_run_state
from agent.training.watching.nulls import Nulls
from agent.training.watching.watch import Watch
from reward_client.labeling.labeler import Labeler, Scores, max_images_of
from reward_client.rubric import Rubric
from reward_client.schema import ServerInfo


class RunStoppedError(Exception):
    """The run cannot go on; the message says why. What was recorded is kept."""


class Trainer:
    """One run.

    Args:
        config: the run's options.
        client: where frames are scored; None in the arms that need no server.
        server: the reward server's ``/info``; None likewise.
        question: what is asked of a frame; None in the arms that need no server, and for the rubric that the
            options name.
        progress: called with the steps so far after each round of learning.
        lower_bound: the lowest reward that the question can have, for ``--null-terminal lower_bound``.
        nulls: asks about frames that show nothing; None for none.

    Raises:
        CheckpointError: what it resumes from is damaged, or of another run.
        ConfigError: there is no such task, or none that DQN can learn; or there is no finished run where
            ``--rewards-of`` points to.
    """

    def __init__(
        self,
        config: TrainConfig,
        client: Scores | None = None,
        server: ServerInfo | None = None,
        question: str | Rubric | None = None,
        progress: Callable[[int], None] = lambda _steps: None,
        lower_bound: float | None = None,
        nulls: Nulls | None = None,
    ) -> None:
        if config.arm.scores_frames and client is None:
            raise ValueError(f"the arm {config.arm} needs a reward server")
        if (config.null_terminal == "lower_bound") != (lower_bound is not None):
            raise ValueError("a lower bound goes with --null-terminal lower_bound, and with nothing else")
        self.lower_bound, self.nulls = lower_bound, nulls
        torch.set_num_threads(1)  # the networks are small; more threads only take turns
        self.config, self.server, self.progress = config, server, progress
        self.question = question or config.rubric
        self.client = CountedScores.of(client) if config.arm.scores_frames and client else None
        # Streams of their own, so that all arms explore alike, however many frames fail.
        seeds = np.random.SeedSequence(config.seed).spawn(4)
        self.rng, self.arm_rng, self.replay_rng = (np.random.default_rng(seed) for seed in seeds[:3])
        self.task = config.find_task()
        self.spaces = spaces_of(self.task)
        self.learner = new_learner(config.dqn, self.spaces, config.seed)
        self.replay = Replay(config.replay_size, len(self.spaces.observation_scale), config.num_envs)
        env_seeds = [int(seed) for seed in seeds[3].generate_state(config.num_envs)]
        self.envs = make_envs(self.task, env_seeds, frames=self.client is not None)
        self.env_steps = 0
        self.reward_id: str | None = None
        self.reward_pool = None if config.rewards_of is None else rewards_of(config.rewards_of)
        self.wall_clock_s = 0.0
        self.pending: deque[Chunk] = deque()
        self.solved_at: dict[str, float] | None = None
        state = load_run_state(config) if config.resume else None
        files = None if state is None else state.files
        self.recorder = Recorder(config, self.task, server, self.question, files)
        self.watch = Watch(self.task, self.recorder)
        self.records = StepRecords(config, self.recorder, self.watch)
        if state is not None:
            self._restore(state)

    def run(self) -> dict[str, Any]:
        """Trains, evaluates the final policy, and writes the run's files.

        Returns:
            What ``summary.json`` holds. Where the run breaks off, the files are written all the same,
            with ``error`` in the summary, and the exception goes on.
        """
        try:
            self._train()
            self.recorder.check_folder()
            save_final_policy(self.learner, self.config)
            returns = self._returns(self.config.eval_episodes)
        except BaseException as error:
            with suppress(OSError):  # on a full disk the first failure is the one to tell
                self.recorder.finish(self._summary(None, error=str(error) or type(error).__name__))
            raise
        finally:
            self.envs.close()
        summary = self._summary(returns)
        self.recorder.finish(summary)
        return summary

    def greedy(self, observations: NDArray[np.float32]) -> NDArray[np.int64]:
        """Best actions of the present policy, ``(B, D)`` float32 to ``(B,)`` int64."""
        weights = acting_weights(self.learner, self.config.dqn)
        return greedy_actions(weights, observations, self.spaces, self.config.dqn)

    def _train(self) -> None:
        config = self.config
        behind = 1 if config.schedule == "overlap" else 0
        with ExitStack() as stack:
            self.labeler: Labeler | None = None
            if self.client is not None:
                self.labeler = stack.enter_context(
                    Labeler(self.client, self.question, self.reward_id, max_images_of(self.server))
                )
            while self.env_steps < config.env_steps or self.pending:
                started = time.perf_counter()
                acting = self.env_steps < config.env_steps
                if acting:
                    self.pending.append(self._act())
                loss = None
                if len(self.pending) > behind or not acting:
                    chunk = self.pending.popleft()
                    self._take(chunk)
                    loss = self._learn(chunk)
                    seconds = time.perf_counter() - started
                    self.wall_clock_s += seconds
                    learned = chunk.first_step + len(chunk)
                    self.recorder.learning(learned, loss, len(chunk) / seconds, self.wall_clock_s)
                    self._between_rounds(chunk.first_step, learned)
                else:
                    self.wall_clock_s += time.perf_counter() - started

    def _act(self) -> Chunk:
        """Takes a chunk's steps; their frames are on their way to the server meanwhile."""
        config, first = self.config, self.env_steps
        steps = []
        for _ in range(min(config.chunk_steps, config.env_steps - first) // config.num_envs):
            step = self.envs.step(self._explore(self.envs.observations))
            if self.labeler is not None and step.frames is not None:
                for frame in step.frames:  # the frame after the step, the terminal one too
                    self.labeler.submit(frame)
            self.env_steps += config.num_envs
            steps.append(step)
        labels = None if self.labeler is None else self.labeler.end_chunk()
        self.watch.null(self.nulls, steps[-1], self.env_steps)
        return chunk_of(steps, first, labels, self.recorder.rows_to_keep)

    def _explore(self, observations: NDArray[np.float32]) -> NDArray[np.int64]:
        actions = self.greedy(observations)
        for row in range(len(actions)):
            if self.rng.random() < self.config.epsilon(self.env_steps + row):
                actions[row] = self.rng.integers(self.spaces.actions)
        return actions

    def _take(self, chunk: Chunk) -> None:
        """Puts a chunk into replay; a step without a reward keeps its place and is never learned from.

        Raises:
            RunStoppedError: too many of the latest frames could not be scored.
        """
        labels = chunk.wait()
        if self.labeler is not None:
            self.reward_id = self.labeler.reward_id
        server_rewards = [None if label is None else label.reward for label in labels]
        rewards = chunk_rewards(
            self.config.arm,
            self.task,
            server_rewards,
            chunk.true_rewards,
            chunk.next_observations,
            self.arm_rng,
            self.reward_pool,
        )
        for row, (label, reward) in enumerate(zip(labels, rewards, strict=True)):
            terminated, truncated = bool(chunk.terminated[row]), bool(chunk.truncated[row])
            learned = self.lower_bound if reward is None and terminated else reward
            self.replay.add(
                chunk.observations[row],
                int(chunk.actions[row]),
                learned,
                chunk.next_observations[row],
                terminated,
                truncated,
            )
            self.records.add(chunk, row, label, learned)
        self.watch.chunk(chunk, labels)
        if self.records.failures.excess is not None:
            labels_file = self.config.folder / LABELS
            raise RunStoppedError(f"{self.records.failures.excess}; see {labels_file}")

    def _learn(self, chunk: Chunk) -> float | None:
        config = self.config
        if len(self.replay) < config.learning_starts:
            return None
        count = len(chunk) if config.gradient_steps is None else config.gradient_steps
        losses = []
        for number in range(count):
            # Spread over the chunk's steps: none of them is at the run's end, where the rate may be 0.
            progress = (chunk.first_step + len(chunk) * number / count) / config.env_steps
            batch = self.replay.sample(
                config.dqn.batch_size, self.replay_rng, config.dqn.n_step, config.dqn.discount
            )
            self.learner, loss = update(self.learner, batch, self.spaces, config.dqn, progress)
            losses.append(loss)
        return float(np.mean(losses)) if losses else None

    def _between_rounds(self, before: int, now: int) -> None:
        """Evaluates and saves where a round of learning passed their marks. Neither changes the run."""
        config = self.config
        if config.eval_every and before // config.eval_every != now // config.eval_every:
            mean = float(self._returns(config.eval_every_episodes).mean())
            self.recorder.evaluation(now, mean, self.wall_clock_s)
            if mean >= self.task.solved_return and self.solved_at is None:
                self.solved_at = {"env_steps": now, "wall_clock_s": self.wall_clock_s}
        if before // config.checkpoint_every != now // config.checkpoint_every:
            save_run_state(self._state(), config)
        self.progress(now)

    def _state(self) -> RunState:
        """Where the run is. Waits for labels that are on their way, which changes nothing in the run."""
        return RunState(
            learner=self.learner,
            replay=self.replay.state(),
            pending=[chunk.state(self.recorder.samples.choice) for chunk in self.pending],
            envs=envs_state(self.envs, self.task),
            rng=dict(self.rng.bit_generator.state),
            arm_rng=dict(self.arm_rng.bit_generator.state),
            replay_rng=dict(self.replay_rng.bit_generator.state),
            records=self.records.state(),
            watch=self.watch.state(),
            env_steps=self.env_steps,
            reward_id=self.reward_id,
            wall_clock_s=self.wall_clock_s,
            solved_at=self.solved_at,
            files=self.recorder.positions(),
            usage=None if self.client is None else self.client.usage(),  # all that was asked is answered
        )

    def _restore(self, state: RunState) -> None:
        """Puts a new trainer where ``_state`` found another one."""
        self.learner = state.learner
        self.replay.restore(state.replay)
        self.pending = deque(Chunk.restored(chunk) for chunk in state.pending)
        restore_envs(self.envs, self.task, state.envs)
        self.rng.bit_generator.state = state.rng
        self.arm_rng.bit_generator.state = state.arm_rng
        self.replay_rng.bit_generator.state = state.replay_rng
        self.records.restore(state.records)
        self.watch.restore(state.watch)
        self.env_steps, self.wall_clock_s = state.env_steps, state.wall_clock_s
        self.reward_id, self.solved_at = state.reward_id, state.solved_at
        if self.client is not None:
            self.client.restore(state.usage)

    def _returns(self, episodes: int) -> NDArray[np.float64]:
        return true_returns(self.greedy, episodes, self.task)

    def _summary(self, returns: NDArray[np.float64] | None, error: str | None = None) -> dict[str, Any]:
        scored = self.config.arm.scores_frames
        return {
            "solved": returns is not None and bool(returns.mean() >= self.task.solved_return),
            "mean_return": None if returns is None else float(returns.mean()),
            "min_return": None if returns is None else float(returns.min()),
            "returns": None if returns is None else returns.tolist(),
            "eval_episodes": 0 if returns is None else len(returns),
            "task": self.config.task,
            "env_steps": self.env_steps,
            "train_wall_clock_s": round(self.wall_clock_s, 1),
            "first_solved": self.solved_at,
            "arm": self.config.arm.value,
            "model": self.server.model if self.server and scored else None,
            "rubric": self.config.rubric if scored else None,
            "prompt": self.config.prompt if scored else None,
            "reward_id": self.reward_id,
            **self.records.counts(),
            "usage": None if self.client is None else self.client.usage(),
            "watch": self.watch.summary() if scored else None,
            "seed": self.config.seed,
            "error": error,
        }
