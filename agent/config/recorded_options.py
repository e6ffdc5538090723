"""The options of a run as its folder keeps them, and which of them differ from those of now.

Not for what the options are (``train_config.py``).
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agent.config.train_config import TrainConfig

FREE_OPTIONS = frozenset(
    {
        "name",
        "runs",
        "resume",
        "overwrite",
        "server_url",
        "eval_episodes",
        "checkpoint_every",
        "max_failed_share",
        "null_share",
        "audit_first",
        "audit_frames",
        "audit_anyway",
        "video",
        "wandb",
        "wait_ready_s",
        "outage_s",
    }
)
"""Options that may differ when a run goes on: they do not change what is learned."""


def options(config: TrainConfig) -> dict[str, Any]:
    """A run's options in the form that JSON can hold."""
    texts = {
        key: value if isinstance(value, dict | int | float | type(None)) else str(value)
        for key, value in dataclasses.asdict(config).items()
    }
    return {**texts, "name": config.run_name, "server_url": _without_password(config.server_url)}


def _without_password(url: str) -> str:
    """An address as it may be kept and shown."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def changed_options(then: dict[str, Any], now: dict[str, Any]) -> str:
    """The options that matter and differ, with both values, as a person would type them.

    An option that a run did not have yet has its default then: new options begin as things were before them.

    >>> changed_options({"env_steps": 500, "video": False}, {"env_steps": 900, "video": True})
    '--env-steps 500 then, 900 now'
    >>> changed_options({"rewards_of": "runs/vlm"}, {"rewards_of": "./runs/a/../vlm"})
    ''
    """
    before, after = _flat(options(TrainConfig())) | _flat(then), _flat(json.loads(json.dumps(now)))
    return ", ".join(
        f"--{key.replace('_', '-')} {before[key]} then, {value} now"
        for key, value in after.items()
        if key not in FREE_OPTIONS
        and value != before[key]
        and not (key == "rewards_of" and _same_folder(before, after))
    )


def _same_folder(then: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether both name the same folder, or the same one as seen from the run's own, wherever that is now."""
    if not then["rewards_of"] or not now["rewards_of"]:
        return False
    if os.path.realpath(then["rewards_of"]) == os.path.realpath(now["rewards_of"]):
        return True
    before, after = (
        os.path.relpath(one["rewards_of"], Path(one["runs"]) / one["name"]) for one in (then, now)
    )
    return bool(before == after)


def _flat(options: dict[str, Any]) -> dict[str, Any]:
    return {**{key: value for key, value in options.items() if key != "dqn"}, **options.get("dqn", {})}
