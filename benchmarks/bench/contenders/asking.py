"""The ways to ask a server about frames: what a request is made of, and how one is sent and answered.

What is prepared before the clock runs and what is not: PNG files and the bodies that hold them are; what
``RewardClient`` makes of arrays is part of its call, and so of what is measured.
"""

from __future__ import annotations

import base64
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, Self

import aiohttp
import numpy as np
from numpy.typing import NDArray

from benchmarks.bench.contenders.question import Question
from benchmarks.bench.contenders.servers import ContenderError
from benchmarks.bench.measuring.frames import Numbers, Size, frame, pngs
from reward_client import AsyncRewardClient

TIMEOUT_S = 300.0
CACHED = "answers came from the cache of our server: the frames are not fresh"

Probabilities = NDArray[np.float64]
"""``(frames, labels)``: of each label among all labels."""


class Way(Protocol):
    """A way to ask. It is opened and closed in the event loop that uses it."""

    async def __aenter__(self) -> Way: ...

    async def __aexit__(self, *_: object) -> None: ...

    def requests(self, count: int, frames_per_request: int, size: Size, numbers: Numbers) -> Iterator[Any]:
        """So many requests about fresh frames."""

    async def send(self, request: Any) -> int:
        """Sends one; returns its number of frames.

        Raises:
            ContenderError: a frame was not answered.
        """

    async def probabilities(self, request: Any) -> Probabilities:
        """Sends one; returns the probabilities of the labels, for comparing contenders."""


