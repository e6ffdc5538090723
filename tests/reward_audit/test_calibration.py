"""Readers that are off by a shift or a distortion are corrected; noisy and blind ones are left alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from reward_audit.mending.calibration import Calibration, calibrate
from reward_audit.mending.corrections import bias_correction, corrected, isotonic_correction
from reward_client.rubric import Rubric
from reward_server.reading.reward_maps import corrected as corrected_by_the_server
from tests.reward_audit.swept import swept

Floats = NDArray[np.float64]

DISTANCE = {"type": "distance", "target": 0, "tolerance": 12}
TEXT = Rubric.model_validate(
    {"prompt": "?", "unit": "deg", "readout": {"type": "number"}, "reward": DISTANCE}
)
RNG = np.random.default_rng(0)
TRUE = RNG.uniform(-15, 15, 600)


NO_GAIN = "No correction takes away 10 % of the error"
DIFFERENT = "The errors differ from frame to frame, which no correction mends"


def looked_for(read: Floats, true: Floats = TRUE, **options: Any) -> Calibration:
    return calibrate(swept(read, true, **options), TEXT, "deg")


def test_the_nearest_map_that_never_falls_goes_through_the_middles_of_its_level_pieces() -> None:
    """The closed form: 5 and 3 are the wrong way round, so both become their mean, drawn at 1.5."""
    knots = isotonic_correction(np.array([3.0, 0.0, 2.0, 1.0]), np.array([9.0, 0.0, 3.0, 5.0]))
    assert knots == [(0.0, 0.0), (1.5, 4.0), (3.0, 9.0)]
    assert isotonic_correction(np.array([0.0, 1.0, 2.0]), np.array([3.0, 2.0, 1.0])) is None


def test_equal_readings_are_one_knot() -> None:
    knots = isotonic_correction(np.array([30.0, 45.0, 45.0, 30.0]), np.array([0.0, 10.0, 20.0, 2.0]))
    assert knots == [(30.0, 1.0), (45.0, 15.0)]


def test_a_shift_is_the_median_error_over_the_whole_range() -> None:
    read, true = np.array([0.0, 1.0, 2.0, 90.0]), np.array([-5.0, -4.0, -3.0, 1.0])
    assert bias_correction(read, true, (-96.0, 96.0)) == [(-96.0, -101.0), (96.0, 91.0)]
    assert bias_correction(read, true, (1.0, 1.0)) is None


@given(
    arrays(np.float64, st.shared(st.integers(2, 400), key="n"), elements=st.floats(-1e6, 1e6)),
    arrays(np.float64, st.shared(st.integers(2, 400), key="n"), elements=st.floats(-1e6, 1e6)),
)
def test_every_fitted_map_is_one_that_a_rubric_takes_and_the_server_applies_alike(
    read: Floats, true: Floats
) -> None:
    for knots in (isotonic_correction(read, true), bias_correction(read, true, (read.min(), read.max()))):
        if knots is None:
            continue
        rubric = Rubric.model_validate({**TEXT.model_dump(), "correction": knots})
        assert rubric.correction == knots
        by_server = [corrected_by_the_server(value, knots) for value in read]
        assert corrected(read, knots) == pytest.approx(by_server)


def test_a_shift_is_found_and_measured_on_frames_held_out() -> None:
    found = looked_for(TRUE + 5.0)
    assert found.correction == "bias"
    assert found.knots is not None
    assert [true - read for read, true in found.knots] == pytest.approx([-5.0, -5.0], abs=1e-4)
    assert found.errors["none"] == pytest.approx(5.0)
    assert found.errors["bias"] == pytest.approx(0.0, abs=1e-3)
    assert found.frames == {"fitted": 200, "choosing": 200, "held_out": 200}
    assert found.told.startswith("The correction bias helps: the mean error is 5 deg as read (bias ")


def test_the_range_of_a_shift_is_that_of_the_labels() -> None:
    readout = {"type": "expectation", "labels": ["-96", "0", "96"]}
    rubric = Rubric.model_validate({**TEXT.model_dump(), "readout": readout})
    found = calibrate(swept(TRUE + 5.0, TRUE), rubric, "deg")
    assert found.knots == [(-96.0, -101.0), (96.0, 91.0)]


@pytest.mark.parametrize(
    ("distorted", "left"),
    [
        (np.sign(TRUE) * np.abs(TRUE) ** 1.5 / 2.0, 0.15),
        (0.5 * TRUE + 3.0, 0.15),
        (30.0 * np.tanh(TRUE / 10.0), 0.15),
        (np.round(0.5 * TRUE), 0.6),
        (np.exp(TRUE / 5.0) + RNG.normal(0, 0.01, 600), 0.5),
    ],
)
def test_a_distortion_that_keeps_the_order_is_mended(distorted: Floats, left: float) -> None:
    found = looked_for(distorted)
    assert found.correction == "isotonic"
    assert found.errors["isotonic"] < left < found.errors["none"]
    assert found.errors["isotonic"] < found.errors["bias"]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("right", {NO_GAIN}),
        ("noisy", {DIFFERENT}),
        ("blind", {NO_GAIN, DIFFERENT}),
        ("inverted", {NO_GAIN, DIFFERENT}),
    ],
)
def test_what_no_monotone_map_mends_is_left_alone(kind: str, why: set[str], seed: int) -> None:
    rng = np.random.default_rng(seed)
    true = rng.uniform(-15, 15, 600)
    read = {
        "right": true + rng.normal(0, 0.3, 600),
        "noisy": true + rng.normal(0, 8.0, 600),
        "blind": rng.uniform(-15, 15, 600),
        "inverted": -true,
    }[kind]
    found = looked_for(read, true)
    assert (found.correction, found.knots) == (None, None)
    assert found.told.split(":")[0] in why


def test_null_and_wild_readings_do_not_move_a_shift() -> None:
    read = TRUE + 5.0
    read[::10] = np.nan
    read[5::50] = 90.0
    assert bias_correction(read[~np.isnan(read)], TRUE[~np.isnan(read)], (0.0, 1.0)) == [(0, -5), (1, -4)]
    found = looked_for(read)
    assert found.knots is not None
    assert np.median(np.abs(corrected(TRUE[1::3] + 5.0, found.knots) - TRUE[1::3])) < 0.3


def test_a_shift_is_found_across_the_end_of_a_period() -> None:
    true = RNG.uniform(-180, 180, 600)
    found = looked_for((true + 10.0 + 180.0) % 360.0 - 180.0, true, period=360.0)
    assert found.correction == "bias"
    assert found.errors["bias"] < 0.5


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (np.full(600, 45.0), "150 frames with readings that differ are needed"),
        (np.where(np.arange(600) < 140, TRUE + 5.0, np.nan), "and there are 140"),
    ],
)
def test_too_little_is_said_to_be_too_little(read: Floats, words: str) -> None:
    found = looked_for(read)
    assert found.knots is None
    assert words in found.told


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"readout": {"type": "yes_no"}, "reward": {"type": "probability"}}, "reads no value"),
        ({"correction": [[0, 1], [1, 2]]}, "the rubric has one; calibrate the rubric that it was made from"),
    ],
)
def test_a_rubric_that_cannot_be_corrected_is_told(change: dict[str, Any], words: str) -> None:
    rubric = Rubric.model_validate({**TEXT.model_dump(), **change})
    assert words in calibrate(swept(TRUE + 5.0, TRUE), rubric, "deg").told


def test_a_correction_that_helps_where_it_is_chosen_only_is_not_used() -> None:
    read = TRUE + 5.0
    read[2::3] = TRUE[2::3]  # the frames held out are right as they are
    found = looked_for(read)
    assert found.knots is None
    assert found.errors["bias"] == pytest.approx(5.0, abs=1e-3)
