"""What becomes of a frame that has no reward: as its caller stated, and never 0 by itself.

Not for why there is none (``schema.ItemStatus``).
"""

from __future__ import annotations

import math
from collections.abc import Collection

from reward_client.schema import RewardItem


class NullRewardError(RuntimeError):
    """A frame has no reward, and nothing was stated that may stand in its place."""

    @classmethod
    def of(cls, item: RewardItem, name: str = "the frame", reason: str = "") -> NullRewardError:
        """Says which frame has no reward, and why.

        Args:
            item: without a reward.
            name: of the frame.
            reason: why nothing stands in its place.
        """
        message = f": {item.message}" if item.message else ""
        return cls(f"{name} has no reward ({item.status.value}{message}){reason}")


def check_null_policy(on_null: object, words: Collection[str]) -> None:
    """Checks what a caller states.

    Args:
        on_null: one of the words, or a finite number.
        words: what else may be stated.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(on_null, str) and on_null in words:
        return
    if isinstance(on_null, int | float) and not isinstance(on_null, bool) and math.isfinite(on_null):
        return
    named = ", ".join(map(repr, words))
    raise ValueError(f"on_null is {on_null!r}; state what a frame without a reward gets: {named} or a number")
