"""What a task says of records, which hold its truth and no observations: the oracle, and what is hidden."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from reward_tasks.catalog import TASKS, find_task
from reward_tasks.task import Column, Task

POLE = np.array([202, 152, 101])
"""CartPole's renderer paints poles so."""

WHOLE = 0.99
"""Share of a pole's pixels from which it counts as whole: where it stands between pixels, some differ."""


@pytest.mark.parametrize("name", TASKS)
def test_the_oracle_of_a_record_is_that_of_its_observation(name: str) -> None:
    task = find_task(name)
    states = task.sweep(200, np.random.default_rng(1))
    observations = np.stack([task.observation(state) for state in states])
    of_truth = task.oracle_of_truth(task.truth(observations))
    assert of_truth is not None
    assert len(np.unique(of_truth)) > 5
    np.testing.assert_array_equal(of_truth, task.oracle(observations))


def pole_px(task: Task, cart: float, tilt_deg: float) -> int:
    """Pixels in which a picture shows the pole."""
    env = task.make(frames=True)
    env.reset(seed=1)
    task.place(env, np.array([cart, 0.0, np.radians(tilt_deg), 0.0]))
    frame = np.asarray(env.render(), dtype=np.int64)
    env.close()
    return int((np.abs(frame - POLE).max(axis=-1) <= 12).sum())


def visible(task: Task, cart: float, tilt_deg: float) -> bool:
    truth = task.truth(np.array([[cart, 0.0, np.radians(tilt_deg), 0.0]], dtype=np.float32))
    return bool(task.fully_visible(truth)[0])


@pytest.mark.parametrize(
    ("cart", "tilt_deg"),
    [
        (0.0, 0.0), (0.0, 11.0), (2.0, 11.0), (2.3, 11.0), (2.3, -11.0), (-2.3, 11.0), (-2.3, -11.0),
        (2.4, 0.0), (-2.4, 0.0), (2.3, -30.0), (1.0, 80.0), (1.6, 80.0), (-1.6, 80.0), (-1.6, -80.0),
    ],
)  # fmt: skip
def test_a_pole_is_fully_visible_where_the_picture_does_not_cut_it(cart: float, tilt_deg: float) -> None:
    task = find_task("CartPoleContinuing-v0")
    whole_px = pole_px(task, 0.0, tilt_deg)
    assert visible(task, cart, tilt_deg) == (pole_px(task, cart, tilt_deg) > WHOLE * whole_px)


def test_everything_is_visible_where_a_task_does_not_say() -> None:
    task = find_task("MountainCar-v0")
    assert task.fully_visible({"car_position": np.zeros(3), "car_height": np.zeros(3)}).tolist() == [True] * 3


def test_survival_pays_on_cartpole_and_not_where_no_episode_ends_early() -> None:
    assert [name for name in TASKS if find_task(name).survival_pays] == ["CartPole-v1"]


def test_a_task_of_ones_own_need_not_say_any_of_it() -> None:
    class Mine(Task):
        env_id, columns, frames_per_s = "CartPole-v1", (Column("x", "x"),), 10
        return_bounds, observation_scale = (0.0, 1.0), np.ones(4, np.float32)

        def truth(self, observations: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
            return {"x": observations[:, 0].astype(np.float64)}

        def oracle(self, observations: NDArray[np.float32]) -> NDArray[np.float64]:
            return self.truth(observations)["x"]

        def sweep(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
            return np.zeros((count, 4))

    assert Mine().oracle_of_truth({"x": np.zeros(2)}) is None
    assert not Mine().survival_pays
