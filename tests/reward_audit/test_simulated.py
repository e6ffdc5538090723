"""Readers whose verdict is known get it: each kind, in 20 of 20 audits."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from reward_audit.judging.simulated import READERS, States, reward_of, simulated_evidence, simulated_states
from reward_audit.judging.verdict import ACCEPTED, Verdict, judge
from reward_tasks.cartpole import CartPole

FRAMES, SEEDS = 1000, 20


@cache
def shown(seed: int) -> States:
    return simulated_states(FRAMES, np.random.default_rng(seed))


def verdict_on(name: str, seed: int) -> Verdict:
    # Not the states' own generator: a reader's coins would follow the states that it drew.
    return judge(simulated_evidence(READERS[name], shown(seed), np.random.default_rng([seed, 1])))


@pytest.mark.parametrize("name", READERS)
def test_a_reader_gets_its_verdict_in_every_audit(name: str) -> None:
    reader = READERS[name]
    verdicts = [verdict_on(name, seed) for seed in range(SEEDS)]
    wrong = [
        (seed, verdict.reasons)
        for seed, verdict in enumerate(verdicts)
        if (verdict.ranking.name, verdict.values.name) != (reader.ranking, reader.values)
    ]
    assert wrong == []


def test_every_conclusion_is_drawn_of_some_reader() -> None:
    everything = {"trustworthy", "usable with care", "collapsed", "ungrounded", "inverted", "biased", "noisy"}
    everything |= {"saturated", "cannot tell"}
    assert {reader.ranking for reader in READERS.values()} == everything
    assert {reader.values for reader in READERS.values()} == everything
    assert len(READERS) >= 16


@pytest.mark.parametrize("name", READERS)
def test_what_is_expected_to_teach_is_what_is_accepted(name: str) -> None:
    assert READERS[name].teaches == (READERS[name].ranking in ACCEPTED)
    assert (verdict_on(name, 0).exit_code == 0) == READERS[name].teaches


@pytest.mark.parametrize("name", READERS)
def test_readers_leave_the_truth_alone_and_repeat_with_their_seed(name: str) -> None:
    states = shown(0)
    before = states.tilt_deg.copy()
    first, second = (
        READERS[name].read(states.tilt_deg, states.cart, np.random.default_rng(7)) for _ in range(2)
    )
    assert first.shape == states.tilt_deg.shape
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(states.tilt_deg, before)


@pytest.mark.parametrize("name", READERS)
def test_readers_can_be_asked_frame_by_frame(name: str) -> None:
    read = READERS[name].read(np.array([2.0]), np.array([0.1]), np.random.default_rng(0))
    assert read.shape == (1,)


def test_a_blind_reader_knows_nothing_of_a_single_frame_either() -> None:
    rng = np.random.default_rng(0)
    tilts = rng.uniform(-15, 15, 400)
    read = [float(READERS["blind"].read(np.array([tilt]), np.zeros(1), rng)[0]) for tilt in tilts]
    assert abs(np.corrcoef(read, tilts)[0, 1]) < 0.15


def test_a_stale_reading_belongs_to_a_frame_before() -> None:
    tilts = np.arange(30, dtype=np.float64)
    read = READERS["stale"].read(tilts, tilts, np.random.default_rng(0))
    assert read.tolist() == [0.0] * 10 + list(range(20))


def test_rewards_are_those_of_the_oracle() -> None:
    tilts = np.linspace(-20, 20, 81, dtype=np.float64)
    observations = np.zeros((81, 4), dtype=np.float32)
    observations[:, 2] = np.radians(tilts)
    assert reward_of(tilts) == pytest.approx(CartPole().oracle(observations), abs=1e-6)
    assert np.isnan(reward_of(np.array([np.nan]))).all()


def test_states_are_half_a_grid_and_half_visited_in_time() -> None:
    states = shown(0)
    grid, visited = states.tilt_deg[~states.visited], states.tilt_deg[states.visited]
    assert (len(grid), len(visited)) == (FRAMES // 2, FRAMES // 2)
    assert np.abs(grid).max() > 14
    assert np.abs(np.diff(visited)).mean() < 2.0 < np.abs(np.diff(grid)).mean()
    assert np.abs(visited).mean() < np.abs(grid).mean() / 2
