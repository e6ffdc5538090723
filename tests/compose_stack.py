"""Drives the CPU stack on a local Docker Engine: ``make compose-test``.

An agent trains twice with one seed on real vLLM in containers: once undisturbed, once while replicas come,
are killed and go. Both must end with the same rewards. All traffic stays on this host.
"""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.compose_images import MissingError, build_images, check_tools
from tests.paths import ROOT
from tests.victims import frames
from tests.waiting import until

PROJECT = "vlm-reward-test"
PORT, COUNTERS_PORT = 18080, 18404
KEY = "compose-test-key"
OWNER = 4321
"""Who owns the runs; a number that no image knows."""
ENV_STEPS = 8_000
"""Long enough that replicas come, die and go before it ends."""
TRAINING_S = 900.0
POLL_S = 0.5
TAKEN_UP_S = 10.0
MAX_DIFFERENCE = 1e-6


class Stack:
    """The stack of ``docker-compose.cpu.yml`` under a project name of its own.

    Args:
        compose: Compose's command.
        variables: what the files leave open.
    """

    def __init__(self, compose: list[str], variables: Mapping[str, str]) -> None:
        self._command = [*compose, "-p", PROJECT, "-f", "docker-compose.cpu.yml"]
        self._environment = {**os.environ, **variables}

    def compose(self, *arguments: str, **variables: str) -> str:
        """Runs a Compose command and returns its output."""
        done = subprocess.run(
            [*self._command, *arguments],
            cwd=ROOT,
            env={**self._environment, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"compose {' '.join(arguments)} failed:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def scale(self, replicas: int) -> None:
        """Brings up or takes away replicas of the server; returns when that was done."""
        self.compose(
            "up", "-d", "--no-build", "--no-recreate", "--scale", f"reward-server={replicas}", "reward-server"
        )

    def containers(self, service: str | None = None) -> list[str]:
        """Ids of running and stopped containers."""
        filters = [f"label=com.docker.compose.project={PROJECT}"]
        if service is not None:
            filters.append(f"label=com.docker.compose.service={service}")
        arguments = [part for text in filters for part in ("--filter", text)]
        return docker("ps", "--all", "--quiet", *arguments).split()


def docker(*arguments: str) -> str:
    """Runs a Docker command and returns its output."""
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout


def requests_by_replica() -> dict[str, tuple[str, int]]:
    """HAProxy's own counters: status and requests of each replica that it has an address for."""
    text = httpx.get(f"http://127.0.0.1:{COUNTERS_PORT}/;csv", timeout=10).text.lstrip("# ")
    rows = csv.DictReader(text.splitlines())
    return {
        row["svname"]: (row["status"], int(row["stot"]))
        for row in rows
        if row["pxname"] == "reward-servers"
        and row["svname"] != "BACKEND"
        and not row["status"].startswith("MAINT")  # "MAINT (resolution)": no replica has this place
    }


def serving() -> int:
    """Replicas that HAProxy gives requests to."""
    with suppress(httpx.HTTPError):
        return sum(status == "UP" for status, _ in requests_by_replica().values())
    return 0


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    what: str
    expected: str
    happened: str
    met: bool


@dataclass
class Training:
    """The agent's container at work.

    Attributes:
        stack: where it runs.
        folder: of the run, on this host.
    """

    stack: Stack
    folder: Path

    def labels(self) -> list[dict[str, Any]]:
        """What the server said so far; a line that is being written is left out."""
        path = self.folder / "labels.jsonl"
        if not path.exists():
            return []
        text = path.read_text()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def passes(self, step: int) -> None:
        """Waits until so many frames were scored."""
        until(lambda: len(self.labels()) >= step or not self.running(), TRAINING_S, f"step {step}", POLL_S)

    def running(self) -> bool:
        """Whether the agent is at work."""
        return self._state()["Running"]  # type: ignore[no-any-return]

    def exit_code(self) -> int:
        """Waits for the agent's end."""
        until(lambda: not self.running(), TRAINING_S, "the end of training", POLL_S)
        return int(self._state()["ExitCode"])

    def _state(self) -> dict[str, Any]:
        (container,) = self.stack.containers("agent")
        return json.loads(docker("inspect", container))[0]["State"]  # type: ignore[no-any-return]


@contextmanager
def training(stack: Stack, runs: Path, name: str) -> Iterator[Training]:
    """Starts the stack with one replica and the agent; takes it down at the end."""
    options = f"--env-steps {ENV_STEPS} --eval-every 0 --eval-episodes 10 --seed 3"
    try:
        stack.compose("up", "-d", "--no-build", RUN_NAME=name, AGENT_OPTIONS=options, RUBRIC="cartpole-angle")
        yield Training(stack, runs / name)
    except BaseException:
        print(stack.compose("logs", "--tail", "40"), file=sys.stderr)
        raise
    finally:
        stack.compose("down", "--volumes", "--remove-orphans")


def disturb(run: Training) -> list[Row]:
    """Brings replicas up, kills one, takes them away, while the agent trains."""
    rows, stack = [], run.stack
    run.passes(200)
    before = set(requests_by_replica())
    stack.scale(3)
    until(lambda: serving() == 3, TRAINING_S, "three replicas", POLL_S)
    taken_up_s = until(
        lambda: all(count > 0 for _, count in requests_by_replica().values()), 60, "work for all", POLL_S
    )
    rows.append(
        Row(
            "1 to 3 replicas",
            f"work for each within {TAKEN_UP_S:g} s of being ready",
            f"{taken_up_s:.1f} s",
            taken_up_s < TAKEN_UP_S,
        )
    )
    run.passes(len(run.labels()) + 300)
    at_work = run.running()
    killed = stack.containers("reward-server")[0]
    pid = json.loads(docker("inspect", killed))[0]["State"]["Pid"]
    spread = {name: count for name, (_, count) in requests_by_replica().items()}
    os.kill(pid, signal.SIGKILL)
    run.passes(len(run.labels()) + 300)
    rows.append(Row("SIGKILL of a replica", "in mid-training", "in time" if at_work else "too late", at_work))
    new = [count for name, count in spread.items() if name not in before]
    text = ", ".join(f"{name} {count}" for name, count in sorted(spread.items()))
    rows.append(
        Row(
            "work by HAProxy's counters",
            "3 replicas, each some",
            text,
            len(new) == 2 and min(spread.values()) > 0,
        )
    )
    at_work = run.running()
    stack.scale(1)
    rows.append(Row("3 to 1 replicas", "in mid-training", "in time" if at_work else "too late", at_work))
    return rows


def check_endpoint() -> Row:
    """Asks as any other program would, with and without the key."""
    body = {"images": frames(1, 7), "rubric": "cartpole-upright"}
    url = f"http://127.0.0.1:{PORT}/score"
    without = httpx.post(url, json=body, timeout=60).status_code
    answer = httpx.post(url, json=body, headers={"Authorization": f"Bearer {KEY}"}, timeout=60)
    good = without == 401 and answer.status_code == 200 and answer.json()["data"][0]["status"] == "ok"
    happened = f"{without} without, {answer.status_code} with"
    return Row("POST /score from outside", "401 without the key, 200 with it", happened, good)


def check_run(run: Training, calm: list[dict[str, Any]] | None, code: int) -> list[Row]:
    """What a finished run left on the host."""
    name = run.folder.name
    summary = json.loads((run.folder / "summary.json").read_text())
    owners = {path.stat().st_uid for path in run.folder.rglob("*")}
    rows = [
        Row(f"{name}: the agent's exit code", "0 or 3 (not solved)", str(code), code in {0, 3}),
        Row(
            f"{name}: frames",
            f"{ENV_STEPS} scored, 0 failed",
            f"{summary['frames_scored']} scored, {summary['frames_failed']} failed",
            (summary["frames_scored"], summary["frames_failed"]) == (ENV_STEPS, 0),
        ),
        Row(f"{name}: owner of the files", str(OWNER), str(owners), owners == {OWNER}),
    ]
    if calm is not None:
        labels = run.labels()
        same = len(labels) == len(calm) and max(
            abs(a["reward"] - b["reward"]) for a, b in zip(labels, calm, strict=True)
        )
        good = same is not False and same <= MAX_DIFFERENCE
        rows.append(Row("rewards of both runs", "the same", f"largest difference {same:.1e}", good))
    return rows


def main() -> int:
    """Runs everything and prints the table.

    Returns:
        The exit code: 0 where all was as expected.
    """
    try:
        compose = check_tools()
        images = build_images()
    except MissingError as error:
        print(f"compose-test: {error}", file=sys.stderr)
        return 2
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        runs.mkdir()
        Path(folder).chmod(0o755)
        os.chown(runs, OWNER, OWNER)
        variables = {
            **images,
            "RUNS_DIR": str(runs),
            "AGENT_UID": str(OWNER),
            "AGENT_GID": str(OWNER),
            "PORT": str(PORT),
            "COUNTERS_PORT": str(COUNTERS_PORT),
            "REWARD_API_KEYS": KEY,
            "REWARD_API_KEY": KEY,
            "REWARD_ALLOW_UNAUTHENTICATED": "false",
        }
        stack = Stack(compose, variables)
        with training(stack, runs, "calm") as run:
            run.passes(1)
            rows.append(check_endpoint())
            rows += check_run(run, None, run.exit_code())
            calm = run.labels()
        with training(stack, runs, "disturbed") as run:
            rows += disturb(run)
            rows += check_run(run, calm, run.exit_code())
        left = stack.containers()
        rows.append(Row("down", "no container left", f"{len(left)} left", not left))
    print("\n| what | expected | happened | met |\n|---|---|---|---|")
    for row in rows:
        print(f"| {row.what} | {row.expected} | {row.happened} | {'yes' if row.met else '**no**'} |")
    return int(not all(row.met for row in rows))


if __name__ == "__main__":
    sys.exit(main())
