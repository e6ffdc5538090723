"""The labeler, from frames to rewards, late and in order: the library's (``reward_client/labeler.py``).

Not for deciding what a missing reward means (``training/train.py`` leaves its transition out).
"""

from __future__ import annotations

from reward_client.labeler import Labeler, PendingLabels, Scores, max_images_of
from reward_client.same_rewards import RewardsChangedError

__all__ = ["Labeler", "PendingLabels", "RewardsChangedError", "Scores", "max_images_of"]
