"""The client of the reward server, and the wire contract that both sides share.

    from reward_client import RewardClient

    with RewardClient("http://127.0.0.1:8000") as client:
        answer = client.score([frame], rubric="cartpole-upright")

Modules: ``client`` and ``async_client`` (the two clients); ``requests``, ``schema``, ``server_info``,
``rubric`` and ``wording/`` (the wire); ``frames`` (arrays to bytes), ``errors`` (the tree of errors).
"""

from reward_client.async_client import AsyncRewardClient
from reward_client.client import RewardClient
from reward_client.rubric import Preprocess, Region, Rubric
from reward_client.schema import (
    CompareResponse,
    ItemStatus,
    ReadingsResponse,
    RewardItem,
    ScoreRequest,
    ScoreResponse,
    ServerInfo,
)
from reward_client.version import __version__
from reward_client.wording.ensemble import Ensemble

__all__ = [
    "AsyncRewardClient",
    "CompareResponse",
    "Ensemble",
    "ItemStatus",
    "Preprocess",
    "ReadingsResponse",
    "Region",
    "RewardClient",
    "RewardItem",
    "Rubric",
    "ScoreRequest",
    "ScoreResponse",
    "ServerInfo",
    "__version__",
]
