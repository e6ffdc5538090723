"""``POST /score`` as multipart/form-data: the same answers as to JSON, and an error that names the part."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from reward_client.schema import ErrorResponse, ScoreResponse, ServerInfo
from reward_server.settings import Settings
from tests.application import application, loads
from tests.fakes import FakeEngine, image

SETTINGS = Settings(
    max_images_per_request=4, max_body_bytes=100_000, max_image_pixels=4000, max_aspect_ratio=4
)
UPRIGHT = {"rubric": "cartpole-upright"}
FRAMES = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
B = "b0undary"
Part = tuple[str, bytes]


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def http(engine: FakeEngine) -> Iterator[TestClient]:
    with application(loads(engine, SETTINGS), SETTINGS) as client:
        yield client


def npy(frames: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, frames)
    return buffer.getvalue()


def asked(**fields: Any) -> Part:
    return "request", json.dumps({**UPRIGHT, **fields}).encode()


def body(*parts: Part) -> bytes:
    one = [f'--{B}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n'.encode() + c for n, c in parts]
    return b"\r\n".join([*one, f"--{B}--\r\n".encode()])


def send(http: TestClient, content: bytes, media_type: str = f"multipart/form-data; boundary={B}") -> Any:
    return http.post("/score", content=content, headers={"Content-Type": media_type})


def scored(http: TestClient, *parts: Part) -> ScoreResponse:
    answer = send(http, body(*parts))
    assert answer.status_code == 200, answer.text
    return ScoreResponse.model_validate_json(answer.content)


FILES = [base64.b64decode(image(colour)) for colour in ("white", "black")]


@pytest.mark.parametrize(
    "fields", [{}, {"preprocess": "crop"}, {"explain": True}, {"rubric": "cartpole-angle"}]
)
def test_files_as_they_are_get_the_answer_of_files_as_base64(http: TestClient, fields: Any) -> None:
    there = scored(http, asked(**fields), *(("images", file) for file in FILES))
    sent = {"images": [image("white"), image("black")], **UPRIGHT, **fields}
    again = ScoreResponse.model_validate_json(http.post("/score", json=sent).content)
    assert (there.data, there.reward_id, there.preprocess) == (again.data, again.reward_id, again.preprocess)
    assert again.usage.cached_images == 2  # the pixels are the same


def test_frames_reach_the_engine_as_they_are(http: TestClient, engine: FakeEngine) -> None:
    answer = scored(http, asked(), ("frames", npy(FRAMES)))
    assert [(np.asarray(seen) == sent).all() for seen, sent in zip(engine.asked, FRAMES, strict=True)] == [
        True
    ] * 3
    assert [item.image_sha256 for item in answer.data] == [
        hashlib.sha256(frame.tobytes()).hexdigest() for frame in FRAMES
    ]


@pytest.mark.parametrize(
    "preprocess", ["pad", "crop", "stretch", {"type": "region", "box": [0, 0, 0.5, 0.5]}]
)
def test_frames_of_another_size_are_fitted_as_files_are(
    http: TestClient, engine: FakeEngine, preprocess: Any
) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (1, 40, 60, 3), dtype=np.uint8)
    scored(http, asked(preprocess=preprocess), ("frames", npy(frame)))
    file = io.BytesIO()
    Image.fromarray(frame[0]).save(file, "PNG")
    answer = scored(http, asked(preprocess=preprocess), ("images", file.getvalue()))
    assert answer.usage.cached_images == 1
    assert engine.asked[0].size == (32, 32)


def test_a_fitted_region_is_not_cut_again(http: TestClient, engine: FakeEngine) -> None:
    region = {"type": "region", "box": [0, 0, 0.5, 0.5]}
    scored(http, asked(preprocess=region, fitted_px=32), ("frames", npy(FRAMES[:1])))
    assert (np.asarray(engine.asked[0]) == FRAMES[0]).all()


def test_one_bad_file_costs_the_others_nothing(http: TestClient) -> None:
    answer = scored(http, asked(), ("images", FILES[0]), ("images", b""), ("images", b"AAAA\r\n--b0und"))
    assert [item.status.value for item in answer.data] == ["ok", "invalid_frame", "invalid_frame"]
    assert answer.data[1].message == "the image is empty"


@pytest.mark.parametrize(
    ("shape", "message"), [((70, 60), "60x70 pixels; the limit is 4000"), ((50, 10), "at most 4 times")]
)
def test_frames_have_the_limits_of_files(http: TestClient, shape: tuple[int, int], message: str) -> None:
    (item,) = scored(http, asked(), ("frames", npy(np.zeros((1, *shape, 3), np.uint8)))).data
    assert (item.status.value, item.reward) == ("invalid_frame", None)
    assert message in (item.message or "")


GOOD = body(asked(), ("frames", npy(FRAMES)))
IMAGE = ("images", FILES[0])
STACK = ("frames", npy(FRAMES))


@pytest.mark.parametrize(
    ("content", "status", "param"),
    [
        (b"", 400, "body"),
        (b"{}", 400, "body"),
        (GOOD[:-20], 400, "body"),
        (GOOD[:5000], 400, "body"),
        (GOOD[:90], 400, "body"),
        (GOOD.replace(B.encode(), b"another0"), 400, "body"),
        (f"--{B}--\r\n".encode(), 422, "request"),
        (f"--{B}\r\n\r\n{{}}\r\n--{B}--\r\n".encode(), 400, "body"),
        (f"--{B}\r\nContent-Disposition: form-data\r\n\r\n\r\n--{B}--\r\n".encode(), 400, "body"),
        (f"--{B}\r\nbad header\r\n\r\n\r\n--{B}--\r\n".encode(), 400, "body"),
        (f"--{B}\r\nX: {'x' * 5000}\r\n\r\n\r\n--{B}--\r\n".encode(), 400, "body"),
        (f"--{B}\r\n{'X: x' * 20}\r\n\r\n\r\n--{B}--\r\n".encode(), 400, "body"),
        (body(IMAGE), 422, "request"),
        (body(asked(), asked(), IMAGE), 422, "request"),
        (body(asked()), 422, "images"),
        (body(asked(), IMAGE, STACK), 422, "images"),
        (body(asked(), STACK, STACK), 422, "frames"),
        (body(asked(), IMAGE, ("video", b"x")), 422, "video"),
        (body(asked(), ("v" * 500, b"x")), 422, "v" * 64),
        (body(("request", b"{"), IMAGE), 400, "request"),
        (body(("request", b"\xff"), IMAGE), 400, "request"),
        (body(("request", b"[" * 5000), IMAGE), 400, "request"),
        (body(("request", b"[]"), IMAGE), 422, "body"),
        (body(("request", b"{}"), IMAGE), 422, "rubric"),
        (body(asked(rubric="nope"), IMAGE), 422, "rubric"),
        (body(asked(images=["AAAA"]), IMAGE), 422, "images"),
        (body(asked(preprocess="blur"), IMAGE), 422, "preprocess"),
        (body(asked(timeout_s=-1), IMAGE), 422, "timeout_s"),
        (body(asked(fitted_px=32), IMAGE), 422, "fitted_px"),
        (body(asked(fitted_px=0), STACK), 422, "fitted_px"),
        (body(asked(fitted_px=31), STACK), 422, "fitted_px"),
        (body(asked(fitted_px=16), ("frames", npy(FRAMES[:, :16, :16]))), 422, "fitted_px"),
        (body(asked(), *[IMAGE] * 5), 422, "images"),
        (body(asked(), *[IMAGE] * 500), 422, "images"),
        (body(asked(), ("frames", npy(np.zeros((5, 1, 1, 3), np.uint8)))), 422, "frames"),
        (body(asked(), ("frames", npy(FRAMES[:0]))), 422, "frames"),
        (body(asked(), ("frames", npy(FRAMES / 255))), 422, "frames"),
        (body(asked(), ("frames", npy(np.asfortranarray(FRAMES)))), 422, "frames"),
        (body(asked(), ("frames", npy(FRAMES)[:-1])), 422, "frames"),
        (body(asked(), ("frames", b"")), 422, "frames"),
        (body(asked(), ("frames", bytes(100_001))), 413, "body"),
    ],
    ids=range(41),
)
def test_a_wrong_body_gets_its_status_and_the_part(
    http: TestClient, content: bytes, status: int, param: str
) -> None:
    answer = send(http, content)
    assert answer.status_code == status, answer.text
    error = ErrorResponse.model_validate_json(answer.content).error
    assert error.param == param
    assert error.message
    assert scored(http, asked(), STACK).data[0].status.value == "ok"  # the server goes on serving


@pytest.mark.parametrize("boundary", ["", "; boundary=", "; boundary=" + "b" * 300])
def test_a_boundary_that_cannot_be_one_is_400(http: TestClient, boundary: str) -> None:
    assert send(http, GOOD, f"multipart/form-data{boundary}").status_code == 400


def test_other_multipart_types_and_other_routes_are_415(http: TestClient) -> None:
    refused = send(http, GOOD, f"multipart/mixed; boundary={B}")
    assert refused.status_code == 415
    assert "application/json or multipart/form-data" in refused.text
    compared = http.post(
        "/compare", content=GOOD, headers={"Content-Type": f"multipart/form-data; boundary={B}"}
    )
    assert compared.status_code == 415


def test_a_media_type_in_capitals_is_taken(http: TestClient) -> None:
    assert send(http, GOOD, f'Multipart/Form-Data; boundary="{B}"').status_code == 200


def test_a_server_that_loads_or_is_dead_says_so(engine: FakeEngine) -> None:
    engine.dead = True
    with application(loads(engine, SETTINGS), SETTINGS) as http:
        assert [send(http, GOOD).status_code for _ in range(2)] == [503, 503]


def test_info_tells_the_bodies_and_yesterdays_client_reads_it(http: TestClient) -> None:
    said = http.get("/info").json()
    assert said["score_media_types"] == ["application/json", "multipart/form-data"]
    del said["score_media_types"]
    assert ServerInfo.model_validate(said).score_media_types == ["application/json"]
    assert ServerInfo.model_config.get("extra") in {None, "ignore"}  # what yesterday's does with a new field
