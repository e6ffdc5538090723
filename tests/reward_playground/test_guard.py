"""Whose requests the page takes: its own script's alone, also where a browser says little over plain HTTP."""

from __future__ import annotations

import pytest

from reward_server.rubrics.loading import load_rubrics
from tests.reward_playground.asked_forms import ASKS, BY_THE_PAGE, SWEEP, asked, picture
from tests.serving import Serving

UPRIGHT = load_rubrics()["cartpole-upright"]


def status(server: Serving, headers: dict[str, str], route: str = "ask") -> int:
    fields = asked(UPRIGHT) | asked(UPRIGHT, "b") | SWEEP
    return server.http.post(f"/playground/{route}", data=fields, files=picture(), headers=headers).status_code


@pytest.mark.parametrize("route", [*ASKS, "opened"])
def test_a_form_that_the_pages_script_did_not_send_is_refused(server: Serving, route: str) -> None:
    assert status(server, {}, route) == 403
    assert server.engine.asked == []


@pytest.mark.parametrize(
    ("origin", "host", "taken"),
    [
        (None, "gpu.example:8000", True),  # curl
        ("http://gpu.example:8000", "gpu.example:8000", True),
        ("http://GPU.example", "gpu.example:80", True),
        ("https://gpu.example", "gpu.example", True),  # a proxy speaks TLS to the browser
        ("http://[::1]:8000", "[::1]:8000", True),
        ("null", "gpu.example:8000", False),
        ("http://other.example:8000", "gpu.example:8000", False),
        ("http://gpu.example:9000", "gpu.example:8000", False),
        ("http://gpu.example", "gpu.example:8000", False),
        ("http://gpu.example.other:8000", "gpu.example:8000", False),
        ("http://[", "gpu.example:8000", False),
    ],
)
def test_a_form_of_another_origin_is_refused(
    server: Serving, origin: str | None, host: str, taken: bool
) -> None:
    headers = BY_THE_PAGE | {"Host": host} | ({"Origin": origin} if origin else {})
    assert status(server, headers) == (200 if taken else 403)


def test_a_proxy_may_have_changed_the_host_where_the_browser_knows_the_origin_to_be_its_own(
    server: Serving,
) -> None:
    headers = BY_THE_PAGE | {"Origin": "https://gpu.example", "Host": "backend:8000"}
    assert status(server, headers | {"Sec-Fetch-Site": "same-origin"}) == 200
    assert status(server, headers | {"Sec-Fetch-Site": "none"}) == 403


def test_a_page_of_another_site_may_link_here_and_nothing_else(server: Serving) -> None:
    other = BY_THE_PAGE | {"Sec-Fetch-Site": "cross-site"}
    link = other | {"Sec-Fetch-Mode": "navigate"}
    assert [status(server, other), status(server, link)] == [403, 403]
    assert server.http.get("/playground/frame?task=CartPole-v1", headers=other).status_code == 403
    assert server.http.get("/playground/", headers=link).status_code == 200
    assert server.engine.asked == []


def test_other_sites_are_allowed_no_header_of_their_own(server: Serving) -> None:
    asks = {"Origin": "http://other.example", "Access-Control-Request-Headers": "x-playground"}
    answer = server.http.options("/playground/ask", headers=asks | {"Access-Control-Request-Method": "POST"})
    assert answer.is_error
    assert not [name for name in answer.headers if name.startswith("access-control-")]
