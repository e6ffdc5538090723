"""Every shipped task: its truth, its sweep, its pictures, and that it goes on where it was saved."""

from __future__ import annotations

import math

import gymnasium as gym
import numpy as np
import pytest

from reward_tasks.cartpole_continuing import CartPoleContinuing
from reward_tasks.catalog import TASKS, find_task
from reward_tasks.mountain_car import MountainCar
from reward_tasks.task import Task, TaskError

every_task = pytest.mark.parametrize("task", [find_task(name) for name in TASKS], ids=list(TASKS))


@every_task
def test_a_task_says_what_the_registry_says(task: Task) -> None:
    spec = gym.spec(task.env_id)
    assert task.episode_steps == spec.max_episode_steps
    if spec.reward_threshold is not None:
        assert task.solved_return == spec.reward_threshold
    env = task.make()
    assert task.observation_scale.shape == env.observation_space.shape
    assert env.metadata["render_fps"] == task.frames_per_s
    env.close()


@every_task
def test_states_can_be_placed_observed_and_seen(task: Task) -> None:
    rng, env = np.random.default_rng(0), task.make(frames=True)
    env.reset(seed=0)
    states = task.sweep(20, rng)
    observations = np.stack([task.place(env, state) for state in states])
    assert env.observation_space.contains(observations[0]) or task.env_id.startswith("CartPole")
    truth = task.truth(observations)
    assert list(truth) == [column.name for column in task.columns]
    assert all(values.shape == (20,) and np.isfinite(values).all() for values in truth.values())
    first = truth[task.columns[0].name]
    assert np.ptp(first) > 0.5 * (np.abs(first).max() or 1)  # a sweep shows different things
    frames = []
    for state in states:
        task.place(env, state)
        frames.append(np.asarray(env.render()))
    assert all(frame.dtype == np.uint8 and frame.shape[2] == 3 for frame in frames)
    assert len({frame.tobytes() for frame in frames}) >= 18  # two angles may be alike to a pixel
    env.close()


@every_task
def test_what_is_observed_at_a_placed_state_is_what_the_environment_observes(task: Task) -> None:
    env = task.make()
    observation, _ = env.reset(seed=3)
    state = np.array(env.unwrapped.state, dtype=np.float64)  # type: ignore[attr-defined]
    assert task.place(env, state) == pytest.approx(observation, abs=1e-6)
    env.close()


@every_task
def test_an_environment_goes_on_where_it_was_saved(task: Task) -> None:
    env, other = task.make(frames=True), task.make(frames=True)
    env.reset(seed=1)
    other.reset(seed=2)
    env.action_space.seed(0)
    for _ in range(7):
        env.step(env.action_space.sample())
    task.restore_env(other, task.env_state(env))
    assert (np.asarray(env.render()) == np.asarray(other.render())).all()
    ended = False
    while not ended:
        action = env.action_space.sample()
        one, another = env.step(action), other.step(action)
        assert (one[0] == another[0]).all()
        assert one[1:4] == another[1:4]
        ended = bool(one[2] or one[3])
    assert (env.reset()[0] == other.reset()[0]).all()  # the random state too
    env.close()
    other.close()


@every_task
def test_a_pointer_at_the_true_value_lies_on_what_was_drawn(task: Task) -> None:
    column = next((column for column in task.columns if column.unit), None)
    assert column is not None
    env = task.make(frames=True)
    env.reset(seed=0)
    blank = int(np.asarray(env.render())[0, 0].astype(int).sum())
    hits = []
    for state in task.sweep(40, np.random.default_rng(1)):
        observation = task.place(env, state)
        value = float(task.truth(observation[None])[column.name][0])
        line = task.pointer(observation, value, column.unit)
        assert line is not None
        (x0, y0), (x1, y1) = line
        frame = np.asarray(env.render()).astype(int)
        share = 0.33 if task.env_id == "MountainCar-v0" else 0.5  # through the car, or the middle of a rod
        column_px, row_px = round(x0 + share * (x1 - x0)), round(y0 + share * (y1 - y0))
        if 0 <= row_px < frame.shape[0] and 0 <= column_px < frame.shape[1]:
            hits.append(int(frame[row_px, column_px].sum()) != blank)
        assert task.pointer(observation, value, "kg") is None
    assert len(hits) > 20
    assert np.mean(hits) > 0.95
    env.close()


@every_task
def test_a_perfect_reward_is_best_where_the_task_wants_to_be(task: Task) -> None:
    states = task.sweep(2000, np.random.default_rng(2))
    observations = np.stack([task.observation(state) for state in states])
    rewards, first = task.oracle(observations), task.truth(observations)[task.columns[0].name]
    assert rewards.shape == (2000,)
    assert np.isfinite(rewards).all()
    assert -1.0 <= rewards.min() < rewards.max() <= 1.0
    best, worst = first[rewards.argmax()], first[rewards.argmin()]
    if task.columns[0].unit == "deg":
        assert abs(best) < abs(worst)
    elif task.env_id == "MountainCar-v0":
        assert abs(math.sin(3 * best)) > 0.99
    else:
        assert best > worst


def test_climbing_pays_and_hovering_does_not() -> None:
    """At most 0 a step: otherwise a car would wait below the flag and collect."""
    task = MountainCar()
    observations = np.stack([task.observation(state) for state in task.sweep(500, np.random.default_rng(0))])
    assert task.oracle(observations).max() <= 0.0


def test_options_are_the_environments_own() -> None:
    task = find_task("CartPoleContinuing-v0", any_tilt=True)
    assert isinstance(task, CartPoleContinuing)
    env = task.make()
    tilts = [env.reset(seed=seed)[0][2] for seed in range(20)]
    assert np.ptp(tilts) > 2.0
    env.close()
    with pytest.raises(TaskError, match="CartPole-v1 takes no option any_tilt"):
        find_task("CartPole-v1", any_tilt=True)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("CartPole-v9", "there is no task 'CartPole-v9'; choose from CartPole-v1"),
        ("no_such_module:MyTask", "the module 'no_such_module' of the task"),
        ("math:sin", "math has no class 'sin' that is a reward_tasks.task.Task"),
        ("math:Nothing", "math has no class 'Nothing'"),
        ("reward_tasks.task:Task", "is not complete"),
    ],
)
def test_a_name_that_is_no_task_is_refused(name: str, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        find_task(name)
