"""The bare pass on one GPU: what LLaVA-1.5-7B's dimensions cost there, with transformers alone.

    python3 -m benchmarks.seven.gpu_pass --minutes 5 --out seven_gpu.json

from the repository's root, with torch, transformers, numpy and pillow. Random weights, unless ``--model``
names a folder with the checkpoint. Prints a line for each measurement as it comes, and JSON at the end; each
section's failure is printed, and the next goes on. This is the limit, not a server: no vLLM, no requests.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers

from benchmarks.seven import float8, label_tree
from benchmarks.seven.dimensions import SEVEN_B, TINY, model_on_disk, random_model
from benchmarks.seven.flops import frame_flops, language_flops, vision_flops
from benchmarks.seven.llava_pass import LlavaPass, captured
from benchmarks.seven.stopwatch import Report

TEXT_ANSWER_TOKENS = 24
"""What the ancestor's script asks for."""
COMPILE_NEEDS_S = 60.0
"""Compiling one layer of each kind takes about so long; without this much time it is not begun."""


class Bench:
    """The sections, over one model.

    Args:
        report: takes the rows.
        llava: the model.
        tiny: small batches and products, to try the code on a CPU.
    """

    def __init__(self, report: Report, llava: LlavaPass, tiny: bool) -> None:
        self.report = report
        self.llava = llava
        self.tiny = tiny
        self.batches: tuple[int, ...] = (1, 2) if tiny else (1, 2, 4, 8, 16, 32, 64)
        self.flops = frame_flops(llava.config, llava.prompt_tokens)
        self.peak_flops_per_s: float | None = None

    def peak(self) -> None:
        """The card's product of two square matrices: bf16, and float8 with both kinds of scales."""
        side = 256 if self.tiny else 8192
        a, b = (torch.randn(side, side, device=self.llava.device, dtype=self.llava.dtype) for _ in range(2))
        self.peak_flops_per_s = self._product("bf16", side, partial(torch.matmul, a, b))
        for row_wise in (False, True):
            left, left_scale = float8.quantise(a, row_wise)
            right, right_scale = float8.quantise(b.t().contiguous(), row_wise)
            right_scale = right_scale.t() if row_wise else right_scale
            product = partial(
                torch._scaled_mm,
                left,
                right.t(),
                left_scale,
                right_scale,
                out_dtype=self.llava.dtype,
                use_fast_accum=True,
            )
            self._product(f"float8, {_scales(row_wise)}", side, product)

    def _product(self, name: str, side: int, product: Callable[[], object]) -> float:
        count = 10

        def work() -> None:
            for _ in range(count):
                product()

        times = self.report.measure(work)
        flops_per_s = count * 2 * side**3 / times.median_s
        self.report.add("matmul", f"{side}^3, {name}", times, tflop_per_s=flops_per_s / 1e12)
        return flops_per_s

    def readout(self, section: str = "readout", split: bool = True) -> None:
        """One token of every frame, for each batch size; beside it the two halves alone."""
        for batch in self.batches:
            pixels, ids = self.llava.random_pixels(batch), self.llava.random_prompts(batch)
            if split:
                encode = partial(self.llava.encode, pixels)
                self._frames("vision alone", f"batch {batch}", batch, encode, vision_flops(self.llava.config))
                features = self.llava.encode(pixels)
                flops = language_flops(self.llava.config, self.llava.prompt_tokens)
                prefill = partial(self.llava.prefill, ids, features)
                self._frames("language alone", f"batch {batch}", batch, prefill, flops)
            whole = partial(self._whole, ids, pixels)
            self._frames(section, f"batch {batch}", batch, whole, self.flops)

    def _whole(self, ids: torch.Tensor, pixels: torch.Tensor) -> torch.Tensor:
        return self.llava.prefill(ids, self.llava.encode(pixels))

    def _frames(
        self, section: str, name: str, frames: int, work: Callable[[], object], flops: float | None = None
    ) -> float:
        """Times work on so many frames; returns frames/s."""
        times = self.report.measure(work)
        frames_per_s = frames / times.median_s
        values = {"frames_per_s": frames_per_s}
        if flops is not None:
            values["tflop_per_s"] = frames_per_s * flops / 1e12
            if self.peak_flops_per_s is not None:
                values["share_of_peak"] = frames_per_s * flops / self.peak_flops_per_s
        if torch.cuda.is_available():
            values["peak_memory_gib"] = torch.cuda.max_memory_allocated() / 2**30
            torch.cuda.reset_peak_memory_stats()
        self.report.add(section, name, times, **values)
        return frames_per_s

    def tree(self) -> None:
        """A label tree of 21 passes: unshared, and shared in two ways. First whether their values agree."""
        ways = {
            "unshared": label_tree.unshared,
            "expanded cache": label_tree.from_expanded_cache,
            "one masked pass": label_tree.from_masked_pass,
        }
        ids, pixels = self.llava.random_prompts(2), self.llava.random_pixels(2)
        expected = label_tree.unshared(self.llava, ids, pixels)
        alone = label_tree.unshared(self.llava, ids[:1], pixels[:1])
        self._agreement("unshared, alone against in a batch", alone, expected[:1])
        for name, way in list(ways.items())[1:]:
            self._agreement(f"{name} against unshared", way(self.llava, ids, pixels), expected)
        # 4 frames: 80 copies of a cache of 0.3 GB. More would not fit; the masked pass needs no copies.
        for frames in self.batches[:3:2]:
            rates = {name: self._tree_row(name, way, frames) for name, way in ways.items()}
            for name, rate in rates.items():
                ratio = rate / rates["unshared"]
                self.report.add("label tree", f"{name}, {frames} frames: over unshared", ratio=ratio)
        if not self.tiny:
            self._tree_row("one masked pass", label_tree.from_masked_pass, 32)

    def _tree_row(self, name: str, way: Callable[..., torch.Tensor], frames: int) -> float:
        ids, pixels = self.llava.random_prompts(frames), self.llava.random_pixels(frames)
        work = partial(way, self.llava, ids, pixels)
        return self._frames("label tree", f"{name}, {frames} frames", frames, work)

    def _agreement(self, name: str, logits: torch.Tensor, expected: torch.Tensor) -> None:
        difference = _relative_error(logits, expected)
        probabilities = label_tree.label_probabilities(logits) - label_tree.label_probabilities(expected)
        worst = float(probabilities.abs().max())
        self.report.add("label tree", name, relative_logit_error=difference, worst_probability_error=worst)

    def text(self) -> None:
        """24 tokens of greedy text with a cache, for each batch size."""
        for batch in self.batches:
            ids, pixels = self.llava.random_prompts(batch), self.llava.random_pixels(batch)
            work = partial(self.llava.greedy, ids, pixels, TEXT_ANSWER_TOKENS)
            self._frames("24-token text", f"batch {batch}", batch, work)

    def captured(self) -> None:
        """Readout and text as CUDA graphs: without Python's time between kernels."""
        for batch in self.batches[:6:2]:
            ids, pixels = self.llava.random_prompts(batch), self.llava.random_pixels(batch)
            for name, work in (
                ("readout", partial(self._whole, ids, pixels)),
                ("24-token text", partial(self.llava.greedy, ids, pixels, TEXT_ANSWER_TOKENS)),
            ):
                work()
                self._frames("CUDA graph", f"{name}, batch {batch}", batch, captured(work))

    def float8(self) -> None:
        """The readout with the language model's linear layers in float8: speed, and error of the logits."""
        ids, pixels = self.llava.random_prompts(2), self.llava.random_pixels(2)
        expected = self._whole(ids, pixels)
        compiled = not self.tiny and self._quantise_compiles()
        for row_wise in (False, True):
            with float8.in_float8(self.llava.inner.language_model, row_wise, compiled):
                error = _relative_error(self._whole(ids, pixels), expected)
                self.report.add("float8", f"error, {_scales(row_wise)}", relative_logit_error=error)
                for batch in self.batches[-4:]:
                    pixels_of, ids_of = self.llava.random_pixels(batch), self.llava.random_prompts(batch)
                    work = partial(self._whole, ids_of, pixels_of)
                    self._frames("float8", f"batch {batch}, {_scales(row_wise)}", batch, work, self.flops)

    def _quantise_compiles(self) -> bool:
        sample = torch.randn(64, 64, device=self.llava.device, dtype=self.llava.dtype)
        try:
            with torch.inference_mode():
                float8.quantise_compiled()(sample, True)
        except Exception as error:  # noqa: BLE001 # a compiler that is missing must not cost the figures
            print(f"float8: not compiled, inputs are quantised slowly: {error}", flush=True)
            return False
        return True

    def ancestor(self) -> None:
        """The ancestor's loop: one frame, ``generate`` of 24 tokens, then the next frame."""
        ids, pixels = self.llava.random_prompts(1), self.llava.random_pixels(1)

        def work() -> None:
            self.llava.model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                pixel_values=pixels,
                max_new_tokens=TEXT_ANSWER_TOKENS,
                min_new_tokens=TEXT_ANSWER_TOKENS,
                do_sample=False,
            )

        self._frames("ancestor's loop", "one frame, generate 24 tokens", 1, work)

    def images(self) -> None:
        """The CPU's side: frames decoded, padded and normalised a second."""
        from benchmarks.seven.image_rate import FramePreparer, drawn_frames  # noqa: PLC0415 # needs pydantic

        texts = drawn_frames(16 if self.tiny else 256)
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            for threads in sorted({1, 4, os.cpu_count() or 1}):
                preparer = FramePreparer(self.llava.config.vision_config.image_size, threads)
                squares = preparer.fit(texts)
                for name, work in (
                    ("decode and pad", partial(preparer.fit, texts)),
                    ("normalise", partial(preparer.normalise, squares)),
                    ("both", partial(preparer.fit_and_normalise, texts)),
                ):
                    times = self.report.measure(work, repeats=3, warm_ups=0)
                    rate = len(texts) / times.median_s
                    self.report.add("CPU's images", f"{name}, {threads} threads", times, frames_per_s=rate)
        finally:
            torch.set_num_threads(before)

    def compiled(self) -> None:
        """The readout with every layer compiled (``torch.compile``). Stays so: the last section."""
        self.report.check(needed_s=COMPILE_NEEDS_S)
        for parent in (self.llava.inner.language_model, self.llava.inner.vision_tower):
            for module in parent.modules():
                if isinstance(module, torch.nn.ModuleList):
                    for layer in module:
                        layer.compile(dynamic=False)
        self.batches = self.batches[-2:-1]  # one batch, one compilation
        self.readout("compiled", split=False)
        self.report.check(needed_s=COMPILE_NEEDS_S)
        with float8.in_float8(self.llava.inner.language_model, row_wise=False, compiled=False):
            self.readout("compiled float8", split=False)


