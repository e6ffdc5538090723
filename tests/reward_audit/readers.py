"""A reward server in this process whose model reads CartPole's pole from the pixels, well or badly.

Not for the real model: tests marked ``vllm`` ask that.
"""

from __future__ import annotations

import io
import math
import threading
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reward_client.errors import ServerUnreachableError
from reward_client.rubric import DistanceMap, Preprocess, Region, Rubric
from reward_client.schema import (
    ItemStatus,
    Limits,
    RewardBounds,
    RewardItem,
    RubricDetail,
    RubricInfo,
    ScoreResponse,
    ServerInfo,
    Timings,
    Usage,
)
from reward_server.engine.interface import Answer
from reward_server.reading.reward_maps import corrected
from reward_server.reading.score_item import reward_item
from reward_server.rubrics.loading import load_rubrics

Reads = Callable[[float | None, np.random.Generator], float | None]
"""From the tilt that the pixels show, None without a pole, to what the model says; None: no number."""

READS: dict[str, Reads] = {
    "perfect": lambda tilt, _: tilt,
    "always_45": lambda *_: 45.0,
    "45_or_30": lambda _, rng: 45.0 if rng.random() < 0.6 else 30.0,
    "noisy": lambda tilt, rng: (tilt or 0.0) + rng.normal(0.0, 8.0),
    "inverted": lambda tilt, _: None if tilt is None else math.copysign(15.0 - abs(tilt), tilt),
    "half_null": lambda tilt, rng: tilt if rng.random() < 0.5 else None,
    "biased": lambda tilt, _: None if tilt is None else tilt + 5.0,
    "mute": lambda *_: None,
    "blind": lambda _, rng: rng.uniform(-15.0, 15.0),
    "distorted": lambda tilt, _: None if tilt is None else 12.0 * math.tanh(tilt / 8.0) + 4.0,
}

UNSURE_DEG = 8.0
"""Standard deviation of what the reader ``unsure`` says where its probabilities are spread."""


SHIPPED = load_rubrics()


def pole_tilt(frame: NDArray[np.uint8] | bytes) -> float | None:
    """The tilt in degrees of the pole that a frame shows; None where there is none."""
    pixels = np.asarray(Image.open(io.BytesIO(frame))) if isinstance(frame, bytes) else frame
    wide = pixels[::2, ::2].astype(int)
    y, x = np.nonzero(wide.max(axis=2) - wide.min(axis=2) > 45)  # nothing else in the picture has a colour
    if len(x) < 20 or len(x) > 0.1 * wide.shape[0] * wide.shape[1]:
        return None
    _, axes = np.linalg.eigh(np.cov(np.stack([x, y])))
    along_x, along_y = axes[:, 1] * -np.sign(axes[1, 1])  # the longest way, upwards
    return math.degrees(math.atan2(along_x, -along_y))


def unsure_answer(tilt: float | None, rng: np.random.Generator, labels: Sequence[str]) -> Answer:
    """Half of the frames are read well and surely, the others badly, with probabilities that are spread."""
    sure = tilt is not None and rng.random() < 0.5
    value = (tilt or 0.0) + (0.0 if sure else rng.normal(0.0, UNSURE_DEG))
    numbers = np.array([float(label) for label in labels])
    logits = -0.5 * ((numbers - value) / (0.7 if sure else 6.0)) ** 2
    logprobs = logits - np.log(np.exp(logits).sum())
    return Answer(labels[int(logits.argmax())], dict(zip(labels, logprobs.tolist(), strict=True)))


@dataclass
class FakeServer:
    """Answers as a model that reads in one of ``READS``; the same frame is answered alike."""

    reads: str = "perfect"
    max_images: int = 32
    fails_after: int | None = None
    reward_id: str = "abc"
    bounds: tuple[float | None, float | None] = (0.0, 1.0)
    own: dict[str, Rubric] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def info(self) -> ServerInfo:
        return ServerInfo(
            model=f"a {self.reads} reader",
            revision="0",
            dtype="float32",
            device="none",
            engine="fake 1",
            input_size_px=224,
            rubrics={
                **{name: RubricInfo(reward_id=self.reward_id) for name in self._rubrics()},
                "odd": RubricInfo(reward_id=None, unavailable="its labels are odd"),
            },
            limits=Limits(
                max_images_per_request=self.max_images,
                max_body_bytes=1 << 25,
                max_image_pixels=1 << 22,
                max_aspect_ratio=8,
            ),
        )

    def rubric(self, name: str) -> RubricDetail:
        rubric = self._rubrics()[name]
        return RubricDetail(
            name=name,
            version=1,
            readout=rubric.readout.type,
            unit=rubric.unit,
            goal=rubric.goal,
            reward_bounds=RewardBounds(low=self.bounds[0], high=self.bounds[1]),
            reward_id=self.reward_id,
            rubric=rubric,
            prompt=f"USER: <image>\n{rubric.prompt} ASSISTANT:",
            compare_prompt=None,
            prompt_tokens=80,
            forward_passes=1,
        )

    def score(
        self,
        frames: Sequence[Any],
        rubric: str | Rubric,
        preprocess: Preprocess | Region = Preprocess.PAD,
    ) -> ScoreResponse:
        assert len(frames) <= self.max_images
        whole = self._rubrics()[rubric] if isinstance(rubric, str) else rubric
        with self.lock:
            self.asked += [(whole.prompt, preprocess)] * len(frames)
            if self.fails_after is not None and len(self.asked) > self.fails_after:
                raise ServerUnreachableError("http://x cannot be reached")
        of_giraffes = (
            self.reads in {"perfect", "half_null", "biased", "distorted"} and "giraffe" in whole.prompt
        )
        items = [self._item(index, frame, whole, of_giraffes) for index, frame in enumerate(frames)]
        question = "" if isinstance(rubric, str) else f" of {whole.prompt}"
        return ScoreResponse(
            id="score-1",
            created=0,
            model="fake",
            reward_id=f"{self.reward_id}{question}{'' if preprocess is Preprocess.PAD else preprocess}",
            data=items,
            usage=Usage(images=len(frames), prompt_tokens=0, completion_tokens=0),
            timings=Timings(queue_s=0.0, decode_s=0.0, engine_s=0.0),
        )

    def _rubrics(self) -> dict[str, Rubric]:
        return {**{name: SHIPPED[name] for name in ("cartpole-angle", "cartpole-upright")}, **self.own}

    def _item(self, index: int, frame: Any, rubric: Rubric, of_giraffes: bool) -> RewardItem:
        tilt = pole_tilt(frame)
        rng = np.random.default_rng(zlib.crc32(frame if isinstance(frame, bytes) else frame.tobytes()))
        if self.reads == "unsure":
            return reward_item(index, rubric, unsure_answer(tilt, rng, rubric.readout.labels), None)
        value = 0.0 if of_giraffes else READS[self.reads](tilt, rng)
        if value is None:
            return RewardItem(
                index=index,
                reward=None,
                status=ItemStatus.UNPARSABLE,
                text="I cannot tell.",
                message="no number",
            )
        if rubric.correction is not None:
            value = corrected(value, rubric.correction)
        reward_map = rubric.reward
        target, tolerance = 0.0, 12.0
        if isinstance(reward_map, DistanceMap):
            target, tolerance = reward_map.target, reward_map.tolerance
        nearness = 1.0 - min(abs(value - target) / tolerance, 1.0)
        return RewardItem(
            index=index,
            reward=nearness,
            status=ItemStatus.OK,
            value=value if rubric.unit == "deg" else nearness,
            unit=rubric.unit,
            text=f"{value:.0f}",
        )
