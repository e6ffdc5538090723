"""Simulated readers, whose verdict is known: what a verdict is tested with. Not for audits of real models.

A reader takes what is true in frames of CartPole, in the order in which they were seen, and gives the tilts
that it reads. ``simulated_states`` and ``simulated_evidence`` make an audit of it without a frame and without
a model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reward_audit.judging.evidence import Evidence, Name
from reward_audit.measures.ranking import kendall_tau_b
from reward_tasks.cartpole import UPRIGHT_DEG, CartPole
from reward_tasks.catalog import find_task

Floats = NDArray[np.float64]
Read = Callable[[Floats, Floats, np.random.Generator], Floats]

TRACK = 2.4
"""Where the track ends, in the units of a cart's position."""

STALE_STEPS = 10
"""A fifth of a second: a pole that falls has gone several degrees on."""

_GRID_DEG = 15.0


@dataclass(frozen=True)
class Reader:
    """A simulated reader.

    Attributes:
        name: in ``READERS``.
        about: what it does, in words.
        read: from true tilts in degrees ``(N,)``, cart positions ``(N,)``, both in the order in which the
            frames were seen, and a random generator, to the tilts read ``(N,)``, NaN for null. Only ``stale``
            needs the order.
        ranking: the verdict on its ranking that is right.
        values: the verdict on its values that is right.
        teaches: whether a DQN is expected to learn CartPole-v1 from its rewards better than from the
            controls. A prediction, written down before any agent was trained on it.
    """

    name: str
    about: str
    read: Read
    ranking: Name
    values: Name
    teaches: bool


def reward_of(read_deg: Floats) -> Floats:
    """The map of the rubric cartpole-angle, 1 - min(abs(tilt) / 12, 1): ``(N,)`` to ``(N,)``, NaN to NaN."""
    return CartPole().oracle_of_truth({"tilt_deg": read_deg})


def _noisy(sigma_deg: float) -> Read:
    return lambda tilt, cart, rng: tilt + rng.normal(0.0, sigma_deg, len(tilt))


def _blind(tilt: Floats, cart: Floats, rng: np.random.Generator) -> Floats:
    """Draws from what tilts are usually like, half a grid and half visited, without a look at the frame."""
    usual = np.where(rng.random(len(tilt)) < 0.5, _GRID_DEG * (2 * rng.random(len(tilt)) - 1), 0.0)
    return np.where(usual == 0.0, rng.normal(0.0, 3.0, len(tilt)), usual)


def _stale(tilt: Floats, cart: Floats, rng: np.random.Generator) -> Floats:
    return np.concatenate([np.full(min(STALE_STEPS, len(tilt)), tilt[0]), tilt[:-STALE_STEPS]])


def _usual(cart: Floats) -> NDArray[np.bool_]:
    """Where policies nearly always are, and a fifth of the grid is: in the middle of the track."""
    return np.asarray(np.abs(cart) < 0.5)


_ALL = (
    Reader(
        "perfect", "reads the tilt as it is", lambda t, x, rng: t.copy(), "trustworthy", "trustworthy", True
    ),
    Reader("noise_0.5", "0.5 degrees of noise", _noisy(0.5), "trustworthy", "trustworthy", True),
    Reader("noise_2", "2 degrees of noise", _noisy(2.0), "usable with care", "usable with care", True),
    Reader("noise_8", "8 degrees of noise", _noisy(8.0), "noisy", "noisy", False),
    Reader(
        "whole_degrees",
        "the nearest whole degree, as an answer in digits has it",
        lambda t, x, rng: np.round(t),
        "trustworthy",
        "trustworthy",
        True,
    ),
    Reader(
        "always_45", "45, always", lambda t, x, rng: np.full(len(t), 45.0), "collapsed", "collapsed", False
    ),
    Reader(
        "45_or_30_by_coin",
        "45 or 30, by a coin",
        lambda t, x, rng: np.where(rng.random(len(t)) < 0.5, 45.0, 30.0),
        "collapsed",  # both are worth 0
        "collapsed",
        False,
    ),
    Reader(
        "45_or_30_by_place",
        "45 or 30, by where the cart is",
        lambda t, x, rng: np.where(x < 0, 45.0, 30.0),
        "collapsed",
        "collapsed",
        False,
    ),
    Reader(
        "45_or_0_by_coin",
        "45 or 0, by a coin: rewards that differ",
        lambda t, x, rng: np.where(rng.random(len(t)) < 0.5, 45.0, 0.0),
        "ungrounded",
        "collapsed",
        False,
    ),
    Reader(
        "inverted",
        "on the other side, and the more upright the further",
        lambda t, x, rng: -np.sign(t) * np.maximum(UPRIGHT_DEG - np.abs(t), 0.0),
        "inverted",
        "inverted",
        False,
    ),
    Reader(
        "mirrored",
        "the right size on the wrong side: the rewards are right",
        lambda t, x, rng: -t,
        "trustworthy",
        "inverted",
        True,
    ),
    Reader("biased_5", "5 degrees too much", lambda t, x, rng: t + 5.0, "biased", "biased", False),
    Reader("half_scale", "half the tilt", lambda t, x, rng: 0.5 * t, "trustworthy", "biased", True),
    Reader("blind", "draws from what is usual", _blind, "ungrounded", "ungrounded", False),
    Reader(
        "near_upright_only",
        "right within 6 degrees, 9 beyond",
        lambda t, x, rng: np.where(np.abs(t) < 6.0, t, 9.0),
        "usable with care",
        "saturated",
        True,
    ),
    Reader(
        "saturated_3",
        "at most 3 degrees to each side",
        lambda t, x, rng: np.clip(t, -3.0, 3.0),
        "usable with care",  # right where policies go, and elsewhere it says little that is wrong
        "saturated",
        True,
    ),
    Reader(
        "saturated_12",
        "0 up to where an episode ends: a reward of 1 for nearly all",
        lambda t, x, rng: np.where(np.abs(t) < UPRIGHT_DEG, 0.0, t),
        "saturated",
        "saturated",
        False,
    ),
    Reader(
        "half_null_at_random",
        "right, or null by a coin",
        lambda t, x, rng: np.where(rng.random(len(t)) < 0.5, np.nan, t),
        "usable with care",
        "trustworthy",
        True,
    ),
    Reader(
        "half_null_where_it_matters",
        "right within 4 degrees, null beyond",
        lambda t, x, rng: np.where(np.abs(t) < 4.0, t, np.nan),
        "cannot tell",
        "cannot tell",
        False,
    ),
    Reader(
        "inverted_where_visited",
        "right far from where policies go; there on the other side, and the more upright the further",
        lambda t, x, rng: np.where(_usual(x), t - UPRIGHT_DEG * np.sign(t), t),
        "inverted",
        "inverted",
        False,
    ),
    Reader(
        "blind_where_visited",
        "right far from where policies go, blind there",
        lambda t, x, rng: np.where(_usual(x), rng.uniform(-_GRID_DEG, _GRID_DEG, len(t)), t),
        "ungrounded",
        "ungrounded",
        False,
    ),
    Reader("stale", f"what was true {STALE_STEPS} frames ago", _stale, "ungrounded", "ungrounded", False),
)

