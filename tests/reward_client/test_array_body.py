"""Frames that are arrays go as pixels where the server takes them, and the answer is the same as to PNG."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from reward_client import AsyncRewardClient, RewardClient
from reward_client.errors import ConfigurationError, InvalidAnswerError, InvalidRequestError
from reward_client.frames import image_file, own_frames
from reward_client.rubric import Region
from reward_client.schema import ItemStatus, ScoreResponse
from tests.reward_client.graded import GradedEngine, graded, grey
from tests.serving import Serving

FRAMES = np.random.default_rng(0).integers(0, 256, (3, 40, 60, 3), dtype=np.uint8)
Handler = Callable[[httpx.Request, httpx.Response], httpx.Response | None]


class SeeingEngine(GradedEngine):
    """Keeps the pixels of what it was asked about."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[bytes] = []
        self.failures = 0

    async def ask(self, images: Any, question: Any) -> Any:
        if self.failures:
            self.failures -= 1
            self.failing = True
            try:
                await self._note(images, question)
            finally:
                self.failing = False
        self.seen += [image.tobytes() for image in images]
        return await super().ask(images, question)


class Between:
    """A transport to a server that notes what passes, and may change it as a proxy would."""

    def __init__(self, server: Serving, change: Handler | None = None) -> None:
        self.http, self.change, self.bodies = server.http, change, list[str]()
        self.transport = httpx.MockTransport(self._pass)

    def _pass(self, request: httpx.Request) -> httpx.Response:
        headers = {k: v for k, v in request.headers.items() if k not in {"host", "content-length"}}
        media_type = request.headers.get("content-type", "").split(";")[0]
        self.bodies.append(f"{request.url.path} {media_type}".strip())
        got = self.http.request(request.method, request.url.path, content=request.content, headers=headers)
        answer = httpx.Response(got.status_code, content=got.content, headers=got.headers)
        return (self.change and self.change(request, answer)) or answer

    def client(self, **options: Any) -> RewardClient:
        return RewardClient("http://server", transport=self.transport, **options)


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    with graded(SeeingEngine(), max_image_pixels=4000, max_aspect_ratio=4) as server:
        yield server


JSON, PARTS = "/score application/json", "/score multipart/form-data"
REGION = {"type": "region", "box": (0.1, 0.0, 0.6, 0.9)}


@pytest.mark.parametrize("preprocess", ["pad", "crop", "stretch", REGION], ids=str)
@pytest.mark.parametrize("size", [(40, 60), (60, 40), (32, 32), (31, 33), (9, 5)], ids=str)
def test_the_engine_sees_the_same_pixels(server: Serving, preprocess: Any, size: tuple[int, int]) -> None:
    way = Region(**preprocess) if isinstance(preprocess, dict) else preprocess
    frames = np.random.default_rng(0).integers(0, 256, (2, *size, 3), dtype=np.uint8)
    between = Between(server)
    with between.client() as client:
        client.info()
        answers, seen = list[ScoreResponse](), list[list[bytes]]()
        for sent in (frames, [image_file(frame) for frame in frames]):
            server.engine.seen.clear()  # type: ignore[attr-defined]
            answers.append(client.score(sent, "cartpole-upright", way))
            seen.append(sorted(server.engine.seen))  # type: ignore[attr-defined]
    assert between.bodies == ["/info", PARTS, PARTS]
    assert seen[0] == seen[1]
    assert answers[0].reward_id == answers[1].reward_id
    assert [item.reward for item in answers[0].data] == [item.reward for item in answers[1].data]


def test_a_client_that_was_told_nothing_asks_once_it_has_an_answer(server: Serving) -> None:
    between = Between(server)
    with between.client() as client:
        for _ in range(3):
            client.score(FRAMES, "cartpole-upright")
    assert between.bodies == [JSON, "/info", PARTS, PARTS]


def test_the_asynchronous_client_does_the_same(server: Serving) -> None:
    between = Between(server)

    async def ask() -> ScoreResponse:
        async with AsyncRewardClient("http://server", transport=between.transport) as client:
            await client.wait_ready()
            return await client.score(FRAMES, "cartpole-upright")

    assert [item.status for item in asyncio.run(ask()).data] == [ItemStatus.OK] * 3
    assert between.bodies[-1] == PARTS


@pytest.mark.parametrize("how", ["does not offer it", "refuses it", "takes small bodies"])
def test_a_server_that_takes_no_arrays_gets_json(server: Serving, how: str) -> None:
    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        if how == "does not offer it":
            info = json.loads(answer.content)
            if "score_media_types" in info:
                del info["score_media_types"]
                return httpx.Response(200, json=info)
        elif request.headers.get("content-type", "").startswith("multipart/"):
            return httpx.Response(415 if how == "refuses it" else 413, text="<html>a proxy</html>")
        return None

    between = Between(server, change)
    with between.client(retries=0) as client:
        client.info()
        for _ in range(2):
            assert [item.status for item in client.score(FRAMES, "cartpole-upright").data] == [
                ItemStatus.OK
            ] * 3
    tried = [] if how == "does not offer it" else [PARTS]
    assert between.bodies == ["/info", *tried, JSON, JSON]


