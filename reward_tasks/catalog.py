"""Finds a task by the name of its environment, or in a module of one's own."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym

from reward_tasks.acrobot import Acrobot
from reward_tasks.cartpole import CartPole
from reward_tasks.cartpole_continuing import CartPoleContinuing
from reward_tasks.mountain_car import MountainCar
from reward_tasks.pendulum import Pendulum
from reward_tasks.task import Task, TaskError

TASKS: dict[str, type[Task]] = {
    task.env_id: task for task in (CartPole, CartPoleContinuing, MountainCar, Acrobot, Pendulum)
}
"""The shipped ones, by their environments' names."""


def find_task(name: str, **options: Any) -> Task:
    """Finds a task.

    Args:
        name: an environment's name, such as ``CartPole-v1``, or ``my_module:MyTask``. A module is looked for
            where Python finds others, and in the present folder.
        options: of its environment.

    Raises:
        TaskError: there is none of that name, or it takes no such option.
    """
    if ":" not in name:
        if name not in TASKS:
            raise TaskError(
                f"there is no task {name!r}; choose from {', '.join(TASKS)}, or name my_module:MyTask"
            )
        return _checked(TASKS[name](**options))
    module_name, _, class_name = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise TaskError(
            f"the module {module_name!r} of the task {name!r} cannot be imported: {error}"
        ) from error
    task = getattr(module, class_name, None)
    if not isinstance(task, type) or not issubclass(task, Task):
        raise TaskError(f"{module_name} has no class {class_name!r} that is a reward_tasks.task.Task")
    try:
        return _checked(task(**options))
    except TypeError as error:  # abstract methods are missing
        raise TaskError(f"the task {name!r} is not complete: {error}") from error


def _checked(task: Task) -> Task:
    """A task whose environment is registered with what the task leaves to the registry."""
    try:
        _ = task.solved_return, task.episode_steps
    except gym.error.Error as error:
        raise TaskError(f"the environment {task.env_id!r} is not registered: {error}") from error
    return task
