"""vLLM's offline ``LLM.generate``: all frames in one call, already at the model's size.

Its caches are off, which fresh frames never hit. Everything else is as vLLM's users have it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from vllm import LLM, SamplingParams

from benchmarks.bench.contenders.asking import renormalised
from benchmarks.bench.contenders.question import Question


class OfflineVllm:
    """A checkpoint in vLLM's ``LLM``.

    Args:
        checkpoint: its folder.
        dtype: of weights and arithmetic.
        question: what is asked.
    """

    def __init__(self, checkpoint: Path, dtype: str, question: Question) -> None:
        self._llm = LLM(
            str(checkpoint),
            dtype=dtype,  # type: ignore[arg-type] # one of vLLM's names
            enable_prefix_caching=False,
            mm_processor_cache_gb=0,
            max_logprobs=len(question.token_ids),
            limit_mm_per_prompt={"image": 1},
        )
        self._question = question
        self._params = SamplingParams(
            temperature=0.0, max_tokens=1, logprob_token_ids=question.token_ids, detokenize=False
        )

    def generate(self, images: Sequence[Image.Image]) -> tuple[NDArray[np.float64], float]:
        """Answers frames.

        Args:
            images: B square RGB images of the model's size.

        Returns:
            ``(B, labels)``: probabilities of each label among all labels; and how long it took, in seconds.
        """
        prompts = [
            {"prompt": self._question.prompt, "multi_modal_data": {"image": image}} for image in images
        ]
        began = time.perf_counter()
        outputs = self._llm.generate(prompts, self._params, use_tqdm=False)  # type: ignore[arg-type] # as documented
        lasted_s = time.perf_counter() - began
        rows = []
        for output in outputs:
            found = (output.outputs[0].logprobs or [{}])[0]
            rows.append([found[token].logprob for token in self._question.token_ids])
        return renormalised(rows), lasted_s
