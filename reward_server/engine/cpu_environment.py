"""How vLLM's process is set up where the model runs on a CPU: memory, threads, number type, one process.

Not for GPUs: there vLLM's own choices are right, and a model on one GPU has one process as well.
"""

from __future__ import annotations

import logging
import os
from typing import Literal

import psutil
import torch

log = logging.getLogger(__name__)

BINDING = "VLLM_CPU_OMP_THREADS_BIND"

BFLOAT16_INSTRUCTIONS = ("amx_bf16", "avx512_bf16", "sve_bf16", "bf16")
"""In torch's names for what a CPU can do. With them bfloat16 was twice as fast as float32, without five times
slower (docs/performance.md)."""


def set_up_cpu() -> str | None:
    """Sets the variables that vLLM's process reads when it starts. A user's own values win.

    By default vLLM gives a CPU's worker a process beside the engine core's, so that it can bind OpenMP's
    threads to cores. Both then spin for a second after each message (``SpinCondition`` in vLLM 0.32's
    ``shm_broadcast.py``), on cores that others need, and the worker imports everything once more at its
    start. So the worker lives in the engine core's process, unless threads are to be bound.

    Returns:
        The name of vLLM's executor, or None for vLLM's own choice.
    """
    # A block that is mapped anew for each activation costs more than computing it: the kernel fills it
    # with zeros, page by page. So the heap keeps what a batch takes (docs/performance.md).
    os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(32 * 2**20))  # the highest that glibc takes
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(256 * 2**20))
    if os.environ.get(BINDING, "nobind") != "nobind":
        return None
    os.environ.setdefault("OMP_NUM_THREADS", str(default_threads()))
    # else vLLM overrules "uni" on a CPU (vllm/platforms/cpu.py); the engine core keeps a process of its own
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    return "uni" if os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] == "0" else None


def default_threads() -> int:
    """A thread for each physical core that we may use but one, which is the server's. vLLM counts so too."""
    allowed = len(os.sched_getaffinity(0))
    return max(1, min(psutil.cpu_count(logical=False) or allowed, allowed) - 1)


def fastest_dtype() -> Literal["bfloat16", "float32"]:
    """The number type in which this CPU computes a model fastest; why is logged."""
    can = torch.cpu.get_capabilities()
    if found := [name for name in BFLOAT16_INSTRUCTIONS if can.get(name)]:
        log.info("dtype auto: bfloat16, for which this CPU has instructions (%s)", ", ".join(found))
        return "bfloat16"
    log.info("dtype auto: float32, which is several times faster where a CPU has no bfloat16 instructions")
    return "float32"
