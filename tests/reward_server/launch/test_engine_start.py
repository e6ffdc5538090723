"""A start that cannot succeed ends, with the cause in one line; an engine's processes are stand-ins here."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import NoReturn

import pytest
from pydantic import BaseModel, Field

from reward_server.engine.interface import EngineDeadError
from reward_server.engine.model_source import CheckpointError
from reward_server.engine.process_report import PLUGIN, VARIABLE, in_one_line, report_this_process
from reward_server.launch import engine_start, model_loading
from reward_server.launch.engine_start import EngineStart, EngineStartError
from reward_server.settings import Settings

pytestmark = pytest.mark.slow

SPAWN = multiprocessing.get_context("spawn")
vllm_log = logging.getLogger("vllm.v1.engine.core")

COMPILER = """C++ compile error

Command:
g++ main.cpp -fno-math-errno -Werror -o main.so

Output:
main.cpp:1:1: fatal error: cannot execute 'cc1plus': No such file or directory
compilation terminated.
"""


class CppCompileError(Exception):
    """As PyTorch's."""


def fails(error: Exception, told: str = "EngineCore failed to start.") -> NoReturn:
    """As an engine core fails."""
    report_this_process()
    try:
        raise error
    except Exception:
        vllm_log.exception(told)
        raise


def fails_in_its_worker(error: Exception) -> None:
    report_this_process()
    worker = SPAWN.Process(target=fails, args=(error, "WorkerProc failed to start."))
    worker.start()
    worker.join()
    fails(Exception("WorkerProc initialization failed due to an exception in a background process."))


def loses_its_worker(number: int) -> None:
    report_this_process()
    worker = waiting()
    os.kill(worker.pid or 0, number)
    worker.join()
    vllm_log.error("Dumping scheduler stats: SchedulerStats(num_running_reqs=1)")
    fails(RuntimeError("cancelled"))


def fails_and_ends_its_worker(error: Exception) -> None:
    report_this_process()
    worker = waiting()
    worker.kill()
    worker.join()
    fails(error)


def waits(reported: Event, logged: OSError | None = None) -> None:
    report_this_process()
    if logged is not None:
        try:
            raise logged
        except OSError:
            vllm_log.exception("Error saving model info cache.")
    reported.set()
    time.sleep(600)


def waiting(logged: OSError | None = None) -> SpawnProcess:
    """A process that has reported and waits."""
    reported = SPAWN.Event()
    process: SpawnProcess = SPAWN.Process(target=waits, args=(reported, logged))
    process.start()
    assert reported.wait(60)
    return process


def crashes() -> None:
    report_this_process()
    ctypes.string_at(0)


def fails_before_it_can_report() -> None:
    sys.exit(1)


async def starts(target: Callable[..., object], *arguments: object) -> None:
    """Starts a process and waits for its end, as vLLM does."""
    process: SpawnProcess = SPAWN.Process(target=target, args=arguments)
    process.start()
    try:
        await asyncio.to_thread(process.join)
        raise RuntimeError("Engine core initialization failed. See root cause above. Failed core proc(s): {}")
    finally:
        process.kill()


