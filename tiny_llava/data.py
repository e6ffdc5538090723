"""Training frames in memory, and batches of them with questions and soft targets.

Not for rendering (``frames.py``) or wordings (``questions.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm
from transformers import PreTrainedTokenizerFast

from reward_server.preprocess import pad_to_square
from tiny_llava.frames import render_states, sample_states
from tiny_llava.model import IMAGE_MEAN, IMAGE_SIZE_PX, IMAGE_STD, IMAGE_TOKENS
from tiny_llava.questions import ANSWERS, TASKS, draw_wording, target
from tiny_llava.tokenizer import IMAGE

QUESTIONS_A_FRAME = 2
"""Each frame is asked for the angle, which teaches the most, and one other question."""


@dataclass(frozen=True)
class Batch:
    """One training batch: B rows of a prompt's start, then Q questions about the same frame.

    The questions lie one after another, each padded on the right to L tokens. ``train.py`` masks
    them from each other, so that each is computed as if it stood alone after the P tokens of the
    start, which are computed once.

    Attributes:
        pixels: ``(B, 3, 224, 224)`` float32, normalised as the checkpoint's processor does.
        tilts: ``(B, 3)`` float32, tilt over 45 degrees, its sine and its cosine: what the auxiliary
            head of training learns.
        start: ``(P,)`` int64, the tokens of ``<s>USER: `` and of the image, the same in every row.
        questions: ``(B, Q, L)`` int64, the question with its answer at the end.
        question_end: ``(B, Q)`` int64, position in L of the token before the answer.
        targets: ``(B, Q, V)`` float32 distribution over the vocabulary for the answer.
    """

    pixels: torch.Tensor
    tilts: torch.Tensor
    start: torch.Tensor
    questions: torch.Tensor
    question_end: torch.Tensor
    targets: torch.Tensor


def render_training_frames(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Renders the training set at the model's input size.

    Args:
        count: number of frames; each takes 150 kB of memory.
        seed: seed of the states.

    Returns:
        ``(count, 224, 224, 3)`` uint8 RGB frames and their ``(count,)`` tilts in degrees.
    """
    states = sample_states(count, np.random.default_rng(seed))
    frames = np.empty((count, IMAGE_SIZE_PX, IMAGE_SIZE_PX, 3), dtype=np.uint8)
    for i, frame in enumerate(tqdm(render_states(states), total=count, desc="rendering", unit="frame")):
        frames[i] = np.asarray(pad_to_square(Image.fromarray(frame), IMAGE_SIZE_PX))
    return frames, states[:, 1]


class Batches:
    """Draws endless training batches: a fresh shuffle each epoch, mirrored half the time.

    Args:
        frames: ``(N, 224, 224, 3)`` uint8 RGB.
        angles_deg: ``(N,)`` tilts in degrees, left negative.
        tokenizer: the checkpoint's tokenizer.
        batch_size: frames in a batch.
        seed: seed of shuffles, mirroring, contrast and wordings.
    """

    def __init__(
        self,
        frames: NDArray[np.uint8],
        angles_deg: NDArray[np.float64],
        tokenizer: PreTrainedTokenizerFast,
        batch_size: int,
        seed: int,
    ) -> None:
        self._frames, self._angles_deg = frames, angles_deg
        self._tokenizer, self._batch_size = tokenizer, batch_size
        self._rng = np.random.default_rng(seed)
        self._answer_ids = {
            task: [tokenizer.get_vocab()[answer] for answer in ANSWERS[task]] for task in TASKS
        }
        self._start = torch.tensor(tokenizer(f"USER: {IMAGE * IMAGE_TOKENS}").input_ids)

    def __iter__(self) -> Iterator[Batch]:
        while True:
            order = self._rng.permutation(len(self._frames))
            for start in range(0, len(order) - self._batch_size + 1, self._batch_size):
                yield self._batch(order[start : start + self._batch_size])

    def _batch(self, rows: NDArray[np.int64]) -> Batch:
        frames, angles_deg = self._frames[rows], self._angles_deg[rows].copy()
        mirrored = self._rng.random(len(rows)) < 0.5
        frames[mirrored] = frames[mirrored, :, ::-1]
        angles_deg[mirrored] *= -1.0
        shape = (len(rows), QUESTIONS_A_FRAME)
        tokens: list[list[int]] = []
        targets = torch.zeros(*shape, len(self._tokenizer))
        for row, angle_deg in enumerate(angles_deg):
            other = TASKS[self._rng.integers(1, len(TASKS))]
            for column, task in enumerate(("angle", other)):
                distribution = target(task, angle_deg)
                ids = self._answer_ids[task]
                targets[row, column, ids] = torch.from_numpy(distribution).float()
                answer = ids[int(distribution.argmax())]
                tokens.append([*self._question(draw_wording(task, self._rng)), answer])
        padded = torch.zeros(len(tokens), max(map(len, tokens)), dtype=torch.long)
        for i, ids in enumerate(tokens):
            padded[i, : len(ids)] = torch.tensor(ids)
        end = torch.tensor([len(ids) - 2 for ids in tokens])
        tilt = np.stack(
            [angles_deg / 45.0, np.sin(np.radians(angles_deg)), np.cos(np.radians(angles_deg))], axis=1
        )
        return Batch(
            pixels=self._normalise(frames),
            tilts=torch.from_numpy(tilt).float(),
            start=self._start,
            questions=padded.view(*shape, -1),
            question_end=end.view(shape),
            targets=targets,
        )

    def _question(self, question: str) -> list[int]:
        return list(self._tokenizer(f"\n{question} ASSISTANT:", add_special_tokens=False).input_ids)

    def _normalise(self, frames: NDArray[np.uint8]) -> torch.Tensor:
        # Half the frames keep their exact pixels; the others vary in contrast and brightness.
        varied = self._rng.random(len(frames)) < 0.5
        gain = np.where(varied, self._rng.uniform(0.8, 1.2, len(frames)), 1.0)
        shift = np.where(varied, self._rng.uniform(-0.2, 0.2, len(frames)), 0.0)
        mean, std = np.array(IMAGE_MEAN), np.array(IMAGE_STD)
        factor = gain[:, None] / (255.0 * std)
        offset = shift[:, None] - gain[:, None] * mean / std
        pixels = torch.from_numpy(frames).permute(0, 3, 1, 2).float()
        return pixels.mul_(_per_channel(factor)).add_(_per_channel(offset))


def _per_channel(values: NDArray[np.float64]) -> torch.Tensor:
    return torch.from_numpy(values).float()[:, :, None, None]
