"""A reader that is off by an offset or a scale is mended by its rubric; others are left alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reward_audit.audit import audit
from reward_audit.calibration import Calibration, calibrate, calibrated_rubric
from reward_audit.config import AuditConfig
from reward_audit.findings import Answered
from reward_audit.rows import CALIBRATED
from reward_client.files.yaml_file import read_yaml
from reward_client.rubric import Rubric
from reward_server.reading.readouts import Reading
from reward_server.reading.reward_maps import reward_of
from tests.reward_audit.readers import FakeServer


def swept(read: NDArray[np.float64], true: NDArray[np.float64], period: float | None = None) -> Answered:
    count = len(read)
    return Answered(
        rewards=np.zeros(count),
        oracle=np.zeros(count),
        values=read,
        truth=true,
        period=period,
        answers=["5"] * count,
        states=np.arange(count),
        visited=np.zeros(count, dtype=bool),
    )


RNG = np.random.default_rng(0)
TRUE = RNG.uniform(-15, 15, 300)


def test_a_line_is_found_and_measured_on_other_frames() -> None:
    line = calibrate(swept(0.5 * TRUE + 3.0, TRUE))
    assert line is not None
    assert [line.scale, line.offset] == pytest.approx([2.0, -6.0])
    assert line.error_after == pytest.approx(0.0, abs=1e-9)
    assert line.error_before > 3.0
    assert line.frames == 150


def test_null_and_wild_readings_do_not_move_it() -> None:
    read = TRUE + 5.0
    read[::10] = np.nan
    read[5::10] = 90.0
    line = calibrate(swept(read, TRUE))
    assert line is not None
    assert line.scale == pytest.approx(1.0, abs=0.01)
    assert line.offset == pytest.approx(-5.0, abs=0.1)


def test_an_offset_is_found_across_the_end_of_a_period() -> None:
    true = RNG.uniform(-180, 180, 300)
    line = calibrate(swept((true + 10.0 + 180.0) % 360.0 - 180.0, true, 360.0))
    assert line is not None
    assert line.offset == pytest.approx(-10.0, abs=0.5)
    assert line.error_after < 0.5


@pytest.mark.parametrize(
    ("read", "why"),
    [
        (TRUE + RNG.normal(0, 0.3, 300), "it is right"),
        (np.full(300, 45.0), "it is constant"),
        (np.where(np.arange(300) < 90, TRUE + 5.0, np.nan), "there is too little"),
    ],
)
def test_what_a_line_does_not_mend_is_left_alone(read: NDArray[np.float64], why: str) -> None:
    assert calibrate(swept(read, TRUE)) is None, why


@pytest.mark.parametrize(
    "reward",
    [
        {"type": "distance", "target": 3, "tolerance": 12},
        {"type": "distance", "target": 3, "tolerance": 12, "shape": "gaussian"},
        {"type": "affine", "scale": 0.2, "offset": 1, "clip": [-1, 1]},
    ],
)
def test_a_calibrated_rubric_rewards_a_reading_as_the_rubric_rewards_the_truth(
    reward: dict[str, Any],
) -> None:
    rubric = Rubric.model_validate({"prompt": "?", "readout": {"type": "number"}, "reward": reward})
    mended = calibrated_rubric(rubric, Calibration(-2.0, 6.0, 5.0, 0.1, 100))
    assert mended is not None
    for true in (-20.0, 0.0, 2.5, 9.0):
        read = (true - 6.0) / -2.0
        rewards = [
            reward_of(one.reward, Reading(value=value)) for one, value in ((mended, read), (rubric, true))
        ]
        assert rewards[0] == pytest.approx(rewards[1])


def test_a_rubric_without_a_value_has_no_calibration() -> None:
    rubric = Rubric.model_validate(
        {"prompt": "?", "readout": {"type": "yes_no"}, "reward": {"type": "probability"}}
    )
    assert calibrated_rubric(rubric, Calibration(2.0, 0.0, 5.0, 0.1, 100)) is None


@pytest.mark.slow
def test_an_audit_that_refuses_a_biased_reader_accepts_it_with_the_rubric_that_it_wrote(
    tmp_path: Path,
) -> None:
    def done(server: FakeServer, name: str, **options: Any) -> dict[str, Any]:
        config = AuditConfig(runs=tmp_path, name=name, frames=300, **options)
        config.folder.mkdir()
        return audit(config, server, lambda _done, _total: None, lambda _told: None)

    server = FakeServer("biased")
    refused = done(server, "first", calibrate=True)
    assert refused["verdict"]["ranking"] == "biased"
    assert refused["calibration"]["offset"] == pytest.approx(-5.0, abs=0.3)
    written = Rubric.model_validate(read_yaml(tmp_path / "first" / CALIBRATED))
    assert "Calibration" in (tmp_path / "first" / "audit.html").read_text()
    mended = FakeServer("biased", own={"mended": written})
    assert done(mended, "second", rubric="mended")["verdict"]["ranking"] == "trustworthy"


def test_no_rubric_is_written_where_that_does_not_help(tmp_path: Path) -> None:
    config = AuditConfig(runs=tmp_path, frames=200, calibrate=True)
    config.folder.mkdir()
    report = audit(config, FakeServer(), lambda _done, _total: None, lambda _told: None)
    assert report["calibration"] is None
    assert not (config.folder / CALIBRATED).exists()
    assert json.loads((config.folder / "audit.json").read_text())["calibration"] is None
