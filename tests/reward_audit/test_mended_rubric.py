"""The file that an audit writes: a server takes it, and an audit of it finds what was promised."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reward_audit import findings
from reward_audit.audit import audit
from reward_audit.config import AuditConfig, AuditError
from reward_audit.mending.abstention import Abstention
from reward_audit.mending.calibration import Calibration
from reward_audit.mending.mended_rubric import mended_rubric, write_rubric
from reward_audit.rows import CALIBRATED
from reward_client.rubric import Rubric
from reward_server.rubrics.loading import load_rubrics
from reward_server.scoring.catalog import Catalog
from tests.fakes import FakeEngine
from tests.reward_audit.readers import FakeServer

ANGLE = load_rubrics()["cartpole-angle"]
CORRECTED = Calibration(
    "bias", [(-96.0, -101.0), (96.0, 91.0)], {}, {}, None, "A sentence with ° and: a colon."
)


def limits(mass: float | None, entropy: float | None) -> Abstention:
    return Abstention(1.0, mass, entropy, {}, {}, None, "Another.")


@pytest.fixture(autouse=True)
def few_permutations(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take most of an audit's time beside the model."""
    monkeypatch.setattr(findings, "PERMUTATIONS", 19)


def done(runs: Path, server: FakeServer, **options: Any) -> dict[str, Any]:
    config = AuditConfig(runs=runs, frames=options.pop("frames", 300), **options)
    config.folder.mkdir()
    return audit(config, server, lambda _done, _total: None, lambda _told: None)


def as_loaded(folder: Path) -> Rubric:
    """The rubric ``mended`` of a server whose folder of rubrics holds the file."""
    (folder / CALIBRATED).rename(folder / "mended.yaml")
    return load_rubrics(folder)["mended"]


def test_a_server_loads_what_is_written_and_offers_it(tmp_path: Path) -> None:
    mended = mended_rubric(ANGLE, CORRECTED, limits(0.75, 0.125))
    assert mended is not None
    write_rubric(tmp_path / CALIBRATED, mended, [CORRECTED.told, "Another."])
    loaded = as_loaded(tmp_path)
    assert loaded == mended
    assert loaded.version == ANGLE.version + 1
    assert loaded.correction == CORRECTED.knots
    engine = FakeEngine()
    catalog = Catalog(engine, {"cartpole-angle": ANGLE, "mended": loaded})
    ids = {name: info.reward_id for name, info in catalog.infos().items()}
    assert None not in ids.values()
    assert ids["mended"] != ids["cartpole-angle"]
    assert (
        (tmp_path / "mended.yaml")
        .read_text()
        .startswith("# Written by reward-audit.\n# A sentence with ° and: a colon.\n# Another.\nversion: 2\n")
    )


@pytest.mark.parametrize(
    ("calibration", "abstention", "changed"),
    [
        (None, None, set()),
        (Calibration(None, None, {}, {}, None, ""), limits(None, None), set()),
        (CORRECTED, None, {"correction"}),
        (None, limits(0.9, None), {"min_label_mass"}),
        (CORRECTED, limits(None, 0.5), {"correction", "max_entropy"}),
    ],
)
def test_only_what_was_found_is_changed(
    calibration: Calibration | None, abstention: Abstention | None, changed: set[str]
) -> None:
    mended = mended_rubric(ANGLE, calibration, abstention)
    if not changed:
        assert mended is None
        return
    assert mended is not None
    before, after = ANGLE.model_dump(), mended.model_dump()
    flat = [{**one.pop("readout"), **one} for one in (before, after)]
    assert {key for key in flat[1] if flat[1][key] != flat[0].get(key)} == changed | {"version"}


@pytest.mark.slow
@pytest.mark.parametrize("reads", ["biased", "distorted"])
def test_an_audit_that_refuses_a_reader_accepts_it_with_the_rubric_that_it_wrote(
    tmp_path: Path, reads: str
) -> None:
    refused = done(tmp_path, FakeServer(reads), name="first", calibrate=True)
    assert refused["exit_code"] == 3
    assert refused["verdict"]["values"] != "trustworthy"
    assert refused["mended"] == CALIBRATED
    assert refused["calibration"]["told"] in (tmp_path / "first" / "audit.html").read_text()
    mended = FakeServer(reads, own={"mended": as_loaded(tmp_path / "first")})
    again = done(tmp_path, mended, name="second", rubric="mended", seed=1)
    assert again["verdict"] == {"ranking": "trustworthy", "values": "trustworthy"}, again["reasons"]


@pytest.mark.slow
@pytest.mark.parametrize("reads", ["perfect", "blind", "noisy", "always_45"])
def test_no_rubric_is_written_where_that_does_not_help(tmp_path: Path, reads: str) -> None:
    report = done(tmp_path, FakeServer(reads), calibrate=True)
    assert report["calibration"]["knots"] is None
    assert report["mended"] is None
    assert not (tmp_path / "audit" / CALIBRATED).exists()
    assert json.loads((tmp_path / "audit" / "audit.json").read_text())["calibration"]["told"]


@pytest.mark.slow
def test_a_reader_that_knows_when_it_errs_keeps_to_the_stated_error_with_the_limits(tmp_path: Path) -> None:
    first = done(tmp_path, FakeServer("unsure"), name="first", frames=450, abstain_at_error=1.5)
    found = first["abstention"]
    assert first["calibration"] is None
    assert found["max_entropy"] is not None
    assert found["before"]["error"] > 2.0
    assert found["after"]["error"] <= 1.5
    assert found["told"] in (tmp_path / "first" / "audit.html").read_text()
    loaded = as_loaded(tmp_path / "first")
    again = done(
        tmp_path,
        FakeServer("unsure", own={"mended": loaded}),
        name="second",
        rubric="mended",
        seed=1,
        frames=450,
        abstain_at_error=1.5,
    )
    assert again["abstention"]["before"]["error"] <= 1.5
    assert again["abstention"]["before"]["coverage"] == pytest.approx(found["after"]["coverage"], abs=0.12)


@pytest.mark.parametrize("error", [0.0, -1.0, float("nan"), float("inf")])
def test_an_error_that_cannot_be_kept_to_is_named(error: float) -> None:
    with pytest.raises(AuditError, match="--abstain-at-error must be above 0, and finite"):
        AuditConfig(abstain_at_error=error)
