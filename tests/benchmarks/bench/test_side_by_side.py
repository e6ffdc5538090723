"""The servers that are compared, asked in every way. Stand-ins for their engines: no speed is real here."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import math
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from aiohttp import web

from benchmarks.bench.contenders.question import Question, question_for
from benchmarks.bench.contenders.servers import ContenderError, Server
from benchmarks.bench.measuring.frames import Numbers, Size
from benchmarks.bench.parts import field as started
from benchmarks.bench.parts import growth, side_by_side
from benchmarks.bench.parts.field import Field
from benchmarks.bench.parts.measuring_ways import Load, Pace, measure_load
from benchmarks.bench.parts.memory import _send
from benchmarks.bench.parts.side_by_side import AnswersDifferError, compare_answers, measure_side_by_side
from benchmarks.bench.reporting.bars import bars
from tests.paths import CHECKPOINT
from tests.serving import serving

QUESTION = Question(
    "cartpole-upright", "Is the pole upright?", "USER: <image> ASSISTANT:", ["Yes", "No"], [7, 8]
)
SQUARE = Size(32, 32)
PACE = Pace(repeats=2, seconds=0.05, warm_up_s=0.0)


class InThisProcess(Server):
    """A server that cannot be paused: it would pause the tests."""

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        yield


class Chat:
    """Stands in for vLLM's server. ``no`` is the probability of the second label, of all tokens."""

    def __init__(self, no: float) -> None:
        self.no, self.bodies = no, list[dict[str, Any]]()

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.bodies.append(body)
        chances = {7: 0.9 - self.no, 8: self.no}
        top = [{"token": f"token_id:{t}", "logprob": math.log(chances[t])} for t in body["logprob_token_ids"]]
        return web.json_response({"choices": [{"logprobs": {"content": [{"top_logprobs": top}]}}]})


@contextlib.contextmanager
def chat_server(chat: Chat) -> Iterator[Server]:
    loop, ready, ports = asyncio.new_event_loop(), threading.Event(), list[int]()

    async def serve() -> web.AppRunner:
        app = web.Application(client_max_size=2**25)
        app.router.add_post("/v1/chat/completions", chat.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        ports.append(runner.addresses[0][1])
        ready.set()
        return runner

    def run() -> None:
        runner = loop.run_until_complete(serve())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait(10)
    try:
        yield InThisProcess(f"http://127.0.0.1:{ports[0]}", os.getpid(), 1.0, "/health")
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


@contextlib.contextmanager
def field(no: float = 0.81, **settings: Any) -> Iterator[tuple[Field, Chat]]:
    chat = Chat(no)
    with serving(**settings) as ours, chat_server(chat) as theirs:
        server = InThisProcess(f"http://127.0.0.1:{ours.port}", os.getpid(), 2.0, "/readyz")
        yield Field(QUESTION, SQUARE, {"a": 2.0, "b": 1.0}, ours=server, vllm=theirs), chat


@pytest.fixture(autouse=True)
def few_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "COMPARED_FRAMES", 4)
    small = side_by_side.loads

    def loads(found: Field) -> dict[str, Load]:
        return {
            name: dataclasses.replace(load, frames_per_request=min(load.frames_per_request, 2), under_way=2)
            for name, load in small(found).items()
        }

    monkeypatch.setattr(side_by_side, "loads", loads)
    monkeypatch.setattr("benchmarks.bench.parts.measuring_ways.FIRST_FRAMES", 4)


def test_everyone_is_measured_in_turns_and_the_ratios_come_out() -> None:
    with field() as (found, _):
        rows = measure_side_by_side(found, PACE, lambda _: None)
    names = ["a-png", "a-client", "a-prepared", "a-one", "b-png", "b-prepared", "b-one"]
    assert [row["name"] for row in rows] == names + names[::-1]
    assert all(row["frames_per_s"] > 0 and row["p50_s"] <= row["p95_s"] <= row["p99_s"] for row in rows)
    assert all("client" in row["core_ms_per_frame"] for row in rows)
    verdicts = {bar.what: bar.verdict for bar in bars(rows)}
    assert verdicts["(a) from PNG / (b), frames/s"] in {"met", "short"}
    assert verdicts["(a) from prepared frames / (c), frames/s"] == "not measured"
    json.dumps(rows)


