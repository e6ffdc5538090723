"""From the items of an ensemble's rubrics about one image to the ensemble's own. Pure functions.

Not for reading one rubric's answer (``score_item.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, pstdev

from reward_client.schema import ItemStatus, RewardItem
from reward_client.wording.ensemble import Ensemble


def ensemble_item(index: int, ensemble: Ensemble, readings: Sequence[RewardItem]) -> RewardItem:
    """The item of an image that an ensemble's rubrics were asked about.

    Args:
        index: place of the image in its request.
        ensemble: says how many rewards must be there.
        readings: one item for each of its rubrics.

    Returns:
        The item. Its reward is the mean of the rewards that are there, and its spread their standard
        deviation (divisor n). Where too few are there it has the status of one that is missing: ``failed``
        before others, since it may pass.
    """
    rewards = [reading.reward for reading in readings if reading.reward is not None]
    if len(rewards) >= ensemble.needed:
        return RewardItem(
            index=index,
            reward=mean(rewards),  # both are exact: no overflow on the way
            status=ItemStatus.OK,
            spread=pstdev(rewards),
            readings=list(readings),
        )
    missing = [(place, reading) for place, reading in enumerate(readings) if reading.reward is None]
    place, first = min(missing, key=lambda one: one[1].status is not ItemStatus.FAILED)
    return RewardItem(
        index=index,
        reward=None,
        status=first.status,
        message=f"{len(missing)} of {len(readings)} rubrics gave no reward; mean_of[{place}]: "
        f"{first.message or first.status.value}",
        readings=list(readings),
    )