def test_a_server_that_fits_with_another_version_fits_itself(server: Serving) -> None:
    sent: list[bytes] = []

    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        sent.append(request.content)
        info = json.loads(answer.content)
        if "fitting" in info:
            return httpx.Response(200, json={**info, "fitting": "vlm-reward 0.0, pillow 1.0"})
        return None

    between = Between(server, change)
    with between.client() as client:
        client.info()
        client.score(FRAMES, "cartpole-upright")
    assert b'name="images"' in sent[-1]
    assert b'name="frames"' not in sent[-1]


def test_frames_are_fitted_anew_where_another_model_is_served(server: Serving) -> None:
    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        if request.url.path == "/info" and between.bodies.count("/info") == 1:
            return httpx.Response(200, json={**json.loads(answer.content), "input_size_px": 16})
        return None

    between = Between(server, change)
    with between.client(retries=0) as client:
        client.info()
        assert [item.status for item in client.score(FRAMES, "cartpole-upright").data] == [ItemStatus.OK] * 3
    assert between.bodies == ["/info", PARTS, "/info", PARTS]


def test_two_models_in_turn_are_an_error_and_no_loop(server: Serving) -> None:
    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        if request.url.path == "/info":
            return httpx.Response(200, json={**json.loads(answer.content), "input_size_px": 16})
        return None

    with Between(server, change).client(retries=0) as client:
        client.info()
        with pytest.raises(InvalidRequestError, match="fitted to 16 px, but this model's input has 32 px"):
            client.score(FRAMES, "cartpole-upright")


@pytest.mark.parametrize("large", [(70, 60), (50, 10)], ids=str)
def test_a_frame_over_a_limit_is_refused_alone(server: Serving, large: tuple[int, int]) -> None:
    between = Between(server)
    with between.client() as client:
        client.info()
        answer = client.score([grey(9), np.zeros((*large, 3), np.uint8)], "cartpole-upright")
    assert [item.status for item in answer.data] == [ItemStatus.OK, ItemStatus.INVALID_FRAME]


def test_png_is_sent_where_it_is_asked_for(server: Serving) -> None:
    between = Between(server)
    with between.client(body="png") as client:
        client.info()
        client.score([grey(9)], "cartpole-upright")
    with pickle.loads(pickle.dumps(RewardClient("http://x", body="png"))) as copy:
        assert copy.__getstate__()["body"] == "png"
    assert between.bodies == ["/info", PARTS]
    with pytest.raises(ConfigurationError, match="body is 'jpeg'; pass 'array' or 'png'"):
        RewardClient("http://x", body="jpeg")  # type: ignore[arg-type]


def test_only_frames_that_failed_are_sent_again(server: Serving) -> None:
    engine: Any = server.engine
    between = Between(server)
    with between.client() as client:
        client.info()
        engine.failures = 1
        answer = client.score([grey(10), grey(200)], "cartpole-upright")
    assert [item.reward for item in answer.data] == pytest.approx([10 / 255, 200 / 255], abs=1e-4)
    assert between.bodies == ["/info", PARTS, PARTS]


def test_an_answer_about_other_pixels_is_refused(server: Serving) -> None:
    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        if request.url.path != "/score":
            return None
        said = json.loads(answer.content)
        said["data"][1]["image_sha256"] = said["data"][0]["image_sha256"]
        return httpx.Response(200, json=said)

    with Between(server, change).client() as client:
        client.info()
        with pytest.raises(InvalidAnswerError, match=r"about another image .*item 1"):
            client.score([grey(1), grey(2)], "cartpole-upright")


def test_one_buffer_that_is_filled_again_and_again(server: Serving) -> None:
    def frames() -> Iterator[Any]:
        buffer = grey(0)
        for light in range(0, 200, 10):
            buffer[:] = light
            yield buffer

    with Between(server).client() as client:
        client.info()
        answer = client.score(frames(), "cartpole-upright")
    assert [item.reward for item in answer.data] == pytest.approx(np.arange(0, 200, 10) / 255, abs=1e-4)


def test_arrays_are_copied_once_and_kept_within_a_limit() -> None:
    still = grey(1).copy()
    still.flags.writeable = False
    first, second, third = own_frames([still, grey(2), grey(3)], 2 * still.nbytes)
    assert first is still
    assert isinstance(second, np.ndarray)
    assert isinstance(third, bytes)
    view = grey(4)[::-1]
    view.flags.writeable = False
    (copied,) = own_frames([view], 10**6)
    assert copied is not view
