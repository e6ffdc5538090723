"""Counts and records each step that was taken, episode by episode. Nothing here is learned from.

Not for the files (``recording/``) or for replay (``train.py``).
"""

from __future__ import annotations

import dataclasses
from typing import Any

from agent.config import TrainConfig
from agent.recording.episode import Episode
from agent.recording.recorder import Recorder
from agent.training.chunk import Chunk
from agent.training.counting.failures import FailureWindow
from agent.training.counting.frame_counts import FrameCounts
from agent.training.counting.recent import Recent
from agent.training.watching.watch import Watch
from reward_client.schema import RewardItem


class StepRecords:
    """What was counted so far.

    Args:
        config: the run's options.
        recorder: writes the run's files.
        watch: is told of finished episodes.

    Attributes:
        frames: what became of the run's frames.
        failures: the latest of them.
        recent: what the latest steps brought.
    """

    def __init__(self, config: TrainConfig, recorder: Recorder, watch: Watch) -> None:
        self._config, self._recorder, self._watch = config, recorder, watch
        self._episodes = [Episode(number=1 + row) for row in range(config.num_envs)]
        self.frames, self.failures = FrameCounts(), FailureWindow(config.max_failed_share)
        self.recent = Recent()

    def add(self, chunk: Chunk, row: int, label: RewardItem | None, reward: float | None) -> None:
        """Takes the next step.

        Args:
            chunk: that it is in; its labels are there.
            row: its row there.
            label: the server's answer to its frame; None in the arms without a server.
            reward: what is learned with; None where it is left out.

        Raises:
            FolderLostError: the run's folder is not its own any more.
        """
        number = chunk.first_step + row
        terminated, truncated = bool(chunk.terminated[row]), bool(chunk.truncated[row])
        env = number % self._config.num_envs
        episode = self._episodes[env]
        episode.steps += 1
        episode.true_return += float(chunk.true_rewards[row])
        episode.learned_return += reward or 0.0
        self.recent.step(reward if label is None else label.reward)
        if label is not None:
            episode.vlm_return += label.reward or 0.0
            self.frames.add(label, terminated)
            self.failures.add(label)
            state, samples = chunk.next_observations[row], self._recorder.samples
            frame = chunk.frames.get(row)
            self._recorder.label(number + 1, label, reward, state, episode.number, terminated, frame)
            # Every frame that may become a sample was kept, so of the others the truth is not computed.
            if frame is not None and (chosen := samples.choice(number, label, state)):
                samples.add(frame, label, state, episode.number, episode.steps, chosen)
        if terminated or truncated:
            self.recent.episode(episode.true_return)
            epsilon = self._config.epsilon(number + 1)
            self._recorder.episode(number + 1, episode, epsilon, scored=self._config.arm.scores_frames)
            if self._config.arm.scores_frames:
                self._watch.episode(number + 1, episode)
            self._episodes[env] = Episode(number=1 + max(other.number for other in self._episodes))

    def counts(self) -> dict[str, Any]:
        """The counts of frames, as ``summary.json`` has them."""
        return {
            "frames_scored": self.frames.scored,
            "frames_failed": self.frames.failed,
            "frames_terminal": self.frames.terminal,
            "frames_failed_terminal": self.frames.failed_terminal,
            "statuses": self.frames.statuses,
        }

    def state(self) -> dict[str, Any]:
        """Everything in it, for a checkpoint."""
        return {
            "episodes": [dataclasses.asdict(episode) for episode in self._episodes],
            "frames": dataclasses.asdict(self.frames),
            "failures": self.failures.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Takes over what ``state`` returned."""
        self._episodes = [Episode(**episode) for episode in state["episodes"]]
        self.frames = FrameCounts(**state["frames"])
        self.failures.restore(state["failures"])
