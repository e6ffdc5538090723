"""The agent with rewards of the model: does fetching them slow it down?

Four measurements in turns, over and over: rewards fetched while the agent goes on (overlapped), the same loop
waiting for each reward, the loop with no rewards to fetch, and the server's own capacity. The agent is
``reward-agent train``, as everybody runs it. Our server's cache is off: CartPole's frames repeat.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.bench.contenders.question import question_for
from benchmarks.bench.contenders.servers import ContenderError, Server, reward_server
from benchmarks.bench.measuring.frames import Size
from benchmarks.bench.parts.field import Field
from benchmarks.bench.parts.measuring_ways import Load, Pace, Row, measure_load
from benchmarks.bench.reporting.bars import Bar, Spread
from benchmarks.bench.reporting.tables import bars_table, table

LOOPS: dict[str, Sequence[str]] = {
    "overlapped": ("--schedule", "overlap"),
    "waiting for each reward": ("--schedule", "barrier", "--chunk-steps", "1"),
    "no rewards to fetch": ("--schedule", "overlap", "--arm", "env"),
}
"""Options of each loop; each learns as often as the others, once a step."""

CAPACITY = "the server's capacity"
PACE = Pace(repeats=1, seconds=5.0, warm_up_s=1.0)


def measure_agent(
    checkpoint: Path, dtype: str, rubric: str, env_steps: int, repeats: int, say: Callable[[str], None]
) -> list[Row]:
    """Measures all of it in turns.

    Args:
        checkpoint: folder of the model.
        dtype: of weights and arithmetic.
        rubric: name of the rubric that rewards come from.
        env_steps: of each loop.
        repeats: rounds.
        say: is told of each measurement.

    Returns:
        A row for each: ``name``, ``repeat``, ``steps_per_s``, ``seconds``.

    Raises:
        ContenderError: a run of the agent failed.
    """
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="bench-agent-") as temporary:
        folder = Path(temporary)
        with reward_server(checkpoint, dtype, folder / "server.log", ["--cache-bytes", "0"]) as server:
            field = Field(question_for(checkpoint, rubric), Size(0, 0), {}, ours=server)
            for repeat in range(repeats):
                for name, options in LOOPS.items():
                    seconds = _train(server, rubric, options, env_steps, folder / f"{repeat}-{name[:2]}")
                    rows.append({"name": name, "repeat": repeat, "seconds": seconds})
                row = measure_load(field, Load("client", 32, 8), PACE)
                rows.append({"name": CAPACITY, "repeat": repeat, "seconds": env_steps / row["frames_per_s"]})
                for row in rows[-len(LOOPS) - 1 :]:
                    row["steps_per_s"] = env_steps / row["seconds"]
                    say(f"{repeat + 1}/{repeats} {row['name']}: {row['steps_per_s']:.1f} steps/s")
    return rows


def agent_bars(rows: Sequence[Row]) -> list[Bar]:
    """What the issue asks: how much faster than waiting, and how near to the larger of both limits."""
    rounds = {(row["name"], row["repeat"]): float(row["seconds"]) for row in rows}
    overlapped, waiting, free = LOOPS
    repeats = sorted({row["repeat"] for row in rows})
    faster = [rounds[waiting, r] / rounds[overlapped, r] for r in repeats]
    longer = [rounds[overlapped, r] / max(rounds[free, r], rounds[CAPACITY, r]) for r in repeats]
    return [
        Bar("steps/s, overlapped / waiting for each reward", 3.0, True, Spread.of(faster)),
        Bar(
            "time, overlapped / the longer of no rewards to fetch and the server's capacity",
            1.2,
            False,
            Spread.of(longer),
        ),
    ]


def agent_text(rows: Sequence[Row]) -> str:
    """Ratios first, then environment steps a second."""
    names = [*LOOPS, CAPACITY]
    speeds = [
        [name, str(Spread.of([row["steps_per_s"] for row in rows if row["name"] == name]))] for name in names
    ]
    return f"{bars_table(agent_bars(rows))}\n\n{table(['', 'environment steps/s'], speeds)}"


def _train(server: Server, rubric: str, options: Sequence[str], env_steps: int, folder: Path) -> float:
    """Seconds of the training loop of one run, without its start and its final evaluation."""
    command = [
        *[sys.executable, "-m", "agent", "train", "--name", folder.name, "--runs", str(folder.parent)],
        *["--server-url", server.url, "--rubric", rubric, "--env-steps", str(env_steps), "--samples", "0"],
        *["--learning-starts", str(min(256, env_steps // 2)), "--checkpoint-every", str(env_steps)],
        *["--eval-every", "0", "--eval-episodes", "1", *options],
    ]
    with server.running():
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    summary = folder / "summary.json"
    found = json.loads(summary.read_text()) if summary.exists() else {"error": ended.stderr[-500:]}
    if found["error"]:
        raise ContenderError(f"reward-agent {' '.join(options)}: {found['error']}")
    if found.get("frames_failed"):
        raise ContenderError(f"{found['frames_failed']} frames of the agent got no reward")
    return float(found["train_wall_clock_s"])
