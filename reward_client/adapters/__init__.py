"""Rewards of a reward server in the forms that other trainers call.

    from reward_client import RewardClient
    from reward_client.adapters import TRLReward

    reward_func = TRLReward(RewardClient("http://127.0.0.1:8000"), "my-rubric")

Each treats a frame without a reward in its trainer's own way, where the trainer has one; else its caller
states what stands in its place. Where the rubric's prompt has the place ``{text}``, the text that goes with a
frame is put there. Modules: ``trl``, ``verl``, ``openrlhf`` and ``openrlhf_server`` (the same over HTTP),
``text_to_image``, ``asking`` (what they share). None of them imports a trainer.
"""

from reward_client.adapters.openrlhf import OpenRLHFReward
from reward_client.adapters.text_to_image import TextToImageReward
from reward_client.adapters.trl import TRLReward
from reward_client.adapters.verl import VerlReward

__all__ = ["OpenRLHFReward", "TRLReward", "TextToImageReward", "VerlReward"]
