"""Fuzzes the whole API from its own OpenAPI document: no server error, and nothing undocumented."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.serving import serving

pytestmark = pytest.mark.slow

OPERATIONS = 8


@pytest.fixture(scope="module")
def stand_in() -> Iterator[str]:
    """Address of a server with a stand-in model."""
    with serving() as server:
        yield f"http://127.0.0.1:{server.port}"


def fuzz(url: str, examples: int) -> None:
    """Calls every operation with generated input, and checks each answer against the document."""
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) == OPERATIONS
    for operation in operations:

        @settings(
            max_examples=examples,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            database=None,
        )
        @given(operation.as_strategy())
        def call(case: Case[Any]) -> None:
            # that a name is a rubric's, or that labels are distinct, no JSON schema says
            answer = case.call_and_validate(excluded_checks=[positive_data_acceptance, not_a_server_error])
            # 504 is what a deadline of a microsecond gets
            assert answer.status_code < 500 or answer.status_code == 504, answer.text

        call()


def test_no_input_breaks_the_contract(stand_in: str) -> None:
    fuzz(stand_in, 80)


@pytest.mark.vllm
def test_no_input_breaks_the_real_server(server_url: str) -> None:
    fuzz(server_url, 30)
