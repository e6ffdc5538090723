"""The workflow for a public forge runs what ``.ci/run`` runs, and may do nothing else there."""

from __future__ import annotations

import re
from typing import Any

import yaml

from tests.paths import ROOT

WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
STEPS = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]


def made(text: str) -> set[str]:
    return set(re.findall(r"\bmake ([a-z-]+)", text))


def test_it_runs_what_ci_runs() -> None:
    commands = "\n".join(step.get("run", "") for step in STEPS)
    in_ci = "\n".join(
        line for line in (ROOT / ".ci/run").read_text().splitlines() if not line.lstrip().startswith("#")
    )
    assert made(commands) == made(in_ci)
    assert {"check", "test"} <= made(commands)


def test_it_reads_the_repository_and_nothing_else() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    for job in WORKFLOW["jobs"].values():
        assert "permissions" not in job
        assert job["timeout-minutes"] <= 180
    used = [step for step in STEPS if "uses" in step]
    for step in used:
        assert re.fullmatch(r"actions/(checkout|setup-python)@v\d+", step["uses"])
        if "checkout" in step["uses"]:
            assert step["with"] == {"persist-credentials": False}
        else:
            assert step["with"] == {"python-version": "3.11"}
    assert "secrets." not in (ROOT / ".github/workflows/ci.yml").read_text()
