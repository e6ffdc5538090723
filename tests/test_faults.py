"""The quick faults of ``make faults``, on real vLLM."""

from __future__ import annotations

import pytest

from tests.faults import FAULTS, Fault, happened
from tests.real_servers import RealServer

pytestmark = pytest.mark.vllm


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(
            fault,
            id=fault.run.__name__,
            marks=pytest.mark.real_server(options=fault.options, ends=fault.ends),
        )
        for fault in FAULTS
        if fault.quick and not fault.alone
    ],
)
def test_a_fault_ends_as_expected(fault: Fault, real_server: RealServer) -> None:
    assert fault.run(real_server)


@pytest.mark.parametrize(
    "fault", [fault for fault in FAULTS if fault.quick and fault.alone], ids=lambda fault: fault.run.__name__
)
def test_a_start_that_cannot_succeed_ends_as_expected(fault: Fault) -> None:
    assert happened(fault)
