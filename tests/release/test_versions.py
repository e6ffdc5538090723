"""One version: of the three distributions, of what they need of each other, and of the images' tags."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from reward_client.version import __version__
from tests.paths import ROOT

DISTRIBUTIONS = {
    "vlm-reward": ROOT,
    "vlm-reward-agent": ROOT / "agent",
    "vlm-reward-tiny-llava": ROOT / "tiny_llava",
}
COMPOSE = ("docker-compose.yml", "docker-compose.cpu.yml", "deploy/compose/base.yml")
IMAGE = re.compile(r"vlm-reward-(?:server|agent)\b(?::(\S+))?")


def project(name: str) -> dict[str, Any]:
    content: dict[str, Any] = tomllib.loads((DISTRIBUTIONS[name] / "pyproject.toml").read_text())["project"]
    return content


def requirements(name: str) -> list[str]:
    content = project(name)
    extras = content.get("optional-dependencies", {}).values()
    return [*content["dependencies"], *(one for extra in extras for one in extra)]


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_distributions_have_one_version_and_need_each_other_in_it(name: str) -> None:
    assert project(name)["name"] == name
    assert project(name).get("version", __version__) == __version__
    others = [one for one in requirements(name) if re.match(r"vlm-reward(?!\[)", one)]
    assert others
    for other in others:
        wanted, version = other.split("==")
        assert wanted in DISTRIBUTIONS
        assert version == __version__


def test_what_installs_the_agent_is_an_extra() -> None:
    content = project("vlm-reward")
    assert not [one for one in content["dependencies"] if one.startswith("vlm-reward")]
    extras = content["optional-dependencies"]
    assert {name for name, needs in extras.items() if f"vlm-reward-agent=={__version__}" in needs} == {
        "watch"
    }
    assert "vlm-reward[watch]" in extras["agent"]


def test_the_agents_image_holds_what_the_extra_agent_needs_of_ours() -> None:
    extras = project("vlm-reward")["optional-dependencies"]
    ours = {one for name in ("agent", "watch", "audit", "cli") for one in extras[name] if "==" in one}
    assert ours == {f"vlm-reward-agent=={__version__}"}
    assert " . ./agent " in (ROOT / "Dockerfile.agent").read_text()


@pytest.mark.parametrize("name", ["agent", "tiny_llava"])
def test_a_folder_that_is_a_package_lists_what_it_holds(name: str) -> None:
    content = tomllib.loads((ROOT / name / "pyproject.toml").read_text())["tool"]["setuptools"]
    there = {path.parent.relative_to(ROOT) for path in (ROOT / name).rglob("__init__.py")}
    there = {folder for folder in there if "build" not in folder.parts}
    assert set(content["packages"]) == {".".join(folder.parts) for folder in there}
    assert (ROOT / name / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_every_package_says_that_it_is_typed() -> None:
    for path in [*ROOT.glob("reward_*"), ROOT / "agent", ROOT / "tiny_llava"]:
        assert (path / "py.typed").is_file(), path


def images_of(path: Path) -> list[str]:
    """The tags of our images in a file, comments included."""
    return [found[1] or "" for found in IMAGE.finditer(path.read_text())]


@pytest.mark.parametrize(
    "name", ["Dockerfile.server", "Dockerfile.agent", "deploy/ray/rayservice.yaml", "docs/scaling.md"]
)
def test_images_are_tagged_by_the_version(name: str) -> None:
    tags = images_of(ROOT / name)
    assert tags
    for tag in tags:
        assert re.fullmatch(re.escape(__version__) + "(-cpu|-ray)?", tag), tag


def test_compose_builds_and_starts_images_of_this_version() -> None:
    seen = set()
    for name in COMPOSE:
        for service, content in yaml.safe_load((ROOT / name).read_text())["services"].items():
            image = content.get("image", "")
            if image.startswith("vlm-reward-"):
                seen.add(image)
            if "build" in content:
                assert image, service
    tags = {"server": __version__, "server-cpu": f"{__version__}-cpu", "agent": __version__}
    assert seen == {f"vlm-reward-{kind.removesuffix('-cpu')}:{tag}" for kind, tag in tags.items()}
