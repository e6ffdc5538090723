"""The same rewards count once, and the bar is the best blind seed plus half of what a perfect reader has."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.audit_validity import Options, Row, different, page, rank_correlation

CONTROLS = {"oracle": [300.0, 320.0], "constant": [40.0, 50.0], "random": [30.0, 45.0]}


def row(name: str, verdict: str, accepted: bool, order: float, *scores: float) -> Row:
    return Row(name, verdict, 20, accepted, order, list(scores))


ROWS = [
    row("perfect", "trustworthy", True, 1.0, 300.0, 320.0),
    row("mirrored", "trustworthy", True, 1.0, 300.0, 320.0),
    row("noise_8", "noisy", False, 0.2, 200.0, 200.0),
    row("saturated_3", "usable with care", True, 0.4, 40.0, 41.0),
    row("always_45", "collapsed", False, 0.0, 45.0, 46.0),
]


def test_readers_with_the_same_rewards_count_once() -> None:
    assert [one.name for one in different(ROWS)] == ["perfect", "noise_8", "saturated_3", "always_45"]


def test_the_page_says_who_taught_against_whom_was_accepted() -> None:
    text = page(ROWS, CONTROLS, 50.0, Options())
    assert "mean score is at least 180" in text  # 50 + (310 - 50) / 2
    assert "| accepted | 2: `perfect`, `mirrored` | 1: `saturated_3` |" in text
    assert "| refused, or cannot tell | 1: `noise_8` | 1: `always_45` |" in text
    assert "the 4 readers whose rewards differ: `mirrored` gives those of `perfect`" in text


def test_order_that_agrees_with_the_scores_has_a_correlation_of_one() -> None:
    apart = different(ROWS)
    learned = np.array([np.mean(one.scores) for one in apart])
    assert rank_correlation(apart, learned)[0] == pytest.approx(1.0)
    assert rank_correlation(apart, -learned)[0] == pytest.approx(-1.0)
