"""Says when so many of the latest frames could not be scored that a run must stop, and why they could not.

Not for what a missing reward means for learning (``train.py`` leaves its transition out).
"""

from __future__ import annotations

from collections import Counter, deque
from typing import NamedTuple

from reward_client.schema import ItemStatus, RewardItem

WINDOW_FRAMES = 512
"""How many of the latest frames count. Few enough that a server that fails late is noticed, and so many that
a bad patch at the beginning is none."""

HELP = {
    ItemStatus.LOW_LABEL_MASS: (
        "the model gives the rubric's labels little probability for this question: ask in the rubric's own "
        "words, or use a rubric whose labels are the answers to your question"
    ),
    ItemStatus.UNPARSABLE: (
        "the rubric finds no value in the model's words: ask for the bare number, or use a rubric that reads "
        "the probabilities of labels (expectation, yes_no, choice)"
    ),
    ItemStatus.FAILED: "the server could not have these frames answered: its log says why",
    ItemStatus.INVALID_FRAME: (
        "the server cannot use the task's frames as images: /info has its limits on their size and shape"
    ),
}
"""What would help against each status."""


class Failure(NamedTuple):
    """Why one frame has no reward; a run state holds it."""

    status: str
    message: str | None
    label_mass: float | None


class FailureWindow:
    """The latest frames, and whether too many of them could not be scored.

    Failures are counted against the window's full size, so that a few at the beginning do not stop a run; a
    share that stays above the limit does.

    Args:
        max_share: of ``WINDOW_FRAMES`` that may fail.
    """

    def __init__(self, max_share: float) -> None:
        self._max_share = max_share
        self._frames: deque[Failure | None] = deque(maxlen=WINDOW_FRAMES)
        self._failed = 0  # how many of them, kept since each frame asks
        self.excess: str | None = None
        """Why the run must stop, in words; None while it need not. It stays once it is set."""

    def add(self, item: RewardItem) -> None:
        """Takes the next frame's answer."""
        if len(self._frames) == WINDOW_FRAMES and self._frames[0] is not None:
            self._failed -= 1  # it leaves
        scored = item.reward is not None
        self._frames.append(None if scored else Failure(item.status.value, item.message, item.label_mass))
        self._failed += not scored
        if self.excess is None and self._failed > self._max_share * WINDOW_FRAMES:
            self.excess = self._reason()

    def state(self) -> list[list[str | float | None] | None]:
        """The frames, for a checkpoint."""
        return [None if failure is None else list(failure) for failure in self._frames]

    def restore(self, state: list[list[str | float | None] | None]) -> None:
        """Takes over what ``state`` returned."""
        self._frames.clear()
        self._frames.extend(None if failure is None else Failure(*failure) for failure in state)  # type: ignore[arg-type] # of state()
        self._failed = len(self._failures())

    def _failures(self) -> list[Failure]:
        return [failure for failure in self._frames if failure is not None]

    def _reason(self) -> str:
        failures = self._failures()
        ((status, count),) = Counter(failure.status for failure in failures).most_common(1)
        example = next(failure for failure in reversed(failures) if failure.status == status)
        mass = None if example.label_mass is None else f"label mass {example.label_mass:.3g}"
        said = "; ".join(filter(None, (mass, example.message)))
        one = f" (one of them: {said})" if said else ""
        return (
            f"{len(failures)} of the last {len(self._frames)} frames could not be scored, and "
            f"--max-failed-share allows {self._max_share:.0%} of {WINDOW_FRAMES}. "
            f"Most often the status is {status}, {count} times{one}. "
            f"What would help: {HELP[ItemStatus(status)]}"
        )
