"""CartPole's training frames in memory, and batches of all games' frames with questions and soft targets.

Not for rendering (``frames.py``, ``other_games.py``), for answers (``questions.py``) or for wordings
(``wordings.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm
from transformers import PreTrainedTokenizerFast

from reward_client.fitting import pad_to_square
from reward_server.images.compose import compose_pair, pair_side_px
from tiny_llava.language.questions import ANSWERS, FRAME_TOPICS, Topic, compare_target, target
from tiny_llava.language.tokenizer import IMAGE
from tiny_llava.language.wordings import draw_wording
from tiny_llava.model import IMAGE_MEAN, IMAGE_SIZE_PX, IMAGE_STD, IMAGE_TOKENS
from tiny_llava.pictures.frames import render_states, sample_states
from tiny_llava.pictures.other_games import GameFrames

QUESTIONS_A_FRAME = 2
"""Each CartPole frame is asked for the angle, which teaches the most, and one other question; each pair is
asked twice which of its frames is the more upright one, in two wordings; other games as they say."""

NEIGHBOURS = 1 / 8
"""Half the pairs are drawn from frames this near in the order of the tilts' sizes: pairs drawn freely
are mostly easy."""


@dataclass(frozen=True)
class Batch:
    """One training batch: B rows of a prompt's start, then Q questions about the same image.

    The first rows show single frames of CartPole, the next ones composed pairs of them, the others each
    other game's frames.

    The questions lie one after another, each padded on the right to L tokens. ``train.py`` masks
    them from each other, so that each is computed as if it stood alone after the P tokens of the
    start, which are computed once.

    Attributes:
        pixels: ``(B, 3, 224, 224)`` float32, normalised as the checkpoint's processor does.
        seen: for each of these groups of rows ``(rows, K)`` float32, what its auxiliary head of training
            learns. CartPole: the tilt over 45 degrees (falling again beyond 90), its sine and its cosine; a
            pair: the same for its left and its right frame.
        start: ``(P,)`` int64, the tokens of ``<s>USER: `` and of the image, the same in every row.
        questions: ``(B, Q, L)`` int64, the question with its answer at the end.
        question_end: ``(B, Q)`` int64, position in L of the token before the answer.
        targets: ``(B, Q, V)`` float32 distribution over the vocabulary for the answer.
    """

    pixels: torch.Tensor
    seen: tuple[torch.Tensor, ...]
    start: torch.Tensor
    questions: torch.Tensor
    question_end: torch.Tensor
    targets: torch.Tensor


@dataclass(frozen=True)
class Frames:
    """A rendered training set of N frames.

    Attributes:
        whole: ``(N, 224, 224, 3)`` uint8 RGB, padded as the server does.
        halves: ``(N, 108, 108, 3)`` uint8 RGB, the same as one image of a composed pair.
        angles_deg: ``(N,)`` tilts in degrees, left negative.
    """

    whole: NDArray[np.uint8]
    halves: NDArray[np.uint8]
    angles_deg: NDArray[np.float64]


def render_training_frames(count: int, seed: int) -> Frames:
    """Renders the training set at both sizes.

    Args:
        count: number of frames; each takes 190 kB of memory.
        seed: seed of the states.
    """
    states = sample_states(count, np.random.default_rng(seed))
    side = pair_side_px(IMAGE_SIZE_PX)
    whole = np.empty((count, IMAGE_SIZE_PX, IMAGE_SIZE_PX, 3), dtype=np.uint8)
    halves = np.empty((count, side, side, 3), dtype=np.uint8)
    for i, frame in enumerate(tqdm(render_states(states), total=count, desc="rendering", unit="frame")):
        image = Image.fromarray(frame)
        whole[i] = np.asarray(pad_to_square(image, IMAGE_SIZE_PX))
        halves[i] = np.asarray(pad_to_square(image, side))
    return Frames(whole, halves, states[:, 1])


class Batches:
    """Draws endless training batches: a fresh shuffle each epoch, mirrored half the time.

    Args:
        frames: the training set.
        tokenizer: the checkpoint's tokenizer.
        batch_size: single frames in a batch.
        pairs: composed pairs in a batch.
        others: training sets of other games.
        other_rows: frames of each of them in a batch.
        seed: seed of shuffles, pairs, mirroring, contrast and wordings.
    """

    def __init__(
        self,
        frames: Frames,
        tokenizer: PreTrainedTokenizerFast,
        batch_size: int,
        pairs: int,
        seed: int,
        others: Sequence[GameFrames] = (),
        other_rows: int = 0,
    ) -> None:
        self._frames, self._tokenizer = frames, tokenizer
        self._batch_size, self._pairs = batch_size, pairs
        self._others, self._other_rows = others, other_rows
        self._rng = np.random.default_rng(seed)
        self._by_size = np.argsort(np.abs(frames.angles_deg), kind="stable")
        vocabulary = tokenizer.get_vocab()
        self._answer_ids = {
            topic: [vocabulary[answer] for answer in answers]
            for topic, answers in ANSWERS.items()
            if all(answer in vocabulary for answer in answers)
        }
        self._start = torch.tensor(tokenizer(f"USER: {IMAGE * IMAGE_TOKENS}").input_ids)

    def __iter__(self) -> Iterator[Batch]:
        while True:
            order = self._rng.permutation(len(self._frames.whole))
            for start in range(0, len(order) - self._batch_size + 1, self._batch_size):
                yield self._batch(order[start : start + self._batch_size])

    def _batch(self, rows: NDArray[np.int64]) -> Batch:
        frames, angles_deg = self._mirrored(self._frames.whole, rows)
        left, right = self._draw_pairs()
        left_frames, left_deg = self._mirrored(self._frames.halves, left)
        right_frames, right_deg = self._mirrored(self._frames.halves, right)
        pairs = [
            np.asarray(compose_pair(Image.fromarray(a), Image.fromarray(b), IMAGE_SIZE_PX))
            for a, b in zip(left_frames, right_frames, strict=True)
        ]
        asked: list[tuple[Topic, NDArray[np.float64]]] = []
        for angle_deg in angles_deg:
            topic = FRAME_TOPICS[self._rng.integers(1, len(FRAME_TOPICS))]
            asked += [("angle", target("angle", angle_deg)), (topic, target(topic, angle_deg))]
        for a, b in zip(left_deg, right_deg, strict=True):
            asked += [("compare", compare_target(a, b))] * QUESTIONS_A_FRAME
        images = [frames, *([np.stack(pairs)] if pairs else [])]
        seen = [_tilts(angles_deg), torch.cat([_tilts(left_deg), _tilts(right_deg)], dim=1)]
        for other in self._others:
            chosen = self._rng.integers(len(other.images), size=self._other_rows)
            images.append(other.images[chosen])
            seen.append(other.seen[chosen])
            asked += [
                (topic, target(topic, other.truth[topic][row]))
                for row in chosen
                for topic in other.game.topics
            ]
        questions, end, targets = self._questions(asked)
        pixels = np.concatenate(images)
        shape = (len(pixels), QUESTIONS_A_FRAME)
        return Batch(
            pixels=self._normalise(pixels),
            seen=tuple(seen),
            start=self._start,
            questions=questions.view(*shape, -1),
            question_end=end.view(shape),
            targets=targets.view(*shape, -1),
        )

    def _mirrored(
        self, frames: NDArray[np.uint8], rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        chosen, angles_deg = frames[rows], self._frames.angles_deg[rows].copy()
        mirrored = self._rng.random(len(rows)) < 0.5
        chosen[mirrored] = chosen[mirrored, :, ::-1]
        angles_deg[mirrored] *= -1.0
        return chosen, angles_deg

    def _draw_pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        count = len(self._by_size)
        first = self._rng.integers(count, size=self._pairs)
        reach = max(int(count * NEIGHBOURS), 1)
        near = np.clip(first + self._rng.integers(-reach, reach + 1, size=self._pairs), 0, count - 1)
        free = self._rng.integers(count, size=self._pairs)
        second = np.where(self._rng.random(self._pairs) < 0.5, near, free)
        return self._by_size[first], self._by_size[second]

    def _questions(
        self, asked: list[tuple[Topic, NDArray[np.float64]]]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Token ids with the answer at the end, padded; the place before the answer; targets."""
        tokens: list[list[int]] = []
        targets = torch.zeros(len(asked), len(self._tokenizer))
        for row, (topic, distribution) in enumerate(asked):
            ids = self._answer_ids[topic]
            targets[row, ids] = torch.from_numpy(distribution).float()
            answer = ids[int(distribution.argmax())]
            tokens.append([*self._question(draw_wording(topic, self._rng)), answer])
        padded = torch.zeros(len(tokens), max(map(len, tokens)), dtype=torch.long)
        for i, ids in enumerate(tokens):
            padded[i, : len(ids)] = torch.tensor(ids)
        return padded, torch.tensor([len(ids) - 2 for ids in tokens]), targets

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


def _tilts(angles_deg: NDArray[np.float64]) -> torch.Tensor:
    size = np.abs(angles_deg)
    ramp = np.sign(angles_deg) * np.minimum(size, 180.0 - size) / 45.0  # no jump where the pole hangs
    radians = np.radians(angles_deg)
    return torch.from_numpy(np.stack([ramp, np.sin(radians), np.cos(radians)], axis=1)).float()


def _per_channel(values: NDArray[np.float64]) -> torch.Tensor:
    return torch.from_numpy(values).float()[:, :, None, None]
