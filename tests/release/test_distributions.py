"""Wheels and sdists hold what they should, and a client's installation holds nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest

from reward_client.version import __version__
from tests.paths import ROOT
from tests.release.building import FOLDERS, ROOMS, build, copy_tree, names, unpack

pytestmark = pytest.mark.slow

FOREIGN = ("agent", "tiny_llava", "tests", "benchmarks", "examples", "torch", "vllm", "fastapi", "gymnasium")
"""What nobody gets who installs the client alone."""

USE = """
import reward_client
from reward_client import RewardClient

reveal_type(reward_client.__version__)
with RewardClient("http://127.0.0.1:1") as client:
    reveal_type(client.score([b""], rubric="x").data[0].reward)
"""


@dataclass(frozen=True)
class Distribution:
    """One distribution, built both ways: as a wheel from the tree, and as one from its own sdist."""

    sdist: Path
    from_tree: Path
    from_sdist: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Distribution]:
    folder = tmp_path_factory.mktemp("built")
    tree = copy_tree(tmp_path_factory.mktemp("tree"))
    found = {}
    for name in FOLDERS:
        sdist = build("sdist", tree / name, folder / name / "sdist")
        unpacked = unpack(sdist, folder / name / "unpacked")
        found[name] = Distribution(
            sdist,
            build("wheel", tree / name, folder / name / "wheel"),
            build("wheel", unpacked, folder / name / "wheel-of-sdist"),
        )
    return found


def files_of(room: str) -> set[str]:
    """The files of a room that belong into a wheel."""
    own = {f"{room}/pyproject.toml", f"{room}/README.md", f"{room}/LICENSE"}
    paths = (path for path in (ROOT / room).rglob("*") if path.is_file())
    found = {path.relative_to(ROOT).as_posix() for path in paths if "__pycache__" not in path.parts}
    return {name for name in found if not re.search(r"/build/|\.egg-info/", name)} - own


@pytest.mark.parametrize(
    ("name", "rooms"), [(".", ROOMS), ("agent", ["agent"]), ("tiny_llava", ["tiny_llava"])]
)
def test_a_wheel_holds_every_file_of_its_rooms_and_no_other(
    built: dict[str, Distribution], name: str, rooms: list[str]
) -> None:
    wanted = set().union(*(files_of(room) for room in rooms))
    assert names(built[name].from_tree) == wanted
    assert names(built[name].from_sdist) == wanted


def link_requirements(wheel: Path, site: Path) -> None:
    """Links what a wheel says it needs from this environment, and what that needs, into a fresh one."""
    waiting = [line for line in _requires(wheel) if "extra ==" not in line]
    seen = set[str]()
    while waiting:
        found = re.match(r"[\w.-]+", waiting.pop())
        assert found
        if found[0].lower() in seen:
            continue
        seen.add(found[0].lower())
        try:
            distribution = metadata.distribution(found[0])
        except metadata.PackageNotFoundError:  # of another Python or system
            continue
        waiting += [line for line in distribution.requires or [] if "extra ==" not in line]
        for top in {path.parts[0] for path in distribution.files or []} - {"..", "__pycache__"}:
            target = site / top
            if not target.exists():
                target.symlink_to(Path(str(distribution.locate_file(top))))


def _requires(wheel: Path) -> list[str]:
    (found,) = metadata.distributions(path=[str(wheel)])
    return found.requires or []


class Fresh:
    """A virtual environment with nothing in it but what is installed by a test."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, symlinks=True)
        self.bin = folder / "bin"
        (self.site,) = (folder / "lib").glob("python*/site-packages")

    def install(self, *files: Path) -> None:
        """Installs wheels, with this environment's pip."""
        pip = [sys.executable, "-m", "pip", "--python", str(self.bin / "python"), "--quiet", "install"]
        subprocess.run([*pip, "--no-deps", "--no-index", *map(str, files)], check=True, capture_output=True)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs one of its programs, away from the tree."""
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(
            [str(self.bin / command[0]), *command[1:]],
            cwd=self.site,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def client(built: dict[str, Distribution], tmp_path_factory: pytest.TempPathFactory) -> Fresh:
    fresh = Fresh(tmp_path_factory.mktemp("client"))
    fresh.install(built["."].from_sdist)
    link_requirements(built["."].from_sdist, fresh.site)
    return fresh


def test_a_client_alone_has_what_it_needs_and_no_name_of_others(client: Fresh) -> None:
    code = (
        "import importlib.util, reward_client; print(reward_client.__version__, *"
        f"[name for name in {FOREIGN} if importlib.util.find_spec(name)])"
    )
    done = client.run("python", "-c", code)
    assert (done.stdout.split(), done.stderr) == ([__version__], "")


def test_types_reach_who_installs_the_client(client: Fresh, tmp_path: Path) -> None:
    (tmp_path / "use.py").write_text(USE)
    mypy = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(client.bin / "python")]
    cache = ["--cache-dir", str(tmp_path / "cache")]
    done = subprocess.run(
        [*mypy, *cache, "use.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert re.findall(r'Revealed type is "(.+)"', done.stdout) == ["str", "float | None"], done.stdout
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("command", "extra"), [("reward-server", "server"), ("reward-audit", "audit"), ("reward train", "agent")]
)
def test_a_command_of_an_extra_that_is_not_there_names_it(client: Fresh, command: str, extra: str) -> None:
    done = client.run(*command.split())
    assert done.returncode == 1
    assert f'pip install "vlm-reward[{extra}]"' in done.stderr
    assert "Traceback" not in done.stderr


def test_the_other_distributions_add_their_package_and_command(
    built: dict[str, Distribution], client: Fresh, tmp_path: Path
) -> None:
    fresh = Fresh(tmp_path / "whole")
    assert not (client.bin / "reward-agent").exists()
    fresh.install(*(one.from_sdist for one in built.values()))
    link_requirements(built["."].from_sdist, fresh.site)
    assert (fresh.site / "tiny_llava" / "checkpoint" / "config.json").is_file()
    done = fresh.run("reward-agent", "train")
    assert done.returncode == 1
    assert done.stderr.startswith("reward-agent: the package tyro is not installed")
    assert 'pip install "vlm-reward[agent]"' in done.stderr
