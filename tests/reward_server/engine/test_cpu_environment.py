"""What vLLM's process on a CPU is told, and that a user's own words win."""

from __future__ import annotations

import os

import pytest

from reward_server.engine.cpu_environment import BINDING, default_threads, fastest_dtype, set_up_cpu

NAMES = (BINDING, "OMP_NUM_THREADS", "VLLM_ENABLE_V1_MULTIPROCESSING", "MALLOC_MMAP_THRESHOLD_")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the variables is set, and what the function sets is taken back."""
    for name in (*NAMES, "MALLOC_TRIM_THRESHOLD_"):
        monkeypatch.setenv(name, "")  # so that it is restored
        monkeypatch.delenv(name)


def test_the_worker_lives_in_the_engine_cores_process() -> None:
    assert set_up_cpu() == "uni"
    assert os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] == "0"
    assert os.environ["OMP_NUM_THREADS"] == str(default_threads())
    assert os.environ["MALLOC_MMAP_THRESHOLD_"] == str(2**25)


def test_threads_that_are_to_be_bound_need_vllms_own_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BINDING, "auto")
    assert set_up_cpu() is None
    assert "VLLM_ENABLE_V1_MULTIPROCESSING" not in os.environ
    assert "OMP_NUM_THREADS" not in os.environ


def test_a_users_own_values_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_ENABLE_V1_MULTIPROCESSING", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert set_up_cpu() is None
    assert os.environ["OMP_NUM_THREADS"] == "7"


def test_one_core_is_left_to_the_server_where_there_are_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psutil.cpu_count", lambda logical: 8)
    for allowed, threads in ((16, 7), (4, 3), (1, 1)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _pid, n=allowed: set(range(n)))
        assert default_threads() == threads


@pytest.mark.parametrize(
    ("found", "dtype", "named"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, "bfloat16", "avx512_bf16"),
        ({"amx_bf16": True}, "bfloat16", "amx_bf16"),
        ({"avx2": True, "avx512_bf16": False}, "float32", "no bfloat16"),
    ],
)
def test_the_number_type_follows_from_the_cpus_instructions(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    found: dict[str, bool],
    dtype: str,
    named: str,
) -> None:
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: found)
    with caplog.at_level("INFO"):
        assert fastest_dtype() == dtype
    assert named in caplog.text  # it says why
