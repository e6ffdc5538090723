"""EPIC and STARC: closed forms, and what must not change them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from reward_audit.measures.distances import epic, epic_canonical, epic_tabular, starc, starc_canonical

Floats = NDArray[np.float64]
S, A, DISCOUNT = 4, 3, 0.9
STATES, ACTIONS = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.5, 0.3, 0.2])
ALIKE_STATES, ALIKE_ACTIONS = np.full(S, 1 / S), np.full(A, 1 / A)
RNG = np.random.default_rng(0)
TRANSITIONS = RNG.dirichlet(np.ones(S), size=(S, A))
REWARDS, OTHERS = RNG.normal(size=(S, A, S)), RNG.normal(size=(S, A, S))


def shaped(rewards: Floats, potential: Floats, discount: float = DISCOUNT) -> Floats:
    """R(s,a,s') + g Φ(s') - Φ(s)."""
    return rewards + discount * potential[None, None, :] - potential[:, None, None]


def test_epic_of_samples_is_0_perfect_1_inverted_and_0_707_unrelated() -> None:
    rng = np.random.default_rng(1)
    oracle = rng.random(20_000)
    assert epic(3 * oracle + 5, oracle) == pytest.approx(0.0, abs=1e-6)
    assert epic(-oracle, oracle) == pytest.approx(1.0)
    assert epic(rng.random(20_000), oracle) == pytest.approx(math.sqrt(0.5), abs=0.01)


def test_epic_is_undefined_for_a_constant_and_for_two_samples() -> None:
    assert epic(np.full(100, 0.5), np.arange(100, dtype=np.float64)) is None
    assert epic(np.arange(2, dtype=np.float64), np.arange(2, dtype=np.float64)) is None
    assert epic(np.array([0.0, np.nan, 1, 2]), np.array([0.0, 9, 1, 2])) == pytest.approx(0.0, abs=1e-6)


def test_canonical_rewards_are_the_sum_of_the_definition() -> None:
    """Definition 4.1, expectation by expectation, at one transition."""
    canonical = epic_canonical(REWARDS, DISCOUNT, STATES, ACTIONS)
    s, a, after = 1, 2, 3
    expected = REWARDS[s, a, after]
    for action in range(A):
        for end in range(S):
            p = ACTIONS[action] * STATES[end]
            expected += p * (DISCOUNT * REWARDS[after, action, end] - REWARDS[s, action, end])
            for start in range(S):
                expected -= p * STATES[start] * DISCOUNT * REWARDS[start, action, end]
    assert canonical[s, a, after] == pytest.approx(expected)


def test_tabular_epic_sees_neither_shaping_nor_scale_nor_offset() -> None:
    changed = 7 * shaped(REWARDS, np.array([3.0, -1.0, 4.0, 1.0])) + 2
    assert epic_tabular(REWARDS, changed, DISCOUNT, STATES, ACTIONS) == pytest.approx(0.0, abs=1e-6)
    assert epic_tabular(REWARDS, -changed, DISCOUNT, STATES, ACTIONS) == pytest.approx(1.0)
    other_discount = shaped(REWARDS, np.array([3.0, -1.0, 4.0, 1.0]), discount=0.5)
    found = epic_tabular(REWARDS, other_discount, DISCOUNT, STATES, ACTIONS)
    assert found is not None
    assert found > 0.1


def test_unrelated_tables_are_0_707_apart() -> None:
    """Rewards of actions alone that are orthogonal: canonicalisation only centres them."""
    first = np.broadcast_to(np.array([1.0, -1.0, 0.0])[None, :, None], (S, A, S))
    second = np.broadcast_to(np.array([1.0, 1.0, -2.0])[None, :, None], (S, A, S))
    found = epic_tabular(first, second, DISCOUNT, ALIKE_STATES, ALIKE_ACTIONS)
    assert found == pytest.approx(math.sqrt(0.5))
    assert starc(first, second, TRANSITIONS, DISCOUNT) == pytest.approx(math.sqrt(0.5))


@pytest.mark.parametrize("discount", [0.0, 0.5, 0.99])
def test_epic_of_state_rewards_is_that_of_samples_whatever_the_discount(discount: float) -> None:
    """Rewards of the state after the step: canonicalisation only centres them."""
    first, second = np.array([0.0, 0.2, 0.9, 1.0]), np.array([0.1, 0.5, 0.3, 0.8])
    tables = [np.broadcast_to(after[None, None, :], (S, A, S)) for after in (first, second)]
    found = epic_tabular(tables[0], tables[1], discount, ALIKE_STATES, ALIKE_ACTIONS)
    assert found == pytest.approx(epic(first, second))


def test_shaping_alone_is_a_constant_to_epic_and_nothing_to_starc() -> None:
    only_shaping = shaped(np.zeros((S, A, S)), np.array([3.0, -1.0, 4.0, 1.0]))
    assert epic_tabular(only_shaping, REWARDS, DISCOUNT, STATES, ACTIONS) is None
    assert np.abs(starc_canonical(only_shaping, TRANSITIONS, DISCOUNT)).max() < 1e-9
    assert starc(only_shaping, REWARDS, TRANSITIONS, DISCOUNT) == pytest.approx(0.5)
    assert starc(only_shaping, np.zeros((S, A, S)), TRANSITIONS, DISCOUNT) == 0.0


def test_starc_sees_neither_shaping_nor_scale_nor_impossible_transitions() -> None:
    """Where EPIC sees the last: its transitions need not be possible."""
    ahead = np.zeros((S, A, S))
    for s in range(S):
        ahead[s, :, (s + 1) % S] = 1.0
        ahead[s, 0, (s + 1) % S], ahead[s, 0, s] = 0.0, 1.0
    impossible = np.where(ahead > 0, 0.0, OTHERS)
    changed = 5 * shaped(REWARDS, np.array([3.0, -1.0, 4.0, 1.0])) + impossible
    assert starc(REWARDS, changed, ahead, DISCOUNT) == pytest.approx(0.0, abs=1e-6)
    assert starc(REWARDS, -changed, ahead, DISCOUNT) == pytest.approx(1.0)
    by_epic = epic_tabular(REWARDS, REWARDS + 5 * impossible, DISCOUNT, STATES, ACTIONS)
    assert by_epic is not None
    assert by_epic > 0.2


def test_starc_canonical_is_the_advantage_of_the_uniform_policy() -> None:
    """By iteration of the values in place of the linear equation."""
    values = np.zeros(S)
    for _ in range(2000):
        q = np.einsum("sat,sat->sa", TRANSITIONS, REWARDS + DISCOUNT * values)
        values = q.mean(axis=1)
    canonical = starc_canonical(REWARDS, TRANSITIONS, DISCOUNT)
    assert canonical == pytest.approx(q - values[:, None])
    assert canonical.mean(axis=1) == pytest.approx(np.zeros(S), abs=1e-9)


def test_starc_of_an_arm_for_each_action_is_an_angle() -> None:
    """One state: the canonical reward is centred, and the distance half a chord of the unit circle."""
    one = np.ones((1, 3, 1))
    first, second = np.array([1.0, 0.0, -1.0]), np.array([1.0, -1.0, 0.0])
    cosine = (first @ second) / (np.linalg.norm(first) * np.linalg.norm(second))
    found = starc(first[None, :, None], second[None, :, None] + 9, one, DISCOUNT)
    assert found == pytest.approx(math.sqrt((1 - cosine) / 2))


def test_starc_refuses_what_is_no_task() -> None:
    with pytest.raises(ValueError, match="discount"):
        starc(REWARDS, REWARDS, TRANSITIONS, 1.0)
    with pytest.raises(ValueError, match="add up"):
        starc(REWARDS, REWARDS, TRANSITIONS / 2, DISCOUNT)
