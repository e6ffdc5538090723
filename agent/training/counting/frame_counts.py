"""Counts what became of a run's frames, for its summary. Not for stopping a run (``failures.py``)."""

from __future__ import annotations

from dataclasses import dataclass, field

from reward_client.schema import ItemStatus, RewardItem


@dataclass
class FrameCounts:
    """What became of the frames so far.

    Attributes:
        statuses: how many frames had each status.
        terminal: frames of steps that ended their episode by the task's own rules.
        failed_terminal: those of them that could not be scored.
    """

    statuses: dict[str, int] = field(default_factory=dict)
    terminal: int = 0
    failed_terminal: int = 0

    def add(self, item: RewardItem, terminated: bool) -> None:
        """Counts one frame.

        Args:
            item: the server's answer.
            terminated: whether its step ended the episode by the task's own rules.
        """
        status = item.status.value
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.terminal += int(terminated)
        self.failed_terminal += int(terminated and item.reward is None)

    @property
    def scored(self) -> int:
        """Frames with a reward."""
        return self.statuses.get(ItemStatus.OK.value, 0)

    @property
    def failed(self) -> int:
        """Frames without one."""
        return sum(self.statuses.values()) - self.scored