class HttpWay(ABC):
    """Bodies of JSON over kept connections, in one process with asyncio: what the ways below share.

    Args:
        url: of the route.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(TIMEOUT_S),
            headers={"Content-Type": "application/json"},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    def requests(self, count: int, frames_per_request: int, size: Size, numbers: Numbers) -> Iterator[bytes]:
        """Bodies, all of them made at once."""
        files = pngs(numbers.take(count * frames_per_request), size)
        images = [base64.b64encode(file).decode("ascii") for file in files]
        starts = range(0, len(images), frames_per_request)
        return iter([self.body(images[start : start + frames_per_request]) for start in starts])

    @abstractmethod
    def body(self, images: Sequence[str]) -> bytes:
        """The body of a request about images, base64 of PNG."""

    async def answer(self, body: bytes) -> Any:
        """Posts a body and reads the JSON of its answer."""
        async with self._http.post(self._url, data=body) as response:
            content = await response.read()
        if response.status != 200:
            raise ContenderError(f"{self._url} answered {response.status}: {content[:300].decode()}")
        return json.loads(content)


class ScoreWay(HttpWay):
    """``POST /score`` of our server with base64 of PNG.

    Args:
        url: of the server.
        question: what is asked.
        timeout_s: after so long an answer is worth nothing, and the server is told so.
    """

    def __init__(self, url: str, question: Question, timeout_s: float = TIMEOUT_S) -> None:
        super().__init__(f"{url}/score")
        self._question, self._timeout_s = question, timeout_s

    def body(self, images: Sequence[str]) -> bytes:  # noqa: D102 - HttpWay's
        asked = {"images": list(images), "rubric": self._question.rubric, "timeout_s": self._timeout_s}
        return json.dumps(asked).encode()

    async def send(self, request: bytes) -> int:  # noqa: D102 - Way's
        answer = await self.answer(request)
        if answer["usage"]["cached_images"]:
            raise ContenderError(CACHED)
        return len(_with_rewards(answer["data"]))

    async def probabilities(self, request: bytes) -> Probabilities:  # noqa: D102 - Way's
        items = _with_rewards((await self.answer(request))["data"])
        return np.array([[item["probabilities"][label] for label in self._question.labels] for item in items])


class ChatWay(HttpWay):
    """Chat completions of vLLM's own server, one frame a request, with the labels' log-probabilities.

    Args:
        url: of the server.
        question: what is asked.
    """

    def __init__(self, url: str, question: Question) -> None:
        super().__init__(f"{url}/v1/chat/completions")
        self._question = question
        image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,IMAGE"}}
        content = [image, {"type": "text", "text": question.text}]
        body = {
            "model": "model",
            "messages": [{"role": "user", "content": content}],
            "max_tokens": 1,
            "temperature": 0,
            "logprobs": True,
            "logprob_token_ids": question.token_ids,
            "return_tokens_as_token_ids": True,
            "add_special_tokens": True,  # llava-hf's template does not write the first token itself
        }
        self._before, self._after = json.dumps(body).split("IMAGE")

    def body(self, images: Sequence[str]) -> bytes:  # noqa: D102 - HttpWay's
        (image,) = images
        return f"{self._before}{image}{self._after}".encode()

    async def send(self, request: bytes) -> int:  # noqa: D102 - Way's
        return 1 if self._logprobs(await self.answer(request)) else 0

    async def probabilities(self, request: bytes) -> Probabilities:  # noqa: D102 - Way's
        found = self._logprobs(await self.answer(request))
        return renormalised([[found[f"token_id:{token}"] for token in self._question.token_ids]])

    @staticmethod
    def _logprobs(answer: Any) -> dict[str, float]:
        (token,) = answer["choices"][0]["logprobs"]["content"]
        return {entry["token"]: entry["logprob"] for entry in token["top_logprobs"]}


class BatchServerWay(HttpWay):
    """Our stand-in for published VLM reward servers (``batch_server.py``)."""

    def __init__(self, url: str) -> None:
        super().__init__(f"{url}/rewards")

    def body(self, images: Sequence[str]) -> bytes:  # noqa: D102 - HttpWay's
        return json.dumps({"images": list(images)}).encode()

    async def send(self, request: bytes) -> int:  # noqa: D102 - Way's
        return len(await self.probabilities(request))

    async def probabilities(self, request: bytes) -> Probabilities:  # noqa: D102 - Way's
        return np.array((await self.answer(request))["probabilities"])


class ClientWay:
    """``AsyncRewardClient`` of this project with arrays: it sends them in the way that it finds best.

    Args:
        url: of the server.
        question: what is asked.
    """

    def __init__(self, url: str, question: Question) -> None:
        self._url, self._question = url, question

    async def __aenter__(self) -> ClientWay:
        self._client = AsyncRewardClient(self._url, timeout_s=TIMEOUT_S, retries=0)
        await self._client.info()  # as any user's first call of more than a few frames does
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    def requests(
        self, count: int, frames_per_request: int, size: Size, numbers: Numbers
    ) -> Iterator[list[NDArray[np.uint8]]]:
        """Arrays, made one request after another: all together they would fill the memory."""
        frame(0, size)  # pictures are rendered before the clock runs
        return ([frame(number, size) for number in numbers.take(frames_per_request)] for _ in range(count))

    async def send(self, request: list[NDArray[np.uint8]]) -> int:  # noqa: D102 - Way's
        answer = await self._client.score(request, self._question.rubric)
        if answer.usage.cached_images:
            raise ContenderError(CACHED)
        if any(item.reward is None for item in answer.data):
            raise ContenderError(f"a frame has no reward: {answer.data[0].message}")
        return len(answer.data)

    async def probabilities(self, request: list[NDArray[np.uint8]]) -> Probabilities:  # noqa: D102 - Way's
        answer = await self._client.score(request, self._question.rubric)
        labels = self._question.labels
        return np.array([[(item.probabilities or {})[label] for label in labels] for item in answer.data])


async def systemone_status(url: str, question: Question) -> str:
    """What ``POST /v1/systemone`` of vLLM's server says about this model: it serves few architectures."""
    body = {
        "state": question.text,
        "questions": {"q": {"type": "yes_no", "instructions": question.text}},
    }
    async with aiohttp.ClientSession() as http, http.post(f"{url}/v1/systemone", json=body) as response:
        return f"{response.status}: {(await response.text())[:200]}"


def renormalised(logprobs: Sequence[Sequence[float]]) -> Probabilities:
    """Probabilities of labels among all labels.

    Args:
        logprobs: ``(frames, labels)`` natural logarithms of probabilities among all tokens.
    """
    values = np.asarray(logprobs, dtype=np.float64)
    weights = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _with_rewards(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    missing = [item for item in items if item["reward"] is None]
    if missing:
        raise ContenderError(f"{len(missing)} frames have no reward: {missing[0]['message']}")
    return items
