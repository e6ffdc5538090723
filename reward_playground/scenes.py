"""Frames of the shipped tasks, placed by what is true of them: what the page's sliders stand for.

Not for tasks themselves (``reward_tasks``), nor for how an audit chooses states (``reward_audit.showing``).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reward_tasks.catalog import TASKS
from reward_tasks.mountain_car import LEFT_END, RIGHT_END
from reward_tasks.task import Column, Task

Values = Mapping[str, float]
"""By the name of a column, what is to be true."""

_RENDERING = threading.Lock()
"""Closing an environment ends pygame, in every thread."""


class SceneError(ValueError):
    """There is no such task or slider, or a value is out of its range; the message says which."""


@dataclass(frozen=True)
class Slider:
    """A column of a task that can be chosen.

    Attributes:
        name: the column's.
        low: smallest value.
        high: largest value.
        step: between two values.
        start: the value at first.
    """

    name: str
    low: float
    high: float
    step: float
    start: float


@dataclass(frozen=True)
class Scene:
    """How states of a task are made from what is true there.

    Attributes:
        sliders: what can be chosen, the most important one first.
        state: from one value for each slider to ``(S,)``, as the task's ``place`` takes it.
    """

    sliders: tuple[Slider, ...]
    state: Callable[[Values], list[float]]


def _cartpole(tilt_deg: float, step: float) -> Scene:
    return Scene(
        (
            Slider("tilt_deg", -tilt_deg, tilt_deg, step, 6.0),
            Slider("cart_position", -2.4, 2.4, 0.1, 0.0),
        ),
        lambda true: [true["cart_position"], 0.0, math.radians(true["tilt_deg"]), 0.0],
    )


def _acrobot(true: Values) -> list[float]:
    """The tip's height is ``-cos(first) - cos(first + second)``; one out of reach becomes the nearest one."""
    first = math.radians(true["first_link_deg"])
    cos_of_both = min(max(-true["tip_height"] - math.cos(first), -1.0), 1.0)
    return [first, math.acos(cos_of_both) - first, 0.0, 0.0]


SCENES: dict[str, Scene] = {
    "CartPole-v1": _cartpole(30.0, 0.5),
    "CartPoleContinuing-v0": _cartpole(180.0, 1.0),
    "MountainCar-v0": Scene(
        (Slider("car_position", LEFT_END, RIGHT_END, 0.01, -0.5),), lambda true: [true["car_position"], 0.0]
    ),
    "Acrobot-v1": Scene(
        (Slider("tip_height", -2.0, 2.0, 0.05, 0.5), Slider("first_link_deg", -180.0, 180.0, 1.0, 90.0)),
        _acrobot,
    ),
    "Pendulum-v1": Scene(
        (Slider("tilt_deg", -180.0, 180.0, 1.0, 20.0),), lambda true: [-math.radians(true["tilt_deg"]), 0.0]
    ),
}
"""For every shipped task."""


@dataclass(frozen=True)
class Shot:
    """A frame, and what is true of it.

    Attributes:
        frame: ``(H, W, 3)`` uint8 RGB.
        truth: all columns of the task; where the sliders asked for the impossible, what came of it.
        oracle: the reward that a VLM without error would give.
    """

    frame: NDArray[np.uint8]
    truth: dict[str, float]
    oracle: float


def scene_of(task: str) -> Scene:
    """The scene of a task.

    Raises:
        SceneError: the task is none of the shipped ones.
    """
    if task not in SCENES:
        raise SceneError(f"task: there is no {task!r}; choose from {', '.join(SCENES)}")
    return SCENES[task]


def column_of(task: str, name: str) -> Column:
    """A column of a shipped task, by its name."""
    return next(column for column in TASKS[task].columns if column.name == name)


def chosen(task: str, given: Mapping[str, str]) -> dict[str, float]:
    """The sliders' values that a request names; a slider that it leaves out stands where it stood at first.

    Args:
        task: a shipped task's name.
        given: texts by the names of sliders; other names are left alone.

    Raises:
        SceneError: there is no such task, or a value is no number in its slider's range.
    """
    values = dict[str, float]()
    for slider in scene_of(task).sliders:
        text = given.get(slider.name, str(slider.start))
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not slider.low <= value <= slider.high:  # NaN is in no range
            raise SceneError(f"{slider.name}: {text!r} is no number from {slider.low:g} to {slider.high:g}")
        values[slider.name] = value
    return values


def spread(task: str, along: str, others: Values, count: int) -> list[dict[str, float]]:
    """Values of all sliders, with one of them going evenly from its low end to its high end.

    Args:
        task: a shipped task's name.
        along: the slider that moves.
        others: where all of them stand.
        count: of values; at least 2.

    Raises:
        SceneError: the task has no such slider.
    """
    slider = next((one for one in scene_of(task).sliders if one.name == along), None)
    if slider is None:
        names = ", ".join(one.name for one in scene_of(task).sliders)
        raise SceneError(f"along: {task} has no slider {along!r}; choose from {names}")
    return [{**others, along: float(value)} for value in np.linspace(slider.low, slider.high, count)]


def shots(task_name: str, many: Sequence[Values]) -> list[Shot]:
    """Renders a task's states.

    Args:
        task_name: a shipped task's name.
        many: for each frame a value for each slider.
    """
    scene, task = scene_of(task_name), TASKS[task_name]()
    with _RENDERING, closing(task.make(frames=True)) as env:
        env.reset(seed=0)
        taken = []
        for values in many:
            observation = task.place(env, np.array(scene.state(values), dtype=np.float64))
            frame = np.array(env.render(), dtype=np.uint8)
            taken.append(Shot(frame, *_true_of(task, observation)))
    return taken


def _true_of(task: Task, observation: NDArray[np.float32]) -> tuple[dict[str, float], float]:
    truth = {name: float(values[0]) for name, values in task.truth(observation[None]).items()}
    return truth, float(task.oracle(observation[None])[0])
