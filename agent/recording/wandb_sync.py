"""Weights & Biases, if the user asks for it: it copies what goes to TensorBoard.

The only file that imports wandb.
"""

from __future__ import annotations

import importlib
from typing import Any

from agent.config import ConfigError, TrainConfig, options
from agent.recording.provenance import code_origin
from agent.recording.run_folder import WANDB_ID


def wandb_run(config: TrainConfig) -> Any:
    """Begins a Weights & Biases run. Call it before the TensorBoard writer is made.

    Raises:
        ConfigError: wandb is not installed.
    """
    try:
        wandb = importlib.import_module("wandb")
    except ImportError as error:
        raise ConfigError("--wandb needs a package that is not installed: pip install wandb") from error
    earlier = config.folder / WANDB_ID
    return wandb.init(
        project="vlm-reward",
        name=config.run_name,
        config={**options(config), **code_origin()},
        dir=str(config.folder),
        sync_tensorboard=True,
        id=earlier.read_text() if config.resume and earlier.is_file() else None,
        resume="allow",
        # Else it records the repository around the current folder, whosever that is, and uploads its changes.
        settings={"disable_git": True},
    )
