"""What a tree of processes uses: core time, peak memory. And stopping a tree, so that it uses no core at all.

Linux only: peak memory and start times come from ``/proc``.
"""

from __future__ import annotations

import signal
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class CoreTimes:
    """Core time of the processes of a tree so far.

    Attributes:
        seconds: user and system time by process id.
        roles: what each process is, by process id.
    """

    seconds: dict[int, float]
    roles: dict[int, str]

    def since(self, before: CoreTimes) -> dict[str, float]:
        """Core seconds since an earlier look, by role. Processes that ended in between are left out."""
        used: defaultdict[str, float] = defaultdict(float)
        for pid, seconds in self.seconds.items():
            used[self.roles[pid]] += seconds - before.seconds.get(pid, 0.0)
        return {role: seconds for role, seconds in used.items() if seconds > 0}


def core_times(root_pid: int) -> CoreTimes:
    """Looks at a tree's core times now."""
    seconds: dict[int, float] = {}
    roles: dict[int, str] = {}
    for role, process in _tree(root_pid):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        seconds[process.pid], roles[process.pid] = times.user + times.system, role
    return CoreTimes(seconds, roles)


def peak_memory_mb(root_pid: int) -> dict[str, float]:
    """Largest resident memory of each process since it started, in MB (1e6 bytes), by role."""
    return _memory_mb(root_pid, "VmHWM:")


def memory_mb(root_pid: int) -> dict[str, float]:
    """Resident memory of each process now, in MB (1e6 bytes), by role."""
    return _memory_mb(root_pid, "VmRSS:")


def pause(root_pid: int) -> None:
    """Stops a tree of processes until ``resume``: vLLM's idle processes would use cores that others need."""
    _signal(root_pid, signal.SIGSTOP)


def resume(root_pid: int) -> None:
    """Lets a stopped tree of processes go on."""
    _signal(root_pid, signal.SIGCONT)


def _memory_mb(root_pid: int, field: str) -> dict[str, float]:
    found: defaultdict[str, float] = defaultdict(float)
    for role, process in _tree(root_pid):
        try:
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        except OSError:  # it ended
            continue
        found[role] += sum(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(field))
    return dict(found)


def _signal(root_pid: int, number: signal.Signals) -> None:
    for _, process in _tree(root_pid):
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue


def _tree(root_pid: int) -> list[tuple[str, psutil.Process]]:
    try:
        root = psutil.Process(root_pid)
        return [("main", root), *((_role(child), child) for child in root.children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def _role(process: psutil.Process) -> str:
    """VLLM's processes give themselves a title; all others below the root are helpers."""
    try:
        title = (process.cmdline() or [""])[0]
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return "helper"
    return title.removeprefix("VLLM::").split()[0] if title.startswith("VLLM::") else "helper"
