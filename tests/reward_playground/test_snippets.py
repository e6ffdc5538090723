"""What the page gives to copy works as printed: curl and Python against a server, YAML for the client."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from reward_client.files.rubric_file import read_rubric
from reward_client.rubric import Preprocess, Region, Rubric
from reward_playground.form import STARTS
from reward_playground.snippets import Asked, Where, as_curl, as_python, as_yaml
from reward_server.rubrics.loading import load_rubrics
from tests.paths import ROOT
from tests.reward_playground.asked_forms import PICTURE
from tests.serving import Serving, serving

ODD = Rubric.model_validate(
    {
        "prompt": 'It\'s "odd"; $HOME `id` \\n; type=x\n<{text}>: ü?',
        "readout": {"type": "choice", "labels": ["a;b", "it's"]},
        "reward": {"type": "weights", "weights": {"a;b": 0.25, "it's": 1}},
    }
)
ASKED = {
    "by name": Asked(load_rubrics()["cartpole-upright"], "cartpole-upright"),
    "of many labels": Asked(load_rubrics()["cartpole-angle"], explain=True, preprocess=Preprocess.STRETCH),
    "odd": Asked(
        ODD,
        variables={"text": "a 'red' \"cube\"; \\ $x"},
        preprocess=Region(type="region", box=(0, 0, 0.5, 1)),
    ),
}
KEY = "a-key-of-sixteen-characters"


def run(command: list[str], folder: Path) -> str:
    (folder / "my frame.png").write_bytes(PICTURE)
    environment = os.environ | {"REWARD_API_KEY": KEY, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def where(server: Serving, *, needs_key: bool = False) -> Where:
    return Where(f"http://127.0.0.1:{server.port}", "my frame.png", needs_key)


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
@pytest.mark.parametrize("name", ASKED)
def test_curl_asks_the_same_question(server: Serving, tmp_path: Path, name: str) -> None:
    asked = ASKED[name]
    answer = httpx.Response(200, text=run(["bash", "-c", as_curl(asked, where(server))], tmp_path)).json()
    assert answer["data"][0]["status"] == "ok", answer
    assert (answer["data"][0]["explanation"] is not None) is asked.explain
    if asked.variables:
        assert asked.variables["text"] in server.engine.prompts[-1]
        assert asked.rubric.prompt.partition("<")[0] in server.engine.prompts[-1]


@pytest.mark.slow
@pytest.mark.parametrize("name", ASKED)
def test_python_asks_the_same_question(server: Serving, tmp_path: Path, name: str) -> None:
    asked = ASKED[name]
    printed = run([sys.executable, "-c", as_python(asked, where(server))], tmp_path)
    assert printed.split()[1] == "ok"
    assert len(server.engine.prompts) == (2 if asked.explain else 1)
    if asked.variables:
        assert asked.variables["text"] in server.engine.prompts[-1]


def test_both_read_the_key_from_the_environment(tmp_path: Path) -> None:
    with serving(KEY) as server:
        given = ASKED["by name"], where(server, needs_key=True)
        assert '"status":"ok"' in run(["bash", "-c", as_curl(*given)], tmp_path)
        assert run([sys.executable, "-c", as_python(*given)], tmp_path).split()[1] == "ok"
        assert KEY not in as_curl(*given) + as_python(*given)


@pytest.mark.parametrize("rubric", [*load_rubrics().values(), *STARTS.values(), ODD])
def test_the_client_reads_the_rubric_that_was_saved(tmp_path: Path, rubric: Rubric) -> None:
    (tmp_path / "rubric.yaml").write_text(as_yaml(rubric), encoding="utf-8")
    assert read_rubric(tmp_path / "rubric.yaml") == rubric
