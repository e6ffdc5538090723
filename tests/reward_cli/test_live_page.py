"""The live page of a run: what it shows, what it gives to whom, and that a browser can show it."""

from __future__ import annotations

import base64
import io
import json
import math
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from rich.console import Console

from agent.reporting.run_report import write_report
from reward_audit.reporting.audit_report import FILES as AUDIT_FILES
from reward_audit.rows import AUDIT_HTML
from reward_cli.watching import live_page
from reward_cli.watching.live_page import LivePage
from reward_cli.watching.run_state import RunState
from reward_cli.watching.snapshot import MAX_POINTS, curve, snapshot
from reward_cli.watching.view import view
from tests.agent.reporting.fabricated import MODELS, run_folder
from tests.browser import DESKTOP, browser, needs_chromium
from tests.reward_cli.conftest import Reward


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_folder(tmp_path_factory.mktemp("runs") / "right", MODELS["right"], pictures=2)


@pytest.fixture
def run(recorded: Path, tmp_path: Path) -> Path:
    """A finished run."""
    return Path(shutil.copytree(recorded, tmp_path / "right"))


def picture() -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (300, 200), "white").save(buffer, "JPEG")
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def begin_again(run: Path) -> None:
    """Makes the run one that goes on, with three newest frames."""
    (run / "summary.json").unlink()
    rows = [json.loads(line) for line in (run / "labels.jsonl").read_text().splitlines()]
    frames: list[dict[str, Any]] = [{**row, "image": picture()} for row in rows[:3]]
    frames[1] |= {"reward": None, "status": "unparsable", "text": "<b>neither</b>", "message": "no number"}
    frames[2]["probabilities"] = {"3": 0.75, "4": 0.2456, "5": 0.0001}
    (run / "newest_frames.json").write_text(json.dumps({"frames": frames}))


def seen(run: Path) -> dict[str, Any]:
    state = RunState(run)
    state.refresh()
    return snapshot(state)


