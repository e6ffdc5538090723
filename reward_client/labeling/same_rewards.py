"""Keeps rewards of two kinds apart: what gave a run its first reward must give it all of them.

Not for what a reward id is made of (the server's ``scoring/reward_id.py``).
"""

from __future__ import annotations

_FIRST = "first"


class RewardsChangedError(RuntimeError):
    """The server's rewards became another quantity in the middle of a run."""


class SameRewards:
    """Holds every answer to the reward id of the first one.

    It may be used from several threads at once, and sent to other processes.

    Args:
        reward_id: that of the rewards that there are already; None at the beginning.
    """

    def __init__(self, reward_id: str | None = None) -> None:
        self._known = {} if reward_id is None else {_FIRST: reward_id}

    @property
    def reward_id(self) -> str | None:
        """That of the first answer; None before it."""
        return self._known.get(_FIRST)

    def check(self, reward_id: str) -> None:
        """Takes the reward id of an answer.

        Raises:
            RewardsChangedError: it is not that of the first answer.
        """
        # one indivisible step, so that threads need no lock: a lock could not be sent to another process
        first = self._known.setdefault(_FIRST, reward_id)
        if reward_id != first:
            raise RewardsChangedError(
                f"the reward id changed from {first} to {reward_id}: the server serves another model or "
                "rubric now, and its rewards do not go with the earlier ones"
            )
