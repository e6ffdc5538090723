"""Frames are placed by what is true of them, for every task of the catalog."""

from __future__ import annotations

import numpy as np
import pytest

from reward_playground.scenes import SCENES, SceneError, chosen, column_of, shots, spread
from reward_tasks.catalog import TASKS


def test_every_task_has_its_sliders() -> None:
    assert set(SCENES) == set(TASKS)


@pytest.mark.parametrize("task", SCENES)
def test_what_a_slider_says_is_true_of_the_frame(task: str) -> None:
    start = chosen(task, {})
    along = SCENES[task].sliders[0].name
    values = [*spread(task, along, start, 5)[1:-1], start]
    for wanted, shot in zip(values, shots(task, values), strict=True):
        for name, value in wanted.items():
            period = column_of(task, name).period
            error = shot.truth[name] - value
            error = error if period is None else (error + period / 2) % period - period / 2
            reachable = task != "Acrobot-v1" or name == "first_link_deg" or value <= 1.0
            assert abs(error) < 1e-5 or not reachable
        assert shot.frame.dtype == np.uint8
        assert shot.frame.std() > 1  # something was drawn


def test_a_height_out_of_reach_becomes_the_nearest_one_and_is_told() -> None:
    (shot,) = shots("Acrobot-v1", [{"first_link_deg": 90.0, "tip_height": 2.0}])
    assert shot.truth["tip_height"] == pytest.approx(1.0)


@pytest.mark.parametrize("value", ["31", "nan", "far", ""])
def test_a_value_out_of_range_is_named_with_the_range(value: str) -> None:
    with pytest.raises(SceneError, match=r"tilt_deg: .* is no number from -30 to 30"):
        chosen("CartPole-v1", {"tilt_deg": value})


def test_an_unknown_task_or_slider_is_named_with_those_there_are() -> None:
    with pytest.raises(SceneError, match="'Chess-v0'; choose from CartPole-v1"):
        chosen("Chess-v0", {})
    with pytest.raises(SceneError, match="no slider 'height'; choose from tilt_deg"):
        spread("CartPole-v1", "height", {}, 3)