@contextmanager
def served(run: Path) -> Iterator[LivePage]:
    with LivePage(RunState(run), 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def test_a_run_under_way_is_shown_with_all_that_was_asked_for(run: Path) -> None:
    begin_again(run)
    shown = seen(run)
    assert (shown["tone"], shown["is_over"]) == ("open", False)
    assert shown["headline"].startswith("step 2000 of 10000, 20 %")
    assert shown["share_done"] == 0.2
    assert shown["solved_return"] == 475
    figures = {one["name"]: one["value"] for one in shown["figures"]}
    assert figures["labels spent"] == "2000"
    assert figures["of them without a reward"] == "0 %"
    assert {"true return, last 10 episodes", "VLM return, last 10 episodes", "mean reward"} <= set(figures)
    assert sum(shown["rewards"]["counts"]) == 2000
    assert all(0.0 < share <= 1.0 for _, share in shown["mode_share"])
    assert shown["curves"]["true"]
    assert shown["curves"]["model"]
    assert len(shown["curves"]["greedy"]) == 10
    assert "proves nothing by itself" in shown["warnings"][0]


def test_the_newest_frame_comes_first_with_its_answer(run: Path) -> None:
    begin_again(run)
    shown = seen(run)
    assert shown["frames_are_newest"]
    assert [frame["step"] for frame in shown["frames"]] == [3, 2, 1]
    assert shown["frames"][0]["probabilities"] == [["3", 0.75], ["4", 0.246]]
    assert (shown["frames"][1]["reward"], shown["frames"][1]["status"]) == (None, "unparsable")
    assert set(shown["frames"][2]["truth"]) == {"tilt deg"}


def test_a_finished_run_shows_its_result_and_where_it_kept_no_newest_frames_its_samples(run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text())
    (run / "summary.json").write_text(json.dumps({**summary, "usage": {"images": 2000}}))
    shown = seen(run)
    assert (shown["tone"], shown["is_over"], shown["frames_are_newest"]) == ("good", True, False)
    assert shown["headline"].startswith("finished: solved")
    assert len(shown["frames"]) == 4
    assert all(frame["image"].startswith("data:image/png;base64,") for frame in shown["frames"])
    assert shown["cost"] == "Cost: 2,000 images."
    names = {"labels.jsonl", "metrics.jsonl", "summary.json", "config.json"}
    assert {file["name"] for file in shown["files"]} == names


def test_a_run_that_only_began_has_a_state_too(run: Path) -> None:
    for name in ("labels.jsonl", "metrics.jsonl", "summary.json"):
        (run / name).unlink()
    shutil.rmtree(run / "samples")
    shown = seen(run)
    assert shown["rewards"] is None
    assert shown["frames"] == shown["answers"] == shown["mode_share"] == []


def test_the_same_reward_everywhere_is_one_bar(run: Path) -> None:
    rows = [json.loads(line) for line in (run / "labels.jsonl").read_text().splitlines()]
    (run / "labels.jsonl").write_text("".join(json.dumps({**row, "reward": 0.0}) + "\n" for row in rows))
    assert seen(run)["rewards"] == {"counts": [2000], "low": 0.0, "high": 0.0}


def test_a_long_curve_is_told_by_means_of_neighbours() -> None:
    made = curve([(float(n), float(n % 2)) for n in range(10 * MAX_POINTS)])
    assert len(made) == MAX_POINTS
    assert {value for _, value in made} == {0.5}


def test_page_state_and_files_are_served_and_nothing_else(run: Path) -> None:
    begin_again(run)
    with served(run) as server, httpx.Client(base_url=server.url) as browser:
        page = browser.get("/")
        assert page.headers["content-type"].startswith("text/html")
        assert "connect-src 'self'" in page.headers["content-security-policy"]
        assert "/*look*/" not in page.text
        assert "http:" not in page.text.replace("http://www.w3.org/2000/svg", "")  # it loads nothing
        assert browser.get("/state").json()["name"] == "right"
        rows = browser.get("/labels.jsonl")
        assert rows.content == (run / "labels.jsonl").read_bytes()
        assert rows.headers["content-security-policy"].startswith("sandbox")
        for path in (
            "/checkpoint/state.npz",
            "/samples_marked",
            "/lock",
            "/../right/labels.jsonl",
            "/%2e%2e/right/labels.jsonl",
            "/report.html",
        ):
            assert browser.get(path).status_code == 404
        assert browser.post("/state").status_code == 501


def test_the_links_of_the_pages_that_are_served_lead_somewhere(run: Path) -> None:
    (run / "video.mp4").write_bytes(b"film")
    (run / "audit").mkdir()
    for name in (AUDIT_HTML, *AUDIT_FILES):
        (run / "audit" / name).write_text("{}")
    verdict = {"ranking": "trustworthy", "values": "trustworthy"}
    summary = json.loads((run / "summary.json").read_text())
    audit = {"verdict": verdict, "page": f"audit/{AUDIT_HTML}"}
    (run / "summary.json").write_text(json.dumps({**summary, "audit": audit}))
    write_report(run)
    with served(run) as server, httpx.Client(base_url=server.url) as browser:
        links = re.findall(r'<a href="([^"]*)"', browser.get("/report.html").text)
        assert {"config.json", "labels.jsonl", "video.mp4", f"audit/{AUDIT_HTML}"} <= set(links)
        paths = {*links, *(f"audit/{name}" for name in AUDIT_FILES)}
        answers = {path: browser.get(f"/{path}") for path in sorted(paths)}
    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(paths, 200)
    kinds = [answers[path].headers["content-type"] for path in ("config.json", "audit/calibrated.yaml")]
    assert kinds == ["application/json", "text/plain; charset=utf-8"]  # shown, not downloaded


def test_an_audit_that_an_earlier_run_left_is_not_called_this_run_s(run: Path) -> None:
    (run / "audit").mkdir()
    (run / "audit" / AUDIT_HTML).write_text("of another reward")
    page = write_report(run).read_text(encoding="utf-8")
    assert "The audit before training" not in page
    assert f"audit/{AUDIT_HTML}" not in {file["name"] for file in seen(run)["files"]}


def test_truths_and_returns_that_are_no_numbers_stop_neither_page_nor_terminal(run: Path) -> None:
    begin_again(run)
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    returns = [row for row in rows if "charts/episodic_return" in row]
    for row, value in zip(returns, (math.nan, math.inf), strict=False):
        row["charts/episodic_return"] = value
    returns[-1]["charts/episodic_return"] = math.nan
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    frames = json.loads((run / "newest_frames.json").read_text())["frames"]
    frames[0]["true_tilt_deg"] = math.nan
    (run / "newest_frames.json").write_text(json.dumps({"frames": frames}))
    shown = seen(run)
    assert json.dumps(shown, allow_nan=False)  # a browser reads no NaN
    assert set(shown["frames"][-1]["truth"]) == {"cart position"}
    assert len(shown["curves"]["true"]) == len(returns) - 3
    assert "nan" not in str(shown["figures"])
    state = RunState(run)
    state.refresh()
    Console(file=io.StringIO(), width=120).print(view(state, 120, 40))


@pytest.mark.parametrize(
    ("host", "status"), [("localhost:1", 200), ("127.0.0.1", 200), ("evil.example", 403)]
)
def test_a_page_elsewhere_whose_name_leads_here_gets_nothing(run: Path, host: str, status: int) -> None:
    with served(run) as server:
        assert httpx.get(f"{server.url}state", headers={"Host": host}).status_code == status
        assert server.server_address[0] == "127.0.0.1"


def test_several_tabs_share_one_look_at_the_files(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    monkeypatch.setattr(live_page, "LEAST_AGE_S", 3600.0)
    with served(run) as server:
        refresh = server._state.refresh

        def look() -> None:
            looks.append(1)
            refresh()

        monkeypatch.setattr(server._state, "refresh", look)
        assert len({httpx.get(f"{server.url}state").content for _ in range(3)}) == 1
    assert looks == [1]


def test_a_port_that_is_taken_is_told(reward: Reward, run: Path) -> None:
    with served(run) as server:
        code, _, told = reward("watch", str(run), "--browser", "--port", str(server.server_port))
    assert code == 1
    assert f"port {server.server_port} of 127.0.0.1: Address already in use" in told
    assert "must be a whole number of at most 65535" in reward("watch", str(run), "--port", "70000")[2]


@pytest.mark.slow
@needs_chromium
def test_a_browser_shows_frames_charts_and_words_as_words(run: Path, tmp_path: Path) -> None:
    begin_again(run)
    with served(run) as server, browser(tmp_path / "profile") as page:
        page.open(server.url, DESKTOP)
        page.until("document.images.length >= 3 && document.querySelectorAll('svg').length >= 3")
        dom = page.run("document.documentElement.outerHTML")
    assert dom.count('<img src="data:image/jpeg') == 3
    assert dom.count("<svg") == 3
    assert "Step 2000 of 10000" in dom
    assert "&lt;b&gt;neither&lt;/b&gt;" in dom
    assert 'id="lost" style="display: none;"' in dom
