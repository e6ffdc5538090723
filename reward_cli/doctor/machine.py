"""Checks of the machine: Python, compiler, libraries, processor, memory, disk, port. It changes nothing.

Not for the GPU (``accelerator.py``) or what is installed by pip (``packages.py``).
"""

from __future__ import annotations

import ctypes.util
import os
import platform
import shutil
import socket
import sys
from pathlib import Path

from reward_cli.doctor.checks import ALL, NOBODY, SERVER, Check

PYTHON = ((3, 11), (3, 14))
"""From, and below: ``requires-python`` in ``pyproject.toml``."""

SERVER_MEMORY_GIB = 8
"""What the README asks for on a laptop: the shipped checkpoint takes two, an agent beside it the rest."""

ENVIRONMENT_GB = 4
"""The environment with vLLM for CPUs takes 3.5 GB."""

PORT = 8000
GIB = 2**30


def machine_checks(on_gpu: bool) -> list[Check]:
    """All checks of this file.

    Args:
        on_gpu: whether a GPU will do the work of the processor.
    """
    return [
        _python(),
        _compiler(on_gpu),
        _libnuma(on_gpu),
        _bfloat16(_cpu_flags(), on_gpu),
        _memory(),
        _disk(Path.cwd()),
        _port(PORT),
    ]


def _python() -> Check:
    low, high = PYTHON
    version = platform.python_version()
    fits = low <= sys.version_info[:2] < high
    wanted = f"{low[0]}.{low[1]} to {high[0]}.{high[1] - 1}"
    return Check("Python", fits, version, f"install Python {wanted}", ALL)


def _compiler(on_gpu: bool) -> Check:
    path = shutil.which("g++")
    advice = "vLLM compiles parts of a model at its start: apt install g++ (or your system's package)"
    return Check("g++", path is not None, path or "not found", advice, NOBODY if on_gpu else SERVER)


def _libnuma(on_gpu: bool) -> Check:
    name = ctypes.util.find_library("numa")
    advice = "vLLM on a CPU loads it: apt install libnuma1 (or your system's package)"
    return Check("libnuma", name is not None, name or "not found", advice, NOBODY if on_gpu else SERVER)


def _cpu_flags() -> frozenset[str] | None:
    """What the processor can do, as Linux tells it; None where it does not."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return None
    lines = (line.partition(":") for line in text.splitlines())
    found = next((value for key, _, value in lines if key.strip() in {"flags", "Features"}), None)
    return None if found is None else frozenset(found.split())


def _bfloat16(flags: frozenset[str] | None, on_gpu: bool) -> Check:
    name = "bfloat16 on the CPU"
    fast = sorted({"avx512_bf16", "amx_bf16", "bf16"} & (flags or frozenset()))
    if fast:
        return Check(name, True, ", ".join(fast))
    found = "the system does not say" if flags is None else "no instructions for it"
    advice = (
        "the GPU does the work" if on_gpu else "serve with --dtype float32, which is several times faster"
    )
    return Check(name, False, found, advice)


def _memory() -> Check:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _container_limit()
    usable = total if limit is None else min(total, limit)
    found = f"{usable / GIB:.0f} GiB" + (
        "" if usable == total else f" for this container, of {total / GIB:.0f}"
    )
    enough = usable >= 0.9 * SERVER_MEMORY_GIB * GIB  # the kernel keeps a part of what was bought
    return Check("memory", enough, found, f"a server on the CPU needs about {SERVER_MEMORY_GIB} GiB", SERVER)


def _container_limit() -> int | None:
    """The memory limit of the control group that this process is in, in bytes; None for none."""
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(path).read_text().strip()
        except OSError:
            continue
        return int(text) if text.isdecimal() else None
    return None


def _disk(folder: Path) -> Check:
    free_gb = shutil.disk_usage(folder).free / 1e9
    advice = f"an installation with vLLM takes {ENVIRONMENT_GB} GB, and LLaVA-1.5-7B 14 GB more"
    return Check("disk", free_gb >= ENVIRONMENT_GB, f"{free_gb:.0f} GB free here", advice, SERVER)


def _port(number: int) -> Check:
    name = f"port {number}"
    try:
        with socket.create_server(("127.0.0.1", number)):
            return Check(name, True, "free")
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        advice = "a server may run there already; else serve with --port and ask with --server-url"
        return Check(name, False, f"not free ({reason})", advice)
