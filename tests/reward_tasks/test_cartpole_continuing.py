"""The continuing environment: nothing ends early, and survival alone is worth nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from numpy.typing import NDArray
from scipy.linalg import solve_discrete_are

from agent.training.evaluate import true_returns
from reward_tasks.cartpole_continuing import (
    BEST_RETURN_ANY_TILT,
    CONTINUING,
    EPISODE_STEPS,
    MAX_SPEED,
    MAX_TILT_RATE,
)
from reward_tasks.catalog import find_task

WALL = 2.4
HALF_LENGTH, POLE_KG, TOTAL_KG, GRAVITY, STEP_S = 0.5, 0.1, 1.1, 9.8, 0.02
"""CartPole's (gymnasium/envs/classic_control/cartpole.py)."""


@pytest.mark.parametrize("any_tilt", [False, True])
def test_the_continuing_environment_passes_gymnasiums_checker(any_tilt: bool) -> None:
    check_env(gym.make(CONTINUING, any_tilt=any_tilt, render_mode="rgb_array").unwrapped)


def push(env: gym.Env[Any, Any], action: int, state: tuple[float, ...]) -> tuple[Any, ...]:
    env.unwrapped.state = np.array(state)  # type: ignore[attr-defined]
    return env.step(action)


def test_nothing_ends_early_and_every_episode_has_the_same_length() -> None:
    env = gym.make(CONTINUING)
    env.reset(seed=1)
    for step in range(1, EPISODE_STEPS + 1):
        _, _, terminated, truncated, _ = env.step(1)  # straight to the wall, and the pole falls
        assert not terminated
        assert truncated == (step == EPISODE_STEPS)


def test_the_reward_says_whether_the_pole_is_upright() -> None:
    env = gym.make(CONTINUING)
    env.reset(seed=1)
    for tilt_deg, expected in ((0.0, 1.0), (11.9, 1.0), (12.1, 0.0), (-12.1, 0.0), (180.0, 0.0)):
        assert push(env, 0, (0.0, 0.0, math.radians(tilt_deg), 0.0))[1] == expected


def test_the_cart_stops_at_the_end_of_the_track_and_may_leave_it_again() -> None:
    env = gym.make(CONTINUING)
    env.reset(seed=1)
    observation = push(env, 1, (2.39, 5.0, 0.0, 0.0))[0]
    assert observation[0] == pytest.approx(2.4)
    assert observation[1] == 0.0
    assert env.step(0)[0][1] < 0


@pytest.fixture
def env() -> Iterator[gym.Env[Any, Any]]:
    made = gym.make(CONTINUING)
    made.reset(seed=1)
    yield made
    made.close()


