"""The model alone, under transformers: no server, no queue. What the other contenders are held against.

Not for vLLM (``offline_vllm.py``).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from transformers import AutoProcessor, LlavaForConditionalGeneration

from benchmarks.bench.contenders.question import Question

BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
TEXT_TOKENS = 24
"""What the ancestor of this project generates for each frame."""


class BareModel:
    """A checkpoint in transformers.

    Args:
        checkpoint: its folder.
        dtype: of weights and arithmetic: ``float32`` or ``bfloat16``.
        question: what is asked.
    """

    def __init__(self, checkpoint: Path, dtype: str, question: Question) -> None:
        self._processor = AutoProcessor.from_pretrained(checkpoint, local_files_only=True)
        self._model: Any = LlavaForConditionalGeneration.from_pretrained(
            checkpoint, dtype=getattr(torch, dtype), local_files_only=True
        ).eval()
        self._question = question

    def probabilities(self, images: Sequence[Image.Image]) -> NDArray[np.float64]:
        """Of each label among all labels, from one forward pass over all images.

        Args:
            images: B RGB images.

        Returns:
            ``(B, labels)``.
        """
        with torch.inference_mode():
            logits = self._last_logits(self._inputs(images))
            shares: NDArray[np.float64] = logits[:, self._question.token_ids].double().softmax(-1).numpy()
            return shares

    def forward_frames_per_s(self, images: Sequence[Image.Image], seconds: float) -> tuple[float, int, float]:
        """Repeats the forward pass over one batch: the limit of every contender. Inputs are ready before.

        Args:
            images: the batch.
            seconds: time that it takes.

        Returns:
            Frames a second, frames, and core seconds of this process.
        """
        with torch.inference_mode():
            inputs = self._inputs(images)
            self._last_logits(inputs)
            began, used, passes = time.perf_counter(), time.process_time(), 0
            while time.perf_counter() - began < seconds or not passes:
                self._last_logits(inputs)
                passes += 1
            frames = passes * len(images)
            return frames / (time.perf_counter() - began), frames, time.process_time() - used

    def best_batch(self, images: Sequence[Image.Image], seconds: float) -> dict[int, float]:
        """Frames a second of the forward pass by batch size.

        Args:
            images: at least as many as the largest batch.
            seconds: time for each size.
        """
        return {size: self.forward_frames_per_s(images[:size], seconds)[0] for size in BATCH_SIZES}

    def ancestor_steps(self, seconds: float, seed: int) -> tuple[int, float, list[float]]:
        """Plays CartPole and has the model write 24 tokens about the frame of each step before the next one.

        Args:
            seconds: time that it takes.
            seed: of the episodes and actions.

        Returns:
            Steps, core seconds of this process, and the time of each step.
        """
        env = gym.make("CartPole-v1", render_mode="rgb_array")
        env.reset(seed=seed)
        env.action_space.seed(seed)
        times_s: list[float] = []
        began, used = time.perf_counter(), time.process_time()
        while time.perf_counter() - began < seconds:
            step_began = time.perf_counter()
            _, _, terminated, truncated, _ = env.step(env.action_space.sample())
            rendered = env.render()
            self._text(Image.fromarray(np.asarray(rendered)))
            if terminated or truncated:
                env.reset()
            times_s.append(time.perf_counter() - step_began)
        core_s = time.process_time() - used
        env.close()
        return len(times_s), core_s, times_s

    def _text(self, image: Image.Image) -> str:
        with torch.inference_mode():
            inputs = self._inputs([image])
            tokens = self._model.generate(
                **inputs, max_new_tokens=TEXT_TOKENS, min_new_tokens=TEXT_TOKENS, do_sample=False
            )
        text: str = self._processor.decode(
            tokens[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True
        )
        return text

    def _inputs(self, images: Sequence[Image.Image]) -> dict[str, Any]:
        inputs = self._processor(
            text=[self._question.prompt] * len(images), images=list(images), return_tensors="pt"
        )
        return {**inputs, "pixel_values": inputs["pixel_values"].to(self._model.dtype)}

    def _last_logits(self, inputs: dict[str, Any]) -> Any:
        return self._model(**inputs, use_cache=False, logits_to_keep=1).logits[:, -1]
