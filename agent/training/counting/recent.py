"""What the latest steps and episodes of a run brought, for its progress bar. Nothing here is learned from."""

from __future__ import annotations

from collections import deque
from statistics import fmean

EPISODES = 10
STEPS = 512


class Recent:
    """The latest episodes' true returns, and the latest steps' rewards. A run that goes on begins anew."""

    def __init__(self) -> None:
        self._returns: deque[float] = deque(maxlen=EPISODES)
        self._rewards: deque[float | None] = deque(maxlen=STEPS)

    def step(self, reward: float | None) -> None:
        """Takes a step's reward: the server's in the arms with one, else the one that is learned."""
        self._rewards.append(reward)

    def episode(self, true_return: float) -> None:
        """Takes a finished episode's true return."""
        self._returns.append(true_return)

    def __str__(self) -> str:
        """Mean return, mean reward and share of steps without a reward; what is not known is left out.

        >>> recent = Recent()
        >>> recent.episode(20.0), recent.step(0.5), recent.step(None)
        (None, None, None)
        >>> str(recent)
        'return 20.0, reward 0.50, failed 50.0 %'
        """
        known = [reward for reward in self._rewards if reward is not None]
        told = [f"return {fmean(self._returns):.1f}"] if self._returns else []
        told += [f"reward {fmean(known):.2f}"] if known else []
        if self._rewards:
            told.append(f"failed {100 * (1 - len(known) / len(self._rewards)):.1f} %")
        return ", ".join(told)
