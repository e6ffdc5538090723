"""The real thing: vLLM with the shipped checkpoint, over HTTP, with the real agent."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from reward_client import RewardClient
from reward_client.errors import InvalidRequestError
from reward_client.frames import image_file
from reward_client.processes.local_server import LocalServerError, local_server
from tests.paths import CHECKPOINT
from tests.real_servers import RealServer
from tiny_llava.language.questions import FRAME_TOPICS
from tiny_llava.pictures.frames import render_states
from tiny_llava.report.asking import ask
from tiny_llava.report.measures import measure

pytestmark = pytest.mark.vllm

READY_S = 300.0


@pytest.fixture(scope="module")
def states() -> NDArray[np.float64]:
    """States that nothing was trained on."""
    rng = np.random.default_rng(31_337)
    return np.stack([rng.uniform(-2.4, 2.4, 64), rng.uniform(-12.0, 12.0, 64)], axis=1)


@pytest.fixture(scope="module")
def frames(states: NDArray[np.float64]) -> list[NDArray[np.uint8]]:
    """Their frames."""
    return [frame.copy() for frame in render_states(states)]


def test_the_angle_is_read_from_pixels(
    client: RewardClient, frames: list[NDArray[np.uint8]], states: NDArray[np.float64]
) -> None:
    answer = client.score(frames, "cartpole-angle")
    assert {item.status.value for item in answer.data} == {"ok"}
    values = np.array([item.value for item in answer.data], dtype=float)
    assert np.abs(values - states[:, 1]).mean() <= 0.5
    for item in answer.data:
        assert item.reward == pytest.approx(1.0 - min(abs(item.value or 0.0) / 12.0, 1.0))
        assert (item.label_mass or 0.0) > 0.9
    # another test may have asked about some of these frames
    assert answer.usage.completion_tokens + answer.usage.cached_images == 64


def test_a_blank_frame_reads_differently_from_a_tilted_one(client: RewardClient) -> None:
    blank = np.full((400, 600, 3), 255, dtype=np.uint8)
    tilted = next(iter(render_states(np.array([[0.0, 40.0]])))).copy()
    values = [item.value for item in client.score([blank, tilted], "cartpole-angle").data]
    assert values[1] == pytest.approx(40.0, abs=4.0)
    assert abs((values[0] or 0.0) - 40.0) > 10.0


@pytest.mark.parametrize("task", FRAME_TOPICS)
def test_every_question_is_answered_in_an_unseen_wording(
    client: RewardClient, frames: list[NDArray[np.uint8]], states: NDArray[np.float64], task: Any
) -> None:
    wording = {
        "angle": "How many degrees does the pole lean? Left is negative.",
        "upright": "Do you see an upright pole? Answer yes or no.",
        "lean": "Where is the pole leaning? Left, right or upright?",
        "rating": "Please rate the pole: how upright is it, from 0 to 9?",
    }[task]
    measured = measure(task, ask(client, frames, task, wording), states[:, 1])
    bars = {"angle": "sign_right", "upright": "right", "lean": "right", "rating": "kendall_tau_b"}
    assert measured["answered"] == 1.0
    assert measured[bars[task]] >= 0.8, measured


def test_the_same_frame_gives_the_same_reward(client: RewardClient, frames: list[NDArray[np.uint8]]) -> None:
    alone = client.score(frames[:1], "cartpole-angle").data[0].reward
    again = client.score(frames[:1], "cartpole-angle").data[0].reward
    in_a_batch = client.score(frames, "cartpole-angle").data[0].reward
    assert alone == again
    assert alone == pytest.approx(in_a_batch, abs=1e-4)


def test_bad_input_is_refused_and_the_server_goes_on(
    client: RewardClient, server_url: str, frames: list[NDArray[np.uint8]]
) -> None:
    good = base64.b64encode(image_file(frames[0])).decode()
    inline = {"prompt": "Is it?", "readout": {"type": "yes_no"}, "reward": {"type": "probability"}}
    refused: list[tuple[dict[str, Any], str]] = [
        ({"images": [good], "rubric": "nope"}, "rubric"),
        ({"images": [], "rubric": "cartpole-angle"}, "images"),
        ({"images": [good] * 65, "rubric": "cartpole-angle"}, "images"),
        ({"images": [good], "rubric": {**inline, "prompt": "a <image> b"}}, "rubric.prompt"),
        ({"images": [good], "rubric": {**inline, "prompt": "nul \0"}}, "rubric.prompt"),
        ({"images": [good], "rubric": {**inline, "prompt": "§" * 4000}}, "rubric.prompt"),
        (
            {"images": [good], "rubric": {**inline, "readout": {"type": "yes_no", "yes": "</s>"}}},
            "rubric.readout",
        ),
    ]
    for body, param in refused:
        answer = httpx.post(f"{server_url}/score", json=body)
        assert answer.status_code == 422, answer.text
        assert answer.json()["error"]["param"] == param
    mixed = httpx.post(
        f"{server_url}/score", json={"images": ["AAAA", good, ""], "rubric": "cartpole-upright"}
    ).json()
    assert [item["status"] for item in mixed["data"]] == ["invalid_frame", "ok", "invalid_frame"]
    assert mixed["data"][0]["reward"] is None
    with pytest.raises(InvalidRequestError, match="unknown rubric"):
        client.score(frames[:1], "nope")
    assert client.score(frames[:2], "cartpole-upright").data[1].reward is not None


def run_agent(*arguments: str, timeout_s: float = READY_S) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


SHORT = ("--env-steps", "384", "--learning-starts", "128", "--eval-episodes", "5")


def test_the_agent_trains_on_the_servers_rewards(server_url: str, tmp_path: Path) -> None:
    done = run_agent(
        "train", "--server-url", server_url, "--runs", str(tmp_path), "--name", "cartpole", *SHORT
    )
    assert done.returncode in {0, 3}, done.stderr  # 3: trained, but 384 steps rarely solve it
    summary = json.loads((tmp_path / "cartpole" / "summary.json").read_text())
    assert (summary["frames_scored"], summary["frames_failed"]) == (384, 0)
    assert summary["arm"] == "vlm"
    assert summary["model"] == "tiny_llava/checkpoint"
    samples = (tmp_path / "cartpole" / "samples" / "samples.jsonl").read_text().splitlines()
    first = [s for s in map(json.loads, samples) if s["chosen"] == "first"]
    errors = [abs(s["value"] - s["true_tilt_deg"]) for s in first]
    assert len(errors) == 10
    assert max(errors) < 2.0


@pytest.mark.real_server(ends=True)
def test_a_server_killed_in_mid_run_ends_the_agent_with_a_sentence(
    real_server: RealServer, tmp_path: Path
) -> None:
    agent = subprocess.Popen(
        [
            *(sys.executable, "-m", "agent", "train", "--server-url", real_server.url),
            *("--runs", str(tmp_path), "--name", "cartpole", "--outage-s", "5"),
        ],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    checkpoint = tmp_path / "cartpole" / "checkpoint" / "state.npz"
    deadline = time.monotonic() + READY_S
    while not checkpoint.is_file() and time.monotonic() < deadline:
        time.sleep(0.2)
    engine = psutil.Process(real_server.process.pid).children(recursive=True)
    real_server.process.kill()  # as the kernel does where memory runs out: this process alone
    _, left = psutil.wait_procs(engine, timeout=10)
    _, stderr = agent.communicate(timeout=120)
    assert engine
    assert not left
    assert agent.returncode == 1
    assert "the reward server failed" in stderr
    assert "Traceback" not in stderr
    summary = json.loads((tmp_path / "cartpole" / "summary.json").read_text())
    assert summary["solved"] is False
    assert summary["frames_scored"] > 0
    assert checkpoint.is_file()


@pytest.mark.real_server(ends=True)
def test_sigterm_ends_the_server_cleanly_with_all_its_processes(real_server: RealServer) -> None:
    process = real_server.process
    family = psutil.Process(process.pid).children(recursive=True)
    assert family
    process.terminate()
    assert process.wait(30) == 0
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not alive


def test_sigterm_while_the_model_loads_ends_the_server_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "reward_server", "--model", str(CHECKPOINT), "--port", "0"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    deadline = time.monotonic() + 60
    while b"loading" not in (tmp_path / "log").read_bytes() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(3.0)
    process.terminate()
    assert process.wait(15) == 0


def test_a_port_where_another_server_answers_is_taken(server_url: str, tmp_path: Path) -> None:
    port = int(server_url.rsplit(":", 1)[1])
    with (
        pytest.raises(LocalServerError, match="Address already in use"),
        local_server(["--model", str(CHECKPOINT)], log_file=tmp_path / "log", port=port),
    ):
        pytest.fail("it took another server for its own")


@pytest.mark.real_server(ends=True)
def test_a_dead_engine_ends_the_server_with_an_error(real_server: RealServer) -> None:
    for child in psutil.Process(real_server.process.pid).children(recursive=True):
        child.kill()
    assert real_server.process.wait(30) == 1
    assert "engine died" in real_server.log_file.read_text()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--model", "/nowhere"], "no such folder"),
        (["--model", "liuhaotian/llava-v1.6-34b"], "llava-hf/llava-1.5-7b-hf"),
        (["--model", str(CHECKPOINT), "--port", "70000"], "--port"),
        (["--model", str(CHECKPOINT), "--port", "TAKEN"], "Address already in use"),
    ],
)
def test_a_server_that_cannot_start_says_why(arguments: list[str], reason: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "reward_server"]
        done = subprocess.run(
            [*command, *(port if a == "TAKEN" else a for a in arguments)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert reason in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_the_demo_says_that_its_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run_agent("demo", "--port", port, "--runs", str(tmp_path))
    assert done.returncode == 1
    assert "Address already in use" in done.stderr
    assert "Traceback" not in done.stderr
