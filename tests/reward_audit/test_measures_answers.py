"""Collapse: what a model's answers are, whatever is true."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reward_audit.measures.answers import distinct, mode_share, normalised_entropy, share_unscored

TWO = ["45", "30"] * 50


def test_one_answer_for_all_has_share_1_and_entropy_0() -> None:
    answers = ["45"] * 20
    assert (mode_share(answers), distinct(answers), normalised_entropy(answers)) == (1.0, 1, 0.0)


def test_answers_that_all_differ_have_entropy_1() -> None:
    answers = [str(number) for number in range(20)]
    assert (mode_share(answers), distinct(answers)) == (1 / 20, 20)
    assert normalised_entropy(answers) == pytest.approx(1.0)


def test_a_coin_that_knows_two_answers_is_nearly_collapsed() -> None:
    """Pielou's evenness, divided by ln of the number of different answers, would say 1."""
    assert normalised_entropy(TWO) == pytest.approx(math.log(2) / math.log(100))
    assert normalised_entropy(TWO, possible=31) == pytest.approx(math.log(2) / math.log(31))
    assert normalised_entropy(TWO, possible=2) == pytest.approx(1.0)


def test_entropy_is_its_formula() -> None:
    answers = ["a"] * 5 + ["b"] * 3 + ["c"] * 2
    entropy = -sum(p * math.log(p) for p in (0.5, 0.3, 0.2))
    assert normalised_entropy(answers, possible=4) == pytest.approx(entropy / math.log(4))


def test_frames_without_an_answer_are_left_out() -> None:
    assert mode_share(["45", None, "45", "30", None]) == pytest.approx(2 / 3)
    assert distinct([None, "45", None]) == 1
    assert mode_share([None, None]) is None
    assert normalised_entropy([None, "45"]) is None
    assert normalised_entropy(["Yes", "Yes"], possible=1) is None
    assert distinct([]) == 0


def test_answers_are_compared_verbatim() -> None:
    assert distinct(["45", "45 ", "45.0"]) == 3


def test_more_answers_than_are_possible_are_refused() -> None:
    with pytest.raises(ValueError, match="3 different answers"):
        normalised_entropy(["a", "b", "c"], possible=2)


def test_the_share_of_nulls_counts_nan_and_not_0() -> None:
    assert share_unscored(np.array([0.0, np.nan, 1.0, np.nan])) == 0.5
    assert share_unscored(np.array([])) is None
