"""Rewards of a reward server in any Gymnasium environment that renders ``rgb_array`` frames.

    import gymnasium as gym
    from reward_client import RewardClient
    from reward_client.wrappers import VLMReward

    client = RewardClient("http://127.0.0.1:8000")
    env = VLMReward(
        gym.make("CartPole-v1", render_mode="rgb_array"), client, "cartpole-upright", on_null="raise"
    )

``vector`` has the twin for vector environments. Modules: ``vlm_reward`` and ``vector`` (the two wrappers),
``frame_in_info``, ``frame_check``, ``step_scoring`` (what both share). They need the extra ``gym``.
"""

from reward_client.wrappers.frame_in_info import FrameInInfo
from reward_client.wrappers.vlm_reward import LateReward, VLMReward

__all__ = ["FrameInInfo", "LateReward", "VLMReward"]
