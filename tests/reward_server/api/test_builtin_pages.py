"""``/``, ``/docs`` and ``/redoc``: what they say, who may see them, and that no other host is needed."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from reward_client.version import __version__
from reward_server.admission.keys import read_keys
from reward_server.api import pages
from reward_server.api.app import create_app
from reward_server.service import Rewarder
from reward_server.settings import Settings
from tests.application import Load, bring, loads, never, service
from tests.browser import DESKTOP, PHONE, Page, browser, needs_chromium
from tests.fakes import FakeEngine
from tests.serving import serving
from tests.waiting import until

VENDORED = Path(pages.__file__).parent / "builtin_pages" / "assets" / "vendored"
KEY = "a-key-of-sixteen-characters"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
OPERATIONS = ("/score", "/compare", "/info", "/rubrics", "/rubrics/{name}", "/livez", "/readyz", "/metrics")


def visit(load: Load | None = None, keys: str | None = None, **settings: Any) -> Iterator[TestClient]:
    chosen = Settings(model="org/a-<model>", **settings)
    app = create_app(service(load or loads(FakeEngine(), chosen), chosen, keys=read_keys(keys, None)))
    with TestClient(app) as client:
        until(lambda: load is not None or client.get("/readyz").status_code == 200)
        yield client


@pytest.fixture
def visitor() -> Iterator[TestClient]:
    yield from visit()


def test_a_program_is_told_what_this_is_and_where_to_go(visitor: TestClient) -> None:
    seen = visitor.get("/").json()
    assert (seen["name"], seen["version"], seen["model"]) == ("vlm-reward", __version__, "org/a-<model>")
    assert (seen["status"], seen["message"]) == ("ready", None)
    assert {"/docs", "/redoc", "/rubrics", "/info", "/metrics"} == set(seen["links"])
    for path in seen["links"]:
        assert visitor.get(path).status_code == 200, path


def test_a_browser_gets_the_same_as_a_page(visitor: TestClient) -> None:
    answer = visitor.get("/", headers=BROWSER)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers["Vary"] == "Accept"
    assert "org/a-&lt;model&gt;" in answer.text
    assert "<dd>ready</dd>" in answer.text
    for path in visitor.get("/").json()["links"]:
        assert f'href="{path[1:]}"' in answer.text


def test_a_server_that_is_loading_or_failed_says_so() -> None:
    ended = asyncio.Event()

    async def load() -> Rewarder:
        await ended.wait()
        raise RuntimeError

    for client in visit(load):
        loading = client.get("/")
        assert (loading.status_code, loading.json()["status"]) == (200, "loading")
        page = client.get("/", headers=BROWSER).text
        assert "<dd>the model is still loading</dd>" in page
        assert 'http-equiv="refresh"' in page
        assert client.portal
        client.portal.call(ended.set)
        until(lambda: client.get("/").json()["status"] == "load_failed")  # noqa: B023 - within this round
        assert "could not be loaded" in client.get("/").json()["message"]


def test_a_page_that_another_package_brings_is_among_the_links(monkeypatch: pytest.MonkeyPatch) -> None:
    bring(monkeypatch, "tests.reward_server.api.test_pages:make_page")
    for client in visit(playground=True):
        assert "/playground" in client.get("/").json()["links"]


def test_head_is_answered_and_the_pages_are_not_in_the_contract(visitor: TestClient) -> None:
    for path in ("/", "/docs", "/redoc", "/assets/icon.svg"):
        assert visitor.head(path).status_code == 200
        assert path not in visitor.get("/openapi.json").json()["paths"]
    assert visitor.get("/assets/../add.py").status_code == 404
    assert visitor.get("/assets/none.js").json()["error"]["type"] == "not_found_error"


@pytest.mark.parametrize("path", ["/rubrics", "/info", "/metrics", "/rubrics/none"])
def test_a_password_reads_what_the_front_page_leads_to_and_asks_nothing(path: str) -> None:
    password = {"Authorization": f"Basic {base64.b64encode(f'me:{KEY}'.encode()).decode()}"}
    for client in visit(never, keys=KEY):
        assert client.get(path).headers["WWW-Authenticate"] == "Bearer"
        assert client.get(path, headers=password).status_code != 401
        refused = client.post("/score", headers=password, json={"images": [], "rubric": "none"})
        assert refused.status_code == 401
        assert not refused.headers["WWW-Authenticate"].startswith("Basic")


def test_where_keys_are_set_the_document_says_how_they_are_given(visitor: TestClient) -> None:
    assert "securitySchemes" not in visitor.get("/openapi.json").json()["components"]
    for client in visit(never, keys=KEY):
        document = client.get("/openapi.json", headers={"Authorization": f"Bearer {KEY}"}).json()
        assert document["components"]["securitySchemes"] == {
            "HTTPBearer": {"type": "http", "scheme": "bearer"}
        }
        assert document["paths"]["/score"]["post"]["security"] == [{"HTTPBearer": []}]


@pytest.mark.parametrize("path", ["/", "/docs", "/redoc", "/openapi.json", "/assets/docs.js"])
def test_where_keys_are_set_a_browser_is_asked_for_one(path: str) -> None:
    password = base64.b64encode(f"me:{KEY}".encode()).decode()
    for client in visit(never, keys=KEY):
        refused = client.get(path)
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"].startswith("Basic realm=")
        assert "org/a" not in refused.text
        for authorization in (f"Bearer {KEY}", f"Basic {password}"):
            assert client.get(path, headers={"Authorization": authorization}).status_code == 200


def test_files_of_others_are_as_they_were_published() -> None:
    checksums = re.findall(r"^([0-9a-f]{64})  (.+)$", (VENDORED / "README.md").read_text(), re.MULTILINE)
    listed = {name: checksum for checksum, name in checksums}
    there = {path.name: path for path in VENDORED.iterdir() if path.name != "README.md"}
    assert set(listed) == set(there)
    for name, path in there.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == listed[name], name
    for start in ("swagger-ui", "redoc"):
        assert any(name.startswith(start) and "LICENSE" in name for name in there)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with browser(tmp_path / "profile") as page:
        yield page


@needs_chromium
@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "loaded"),
    [
        ("/docs", "document.querySelectorAll('.opblock').length > 7"),
        ("/redoc", "document.querySelectorAll('h2').length > 7"),
    ],
)
@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_the_reference_shows_every_operation_without_another_host(
    page: Page, tmp_path: Path, path: str, loaded: str, width: int
) -> None:
    with serving() as server:
        page.open(f"http://127.0.0.1:{server.port}{path}", width)
        page.until(loaded)
        text = page.run("document.body.innerText").replace("\u200b", "")
        for operation in OPERATIONS:
            assert operation in text, operation
        assert page.run("document.documentElement.scrollWidth <= innerWidth")
        asked = {
            url for url in page.urls if url.startswith("http") and f"//127.0.0.1:{server.port}/" not in url
        }
        # The page's policy keeps the browser from it, and Redoc then shows none.
        assert asked <= {"https://cdn.redoc.ly/redoc/logo-mini.svg"}
        assert not page.run("[...document.images].some(image => image.src.startsWith('https:'))")
