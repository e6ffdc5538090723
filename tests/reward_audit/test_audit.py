"""Whole audits of models that read well, badly or not at all, on a server in this process."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reward_audit import findings
from reward_audit.audit import audit
from reward_audit.config import AuditConfig, AuditError
from reward_audit.rows import AUDIT_JSON, CONFIG, ROWS
from reward_client.errors import ServerUnreachableError
from reward_tasks.cartpole import CartPole
from tests.reward_audit.readers import FakeServer

FEW = 200


@pytest.fixture(autouse=True)
def few_permutations(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take most of an audit's time beside the model."""
    monkeypatch.setattr(findings, "PERMUTATIONS", 19)


def done(tmp_path: Path, server: FakeServer, **options: Any) -> dict[str, Any]:
    config = AuditConfig(**{"runs": tmp_path, "frames": FEW, **options})
    config.folder.mkdir(parents=True, exist_ok=True)
    return audit(config, server, lambda _done, _total: None, lambda _told: None)


@pytest.fixture(scope="module")
def one_audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a perfect reader was audited; not to be changed."""
    runs = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(findings, "PERMUTATIONS", 19)
        done(runs, FakeServer())
    return runs


@pytest.fixture
def finished(one_audit: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(one_audit, tmp_path / "runs"))


def rows_of(tmp_path: Path, name: str = "audit") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / name / ROWS).read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reads", "ranking", "exit_code"),
    [
        ("perfect", {"trustworthy"}, 0),
        ("always_45", {"collapsed"}, 3),
        ("45_or_30", {"collapsed"}, 3),
        ("noisy", {"noisy"}, 3),
        ("inverted", {"inverted"}, 3),
        ("blind", {"ungrounded"}, 3),
        ("half_null", {"usable with care"}, 0),
    ],
)
def test_each_kind_of_reader_gets_its_verdict(
    tmp_path: Path, reads: str, ranking: set[str], exit_code: int
) -> None:
    report = done(tmp_path, FakeServer(reads), frames=450)
    assert report["verdict"]["ranking"] in ranking, report["reasons"]
    assert report["exit_code"] == exit_code
    assert report["reasons"]
    assert "audit_s" not in report
    assert json.loads((tmp_path / "audit" / AUDIT_JSON).read_text()) == report


def test_every_score_stands_beside_its_null_and_minus_it(tmp_path: Path) -> None:
    report = done(tmp_path, FakeServer(), frames=300)
    tau = report["measures"]["all"]["kendall_tau_b"]
    assert tau["score"] > 0.9
    assert abs(tau["null"]) < 0.2
    assert tau["minus_null"] == pytest.approx(tau["score"] - tau["null"], abs=0.1)  # on the null's states
    assert tau["p"] == 0.05  # 1 in 20: as low as 19 permutations get
    error = report["measures"]["all"]["mean_absolute_error"]
    assert error["score"] < 0.3
    assert error["minus_null"] == pytest.approx(error["null"] - error["score"], abs=0.3)
    assert set(report["nulls"]) == {"black", "noise", "still", "wrong_question", "shuffled"}
    assert report["nulls"]["black"]["unscored"] == 1.0
    assert report["nulls"]["shuffled"]["kendall_tau_b"]["p"] > 0.01
    assert report["nulls"]["still"]["kendall_tau_b"]["score"] is None  # all rewards are the same
    assert report["controls"]["mirrored"]["kendall_tau_b"]["score"] > 0.9
    assert report["robustness"]["jpeg"]["mean_reward_change"] < 0.05


def test_a_mirrored_frame_has_the_mirrored_truth(one_audit: Path) -> None:
    rows = rows_of(one_audit)
    plain = {row["state"]: row for row in rows if row["condition"] == "sweep"}
    mirrored = [row for row in rows if row["condition"] == "mirrored"]
    assert mirrored
    for row in mirrored:
        assert row["true_tilt_deg"] == pytest.approx(-plain[row["state"]]["true_tilt_deg"])
        assert row["value"] == pytest.approx(row["true_tilt_deg"], abs=1.0)


def test_the_budget_is_what_is_asked_and_what_is_kept(tmp_path: Path) -> None:
    server, told = FakeServer(), list[str]()
    config = AuditConfig(runs=tmp_path, frames=FEW)
    config.folder.mkdir(parents=True)
    progress = list[tuple[int, int]]()
    audit(config, server, lambda *counts: progress.append(counts), told.append)
    assert len(server.asked) == FEW == len(rows_of(tmp_path))
    assert progress[0] == (0, FEW)
    assert progress[-1] == (FEW, FEW)
    assert "120 states as they are, 80 for nulls" in told[0]
    assert {prompt for prompt, _ in server.asked if "giraffe" in prompt}


def test_an_interrupted_audit_goes_on_and_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole = done(tmp_path, FakeServer("noisy"), name="whole")
    with pytest.raises(ServerUnreachableError):
        done(tmp_path, FakeServer("noisy", fails_after=70, max_images=8))
    kept = len(rows_of(tmp_path))
    assert 0 < kept <= 70
    with (tmp_path / "audit" / ROWS).open("a") as file:
        file.write('{"condition": "swe')  # as a killed process leaves it
    server = FakeServer("noisy")
    report = done(tmp_path, server)
    assert len(server.asked) == FEW - kept
    assert rows_of(tmp_path) == rows_of(tmp_path, "whole")
    assert report["measures"] == whole["measures"]


def test_a_finished_audit_is_told_again_without_asking(finished: Path) -> None:
    first, server = json.loads((finished / "audit" / AUDIT_JSON).read_text()), FakeServer()
    again = done(finished, server)
    assert server.asked == []
    assert again["measures"] == first["measures"]


@pytest.mark.parametrize(
    ("options", "server", "words"),
    [
        ({"frames": 230}, FakeServer(), r"another --frames \(200 then, 230 now\); --overwrite"),
        ({"seed": 1}, FakeServer(), "another --seed"),
        ({"rubric": "cartpole-upright"}, FakeServer(), "another --rubric"),
        ({}, FakeServer(reward_id="other"), r"another reward id \(abc then, other now\)"),
    ],
)
def test_another_audit_does_not_go_on_in_its_folder(
    finished: Path, options: dict[str, Any], server: FakeServer, words: str
) -> None:
    with pytest.raises(AuditError, match=words):
        done(finished, server, **options)
    assert server.asked == []
    assert len(rows_of(finished)) == FEW


def test_an_audit_is_replaced_where_that_is_asked_for(finished: Path) -> None:
    (finished / "audit" / "mine.txt").write_text("kept")
    report = done(finished, FakeServer("always_45"), seed=1, overwrite=True)
    assert report["options"]["seed"] == 1
    assert {row["text"] for row in rows_of(finished)} == {"45"}
    assert (finished / "audit" / "mine.txt").is_file()


def test_another_version_that_shows_other_states_does_not_go_on(finished: Path) -> None:
    path = finished / "audit" / CONFIG
    path.write_text(json.dumps({**json.loads(path.read_text()), "plan_sha256": "0"}))
    with pytest.raises(AuditError, match="shows other states"):
        done(finished, FakeServer())


def test_a_server_that_is_replaced_in_between_is_noticed(tmp_path: Path) -> None:
    server = FakeServer()

    def replaced(count: int, _total: int) -> None:
        server.reward_id = "abc" if count < 40 else "other"

    config = AuditConfig(runs=tmp_path, frames=200)
    config.folder.mkdir(parents=True)
    with pytest.raises(AuditError, match="reward id of sweep changed from abc to other"):
        audit(config, server, replaced, lambda _: None)


@pytest.mark.parametrize(
    ("rubric", "words"),
    [
        ("nope", "no rubric 'nope'; it has cartpole-angle, cartpole-upright, odd"),
        ("odd", "its labels are odd"),
    ],
)
def test_a_rubric_that_cannot_be_asked_is_told(tmp_path: Path, rubric: str, words: str) -> None:
    with pytest.raises(AuditError, match=words):
        done(tmp_path, FakeServer(), rubric=rubric)


def test_a_rubric_with_one_reward_for_all_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    server = FakeServer(bounds=(0.5, 0.5))
    with pytest.raises(AuditError, match=r"rewards every frame with 0\.5"):
        done(tmp_path, server)
    assert server.asked == []
    assert list((tmp_path / "audit").iterdir()) == []


def test_a_rubric_without_bounds_is_audited(tmp_path: Path) -> None:
    report = done(tmp_path, FakeServer(bounds=(None, None)), frames=300)
    assert report["exit_code"] == 0, report["reasons"]


class HalfTrue(CartPole):
    """A task whose oracle says nothing of poles that lean to the left."""

    def oracle(self, observations: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.where(observations[:, 2] < 0, np.nan, super().oracle(observations))


def test_a_task_whose_oracle_does_not_know_some_states_is_told_before_anything_is_asked(
    tmp_path: Path,
) -> None:
    server = FakeServer()
    with pytest.raises(AuditError, match=r"HalfTrue does not know what is true in [0-9]+ of 200 frames"):
        done(tmp_path, server, task=f"{__name__}:HalfTrue")
    assert server.asked == []
    assert not (tmp_path / "audit" / CONFIG).exists()


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_that_holds_a_run_is_left_alone(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / CONFIG).write_text('{"options": {"arm": "vlm"}}')
    server = FakeServer()
    with pytest.raises(AuditError, match="holds something else than an audit; choose another --name"):
        done(tmp_path, server, overwrite=overwrite)
    assert (tmp_path / "audit" / CONFIG).read_text() == '{"options": {"arm": "vlm"}}'
    assert server.asked == []


def test_a_rubric_without_a_value_in_the_truths_unit_is_judged_by_its_rewards(tmp_path: Path) -> None:
    report = done(tmp_path, FakeServer(), rubric="cartpole-upright", frames=450)
    assert report["truth"] is None
    assert report["verdict"]["ranking"] == "trustworthy"
    assert report["measures"]["all"]["mean_absolute_error"]["score"] is None


def test_a_model_that_never_answers_cannot_be_told(tmp_path: Path) -> None:
    report = done(tmp_path, FakeServer("mute"), task="MountainCar-v0")
    assert report["exit_code"] == 4
    assert report["controls"].keys() == {"lower_case", "announced"}  # a mirrored hill is no state
    assert report["measures"]["all"]["unscored"] == 1.0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"frames": 199}, "--frames must be at least 200"),
        ({"seed": -1}, "--seed must be at least 0"),
        ({"name": "../x"}, "--name must name a folder"),
    ],
)
def test_an_option_out_of_range_is_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(AuditError, match=words):
        AuditConfig(**options)


def test_a_task_that_does_not_exist_is_named() -> None:
    with pytest.raises(AuditError, match="--task: there is no task 'CartPole-v9'"):
        AuditConfig(task="CartPole-v9").find_task()


def test_truth_and_values_go_together(one_audit: Path) -> None:
    """A perfect reader's values are the truth: what is written beside an answer is of its own frame."""
    sweep = [row for row in rows_of(one_audit) if row["condition"] == "sweep"]
    off = np.array([row["value"] - row["true_tilt_deg"] for row in sweep if row["value"] is not None])
    assert len(off) > 100
    assert np.abs(off).max() < 2.0
