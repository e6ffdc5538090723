"""Builds the images of the Compose stack for a test, also where no base image can be pulled.

Where Docker cannot have ``python:3.11-slim-bookworm``, a stand-in is made of Debian packages. It takes this
host's pip configuration and certificates along, so that packages install inside as they do outside; that
stays in the stand-in.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from reward_client.version import __version__
from tests.paths import ROOT

PYTHON_IMAGE = "python:3.11-slim-bookworm"
STAND_IN = "vlm-reward-test-base"
PULL_S = 60
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
PACKAGES = "python3,python3-dev,python3-pip,ca-certificates,haproxy"


class MissingError(Exception):
    """Something that this machine needs is not there; the message says what."""


def check_tools() -> list[str]:
    """Finds Compose.

    Returns:
        Its command: ``docker compose`` or ``docker-compose``.

    Raises:
        MissingError: there is no engine, no Compose, or we are not root.
    """
    if os.geteuid() != 0:
        raise MissingError(
            "root is needed: the test gives its runs to another user and kills a container's process"
        )
    if shutil.which("docker") is None:
        raise MissingError("docker is not installed (Debian: apt-get install docker.io docker-compose)")
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        raise MissingError("no Docker Engine answers: start one (dockerd), or join the group docker")
    for command in (["docker", "compose"], ["docker-compose"]):
        try:
            done = subprocess.run([*command, "version"], capture_output=True, check=False)
        except FileNotFoundError:
            continue
        if done.returncode == 0:
            return command
    raise MissingError("Compose is not installed (Debian: apt-get install docker-compose)")


def build_images() -> Mapping[str, str]:
    """Builds the server's CPU image, the agent's, and one with HAProxy where it cannot be pulled.

    Returns:
        What Compose's variables are to be, by name.
    """
    python = PYTHON_IMAGE if _have(PYTHON_IMAGE) else _stand_in()
    haproxy = "haproxy:3.2.4"
    if not _have(haproxy):
        haproxy = "vlm-reward-test-haproxy"
        recipe = (
            f'FROM {STAND_IN}\nCMD ["haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]\n'
        )
        if python != STAND_IN:
            _stand_in()
        _run(["docker", "build", "--quiet", "--tag", haproxy, "-"], input_text=recipe)
    # The host's network: a build needs no more, and some hosts give bridges no way out.
    build = ["docker", "build", "--network", "host", "--build-arg", f"BASE_IMAGE={python}"]
    tag = f"vlm-reward-server:{__version__}-cpu"
    server = ["--build-arg", "VARIANT=cpu", "--file", "Dockerfile.server", "--tag", tag]
    _run([*build, *server, "."])
    _run([*build, "--file", "Dockerfile.agent", "--tag", f"vlm-reward-agent:{__version__}", "."])
    return {"PYTHON_IMAGE": python, "HAPROXY_IMAGE": haproxy}


def _have(image: str) -> bool:
    if (
        subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False).returncode
        == 0
    ):
        return True
    try:
        pulled = subprocess.run(["docker", "pull", image], capture_output=True, timeout=PULL_S, check=False)
    except subprocess.TimeoutExpired:
        return False
    return pulled.returncode == 0


def _stand_in() -> str:
    """A Debian 12 with Python 3.11 and HAProxy, as a local image."""
    known = subprocess.run(["docker", "image", "inspect", STAND_IN], capture_output=True, check=False)
    if known.returncode == 0:
        return STAND_IN
    if shutil.which("debootstrap") is None or os.geteuid() != 0:
        raise MissingError(
            f"{PYTHON_IMAGE} cannot be pulled; a stand-in for it needs root and debootstrap "
            "(Debian: apt-get install debootstrap)"
        )
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "base"
        _run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(base)])
        _take_configuration(base)
        archive = subprocess.Popen(["tar", "-C", str(base), "-c", "."], stdout=subprocess.PIPE)
        subprocess.run(["docker", "import", "-", STAND_IN], stdin=archive.stdout, check=True)
        if archive.wait():
            raise RuntimeError("the stand-in could not be packed")
    return STAND_IN


def _take_configuration(base: Path) -> None:
    """Gives a file tree this host's certificates, and its pip's local packages."""
    if CERTIFICATES.is_file():
        shutil.copyfile(CERTIFICATES, base / CERTIFICATES.relative_to("/"))
    lines = ["[global]", f"cert = {CERTIFICATES}"]
    links = Path(os.environ.get("PIP_FIND_LINKS") or "/nowhere")
    if links.is_dir():
        shutil.copytree(links, base / links.relative_to("/"))
        lines.append(f"find-links = {links}")
    (base / "etc" / "pip.conf").write_text("\n".join(lines) + "\n")


def _run(command: list[str], input_text: str | None = None) -> None:
    print("$", " ".join(command), flush=True)
    environment = {**os.environ, "DOCKER_BUILDKIT": "0"}  # the classic builder is in every engine
    subprocess.run(command, cwd=ROOT, env=environment, input=input_text, text=True, check=True)