def message(work: Awaitable[object]) -> str:
    with pytest.raises(EngineStartError) as caught:
        asyncio.run(EngineStart().run(work))
    return str(caught.value)


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start leaves variables to the processes of its engine."""
    for name in (VARIABLE, "VLLM_WORKER_MULTIPROC_METHOD", "VLLM_PLUGINS"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("work", "told"),
    [
        ((fails, ValueError("no memory\nfor the cache")), "ValueError: no memory"),
        ((fails, CppCompileError(COMPILER)), "fatal error: cannot execute 'cc1plus'"),
        ((fails_in_its_worker, OSError(28, "No space left on device")), "No space left on device"),
        ((fails_and_ends_its_worker, ValueError("too little memory")), "ValueError: too little memory"),
        ((loses_its_worker, signal.SIGKILL), "was killed"),
        ((loses_its_worker, signal.SIGBUS), "crashed: Bus error"),
        ((crashes,), "crashed: Segmentation fault"),
        ((fails_before_it_can_report,), "before it could say why"),
    ],
    ids=lambda work: work[0].__name__ if isinstance(work, tuple) else None,
)
def test_the_cause_is_found_in_the_process_that_failed_first(
    work: tuple[Callable[..., object], object], told: str
) -> None:
    sentence = message(starts(*work))
    assert sentence.startswith("the engine could not start: ")
    assert told in sentence
    assert "\n" not in sentence
    assert len(sentence) < 600


def test_a_start_whose_process_is_lost_ends_though_vllm_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_start, "GRACE_S", 1.0)

    async def waits_for_ever() -> None:
        waiting().kill()
        await asyncio.sleep(600)

    assert "its process SpawnProcess-" in message(waits_for_ever())


def test_what_was_logged_before_does_not_hide_that_a_process_was_killed() -> None:
    async def killed() -> None:
        process = waiting(OSError(30, "Read-only file system", "/cache"))
        process.kill()
        process.join()
        raise RuntimeError("See root cause above.")

    assert "was killed" in message(killed())


def test_a_start_whose_process_says_that_it_failed_ends_though_that_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine_start, "GRACE_S", 1.0)
    assert "ValueError: no memory" in message(starts(fails_and_stays, ValueError("no memory")))


def fails_and_stays(error: Exception) -> None:
    try:
        fails(error)
    except ValueError:
        time.sleep(600)


def test_an_error_that_is_logged_on_the_way_ends_no_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_start, "GRACE_S", 0.5)

    async def succeeds() -> str:
        process = waiting(OSError(30, "Read-only file system", "/cache"))
        await asyncio.sleep(2.0)
        process.kill()
        return "started"

    assert asyncio.run(EngineStart().run(succeeds())) == "started"


def test_a_checkpoint_that_cannot_be_served_is_told_as_it_is() -> None:
    async def refused() -> None:
        raise CheckpointError("no such model")

    with pytest.raises(CheckpointError, match="no such model"):
        asyncio.run(EngineStart().run(refused()))


class Options(BaseModel):
    """As vLLM's, which are checked in the server's own process."""

    length: int = Field(le=10)


def test_an_error_in_the_servers_own_process_is_the_cause() -> None:
    async def refused() -> None:
        Options(length=11)

    sentence = message(refused())
    assert sentence.endswith("ValidationError: Input should be less than or equal to 10")


class PanicException(BaseException):
    """As Rust's, which is no Exception."""


@pytest.mark.parametrize("error", [PanicException("index out of bounds"), SystemExit(3), KeyboardInterrupt()])
def test_what_ends_the_loading_thread_ends_the_start(
    error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(_settings: Settings) -> None:
        raise error

    engine = type(sys)("reward_server.engine.vllm_engine")
    engine.VllmEngine = load  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, engine.__name__, engine)
    work = asyncio.wait_for(model_loading.load_engine(Settings()), 10)
    assert type(error).__name__ in message(work)


def test_an_engine_that_dies_later_is_explained() -> None:
    start = EngineStart()
    assert start.explained(EngineDeadError()) == "the model's engine died"
    process = SPAWN.Process(
        target=fails, args=(MemoryError("no more"), "EngineCore encountered a fatal error.")
    )
    process.start()
    process.join()
    assert start.explained(EngineDeadError()) == "the model's engine died: MemoryError: no more"


def test_a_compiler_that_fails_over_a_space_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "my cache"
    monkeypatch.setenv("VLLM_CACHE_ROOT", str(folder))

    async def refused() -> None:
        raise CppCompileError(COMPILER)

    assert message(refused()).endswith(
        f"The path {str(folder)!r} holds a space, at which the compiler's command breaks"
    )


def test_an_error_is_told_in_one_short_line() -> None:
    assert in_one_line(KeyError("x")) == "KeyError: 'x'"
    assert in_one_line(AssertionError()) == "AssertionError"
    assert in_one_line(ValueError("\n\n  a\n\nb\nno such thing\n")) == "ValueError: a: no such thing"
    assert (
        in_one_line(ValueError("Validation:\n  see\n  ValueError: 3\n"))
        == "ValueError: Validation: ValueError: 3"
    )
    assert len(in_one_line(ValueError("a" * 10_000))) == 400


def test_a_users_choice_of_plugins_keeps_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_PLUGINS", "theirs")
    EngineStart()
    assert os.environ["VLLM_PLUGINS"].split(",") == ["theirs", PLUGIN]


def test_other_programs_vllm_reports_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    handlers = list(logging.getLogger("vllm").handlers)
    report_this_process()
    assert logging.getLogger("vllm").handlers == handlers
