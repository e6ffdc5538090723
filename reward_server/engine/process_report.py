"""What the engine's processes say of themselves: that they run, and why they could not go on.

vLLM runs the model in processes of its own, and of one that failed its caller learns only that it did. So
each of them writes what it logs as an error into a file of the server's, which lies in memory: the
temporary folder may be what cannot be used. Not for what follows from it (``launch/engine_start.py``).
"""

from __future__ import annotations

import faulthandler
import json
import logging
import multiprocessing
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import psutil
from pydantic import ValidationError

from reward_client.processes.lifeline import end_with_parent

VARIABLE = "VLM_REWARD_PROCESS_REPORT"
PLUGIN = "vlm_reward"
"""Name of ``report_this_process`` among vLLM's plugins (pyproject.toml)."""

MAX_BYTES = 2**20
MAX_CHARS = 400
TOGETHER_S = 60.0
"""Failures within this time belong together: one process fails, and then those that wait for it."""

_ELSEWHERE = re.compile(r"root cause|background process|^RuntimeError: cancelled$")
"""In the errors of a process that only waited for another."""

_CRASH = re.compile(r"^Fatal Python error: (.+)$", re.MULTILINE)  # how faulthandler begins
_TELLING = re.compile(
    r"\b([Ee]rror|ERROR|[A-Z]\w*Error|[Cc]annot|[Cc]ould not|[Nn]o such|not found|[Dd]enied)\b"
)


class ProcessReport:
    """The server's side: what its engine's processes have said so far."""

    def __init__(self) -> None:
        self._file = os.memfd_create("engine-processes")
        os.environ[VARIABLE] = f"/proc/{os.getpid()}/fd/{self._file}"
        # as vllm serve has it; a forked process would take this one's plugins for its own
        os.environ.setdefault("VLLM_WORKER_MULTIPROC_METHOD", "spawn")
        if (plugins := os.environ.get("VLLM_PLUGINS")) is not None:  # a user's choice among vLLM's plugins
            os.environ["VLLM_PLUGINS"] = f"{plugins},{PLUGIN}"

    def lost(self) -> list[str]:
        """The processes that are gone, and those that said they cannot start."""
        entries, _ = self._read()
        return [
            entry.process
            for entry in entries
            if entry.ends or (entry.error is None and not _is_running(entry.pid))
        ]

    def cause(self) -> str | None:
        """Why the engine failed, in one line, as far as its processes can tell."""
        entries, rest = self._read()
        if crash := _CRASH.search(rest):
            return f"one of its processes crashed: {crash[1]}"
        last = {entry.pid: entry for entry in entries if entry.error is not None}
        failed = [entry for entry in last.values() if not _ELSEWHERE.search(entry.error or "")]
        gone = [entry for entry in entries if entry.error is None and not _is_running(entry.pid)]
        if any(entry.ends for entry in last.values()):  # else what they logged did not end them
            if failed:
                return _first(failed).error
            gone = [entry for entry in gone if entry.pid not in last]
        if gone:
            return f"its process {gone[0].process} was killed, as the kernel does where memory runs out"
        return _first(list(last.values())).error if last else None

    def _read(self) -> tuple[list[_Entry], str]:
        """The processes' entries, and other text: what Python itself writes about a crash."""
        text = os.pread(self._file, MAX_BYTES + 2**16, 0).decode(errors="replace")
        entries, rest = [], []
        for line in text.splitlines():
            try:
                entries.append(_Entry(**json.loads(line)))
            except (ValueError, TypeError):
                rest.append(line)
        return entries, "\n".join(rest)


@dataclass(frozen=True)
class _Entry:
    """One line.

    Attributes:
        pid: of the process that wrote it.
        process: its name.
        at: seconds since the epoch.
        error: what it logged; None where it says that it runs.
        ends: whether it cannot go on after that.
    """

    pid: int
    process: str
    at: float
    error: str | None = None
    ends: bool = False


def _first(errors: list[_Entry]) -> _Entry:
    """The error of the process that failed first: the others failed since they waited for it."""
    newest = max(entry.at for entry in errors)
    return min((entry for entry in errors if entry.at > newest - TOGETHER_S), key=lambda entry: entry.at)


def _is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def report_this_process() -> None:
    """Has a process of vLLM report to the server. vLLM calls this in each of its processes, as a plugin."""
    path = os.environ.get(VARIABLE)
    if path is None or multiprocessing.parent_process() is None:
        return  # another program uses vLLM; or this is the server
    end_with_parent()
    try:
        file = open(path, "ab", buffering=0)  # noqa: SIM115 - for as long as this process runs
    except OSError:  # no /proc: the cause is told in vLLM's own words then
        return
    handler = _ReportHandler(file)
    handler.write()
    logging.getLogger("vllm").addHandler(handler)
    if not faulthandler.is_enabled():
        faulthandler.enable(file)


class _ReportHandler(logging.Handler):
    """Writes each exception that is logged. Other errors are what vLLM dumps on its way to one."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(logging.ERROR)
        self._file = file

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the exception of a record, if it has one."""
        if record.exc_info and record.exc_info[1]:
            message = record.getMessage()
            ends = "failed to start" in message or "fatal error" in message
            self.write(in_one_line(record.exc_info[1]), ends)

    def write(self, error: str | None = None, ends: bool = False) -> None:
        """Writes a line."""
        if os.fstat(self._file.fileno()).st_size < MAX_BYTES:
            entry = _Entry(os.getpid(), multiprocessing.current_process().name, time.time(), error, ends)
            self._file.write(json.dumps(vars(entry)).encode() + b"\n")


def in_one_line(error: BaseException) -> str:
    """An error's type, and the lines of its message that tell most: a compiler's fill pages."""
    told = list(dict.fromkeys(_telling_lines(error)))
    text = f"{type(error).__name__}: {': '.join(told)}" if told else type(error).__name__
    return text if len(text) <= MAX_CHARS else f"{text[: MAX_CHARS - 1]}…"


def _telling_lines(error: BaseException) -> Iterator[str]:
    if isinstance(error, ValidationError):  # pydantic's own text ends with a link
        yield from (detail["msg"].removeprefix("Value error, ") for detail in error.errors())
        return
    lines = [line.strip(" \t:") for line in str(error).splitlines() if line.strip(" \t:")]
    yield from lines[:1]
    yield from [line for line in lines[1:] if _TELLING.search(line)][:1]
