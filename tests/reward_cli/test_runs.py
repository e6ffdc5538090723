"""``reward watch`` and ``reward labels`` on recorded runs: finished ones, and some that are still written."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from reward_cli import labels
from reward_cli.run_choice import RowReader, RunChoiceError, find_run
from reward_cli.watching import command
from reward_cli.watching.marks import curve, histogram
from reward_cli.watching.pictures import half_blocks
from reward_cli.watching.run_state import RunState
from reward_cli.watching.view import view
from reward_tasks.cartpole import CartPole
from tests.agent.reporting.fabricated import MODELS, run_folder
from tests.reward_cli.conftest import Reward


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two finished runs, ``runs/right`` and ``runs/nulls``."""
    runs = tmp_path_factory.mktemp("work") / "runs"
    run_folder(runs / "right", MODELS["right"])
    run_folder(runs / "nulls", MODELS["half_null"], solved=False)
    return runs


@pytest.fixture
def runs(recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, copied, in the folder that the test works in."""
    shutil.copytree(recorded, tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    return Path("runs")


def shown(state: RunState, width: int = 120, height: int = 30) -> str:
    page = io.StringIO()
    Console(width=width, file=page).print(view(state, width, height))
    return page.getvalue()


def unfinished(run: Path, labels_kept: int = 300) -> RunState:
    """A run that is under way: no summary, fewer rows, and the last line half written."""
    (run / "summary.json").unlink()
    lines = (run / "labels.jsonl").read_text().splitlines(keepends=True)
    (run / "labels.jsonl").write_text("".join(lines[:labels_kept]) + lines[labels_kept][:40])
    return RunState(run)


def test_a_finished_run_is_shown_with_its_result_and_its_warnings(reward: Reward, runs: Path) -> None:
    code, page, _ = reward("watch", str(runs / "nulls"))  # no terminal: once
    assert code == 0
    assert page.startswith("nulls  CartPole-v1 · arm vlm · rubric cartpole-angle · seed 1")
    assert "finished: NOT solved" in page
    assert "of 25 episodes" in page
    assert "2000 spent; 997 without a reward (49.9 %: unparsable 997)" in " ".join(page.split())
    assert "latest answers" in page
    assert "! 49.9 % of the frames have no reward" in page


def test_a_run_is_found_by_its_name_and_a_close_one_is_told(reward: Reward, runs: Path) -> None:
    assert reward("watch", "right", "--once")[0] == 0
    code, _, told = reward("watch", "runs/rihgt")
    assert code == 1
    assert told == "reward watch: runs/rihgt holds no run (no config.json); did you mean runs/right?\n"
    assert "did you mean runs/nulls?" in reward("labels", "nuls")[2]


def test_a_run_under_way_is_shown_as_far_as_it_is_written(runs: Path) -> None:
    state = unfinished(runs / "right")
    state.refresh()
    page = shown(state)
    assert state.summary is None
    assert len(state.labels) == 300
    assert "300 spent; all have a reward" in page
    assert "step 2000 of 10000, 20 %" in page
    assert "mean 0.9" in page
    assert '! "solved" on CartPole-v1 by one arm proves nothing' in page


def test_new_rows_and_the_rest_of_a_half_line_are_read_next_time(runs: Path) -> None:
    whole = (runs / "right" / "labels.jsonl").read_text().splitlines(keepends=True)
    state = unfinished(runs / "right", labels_kept=10)
    state.refresh()
    with (runs / "right" / "labels.jsonl").open("a") as file:
        file.write(whole[10][40:] + whole[11])
    state.refresh()
    assert [row["step"] for row in state.labels] == list(range(1, 13))


def test_a_run_that_goes_on_from_a_checkpoint_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    reader = RowReader(file)
    assert reader.read() == 0
    file.write_text('{"step": 1}\n{"step": 2}\nno JSON\n7\n{"step": 3}\n')
    assert reader.read() == 3
    os.truncate(file, 12)
    assert reader.read() == 1
    file.unlink()
    file.write_text('{"step": 9}\n{"step": 10}\n')
    reader.read()
    assert [row["step"] for row in reader.rows] == [9, 10]


def test_the_summary_of_an_attempt_that_broke_off_does_not_end_the_run_that_goes_on(runs: Path) -> None:
    run = runs / "right"
    summary = json.loads((run / "summary.json").read_text())
    (run / "summary.json").write_text(json.dumps({**summary, "error": "RunStoppedError: too many failures"}))
    state = RunState(run)
    os.utime(run / "metrics.jsonl", (1, 1))
    state.refresh()
    assert "stopped at step 2000: RunStoppedError: too many failures" in shown(state)
    os.utime(run / "metrics.jsonl")
    os.utime(run / "summary.json", (1, 1))
    state.refresh()
    assert state.summary is None


def test_a_quiet_run_is_said_to_be_quiet(runs: Path) -> None:
    state = unfinished(runs / "right")
    state.refresh()
    assert "may have stopped" not in shown(state)
    for name in ("labels.jsonl", "metrics.jsonl"):
        os.utime(runs / "right" / name, (1, 1))
    assert "it may have stopped" in shown(state)


def test_a_run_without_a_model_and_one_that_only_began_have_a_page(runs: Path) -> None:
    for name in ("labels.jsonl", "metrics.jsonl"):
        (runs / "right" / name).write_text("")
    state = unfinished_now(runs / "right")
    assert "no episode has ended" in shown(state)
    (runs / "right" / "labels.jsonl").unlink()
    (runs / "right" / "config.json").write_text('{"options": {"task": "CartPole')
    assert "none so far" in shown(unfinished_now(runs / "right"))


def unfinished_now(run: Path) -> RunState:
    (run / "summary.json").unlink(missing_ok=True)
    state = RunState(run)
    state.refresh()
    return state


def test_the_page_fits_its_terminal(runs: Path) -> None:
    state = RunState(runs / "nulls")
    state.refresh()
    for width, height in ((80, 30), (120, 40)):
        lines = shown(state, width, height).splitlines()
        assert max(map(len, lines)) <= width
        assert len(lines) <= height


def test_a_tall_terminal_with_colours_shows_the_newest_frames(runs: Path) -> None:
    state = unfinished(runs / "right")
    picture = io.BytesIO()
    Image.new("RGB", (300, 200), (10, 20, 30)).save(picture, "PNG")
    image = f"data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()}"
    frames = [
        {"step": step, "text": "5", "reward": None, "status": "failed", "image": image} for step in (1, 18)
    ]
    (runs / "right" / "newest_frames.json").write_text(json.dumps({"frames": frames}))
    state.refresh()
    blocks = half_blocks(image, 34, 12)
    assert [len(line) for line in str(blocks).splitlines()] == [34] * 11
    assert {span.style for span in blocks.spans} == {"#0a141e on #0a141e"}
    page = io.StringIO()
    Console(width=120, file=page).print(view(state, 120, 40, draws_frames=True))
    lines = page.getvalue().splitlines()
    assert len(lines) <= 40
    assert page.getvalue().count("▀") == 2 * 11 * 34
    below = next(line for line in lines if "step 18" in line)
    assert below.index("step 18") < below.index("step 1 ")  # the newest first
    assert "failed" in below
    assert "▀" not in shown(state, 120, 40)
    assert str(half_blocks("no picture", 34, 12)) == ""


def test_following_ends_with_the_run(runs: Path) -> None:
    summary = runs / "right" / "summary.json"
    content = summary.read_text()
    state = unfinished(runs / "right")
    looks = []

    def sleep(_seconds: float) -> None:
        looks.append(1)
        if len(looks) == 2:
            summary.write_text(content)

    command._follow(state, Console(file=io.StringIO(), force_terminal=True), sleep)
    assert len(looks) == 3
    assert state.summary is not None


def test_watching_changes_nothing_in_the_folder(reward: Reward, runs: Path) -> None:
    def content() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in sorted(runs.rglob("*")) if path.is_file()}

    before = content()
    reward("watch", "right", "--once")
    reward("labels", "right")
    assert content() == before


def test_labels_prints_the_first_rows(reward: Reward, runs: Path) -> None:
    code, table, _ = reward("labels", "runs/right", "--head", "3")
    assert code == 0
    assert [line.split()[0] for line in table.splitlines()] == ["step", "1", "2", "3", "2000"]
    assert "true tilt deg" in table
    assert "2000 of 2000 labels; shown: the first 3" in table


def test_labels_shows_those_with_a_status(reward: Reward, runs: Path) -> None:
    _, table, _ = reward("labels", "runs/nulls", "--status", "null", "--head", "9")
    rows = table.splitlines()[1:-1]
    assert len(rows) == 9
    assert all("unparsable" in row and ("no number" in row or "two numbers" in row) for row in rows)
    assert table.splitlines()[-1] == "997 of 2000 labels with the status null; shown: the first 9"
    _, table, _ = reward("labels", "runs/nulls", "--status", "failed")
    assert table == "0 of 2000 labels with the status failed; shown: all\n"


def test_labels_shows_the_worst_answers_first(reward: Reward, runs: Path) -> None:
    code, table, _ = reward("labels", "runs/right", "--worst", "4")
    rows = [json.loads(line) for line in (runs / "right" / "labels.jsonl").read_text().splitlines()]
    off = sorted((abs(row["value"] - row["true_tilt_deg"]) for row in rows), reverse=True)[:4]
    assert code == 0
    for line, error in zip(table.splitlines()[1:5], off, strict=True):
        assert f"{error:.3f}" in line
    assert "the 4 with the largest error of tilt in deg" in table


def row(**fields: Any) -> dict[str, Any]:
    whole = {"step": 1, "reward": 0.5, "status": "ok", "text": "Yes", "value": 0.5, "unit": "probability"}
    return {**whole, "true_tilt_deg": 0.0, "true_cart_position": 0.0, **fields}


def test_a_reading_without_a_truth_in_its_unit_is_judged_by_its_reward() -> None:
    off, title = labels.distances([row(reward=0.25), row(reward=None)], CartPole())
    assert title == "difference of reward and perfect reward"
    assert off[0] == pytest.approx(0.75)
    assert np.isnan(off[1])
    assert labels.worst([row(), row()], off, 5) == [{**row(), "error": pytest.approx(0.75)}]


def test_what_cannot_be_compared_with_the_truth_is_no_table(
    reward: Reward, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, told = reward("labels", "runs/nulls", "--status", "unparsable", "--worst", "3")
    assert code == 1
    assert "nothing that was read in this run can be compared with the truth" in told
    assert "no such labels" in reward("labels", "runs/nulls", "--status", "failed", "--worst", "3")[2]


def test_marks_show_least_and_greatest() -> None:
    assert curve([3.0, 1.0, 2.0], 3) == "█▁▅"
    assert len(curve(list(range(100)), 24)) == 24
    line, low, high = histogram([0.1] * 9 + [0.9], 8)
    assert (line, low, high) == ("█      ▁", 0.1, 0.9)
    assert histogram([0.5, 0.5], 8) == ("█", 0.5, 0.5)


def test_an_audit_is_no_run_and_is_not_offered_as_one(runs: Path) -> None:
    (runs / "mine").mkdir()
    (runs / "mine" / "config.json").write_text('{"plan_sha256": "1"}')
    with pytest.raises(RunChoiceError, match=r"^runs/mine is an audit.*runs/mine/audit\.html$"):
        find_run("mine")
    with pytest.raises(RunChoiceError, match="holds no run") as caught:
        find_run("min")
    assert "mine" not in str(caught.value)
