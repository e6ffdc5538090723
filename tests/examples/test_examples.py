"""Each example runs as its first lines say, against a real server: vLLM with the shipped checkpoint."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from reward_client import RewardClient
from tests.paths import ROOT

FRAME = ROOT / "docs" / "frame.png"

SHORT = {
    "sb3_dqn": ("--steps", "560", "--episodes", "1"),
    "sb3_ppo": ("--steps", "256", "--envs", "4", "--episodes", "1"),
    "sb3_sac_pendulum": ("--steps", "200", "--episodes", "1"),
    "cleanrl_dqn": ("--steps", "300", "--learning-starts", "100"),
    "rllib_ppo": ("--steps", "256", "--batch", "128", "--envs", "4"),
    "compare_rates": ("--steps", "560", "--pairs", "1"),
}
SAYS = {
    "sb3_dqn": r"rewarded=496\nmean_greedy_return=[\d.]+",
    "sb3_ppo": r"steps=256 reward_id=[0-9a-f]{16}\nmean_greedy_return=[\d.]+",
    "sb3_sac_pendulum": r"rewarded=136 reward_id=[0-9a-f]{16}\nmean_greedy_return=-[\d.]+",
    "cleanrl_dqn": r"steps=300 rewarded=236 reward_id=[0-9a-f]{16}",
    "rllib_ppo": r"steps=1\d\d vlm_return=[\d.]+\nsteps=2\d\d vlm_return=[\d.]+\n$",
    "compare_rates": r"blocking_steps_per_s=[\d.]+ late_steps_per_s=[\d.]+ ratio=[\d.]+\nmedian_ratio=[\d.]+",
}
"""What an example prints at the end: how far it came, and with how many rewards."""

RLLIB = ("tree", "pandas", "pyarrow")
"""What RLlib imports beside what is pinned here."""

needs_node = pytest.mark.skipif(
    shutil.which("node") is None, reason="needs Node 18 or newer (Debian: nodejs)"
)


RAY = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",  # Ray's own is 15: beside four busy programs the example took 131 s, not 46
    "RAY_memory_monitor_refresh_ms": "0",  # else it ends workers where servers beside it fill the memory
}


def ran(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **RAY, "SDL_VIDEODRIVER": "dummy", **variables}
    try:
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500, check=False
        )
    except subprocess.TimeoutExpired as error:
        pytest.fail(f"{error}; it printed: {error.stdout!r} {error.stderr!r}")


@contextlib.contextmanager
def ray_on_loopback() -> Iterator[dict[str, str]]:
    """A Ray of the test's own: by itself Ray takes the machine's address, which a firewall may close."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in RAY.items():
            patch.setenv(name, value)
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
        try:
            yield {"RAY_ADDRESS": cluster.address}
        finally:
            cluster.shutdown()


def test_every_example_is_run_below() -> None:
    shared = {"__init__", "sb3_late", "sb3_vec_env"}
    assert {path.stem for path in (ROOT / "examples").glob("*.py")} == SHORT.keys() | shared


@pytest.mark.vllm
@pytest.mark.slow
@pytest.mark.parametrize("name", SHORT)
def test_an_example_learns_from_the_rewards_of_a_server(name: str, server_url: str) -> None:
    if name.startswith("rllib") and not all(importlib.util.find_spec(module) for module in RLLIB):
        pytest.skip("needs the packages of ray[rllib], 254 MB")
    with contextlib.ExitStack() as stack:
        variables = stack.enter_context(ray_on_loopback()) if name.startswith("rllib") else {}
        done = ran(sys.executable, "-m", f"examples.{name}", "--url", server_url, *SHORT[name], **variables)
    assert done.returncode == 0, done.stderr
    assert re.search(SAYS[name], done.stdout), done.stdout


@pytest.mark.vllm
def test_curl_prints_the_reward(client: RewardClient, server_url: str) -> None:
    done = ran("examples/score.sh", str(FRAME), "cartpole-upright", server_url)
    assert done.returncode == 0, done.stderr
    expected = client.score([FRAME.read_bytes()], "cartpole-upright").data[0].reward
    assert json.loads(done.stdout)["data"][0]["reward"] == pytest.approx(expected)


@pytest.mark.vllm
def test_curl_says_why_there_is_no_reward(server_url: str, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_text("no picture")
    done = ran("examples/score.sh", str(tmp_path / "no.png"), "cartpole-upright", server_url)
    assert done.returncode == 3
    assert json.loads(done.stdout)["data"][0]["status"] == "invalid_frame"
    refused = ran("examples/score.sh", str(FRAME), "no-such-rubric", server_url)
    assert refused.returncode == 1
    assert "unknown rubric 'no-such-rubric'" in refused.stderr


@pytest.mark.vllm
@needs_node
def test_javascript_prints_each_reward(client: RewardClient, server_url: str, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_text("no picture")
    files = (str(FRAME), str(tmp_path / "no.png"))
    done = ran("node", "examples/score.mjs", server_url, "cartpole-upright", *files)
    assert done.returncode == 3, done.stderr
    reward, null = done.stdout.splitlines()
    expected = client.score([FRAME.read_bytes()], "cartpole-upright").data[0].reward
    assert float(reward.split()[-1]) == pytest.approx(expected)
    assert "no reward (invalid_frame: " in null


@pytest.mark.vllm
@needs_node
def test_javascript_says_what_the_server_refused(server_url: str) -> None:
    done = ran("node", "examples/score.mjs", server_url, "no-such-rubric", str(FRAME))
    assert done.returncode != 0
    assert "422: unknown rubric 'no-such-rubric'" in done.stderr
