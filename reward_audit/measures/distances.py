"""Distances between reward functions that no shaping, scaling or offset changes: EPIC and STARC.

Both run from 0 (the same) over √½ ≈ 0.707 (unrelated) to 1 (inverted). ``epic`` takes samples; the others
take tables over all transitions of a small task, and are for tests, toys and teaching. EPIC's reference code
is unmaintained; closed forms are the tests here. STARC alone bounds the regret of a policy that follows the
wrong reward.
"""

from __future__ import annotations

import math

import numpy as np

from reward_audit.measures.pairs import Floats
from reward_audit.measures.ranking import pearson

_ZERO = 1e-9
"""Size of a canonicalised table, relative to the table's own, that is rounding."""


def epic(rewards: Floats, oracle: Floats) -> float | None:
    """EPIC distance of two rewards that depend on the state alone, from samples of states: √((1 - rho) / 2).

    Canonicalisation subtracts from R(s, a, s') what shaping could have added, with g for the discount:
    E[g R(s', A, S') - R(s, A, S') - g R(S, A, S')]. For R = r(s') that leaves r(s') - E[r(S')], and for R =
    r(s) it leaves g times the same; Pearson's rho sees neither the constant nor the factor. So the discount
    does not matter, and rho is the correlation of the rewards as they are. The samples are the coverage
    distribution: on other states it is another distance.

    Source: Gleave et al., "Quantifying differences in reward functions", ICLR 2021, definitions 4.1 to 4.3.

    Args:
        rewards: ``(N,)`` of sampled states; NaN where null, and left out.
        oracle: ``(N,)`` of the same states.

    Returns:
        0 perfect, 0.707 unrelated, 1 inverted; None for fewer than three samples, and for a constant.
    """
    return _from_correlation(pearson(rewards, oracle))


def epic_canonical(rewards: Floats, discount: float, states: Floats, actions: Floats) -> Floats:
    """EPIC's canonically shaped reward: R(s,a,s') + E[g R(s',A,S') - R(s,A,S') - g R(S,A,S')].

    S, A and S' are drawn independently, the states from ``states``, whether or not the task has such a
    transition.

    Source: Gleave et al., definition 4.1.

    Args:
        rewards: ``(S, A, S)``, R(s, a, s').
        discount: g, from 0 to 1.
        states: ``(S,)`` probabilities.
        actions: ``(A,)`` probabilities.

    Returns:
        ``(S, A, S)``.
    """
    from_state = np.einsum("sat,a,t->s", rewards, actions, states)  # E R(s, A, S')
    at_end, at_start = from_state[None, None, :], from_state[:, None, None]
    canonical: Floats = rewards + discount * at_end - at_start - discount * float(states @ from_state)
    return canonical


def epic_tabular(
    first: Floats, second: Floats, discount: float, states: Floats, actions: Floats
) -> float | None:
    """EPIC distance of two rewards over all transitions, each as likely as its states and action are.

    Source: Gleave et al., definition 4.3.

    Args:
        first: ``(S, A, S)``.
        second: ``(S, A, S)``.
        discount: g.
        states: ``(S,)`` probabilities.
        actions: ``(A,)`` probabilities.

    Returns:
        From 0 to 1; None where one of them is constant once canonicalised.
    """
    weights = np.einsum("s,a,t->sat", states, actions, states)
    shaped = []
    for rewards in (first, second):
        canonical = epic_canonical(rewards, discount, states, actions)
        centred = canonical - float((weights * canonical).sum())
        size = math.sqrt(float((weights * centred**2).sum()))
        if size <= _ZERO * max(1e-300, float(np.abs(rewards).max())):
            return None
        shaped.append(centred / size)
    return _from_correlation(float(np.clip((weights * shaped[0] * shaped[1]).sum(), -1.0, 1.0)))


def starc_canonical(rewards: Floats, transitions: Floats, discount: float) -> Floats:
    """STARC's value-adjusted levelling (VAL): E[R(s,a,S') - V(s) + g V(S')].

    With V the values of the uniform policy it is that policy's advantage of an action in a state, so that
    neither shaping nor what is said of impossible transitions is left.

    Source: Skalse et al., "STARC", ICLR 2024, arXiv 2309.15257.

    Args:
        rewards: ``(S, A, S)``, R(s, a, s').
        transitions: ``(S, A, S)`` probabilities of s' after a in s.
        discount: g, below 1.

    Returns:
        ``(S, A)``; the same for every s'.
    """
    mean = np.einsum("sat,sat->sa", transitions, rewards)
    policy_transitions = transitions.mean(axis=1)
    values = np.linalg.solve(np.eye(len(mean)) - discount * policy_transitions, mean.mean(axis=1))
    advantage: Floats = mean - values[:, None] + discount * transitions @ values
    return advantage


def starc(first: Floats, second: Floats, transitions: Floats, discount: float) -> float:
    """STARC distance of two rewards over all transitions of a task.

    Canonicalised by VAL, then divided by their L2 norm over states and actions; half the L2 distance of the
    results, so that 1 is inverted. A reward under which all policies are equally good stays 0: its distance
    is 0 from another such one, and 0.5 from any other. So a constant is *nearer* to the truth than an
    unrelated reward: look for collapse by itself.

    Source: Skalse et al., "STARC", ICLR 2024, arXiv 2309.15257, definition of s(R) and of the metric.

    Args:
        first: ``(S, A, S)``.
        second: ``(S, A, S)``.
        transitions: ``(S, A, S)`` probabilities of s' after a in s.
        discount: g, below 1.

    Returns:
        From 0 to 1, always defined.

    Raises:
        ValueError: the transitions are no probabilities, or the discount is not below 1.
    """
    if not 0 <= discount < 1:
        raise ValueError(f"the discount must be at least 0 and below 1, not {discount}")
    if not np.allclose(transitions.sum(axis=2), 1) or transitions.min() < 0:
        raise ValueError("the transitions from each state and action must add up to 1")
    standard = []
    for rewards in (first, second):
        canonical = starc_canonical(rewards, transitions, discount)
        size = float(np.linalg.norm(canonical))
        nothing = size <= _ZERO * float(np.abs(rewards).max())
        standard.append(np.zeros_like(canonical) if nothing else canonical / size)
    return min(1.0, float(np.linalg.norm(standard[0] - standard[1])) / 2)


def _from_correlation(correlation: float | None) -> float | None:
    return None if correlation is None else math.sqrt((1.0 - correlation) / 2)
