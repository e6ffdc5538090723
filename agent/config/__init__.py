"""Options of a training run.

Modules: ``train_config`` (what they are; their comments are the command line's help), ``recorded_options``
(in the form that a run's folder keeps).
"""

from __future__ import annotations

from agent.config.recorded_options import changed_options, options
from agent.config.train_config import Arm, ConfigError, DqnConfig, TrainConfig, check_name, task_of

__all__ = [
    "Arm",
    "ConfigError",
    "DqnConfig",
    "TrainConfig",
    "changed_options",
    "check_name",
    "options",
    "task_of",
]
