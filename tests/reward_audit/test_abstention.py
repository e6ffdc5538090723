"""Limits on label mass and entropy keep a stated error on frames held out, or are not set."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from reward_audit.measures.answers import entropy_of_probabilities
from reward_audit.mending.abstention import Abstention, abstain
from reward_server.reading.readouts import normalised_entropy
from tests.reward_audit.swept import swept

Floats = NDArray[np.float64]

COUNT = 900


def reader(seed: int, *, informative: bool = True) -> tuple[Floats, Floats, Floats]:
    """What is read, what is true, and the entropy: half of the frames are off by 0.5 degrees, half by 6."""
    rng = np.random.default_rng(seed)
    true, unsure = rng.uniform(-15, 15, COUNT), rng.random(COUNT) < 0.5
    read = true + np.where(unsure, 6.0, 0.5) * rng.choice([-1, 1], COUNT)
    entropy = rng.uniform(0.0, 0.3, COUNT) + 0.5 * (unsure if informative else rng.random(COUNT) < 0.5)
    return read, true, entropy


def limited(seed: int, at_error: float, *, informative: bool = True) -> Abstention:
    read, true, entropy = reader(seed, informative=informative)
    return abstain(swept(read, true, entropy=entropy, label_mass=np.ones(COUNT)), None, at_error, "deg")


def test_a_limit_on_entropy_leaves_the_frames_that_are_read_well() -> None:
    found = limited(0, 0.6)
    assert found.min_label_mass is None
    assert found.max_entropy is not None
    assert 0.25 < found.max_entropy <= 0.5
    assert found.before["error"] == pytest.approx(3.25, abs=0.5)
    assert found.before["coverage"] == 1.0
    assert found.after is not None
    assert found.after["error"] == pytest.approx(0.5, abs=0.1)
    assert found.after["coverage"] == pytest.approx(0.5, abs=0.1)
    assert found.frames == {"choosing": 300, "held_out": 300}
    assert "% of frames with a reward on 300 frames held out, after a mean error of 3." in found.told


def test_more_frames_are_left_where_more_error_is_allowed() -> None:
    coverages = [(limited(0, error).after or {"coverage": 1.0})["coverage"] for error in (0.6, 1.5, 2.5, 9.0)]
    assert coverages == sorted(coverages)  # type: ignore[type-var]
    assert coverages[0] != coverages[1] != coverages[2] != coverages[3] == 1.0


@pytest.mark.parametrize("at_error", [0.8, 1.5, 2.5])
def test_the_stated_error_is_kept_on_frames_held_out_nearly_always(at_error: float) -> None:
    """54 to 58 times of 60, for these errors; without the margin 12 or 13 of 20."""
    errors = [(limited(seed, at_error).after or {"error": None})["error"] for seed in range(20)]
    assert sum(error is not None and error <= at_error for error in errors) >= 16


def test_limits_that_do_not_hold_on_frames_held_out_are_not_used() -> None:
    read, true, entropy = reader(0)
    read[2::3] = true[2::3] + 6.0  # held out: wrong, however sure
    found = abstain(swept(read, true, entropy=entropy), None, 0.6, "deg")
    assert found.max_entropy is None
    assert found.after is not None
    assert "but not on other frames, so they are not used" in found.told


def test_an_entropy_that_says_nothing_is_no_limit() -> None:
    found = limited(0, 0.6, informative=False)
    assert (found.min_label_mass, found.max_entropy, found.after) == (None, None, None)
    assert found.told.startswith("No limits on label mass and entropy keep to a mean error of 0.6 deg")


def test_label_mass_is_a_limit_too() -> None:
    read, true, entropy = reader(1)
    found = abstain(swept(read, true, label_mass=1.0 - entropy), None, 0.6, "deg")
    assert found.max_entropy is None
    assert found.min_label_mass is not None
    assert 0.5 <= found.min_label_mass < 0.75


def test_values_are_corrected_before_errors_are_counted() -> None:
    read, true, entropy = reader(2)
    biased = swept(read + 5.0, true, entropy=entropy)
    assert abstain(biased, None, 0.6, "deg").after is None
    assert abstain(biased, [(-30.0, -35.0), (30.0, 25.0)], 0.6, "deg").max_entropy is not None


def test_frames_without_a_reward_count_as_not_covered() -> None:
    read, true, entropy = reader(3)
    read[::2] = np.nan
    found = abstain(swept(read, true, entropy=entropy), None, 0.6, "deg")
    assert found.before["coverage"] == pytest.approx(0.5)
    assert found.after is not None
    assert found.after["coverage"] == pytest.approx(0.25, abs=0.08)


def test_where_the_error_is_small_enough_every_answer_stays() -> None:
    found = limited(0, 9.0)
    assert (found.min_label_mass, found.max_entropy, found.after) == (None, None, None)
    assert found.told.startswith("Every answer may stay: a mean error of 3.")


def test_a_text_has_nothing_to_set_a_limit_on() -> None:
    read, true, _ = reader(0)
    assert "an answer in text has neither" in abstain(swept(read, true), None, 0.6, "deg").told


@pytest.mark.parametrize("probabilities", [[1.0, 0.0], [0.25] * 4, [0.7, 0.2, 0.1], [1e-300, 1.0]])
def test_the_audit_and_the_server_mean_the_same_by_entropy(probabilities: list[float]) -> None:
    assert entropy_of_probabilities(probabilities) == pytest.approx(normalised_entropy(probabilities))
    assert entropy_of_probabilities([1.0]) is None
