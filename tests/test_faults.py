"""The quick faults of ``make faults``, on real vLLM."""

from __future__ import annotations

import pytest

from tests.faults import FAULTS, Fault

pytestmark = pytest.mark.vllm


@pytest.mark.parametrize("fault", [f for f in FAULTS if f.quick], ids=lambda fault: fault.run.__name__)
def test_a_fault_ends_as_expected(fault: Fault) -> None:
    assert fault.run()