@pytest.mark.parametrize("side", [1, -1])
def test_a_cart_that_runs_into_a_wall_tips_its_pole_over_towards_it(
    env: gym.Env[Any, Any], side: int
) -> None:
    observation = push(env, (side + 1) // 2, (side * 2.39, side * 2.0, 0.0, 0.0))[0]
    assert observation[0] == pytest.approx(side * WALL)
    assert observation[1] == 0.0
    assert side * observation[3] > 1.0  # without a wall, the push would turn it the other way
    for _ in range(30):
        observation = env.step((side + 1) // 2)[0]
    assert side * math.degrees(observation[2]) > 45.0


def test_a_wall_turns_a_hanging_pole_the_other_way_and_leaves_a_level_one_alone(
    env: gym.Env[Any, Any],
) -> None:
    assert push(env, 1, (2.39, 2.0, math.pi, 0.0))[0][3] < -1.0
    free = push(env, 1, (0.0, 2.0, math.pi / 2, 0.0))[0][3]
    assert push(env, 1, (2.39, 2.0, math.pi / 2, 0.0))[0][3] == pytest.approx(free, abs=1e-6)


@pytest.mark.parametrize("tilt", [0.0, 0.7, -2.0, math.pi])
def test_a_stop_at_the_wall_is_inelastic(env: gym.Env[Any, Any], tilt: float) -> None:
    """The impulse acts on the cart alone, so the pole keeps its angular momentum about its pivot."""
    x_dot, rate = 2.0, 1.5
    free = push(env, 1, (0.0, x_dot, tilt, rate))[0]
    stopped = push(env, 1, (2.39, x_dot, tilt, rate))[0]
    assert stopped[1] == 0.0

    def momentum(speed: float, tilt_rate: float) -> float:
        return math.cos(tilt) * speed + 4 / 3 * HALF_LENGTH * tilt_rate

    def energy_j(speed: float, tilt_rate: float) -> float:
        """Of motion."""
        pole = 4 / 3 * (HALF_LENGTH * tilt_rate) ** 2 / 2 + speed * HALF_LENGTH * tilt_rate * math.cos(tilt)
        return TOTAL_KG * speed**2 / 2 + POLE_KG * pole

    assert momentum(0.0, stopped[3]) == pytest.approx(momentum(free[1], free[3]), abs=1e-5)
    lost_j = (TOTAL_KG - 0.75 * POLE_KG * math.cos(tilt) ** 2) * free[1] ** 2 / 2
    assert energy_j(0.0, stopped[3]) == pytest.approx(energy_j(free[1], free[3]) - lost_j, abs=1e-5)


@pytest.mark.parametrize("side", [1, -1])
def test_the_pole_of_a_cart_that_is_pressed_against_a_wall_turns_about_a_fixed_pivot(
    env: gym.Env[Any, Any], side: int
) -> None:
    tilt, rate = side * 0.1, 0.0
    observation = push(env, (side + 1) // 2, (side * WALL, 0.0, tilt, rate))[0]
    for _ in range(40):
        tilt, rate = tilt + STEP_S * rate, rate + STEP_S * 3 * GRAVITY * math.sin(tilt) / (4 * HALF_LENGTH)
        assert observation == pytest.approx([side * WALL, 0.0, tilt, rate], abs=1e-4)
        observation = env.step((side + 1) // 2)[0]
    assert abs(tilt) > math.pi / 4  # far enough that sin and cos matter


def test_random_and_one_sided_policies_stay_below_the_caps(env: gym.Env[Any, Any]) -> None:
    """A cap takes energy away."""
    rng = np.random.default_rng(0)
    for actions in (rng.integers(2, size=EPISODE_STEPS), np.zeros(EPISODE_STEPS), np.ones(EPISODE_STEPS)):
        env.reset(seed=1)
        for action in actions:
            observation = env.step(int(action))[0]
            assert abs(observation[1]) < MAX_SPEED
            assert abs(observation[3]) < MAX_TILT_RATE


def test_the_threshold_is_95_percent_of_the_best_return() -> None:
    assert find_task(CONTINUING).solved_return == 0.95 * EPISODE_STEPS
    any_tilt = find_task(CONTINUING, any_tilt=True).solved_return
    assert any_tilt == pytest.approx(0.95 * BEST_RETURN_ANY_TILT, abs=0.5)
    assert find_task(CONTINUING, any_tilt=False).solved_return == 475.0


@pytest.mark.slow
def test_a_controller_that_sees_the_state_reaches_the_threshold_from_any_tilt() -> None:
    """It pumps energy until an LQR can hold the pole."""
    inertia = HALF_LENGTH * (4 / 3 - POLE_KG / TOTAL_KG)
    per_newton = -1 / (TOTAL_KG * inertia)  # of the tilt's acceleration, near upright
    per_radian = GRAVITY / inertia
    coupling = POLE_KG * HALF_LENGTH / TOTAL_KG
    a, b = np.eye(4), np.zeros((4, 1))
    a[0, 1] = a[2, 3] = STEP_S
    a[1, 2], a[3, 2] = -STEP_S * coupling * per_radian, STEP_S * per_radian
    b[1, 0], b[3, 0] = STEP_S * (1 / TOTAL_KG - coupling * per_newton), STEP_S * per_newton
    cost = solve_discrete_are(a, b, np.diag([0.5, 0.5, 20.0, 1.0]), np.array([[0.01]]))
    gains = np.linalg.solve(0.01 + b.T @ cost @ b, b.T @ cost @ a)[0]

    def policy(observations: NDArray[np.float32]) -> NDArray[np.int64]:
        position, speed, tilt, rate = observations.T
        held = np.einsum("ni,ij,nj->n", observations, cost, observations) < 600
        energy = 2 / 3 * (HALF_LENGTH * rate) ** 2 + GRAVITY * HALF_LENGTH * (np.cos(tilt) - 1)
        pumping = energy * rate * np.cos(tilt) - 0.5 * position - speed > 0
        return np.where(held & (np.abs(tilt) < 0.6), observations @ gains < 0, pumping).astype(np.int64)

    task = find_task(CONTINUING, any_tilt=True)
    assert true_returns(policy, 100, task).mean() > task.solved_return


def test_the_tilt_is_wrapped() -> None:
    env = gym.make(CONTINUING)
    env.reset(seed=1)
    observation = push(env, 0, (0.0, 0.0, math.pi - 0.01, 2.0))[0]
    assert observation[2] == pytest.approx(-math.pi + 0.03, abs=1e-6)


def test_episodes_start_nearly_upright_or_from_any_tilt() -> None:
    near, wide = gym.make(CONTINUING), gym.make(CONTINUING, any_tilt=True)
    assert max(abs(near.reset(seed=seed)[0][2]) for seed in range(50)) <= 0.05
    tilts = [wide.reset(seed=seed)[0][2] for seed in range(50)]
    assert min(tilts) < -2
    assert max(tilts) > 2
