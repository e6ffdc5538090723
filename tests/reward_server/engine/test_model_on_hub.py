"""A Hub id is asked about once, before anything is loaded: what cannot be had is told within seconds."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from huggingface_hub import constants

from reward_server.engine import model_on_hub
from reward_server.engine.model_on_hub import check_on_hub
from reward_server.engine.model_source import CheckpointError
from reward_server.launch.model_loading import with_checked_model
from reward_server.settings import Settings
from tests.paths import CHECKPOINT

COMMIT = "0" * 40
MODEL = "org/name"


@contextmanager
def hub(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[tuple[str, list[str]]]:
    """A Hub of our own; yields its address and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            asked.append(self.path)
            answer(self)

        def log_message(self, *_: object) -> None:
            """Tests need no log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answers(status: int, code: str | None = None) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("X-Repo-Commit", COMMIT)
        handler.send_header("ETag", "x")
        handler.send_header("Content-Length", "0")
        if code:
            handler.send_header("X-Error-Code", code)
        handler.end_headers()

    return answer


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of Hub models."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(model_on_hub, "TIMEOUT_S", 0.5)
    use(monkeypatch, "http://127.0.0.1:9")  # the port "discard": nobody listens
    return tmp_path


def use(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """What HF_ENDPOINT does."""
    monkeypatch.setattr(constants, "ENDPOINT", url)
    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


def put(cache: Path, model: str) -> None:
    snapshot = cache / f"models--{model.replace('/', '--')}" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    refs = snapshot.parents[1] / "refs"
    refs.mkdir()
    (refs / "main").write_text(COMMIT)


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (404, "RepoNotFound", "nor a model of that name on"),
        (401, "RepoNotFound", "nor a model of that name on"),
        (404, "RevisionNotFound", "no revision 'v1'"),
        (404, "EntryNotFound", "has no config.json"),
        (403, "GatedRepo", "HF_TOKEN"),
        (500, None, "500"),
        (429, None, "429"),
    ],
)
def test_what_the_hub_refuses_is_told_after_one_request(
    monkeypatch: pytest.MonkeyPatch, status: int, code: str | None, reason: str
) -> None:
    with hub(answers(status, code)) as (url, asked):
        use(monkeypatch, url)
        with pytest.raises(CheckpointError, match=reason) as caught:
            check_on_hub(MODEL, "v1")
    assert repr(MODEL) in str(caught.value)
    assert asked == ["/org/name/resolve/v1/config.json"]


def test_a_model_on_the_hub_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    with hub(answers(200)) as (url, asked):
        use(monkeypatch, url)
        check_on_hub(MODEL, None)
    assert asked == ["/org/name/resolve/main/config.json"]


def test_nobody_who_answers_is_told_at_once(cache: Path) -> None:
    started = time.monotonic()
    with pytest.raises(CheckpointError) as caught:
        check_on_hub(MODEL, None)
    assert time.monotonic() - started < 5
    told = str(caught.value)
    assert "neither such a folder" in told
    assert str(cache) in told
    assert "http://127.0.0.1:9" in told


def test_a_hub_that_accepts_and_never_answers_is_given_up() -> None:
    stop = threading.Event()

    def silent(_: BaseHTTPRequestHandler) -> None:
        stop.wait(20)

    with hub(silent) as (url, asked), pytest.MonkeyPatch.context() as patch:
        use(patch, url)
        started = time.monotonic()
        try:
            with pytest.raises(CheckpointError, match="neither such a folder"):
                check_on_hub(MODEL, None)
            assert time.monotonic() - started < 5
        finally:
            stop.set()
    assert len(asked) == 1


def test_offline_the_cache_alone_counts_and_nothing_is_asked(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hub(answers(200)) as (url, asked):
        use(monkeypatch, url)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        with pytest.raises(CheckpointError, match="HF_HUB_OFFLINE"):
            check_on_hub(MODEL, None)
        put(cache, MODEL)
        check_on_hub(MODEL, None)
        check_on_hub(MODEL, COMMIT)
        with pytest.raises(CheckpointError, match="revision 'v1'"):
            check_on_hub(MODEL, "v1")
    assert asked == []


@pytest.mark.parametrize("status", [None, 500, 429])
def test_what_is_in_the_cache_needs_no_hub_and_asks_it_nothing_more(
    cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, status: int | None
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    put(cache, MODEL)
    with hub(answers(status or 200)) as (url, asked):
        if status:
            use(monkeypatch, url)
        check_on_hub(MODEL, None)
        assert asked == (["/org/name/resolve/main/config.json"] if status else [])
        assert "loaded from the cache" in caplog.text
        # Each of its files would be asked for six times, here and in the engine's processes.
        assert constants.is_offline_mode()
        assert os.environ["HF_HUB_OFFLINE"] == "1"


def test_a_servers_start_asks_the_hub_for_a_hub_id_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    with hub(answers(404, "RepoNotFound")) as (url, asked):
        use(monkeypatch, url)
        with_checked_model(Settings(model=str(CHECKPOINT)))
        assert asked == []
        with pytest.raises(CheckpointError, match="neither such a folder"):
            with_checked_model(Settings(model=MODEL, revision="v1"))
    assert asked == ["/org/name/resolve/v1/config.json"]