def test_everyone_who_is_asked_for_is_started_and_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    class Told:
        url, start_up_s = "http://127.0.0.1:9", 1.0

        def order(self, _name: str, **_arguments: object) -> dict[str, Any]:
            return {"frames": 10, "seconds": 1.0, "core_s": {"main": 0.1}}

    for starter in ("reward_server", "vllm_server", "batch_server", "worker"):
        monkeypatch.setattr(started, starter, lambda *_: contextlib.nullcontext(Told()))
    monkeypatch.setattr(side_by_side, "measure_load", lambda *_: {"frames_per_s": 20.0})
    for contenders in (get_args(started.Contender), ("a", "d"), ("f",)):
        with started.started_field(contenders, CHECKPOINT, "float32", "cartpole-angle", print) as found:
            rows = measure_side_by_side(found, PACE, lambda _: None)
        assert {row["name"][0] for row in rows} == set(contenders)


def test_the_same_answers_pass_and_chat_is_asked_for_the_labels_alone() -> None:
    with field(no=0.81) as (found, chat):  # the stand-in engine's answer to a light frame, among all tokens
        assert compare_answers(found, "float32")["b"] < 1e-6
    assert len(chat.bodies) == 4
    assert {body["max_tokens"] for body in chat.bodies} == {1}
    assert "top_logprobs" not in chat.bodies[0]
    urls = {body["messages"][0]["content"][0]["image_url"]["url"] for body in chat.bodies}
    assert len(urls) == 4, "four frames, all of them different"


def test_other_answers_are_refused() -> None:
    with field(no=0.80) as (found, _), pytest.raises(AnswersDifferError, match="b answers differently"):
        compare_answers(found, "float32")


def test_without_our_server_nothing_is_compared() -> None:
    with pytest.raises(ContenderError, match="contender a"):
        compare_answers(Field(QUESTION, SQUARE, {}), "float32")


@pytest.mark.parametrize("way", ["score", "client"])
def test_an_answer_from_the_cache_is_no_speed(way: str) -> None:
    class Same(Numbers):
        def take(self, count: int) -> list[int]:
            return [1] * count

    with (
        field(cache_bytes=2**20) as (found, _),
        pytest.RaisesGroup(pytest.RaisesExc(ContenderError, match="from the cache")),
    ):
        found.numbers = Same()
        measure_load(found, Load(way, 1, 1, SQUARE), PACE)


@pytest.mark.parametrize("way", ["score", "client"])
def test_a_frame_without_a_reward_is_no_speed(way: str) -> None:
    with serving() as ours:
        ours.engine.label_mass = 0.1  # below what the rubric takes
        server = InThisProcess(f"http://127.0.0.1:{ours.port}", os.getpid(), 2.0, "/readyz")
        found = Field(QUESTION, SQUARE, {}, ours=server)
        with pytest.RaisesGroup(pytest.RaisesExc(ContenderError, match="no reward")):
            measure_load(found, Load(way, 1, 1, SQUARE), PACE)


def test_memory_is_looked_at_on_the_way() -> None:
    with serving() as ours:
        server = InThisProcess(f"http://127.0.0.1:{ours.port}", os.getpid(), 2.0, "/readyz")
        rows = asyncio.run(_send(server, "cartpole-upright", 600, lambda _: None))
    assert len(rows) > 10
    assert rows[-1]["frames"] >= 600
    assert all(row["memory_mb"]["client"] > 10 for row in rows)


@pytest.mark.parametrize(
    ("rubric", "reason"), [("no-such", "there is none"), ("cartpole-degrees-text", "no labels")]
)
def test_a_rubric_that_cannot_be_compared_is_refused(rubric: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        question_for(CHECKPOINT, rubric)


def test_a_question_for_the_shipped_checkpoint_reads_one_token_for_each_label(tmp_path: Path) -> None:
    question = question_for(CHECKPOINT, "cartpole-angle")
    assert len(set(question.token_ids)) == len(question.labels) > 100
    assert question.prompt.count("<image>") == 1
    question.save(tmp_path / "question.json")
    assert Question.load(tmp_path / "question.json") == question


def test_the_grid_and_the_plots_send_other_frames_than_the_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "GRID_FRAMES_PER_REQUEST", (2,))
    monkeypatch.setattr(side_by_side, "GRID_UNDER_WAY", (1,))
    for name, few in {
        "BATCHES": (1,),
        "UNDER_WAY": (2,),
        "SIZES": (Size(60, 40),),
        "OFFERED": (0.2,),
    }.items():
        monkeypatch.setattr(growth, name, few)
    monkeypatch.setattr(growth, "ARRIVING_S", 0.2)
    with field(cache_bytes=2**24) as (found, _):  # an answer from its cache would be an error
        measure_side_by_side(found, PACE, lambda _: None)
        assert len(side_by_side.measure_grid(found, PACE, lambda _: None)) == 2
        grown = growth.measure_growth(found, PACE, lambda _: None)
    assert {name: len(rows) for name, rows in grown.items()} == {
        "batch": 2,
        "under_way": 3,
        "size": 3,
        "offered": 1,
    }
    assert grown["offered"][0]["good_per_s"] > 0
