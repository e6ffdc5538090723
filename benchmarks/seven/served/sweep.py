"""A server for each precision and batch setting, and its frames/s against the device's own limit.

The sweep of ``benchmarks.gpu``, which says where it can run.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import try_to_load_from_cache

from benchmarks.bench.measuring.frames import Numbers
from benchmarks.bench.measuring.machine import machine
from benchmarks.bench.reporting.tables import table
from benchmarks.seven.dimensions import SEVEN_B, TEXT_TOKENS, TINY, llava_config
from benchmarks.seven.flops import frame_flops
from benchmarks.seven.served.checkpoint import write_checkpoint
from benchmarks.seven.served.load import FailedFrameError, Load, speeds
from benchmarks.seven.served.process import served_model
from benchmarks.seven.stopwatch import Report
from reward_client.errors import RewardServiceError

REAL = "llava-hf/llava-1.5-7b-hf"
START_TIMEOUT_S = 900.0


@dataclass(frozen=True)
class Batching:
    """A server's batch settings.

    Attributes:
        tokens: ``--max-num-batched-tokens``.
        seqs: ``--max-num-seqs``.
    """

    tokens: int
    seqs: int


BATCHINGS = (Batching(8192, 64), Batching(16_384, 128), Batching(32_768, 256))
"""About 13, 27 and 54 frames a step; the last one is the server's default on a GPU."""


PRECISIONS = ("bfloat16", "fp8")
"""fp8 is vLLM's own quantization, made as it loads."""


@dataclass(frozen=True)
class Sweep:
    """What is measured.

    Attributes:
        folder: for the model's files and the servers' log.
        results: where the numbers go, after every server.
        model: folder of the checkpoint; None: the Hub's cache, or random weights.
        budget_s: no server is started after so long.
        seconds: of each measurement.
        port: that servers listen on; 0: any free one.
        tiny: tiny dimensions and one setting, to try this on a CPU.
    """

    folder: Path
    results: Path
    model: Path | None = None
    budget_s: float = 1200.0
    seconds: float = 10.0
    port: int = 0
    tiny: bool = False


def measure(options: Sweep) -> dict[str, Any]:
    """Starts a server for each setting, and measures it.

    Returns:
        What the results file holds.
    """
    dimensions = TINY if options.tiny else SEVEN_B
    model, is_random = _model(options)
    if is_random:
        write_checkpoint(options.folder / "checkpoint", dimensions)
    peak_flops_per_s = card_peak_flops_per_s(256 if options.tiny else 8192)
    found: dict[str, Any] = {
        "machine": machine(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
        "weights": "random" if is_random else "of the checkpoint",
        "peak_flops_per_s": peak_flops_per_s,
        "limit_frames_per_s": peak_flops_per_s
        / frame_flops(llava_config(dimensions), dimensions.image_tokens + TEXT_TOKENS),
        "rows": [],
        "errors": [],
    }
    began, numbers = time.monotonic(), Numbers()
    settings = itertools.product(PRECISIONS, BATCHINGS)
    for precision, batching in itertools.islice(settings, 1 if options.tiny else None):
        if time.monotonic() - began > options.budget_s:
            found["errors"].append(f"no time was left for {precision} with {batching}")
            continue
        engine_options = {"load_format": "dummy"} if is_random else {}
        if precision == "fp8":
            engine_options["quantization"] = "fp8"
        try:
            for row in _rows(options, model, batching, engine_options, numbers):
                found["rows"].append({"precision": precision, **row})
                print(
                    f"{precision} {batching}: {row['frames_per_s']:.1f} frames/s {row['question']}",
                    flush=True,
                )
        except (FailedFrameError, RewardServiceError) as error:
            found["errors"].append(f"{precision} with {batching}: {error}")
            print(f"gpu: {found['errors'][-1]}", file=sys.stderr, flush=True)
        options.results.parent.mkdir(parents=True, exist_ok=True)
        options.results.write_text(json.dumps(found, indent=1) + "\n")
    return found


def card_peak_flops_per_s(side: int) -> float:
    """What the card does of a product of two square bfloat16 matrices: the limit of a model in bfloat16."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    times = Report(60.0).measure(lambda: a @ b, warm_ups=3)
    return 2.0 * side**3 / times.median_s


def speeds_table(found: Mapping[str, Any]) -> str:
    """The table, in Markdown.

    Args:
        found: from ``measure``.
    """
    head = [
        "precision",
        "tokens a step",
        "frames a step",
        "question",
        "frames/s",
        "of the limit",
        "passes",
        "p50 s",
    ]
    rows = [
        [
            row["precision"],
            str(row["tokens"]),
            str(row["seqs"]),
            row["question"],
            f"{row['frames_per_s']:.1f}",
            f"{row['frames_per_s'] / found['limit_frames_per_s']:.0%}",
            f"{row['passes_per_frame']:.1f}",
            f"{row['p50_s']:.2f}",
        ]
        for row in found["rows"]
    ]
    sentence = (
        f"{found['device']}, weights {found['weights']}. The limit is {found['limit_frames_per_s']:.0f} "
        f"frames/s: the card's own bfloat16 product, {found['peak_flops_per_s'] / 1e12:.0f} TFLOP/s, over "
        "what a frame's one-token readout takes."
    )
    missing = [f"\nNot measured: {error}" for error in found["errors"]]
    return "\n".join([sentence, "", table(head, rows), *missing])


def _rows(
    options: Sweep, model: str, batching: Batching, engine_options: Mapping[str, Any], numbers: Numbers
) -> Iterator[dict[str, Any]]:
    """One server's speeds.

    Raises:
        LocalServerError: it did not start.
    """
    arguments = ["--model", model, "--dtype", "bfloat16", "--cache-bytes", "0"]
    arguments += ["--max-num-batched-tokens", str(batching.tokens), "--max-num-seqs", str(batching.seqs)]
    load = Load(4, 2, options.seconds) if options.tiny else Load(seconds=options.seconds)
    with served_model(
        arguments,
        engine_options,
        log_file=options.folder / "server.log",
        port=options.port,
        ready_timeout_s=START_TIMEOUT_S,
    ) as server:
        for speed in speeds(server.url, load, numbers):
            yield {**vars(batching), **vars(speed), "start_up_s": server.start_up_s}


def _model(options: Sweep) -> tuple[str, bool]:
    """The folder or Hub id of the model, and whether its weights are random."""
    if options.model is not None:
        return str(options.model), False
    if not options.tiny and isinstance(try_to_load_from_cache(REAL, "config.json"), str):
        return REAL, False
    return str(options.folder / "checkpoint"), True
