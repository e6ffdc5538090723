"""The states that an audit shows: all over the task, where policies of three skills go, and falls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reward_audit.showing.sweep import LookAhead, Source, actions_of, render, sweep_states
from reward_tasks.catalog import TASKS, find_task
from reward_tasks.task import Task

every_task = pytest.mark.parametrize("name", list(TASKS))
COUNTS = {
    Source.GRID: 20,
    Source.RANDOM: 8,
    Source.HALF_TRAINED: 8,
    Source.TRAINED: 8,
    Source.FALL: 8,
    Source.RECOVERY: 8,
}


@every_task
def test_a_sweep_has_as_many_states_of_each_source_as_asked(name: str) -> None:
    states = sweep_states(find_task(name), COUNTS, seed=0)
    assert [state.source for state in states] == [s for s, count in COUNTS.items() for _ in range(count)]


@every_task
def test_a_frame_shows_the_state_whose_truth_is_known(name: str) -> None:
    """What is rendered is what the observation says: the same frame as of an environment put there anew."""
    task = find_task(name)
    states = sweep_states(task, COUNTS, seed=1)
    env, other = task.make(frames=True), task.make(frames=True)
    env.reset(seed=0)
    other.reset(seed=9)
    for state in states[::5]:
        frame = render(task, env, state)
        placed = task.place(other, np.array(other_state(task, state.saved)))
        assert placed == pytest.approx(state.observation, abs=1e-5)
        assert (frame == np.asarray(other.render())).all()
    env.close()
    other.close()


def other_state(task: Task, saved: dict[str, object]) -> list[float]:
    """A saved state in the form that ``place`` takes."""
    state = list(np.asarray(saved["state"], dtype=float))
    if "last_u" in saved and saved["last_u"] is not None:
        state.append(float(saved["last_u"]))  # type: ignore[arg-type]
    return state


@every_task
def test_the_same_seed_gives_the_same_states_and_another_one_others(name: str) -> None:
    task = find_task(name)
    one, again, other = (
        np.stack([state.observation for state in sweep_states(task, COUNTS, seed)]) for seed in (3, 3, 4)
    )
    assert (one == again).all()
    assert not (one == other).all()


def test_every_environment_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    task, opened, closed = find_task("CartPole-v1"), list[Any](), list[Any]()
    make = task.make

    def counted() -> Any:
        env = make()
        opened.append(env)
        monkeypatch.setattr(env, "close", lambda: closed.append(env))
        return env

    monkeypatch.setattr(task, "make", counted)
    sweep_states(task, COUNTS, seed=0)
    # one for each source, one more for recoveries, and one for each of the three policies that look ahead
    assert len(opened) == 6 + 1 + 3
    assert {id(env) for env in closed} == {id(env) for env in opened}


@every_task
def test_looking_ahead_is_better_than_acting_at_random(name: str) -> None:
    task = find_task(name)
    counts = {Source.RANDOM: 30, Source.TRAINED: 30}
    states = sweep_states(task, counts, seed=0)
    mean = {
        source: float(
            task.oracle(np.stack([state.observation for state in states if state.source is source])).mean()
        )
        for source in counts
    }
    assert mean[Source.TRAINED] > mean[Source.RANDOM]


def test_looking_ahead_solves_cartpole_without_learning() -> None:
    task = find_task("CartPole-v1")
    env, policy = task.make(), LookAhead(task)
    env.reset(seed=0)
    tilts = []
    for _ in range(300):
        observation, _, terminated, *_ = env.step(policy.act(env))
        tilts.append(abs(float(np.degrees(observation[2]))))
        assert not terminated
    assert np.mean(tilts) < 5.0


def test_falls_end_where_an_episode_does_and_recoveries_do_not() -> None:
    task = find_task("CartPole-v1")
    states = sweep_states(task, {Source.FALL: 60, Source.RECOVERY: 60, Source.TRAINED: 60}, seed=0)
    tilt = {
        source: np.abs([np.degrees(state.observation[2]) for state in states if state.source is source])
        for source in (Source.FALL, Source.RECOVERY, Source.TRAINED)
    }
    assert tilt[Source.FALL].max() > 12.0
    assert 12.0 > tilt[Source.RECOVERY].max() > 6.0
    assert tilt[Source.RECOVERY].mean() > tilt[Source.TRAINED].mean()


def test_a_policy_that_looks_ahead_leaves_the_environment_where_it_was() -> None:
    task = find_task("Acrobot-v1")
    env = task.make()
    env.reset(seed=5)
    before = task.env_state(env)
    LookAhead(task).act(env)
    after = task.env_state(env)
    assert (before["state"] == after["state"]).all()
    assert before["rng"] == after["rng"]


def test_continuous_actions_are_tried_at_their_ends_and_in_the_middle() -> None:
    env = find_task("Pendulum-v1").make()
    assert [float(action[0]) for action in actions_of(env)] == [-2.0, 0.0, 2.0]
    assert list(actions_of(find_task("Acrobot-v1").make())) == [0, 1, 2]
