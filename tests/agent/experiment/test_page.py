"""The page of an experiment: its verdict first, what it cost, and the way to the page of each run."""

from __future__ import annotations

import json
import re
from pathlib import Path

from agent.config import Arm
from agent.experiment.report import write_report
from tests.agent.experiment.fake_runs import plan, write_runs

USAGE = {"images": 600, "cached_images": 2, "prompt_tokens": 6400, "completion_tokens": 600, "engine_s": 1.5}


def test_the_page_leads_to_the_runs_that_have_one_and_tells_what_they_cost(tmp_path: Path) -> None:
    runs = plan(tmp_path, 2, 2, (Arm.VLM, Arm.ORACLE))
    write_runs(runs, {Arm.VLM: 300.0, Arm.ORACLE: 490.0})
    for run in runs:
        summary = json.loads((run.folder / "summary.json").read_text())
        usage = USAGE if run.arm == Arm.VLM else None
        (run.folder / "summary.json").write_text(
            json.dumps({**summary, "solved": run.arm == Arm.ORACLE, "usage": usage})
        )
        if run.seed == 1:
            (run.folder / "report.html").touch()
    write_report(tmp_path / "e", runs, 1.0)
    page = (tmp_path / "e" / "report.html").read_text(encoding="utf-8")
    assert re.findall(r'<a href="([^"]*)">(\d \S)</a>', page) == [
        ("CartPole-v1/vlm/seed-1/report.html", "1 ✗"),
        ("CartPole-v1/oracle/seed-1/report.html", "1 ✓"),
    ]
    assert "Runs of vlm together. Cost: 1,200 images, 4 of them answered from the cache" in page
    assert "Runs of oracle together." not in page
    first = page[page.index("<h1>") : page.index("<h2>")]
    assert '<div class="result open"><p class="headline">CartPole-v1: no verdict' in first
    assert "<b>4 of 4</b><span>runs finished</span>" in first
    body = page[page.index("</style>") :]
    assert not {"{", "}"} & set(body)