def _relative_error(values: torch.Tensor, expected: torch.Tensor) -> float:
    """Root mean square of the difference, over that of the expected values about their mean."""
    difference = (values.float() - expected.float()).square().mean().sqrt()
    return float(difference / expected.float().std())


def _scales(row_wise: bool) -> str:
    return "row-wise scales" if row_wise else "one scale"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=5.0, help="stop after so long, with what there is")
    parser.add_argument("--model", type=Path, help="folder with LLaVA-1.5-7B; default: random weights")
    parser.add_argument("--out", type=Path, help="JSON file, written after every row")
    parser.add_argument("--compile", action="store_true", help="last, the readout under torch.compile")
    parser.add_argument("--tiny", action="store_true", help="small dimensions, to try this on a CPU")
    return parser.parse_args(arguments)


def _facts(llava: LlavaPass, weights: str) -> dict[str, Any]:
    cuda = torch.cuda.is_available()
    return {
        "device": torch.cuda.get_device_name() if cuda else platform.processor() or platform.machine(),
        "cpus": os.cpu_count(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "weights": weights,
        "dtype": str(llava.dtype),
        "parameters": sum(p.numel() for p in llava.model.parameters()),
        "prompt_tokens": llava.prompt_tokens,
        "tflop_per_frame": frame_flops(llava.config, llava.prompt_tokens) / 1e12,
        "tflop_per_frame_vision": vision_flops(llava.config) / 1e12,
    }


def main(arguments: Sequence[str] | None = None) -> Report:
    """Runs the sections one after the other."""
    options = _options(arguments)
    report = Report(options.minutes * 60, options.out)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = torch.float32 if device.type == "cpu" else torch.bfloat16
    if options.model:
        model, weights = model_on_disk(options.model, device, dtype), "of the checkpoint"
    else:
        model, weights = random_model(TINY if options.tiny else SEVEN_B, device, dtype), "random"
    llava = LlavaPass(model)
    report.facts = _facts(llava, weights)
    for name, value in report.facts.items():
        print(f"{name}: {value}", flush=True)
    bench = Bench(report, llava, options.tiny)
    sections = [bench.peak, bench.readout, bench.tree, bench.float8, bench.text, bench.ancestor, bench.images]
    if device.type == "cuda":
        sections.append(bench.captured)
    if options.compile:
        sections.append(bench.compiled)
    for section in sections:
        with torch.inference_mode():
            report.run(section.__name__, section)
    print(report.as_json(), flush=True)
    return report


if __name__ == "__main__":
    main()
