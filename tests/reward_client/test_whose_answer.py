"""An answer is to what was asked, about the images that were sent, or it is an error."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any

import httpx
import pytest

from reward_client import AsyncRewardClient, RewardClient
from reward_client.errors import InvalidAnswerError
from reward_client.frames import image_file
from tests.fakes import image, response
from tests.reward_client.graded import graded, grey

FIRST, SECOND = grey(10), grey(200)


def score(handler: Any, kind: Any, frames: Any) -> Any:
    client = kind("http://server", transport=httpx.MockTransport(handler), retries=0)

    async def ask() -> Any:
        async with client:
            return await client.score(frames, "cartpole-upright")

    if kind is AsyncRewardClient:
        return asyncio.run(ask())
    with client:
        return client.score(frames, "cartpole-upright")


both = pytest.mark.parametrize("kind", [RewardClient, AsyncRewardClient])


@both
def test_an_answer_to_another_request_is_refused(kind: Any) -> None:
    def handler(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(
            200, content=response([0.5]).model_dump_json(), headers={"X-Client-Request-Id": "another"}
        )

    with pytest.raises(InvalidAnswerError, match="to another request"):
        score(handler, kind, [FIRST])


@both
def test_an_error_to_another_request_is_not_ours_either(kind: Any) -> None:
    def handler(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(422, headers={"X-Client-Request-Id": "another"})

    with pytest.raises(InvalidAnswerError, match="to another request"):
        score(handler, kind, [FIRST])


@both
@pytest.mark.parametrize("sent", [[FIRST, SECOND], [SECOND]])
def test_an_answer_about_other_images_is_refused(kind: Any, sent: Any) -> None:
    answer = response([0.5] * len(sent))
    for item in answer.data:
        item.image_sha256 = hashlib.sha256(image_file(FIRST)).hexdigest()

    def handler(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=answer.model_dump_json())

    with pytest.raises(InvalidAnswerError, match=f"about another image .*item {len(sent) - 1}"):
        score(handler, kind, sent)


@both
def test_a_proxy_that_replaces_request_ids_and_an_older_server_do_no_harm(kind: Any) -> None:
    def handler(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(
            200, content=response([0.5]).model_dump_json(), headers={"X-Request-Id": "the-proxys-own"}
        )

    assert score(handler, kind, [FIRST]).data[0].reward == 0.5


def test_the_server_says_to_which_request_and_about_which_images() -> None:
    with graded() as server:
        sent = {"images": [image("red"), "%%%", image("blue")], "rubric": "cartpole-upright"}
        answer = server.http.post("/score", json=sent, headers={"X-Client-Request-Id": "mine-1"})
        assert answer.headers["X-Client-Request-Id"] == "mine-1"
        digests = [item["image_sha256"] for item in answer.json()["data"]]
        assert digests[1] is None
        assert digests[0] != digests[2]
        pairs = {"pairs": [{"first": image("red"), "second": image("blue")}], "rubric": "cartpole-upright"}
        (item,) = server.http.post("/compare", json=pairs).json()["data"]
        assert [item["first_sha256"], item["second_sha256"]] == [digests[0], digests[2]]
        refused = server.http.post("/score", content=b"{", headers={"X-Client-Request-Id": "mine-2"})
        assert refused.headers["X-Client-Request-Id"] == "mine-2"
        injected = server.http.get("/livez", headers={"X-Client-Request-Id": "a b"})
        assert "X-Client-Request-Id" not in injected.headers


@both
def test_a_proxy_that_mixes_answers_up_is_found_out(kind: Any) -> None:
    """Two clients whose answers are swapped, by a proxy that passes on everything else."""
    with graded() as server:
        held: list[httpx.Response] = []

        def swap(request: httpx.Request) -> httpx.Response:
            headers = {
                k: v for k, v in request.headers.items() if k.lower() not in {"host", "content-length"}
            }
            got = server.http.request(
                request.method, request.url.path, content=request.content, headers=headers
            )
            answer = httpx.Response(got.status_code, content=got.content, headers=got.headers)
            held.append(answer)
            return held[0]  # from the second request on: the first one's

        assert score(swap, kind, [FIRST]).data[0].reward == pytest.approx(10 / 255, abs=1e-4)
        with pytest.raises(InvalidAnswerError, match="another request"):
            score(swap, kind, [SECOND])
        del held[0].headers["X-Client-Request-Id"]
        with pytest.raises(InvalidAnswerError, match="another image"):
            score(swap, kind, [SECOND])
        assert json.loads(held[0].content)["data"][0]["status"] == "ok"
