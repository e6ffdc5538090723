"""What the page may take of its server: many visitors and large forms leave the others their answers."""

from __future__ import annotations

import base64
import contextlib
import io
import re
import socket
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from reward_client.frames import png_of
from reward_playground import pictures, rendering, scenes
from reward_playground.form import fields_of, list_of_text, rubric_from
from reward_playground.threads import THREADS
from reward_server.rubrics.loading import load_rubrics
from tests.reward_playground.asked_forms import ASKS, PICTURE, SWEEP, asked, picture, post
from tests.serving import Serving
from tests.waiting import LONG_S, until

UPRIGHT, ANGLE = (load_rubrics()[f"cartpole-{name}"] for name in ("upright", "angle"))
VISITORS = 45
"""More than the 40 threads that anyio shares between the routes of a server."""

FRAME = "GET /playground/frame?task=CartPole-v1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def noting(work: Callable[..., Any], calls: list[object]) -> Callable[..., Any]:
    def noted(*given: Any) -> Any:
        calls.append(given)
        return work(*given)

    return noted


@pytest.fixture
def rendering_stands(monkeypatch: pytest.MonkeyPatch, server: Serving) -> Iterator[SimpleNamespace]:
    """Frames that cannot be rendered until the test says so, and VISITORS that wait for one each.

    They are waited for at the end: a frame of theirs would count as one of the next test's.
    """
    begun, asked_for = list[object](), list[object]()
    before = counted(server, "...")
    for name, calls in (("shots", begun), ("chosen", asked_for)):
        monkeypatch.setattr(scenes, name, noting(getattr(scenes, name), calls))
    with contextlib.ExitStack() as stack:
        visitors = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(VISITORS)
        ]
        with scenes._RENDERING:
            for visitor in visitors:
                visitor.sendall(FRAME.encode())
            until(lambda: len(asked_for) == VISITORS, LONG_S)
            yield SimpleNamespace(begun=begun, visitors=visitors)
        until(lambda: counted(server, "...") == before + VISITORS, LONG_S)


def counted(server: Serving, status: str) -> int:
    """Frames that ended with a status, a regular expression."""
    line = rf'requests_total\{{route="/playground/frame",status="{status}"\}} ([0-9]+)'
    return sum(map(int, re.findall(line, server.http.get("/metrics").text)))


def test_scoring_goes_on_while_many_wait_for_a_frame(server: Serving, rendering_stands: Any) -> None:
    assert server.score().status_code == 200
    assert server.http.get("/info").status_code == 200


def test_a_frame_that_nobody_waits_for_any_more_is_not_rendered(
    server: Serving, rendering_stands: Any
) -> None:
    def wait_until_left(visitors: int) -> None:
        until(lambda: counted(server, "499") >= visitors, LONG_S)

    for visitors, visitor in enumerate(rendering_stands.visitors[:10], counted(server, "499") + 1):
        visitor.close()
        wait_until_left(visitors)
    assert len(rendering_stands.begun) == THREADS


def test_a_list_of_labels_is_read_no_further_than_a_rubric_may_go() -> None:
    assert len(list_of_text("1..9999," * 10_000)) == 129
    assert len(list_of_text(f"[{'1,' * 10_000}1]")) == 129
    with pytest.raises(ValueError, match=r"readout\.labels: .*128"):
        rubric_from({**fields_of(ANGLE), "labels": "1..9999," * 10})


@pytest.mark.parametrize("route", ASKS)
def test_pictures_and_html_are_made_beside_the_event_loop(
    server: Serving, monkeypatch: pytest.MonkeyPatch, route: str
) -> None:
    made_by = dict[str, threading.Thread]()
    encode, get_template = base64.b64encode, rendering.TEMPLATES.get_template

    def encoded(file: bytes) -> bytes:
        made_by["picture"] = threading.current_thread()
        return encode(file)

    def template(name: str, *inside: Any) -> Any:
        made_by[name] = threading.current_thread()
        return get_template(name, *inside)

    monkeypatch.setattr(pictures, "base64", SimpleNamespace(b64encode=encoded))
    monkeypatch.setattr(rendering.TEMPLATES, "get_template", template)
    assert post(server, route, asked(UPRIGHT) | asked(ANGLE, "b") | SWEEP).status_code == 200
    assert {"picture", f"{route}.html.jinja".replace("ask", "answer")} <= set(made_by)
    assert server.thread not in made_by.values()


def sizes(answer: httpx.Response) -> list[tuple[int, int]]:
    files = re.findall(r"data:image/png;base64,([^\"]+)", answer.text)
    return [Image.open(io.BytesIO(base64.b64decode(file))).size for file in files]


def test_nulls_are_shown_small(server: Serving) -> None:
    large = png_of(np.random.default_rng(0).integers(0, 255, (400, 600, 3), np.uint8))
    shown = post(server, "nulls", asked(UPRIGHT), picture(large))
    assert sizes(shown) == [(160, 107)] * 8


def test_a_picture_is_in_its_answer_once(server: Serving) -> None:
    shown = post(server, "ask", asked(UPRIGHT))
    assert shown.text.count(base64.b64encode(PICTURE).decode()) == 1