READERS: dict[str, Reader] = {reader.name: reader for reader in _ALL}


@dataclass(frozen=True)
class States:
    """States of CartPole.

    Attributes:
        tilt_deg: ``(N,)`` float64, right positive.
        cart: ``(N,)`` float64, the cart's position.
        visited: ``(N,)`` bool, False for a grid; visited states are in time's order.
    """

    tilt_deg: Floats
    cart: Floats
    visited: NDArray[np.bool_]


def simulated_states(count: int, rng: np.random.Generator) -> States:
    """Half a grid, half visited: a third each by a policy that balances in all, half and none of its steps.

    Args:
        count: number of states.
        rng: source of randomness.
    """
    grid = count // 2
    tilt_deg = list(rng.uniform(-_GRID_DEG, _GRID_DEG, grid))
    cart = list(rng.uniform(-TRACK, TRACK, grid))
    env = find_task("CartPole-v1").make()
    for random_share, until in zip((1.0, 0.5, 0.0), np.linspace(grid, count, 4)[1:], strict=True):
        while len(tilt_deg) < round(until):
            observation, _ = env.reset(seed=int(rng.integers(2**31)))
            ended = False
            while not ended and len(tilt_deg) < round(until):
                x, speed, tilt, rate = (float(number) for number in observation)
                balanced = int(10 * tilt + 1.5 * rate + 0.3 * x + 0.6 * speed > 0)
                action = int(rng.integers(2)) if rng.random() < random_share else balanced
                observation, _, terminated, truncated, _ = env.step(action)
                ended = terminated or truncated
                cart.append(float(observation[0]))
                tilt_deg.append(float(np.degrees(observation[2])))
    env.close()
    return States(np.array(tilt_deg), np.array(cart), np.arange(count) >= grid)


def simulated_evidence(reader: Reader, states: States, rng: np.random.Generator) -> Evidence:
    """What an audit of a reader would gather.

    Args:
        reader: which.
        states: what it is shown; ``simulated_states``, or those of a sweep.
        rng: the reader's, and that of the nulls.
    """
    count = len(states.tilt_deg)
    oracle, zero, grid = reward_of(states.tilt_deg), np.zeros(count), ~states.visited
    read = reader.read(states.tilt_deg, states.cart, rng)
    dealt = rng.permutation(count)
    # What a reader would take for a tilt where there is nothing to see.
    instead = {
        "black": (zero, zero),
        "noise": (rng.uniform(-_GRID_DEG, _GRID_DEG, count), rng.uniform(-TRACK, TRACK, count)),
        "still": (np.full(count, states.tilt_deg[0]), np.full(count, states.cart[0])),
        "shuffled": (states.tilt_deg[dealt], states.cart[dealt]),
        "wrong_question": (_GRID_DEG / TRACK * states.cart, states.cart),
    }
    nulls = {name: reward_of(reader.read(tilt, cart, rng)) for name, (tilt, cart) in instead.items()}
    again = reader.read(states.tilt_deg, states.cart, rng)
    return Evidence(
        rewards=reward_of(read),
        oracle=oracle,
        values=read,
        truth=states.tilt_deg,
        period=360.0,  # as the task's column has it
        answers=[None if np.isnan(value) else f"{value:.0f}" for value in read],
        bounds=(0.0, 1.0),
        # Of the grid alone: where the cart is tells visited states from others, and so something of the tilt.
        null_taus={name: kendall_tau_b(rewards[grid], oracle[grid]) for name, rewards in nulls.items()},
        retest=np.column_stack([reward_of(read), reward_of(again)])[:: max(1, count // 100)],
        visited=states.visited,
    )
