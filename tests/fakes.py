"""A stand-in for the model, for unit tests of the HTTP layer, the client and the agent's logic alone.

The demo, the end-to-end tests and every measurement use the real one.
"""

from __future__ import annotations

import asyncio
import base64
import io
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reward_client.schema import (
    ItemStatus,
    Limits,
    RewardItem,
    RubricInfo,
    ScoreResponse,
    ServerInfo,
    Timings,
    Usage,
)
from reward_client.wording.ensemble import AnyRubric
from reward_server.engine.interface import (
    Answer,
    EngineAnswerError,
    EngineDeadError,
    EngineInfo,
    Question,
    QuestionError,
)
from reward_server.engine.label_tree import build_tree


def image(colour: str = "white", size: tuple[int, int] = (60, 40)) -> str:
    """A plain image, as a request carries it."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


class FakeEngine:
    """Answers with the first label for dark frames and the last one for light frames."""

    def __init__(self, images_per_prompt: int = 1) -> None:
        self.info = EngineInfo("fake", "0", "float32", "none", "fake 1", 32, images_per_prompt)
        self.label_mass = 0.9
        self.text = "-3 degrees"
        self.truncated = False
        self.dead = False
        self.failing = False
        self.hanging = False
        self.cancelled = 0
        self.asked: list[Image.Image] = []
        self.prompts: list[str] = []

    @property
    def errored(self) -> bool:
        return self.dead

    def question(self, prompt: str, labels: Sequence[str], images: int = 1, max_tokens: int = 1) -> Question:
        if "<image>" in prompt:
            raise QuestionError("prompt", "the prompt holds '<image>', a special token of this model")
        if "long" in labels:
            raise QuestionError("readout.labels", "'long' is 2 tokens")
        tree = build_tree({label: [i] for i, label in enumerate(labels)}, [], 128) if labels else None
        return Question(f"{'<image>' * images}{prompt}", (1, 2), 10 + max_tokens, tree, max_tokens)

    async def ask(self, images: Sequence[Image.Image], question: Question) -> Answer:
        await self._note(images, question)
        if question.labels is None:
            tokens = min(3, question.max_tokens)
            return Answer(self.text, None, self.truncated, prompt_tokens=10, completion_tokens=tokens)
        labels = list(question.labels.sequences)
        chosen = labels[-1] if np.asarray(images[0]).mean() > 127 else labels[0]
        rest = self.label_mass * 0.1 / (len(labels) - 1)
        logprobs = {label: math.log(self.label_mass * 0.9 if label == chosen else rest) for label in labels}
        return Answer(chosen, logprobs, prompt_tokens=10)

    async def _note(self, images: Sequence[Image.Image], question: Question) -> None:
        if self.dead:
            raise EngineDeadError
        if self.failing:
            raise EngineAnswerError("the engine could not process this frame")
        try:
            while self.hanging:  # noqa: ASYNC110 - set from another thread
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        self.asked += images
        self.prompts.append(question.prompt)


def server_info() -> ServerInfo:
    """What a server with one rubric would say."""
    return ServerInfo(
        model="fake",
        revision="0",
        dtype="float32",
        device="none",
        engine="fake 1",
        input_size_px=32,
        rubrics={"cartpole-angle": RubricInfo(reward_id="abc")},
        limits=Limits(max_images_per_request=64, max_body_bytes=1, max_image_pixels=1, max_aspect_ratio=1),
    )


def response(rewards: Sequence[float | None]) -> ScoreResponse:
    """An answer with these rewards; None is a frame that failed."""
    return ScoreResponse(
        id="score-1",
        created=0,
        model="fake",
        reward_id="abc",
        data=[
            RewardItem(index=i, reward=r, status=ItemStatus.FAILED if r is None else ItemStatus.OK)
            for i, r in enumerate(rewards)
        ],
        usage=Usage(images=len(rewards), prompt_tokens=0, completion_tokens=0),
        timings=Timings(queue_s=0.0, decode_s=0.0, engine_s=0.0),
    )


class FakeClient:
    """Scores frames by a function of their pixels."""

    def __init__(self, reward: float | None = 1.0) -> None:
        self.reward = reward
        self.frames: list[NDArray[np.uint8]] = []

    def score(self, frames: Sequence[NDArray[np.uint8]], rubric: AnyRubric) -> ScoreResponse:
        self.frames += frames
        return response([self.reward] * len(frames))
