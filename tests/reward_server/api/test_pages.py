"""Pages of other packages: mounted where they are switched on, and behind the same keys as the API."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from pydantic_settings import SettingsError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from reward_server.admission.keys import read_keys
from reward_server.api.app import create_app
from reward_server.settings import Settings
from tests.application import bring, loads, service
from tests.fakes import FakeEngine

KEY = "a-key-of-sixteen-characters"
HERE = "tests.reward_server.api.test_pages"


def make_page(_api: ASGIApp) -> Starlette:
    """A page that tells what key it was asked with."""

    async def seen(request: Request) -> Response:
        return PlainTextResponse(request.headers.get("Authorization", "no key"))

    return Starlette(routes=[Route("/", seen), Route("/below", seen)])


def visit(keys: str | None = None, playground: bool = True) -> Iterator[TestClient]:
    settings = Settings(playground=playground)
    app = create_app(service(loads(FakeEngine(), settings), settings, keys=read_keys(keys, None)))
    with TestClient(app) as client:
        yield client


@pytest.fixture(scope="module")
def visitor() -> Iterator[TestClient]:
    with pytest.MonkeyPatch.context() as patch:
        bring(patch, f"{HERE}:make_page")
        yield from visit(KEY)


def basic(text: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


BEARER = f"Bearer {KEY}"


@pytest.mark.parametrize("path", ["/playground", "/playground/", "/playground/below"])
@pytest.mark.parametrize("headers", [{"Authorization": BEARER}, basic(f"me:{KEY}"), basic(f":{KEY}")])
def test_a_page_takes_a_key_as_such_or_as_a_password(
    visitor: TestClient, path: str, headers: dict[str, str]
) -> None:
    answer = visitor.get(path, headers=headers)
    assert (answer.status_code, answer.text) == (200, BEARER)


@pytest.mark.parametrize("path", ["/playground", "/playground/", "/playground/below", "/playground/none"])
@pytest.mark.parametrize(
    "headers", [{}, basic("me:wrong-wrong-wrong-wrong"), basic("me"), {"Authorization": "Basic %"}]
)
def test_without_a_known_key_a_browser_is_told_to_ask_for_one(
    visitor: TestClient, path: str, headers: dict[str, str]
) -> None:
    answer = visitor.get(path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert answer.json()["error"]["type"] == "authentication_error"


@pytest.mark.parametrize("path", ["/score", "/playgrounds", "/playground../info"])
def test_passwords_count_on_pages_and_what_they_lead_to_alone(visitor: TestClient, path: str) -> None:
    answer = visitor.get(path, headers=basic(f"me:{KEY}"))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_page_is_there_only_where_it_is_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    bring(monkeypatch, f"{HERE}:make_page")
    for client in visit(playground=False):
        assert client.get("/playground/").status_code == 404
    for client in visit():
        assert client.get("/playground").text == "no key"
        assert "/playground" not in client.get("/openapi.json").text


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "--playground: there is no such page"),
        (["no_such_package_9.page:make"], "--playground: the package no_such_package_9 is not installed"),
    ],
)
def test_what_is_missing_is_named_with_the_extra(
    monkeypatch: pytest.MonkeyPatch, values: list[str], message: str
) -> None:
    bring(monkeypatch, *values)
    with pytest.raises(SettingsError, match=message) as error:
        next(visit())
    assert 'pip install "vlm-reward[playground]"' in str(error.value)
