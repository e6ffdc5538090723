"""The page of a run that goes on: what there is so far, now and then, by a process of its own."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import time
from html import unescape
from pathlib import Path

import pytest

from agent.reporting.refresh import refresher, running_report
from agent.reporting.refresh.refresher import Refresher, refreshed
from agent.reporting.refresh.running_report import write_running_report
from agent.reporting.run_report import write_report
from tests.agent.reporting.fabricated import always_45, run_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run under way: no summary, and a row that is half written."""
    made = run_folder(tmp_path / "run", always_45, pictures=1)
    (made / "summary.json").unlink()
    rows = (made / "labels.jsonl").read_text().splitlines(keepends=True)
    (made / "labels.jsonl").write_text("".join(rows[:500]) + rows[500][:30])
    with (made / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"step": 512, "warning": "the reward has collapsed"}) + '\n{"step": 5')
    return made


def test_a_run_under_way_has_a_page_that_says_so_and_when_it_was_written(folder: Path) -> None:
    write_running_report(folder)
    page = unescape((folder / "report.html").read_text(encoding="utf-8"))
    assert '<div class="result open"><p class="headline">Running: step 512 of 10000 on CartPole-v1' in page
    assert time.strftime("written at %Y-%m-%d") in page
    assert 'the model gives the same answer, "45", to every frame: collapsed.' in page
    assert "at step 512: the reward has collapsed." in page
    assert "<b>500</b><span>labels: frames that the model was asked about</span>" in page
    assert '<meta http-equiv="refresh" content="60">' in page
    assert 'alt="returns over environment steps"' in page


def test_a_run_that_has_only_begun_has_a_page_too(folder: Path) -> None:
    for name in ("labels.jsonl", "metrics.jsonl"):
        (folder / name).write_text("")
    write_running_report(folder)
    assert "step 0 of 10000" in (folder / "report.html").read_text(encoding="utf-8")


def test_a_finished_run_has_a_page_that_stays(tmp_path: Path) -> None:
    page = write_report(run_folder(tmp_path / "run", always_45)).read_text(encoding="utf-8")
    assert "http-equiv" not in page
    assert "Running" not in page


def test_another_run_that_takes_the_folder_keeps_its_own_page(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replaced(*_: object) -> str:
        shutil.copy(folder / "metrics.jsonl", folder / "new")
        os.replace(folder / "new", folder / "metrics.jsonl")
        return "of the old run"

    monkeypatch.setattr(running_report, "run_page", replaced)
    write_running_report(folder)
    assert not (folder / "report.html").exists()


def until_ended(one: Refresher) -> None:
    assert one._writing is not None
    one._writing.wait()


WAITS_AND_WRITES = """\
import os, sys, time
while not os.path.exists(sys.argv[1] + "/go"):
    time.sleep(0.02)
open(sys.argv[1] + "/page", "a").write("x")
"""


def test_a_page_is_written_where_it_is_time_and_not_while_one_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "program.py").write_text(WAITS_AND_WRITES)
    monkeypatch.setattr(refresher, "PROGRAM", "program")
    monkeypatch.syspath_prepend(tmp_path)
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with refreshed(tmp_path) as one:
        one.look()
        assert one._writing is None  # a run that ends soon has its report soon
        now[0] += refresher.EVERY_S
        one.look()
        first = one._writing
        assert first is not None
        own = os.getpriority(os.PRIO_PROCESS, 0)
        assert os.getpriority(os.PRIO_PROCESS, first.pid) == min(19, own + refresher.NICENESS)
        one.look()
        assert one._writing is first
        (tmp_path / "go").touch()
        until_ended(one)
        one.look()
        assert one._writing is None
        now[0] += max(refresher.EVERY_S, one._pause_s)
        one.look()
        until_ended(one)
    assert (tmp_path / "page").read_text() == "xx"


def test_a_page_that_fails_is_told_once_and_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(refresher, "PROGRAM", "no_such_program")
    one = Refresher(tmp_path)
    one._started_s -= refresher.EVERY_S
    one.look()
    until_ended(one)
    one.look()
    one._started_s -= 10 * refresher.EVERY_S
    one.look()
    assert one._writing is None
    (record,) = caplog.records
    assert "is not refreshed while the run goes" in record.getMessage()


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM])
def test_where_no_process_can_start_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(subprocess, "Popen", fails)
    with refreshed(tmp_path) as one:
        for _ in range(2):
            one._started_s -= 2 * refresher.EVERY_S
            one.look()
    (record,) = caplog.records
    assert "report.html is not refreshed while the run goes" in record.getMessage()
    assert os.strerror(number) in record.getMessage()


def test_what_is_being_written_is_ended_with_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "program.py").write_text("import time; time.sleep(600)")
    monkeypatch.setattr(refresher, "PROGRAM", "program")
    monkeypatch.syspath_prepend(tmp_path)
    with refreshed(tmp_path) as one:
        one._started_s -= refresher.EVERY_S
        one.look()
        process = one._writing
    assert process is not None
    assert process.returncode == -9
