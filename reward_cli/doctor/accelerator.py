"""Looks for an NVIDIA GPU and its driver, by the driver's own tool; to import PyTorch would take seconds."""

from __future__ import annotations

import shutil
import subprocess

from reward_cli.doctor.checks import Check

QUERY_TIMEOUT_S = 10.0


def gpu_check() -> Check:
    """The GPU and its driver; a server can do without on a CPU."""
    advice = "without one, serve a small model on the CPU; LLaVA-1.5-7B wants a GPU of 24 GB"
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return Check("GPU", False, "no NVIDIA driver (nvidia-smi is not there)", advice)
    command = [tool, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=QUERY_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check("GPU", False, f"nvidia-smi does not answer ({type(error).__name__})", advice)
    cards = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    if done.returncode or not cards:
        told = (done.stdout + done.stderr).strip().splitlines()
        reason = told[0] if told else f"exit code {done.returncode}"
        return Check("GPU", False, f"nvidia-smi: {reason}", "look after the driver, or serve on the CPU")
    name, memory, driver = (part.strip() for part in cards[0].rsplit(",", 2))
    several = f"{len(cards)} of: " if len(cards) > 1 else ""
    return Check("GPU", True, f"{several}{name}, {memory}, driver {driver}")
