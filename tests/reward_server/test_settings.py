"""Settings come from flags and ``REWARD_*`` variables; an error names the one that it is about."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
import yaml
from pydantic import ValidationError
from pydantic_settings import CliApp, SettingsError

from reward_server.admission.keys import KeyFileError, read_keys
from reward_server.settings import Settings
from tests.paths import CHECKPOINT, ROOT

KUBERNETES = {
    "REWARD_SERVICE_HOST": "10.96.0.10",
    "REWARD_SERVICE_PORT": "8000",
    "REWARD_SERVICE_PORT_HTTP": "8000",
    "REWARD_PORT_8000_TCP": "tcp://10.96.0.10:8000",
    "REWARD_PORT_8000_TCP_PROTO": "tcp",
    "REWARD_PORT_8000_TCP_PORT": "8000",
    "REWARD_PORT_8000_TCP_ADDR": "10.96.0.10",
    "REWARD_SERVER_PORT": "tcp://10.96.0.11:8000",
}
"""What Kubernetes sets beside ``REWARD_PORT`` for the Services ``reward`` and ``reward-server``."""


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("REWARD_"):
            monkeypatch.delenv(name)


def failure(arguments: list[str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        CliApp.run(Settings, arguments or [])
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("REWARD_MAX_MODEL_LEN", "many", "valid integer"),
        ("REWARD_MAX_MODEL_LEN", "0", "greater than or equal to 1"),
        ("REWARD_PORT", "70000", "less than or equal to 65535"),
        ("REWARD_PORT", '"8000"', "'\"8000\"'"),  # docker's --env-file keeps quotes
        ("REWARD_PORT", "  ", "valid integer"),
        ("REWARD_METRICS_OPEN", "enabled", "true or false"),
        ("REWARD_DTYPE", "bf16", "'bfloat16'"),
        ("REWARD_STUCK_AFTER_S", "nan", "greater than 0"),
        ("REWARD_MAX_NUM_SEQS", "[1]", "valid integer"),
        ("reward_port", "x", "valid integer"),
    ],
)
def test_an_error_names_the_variable_that_it_came_from(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(name, value)
    message = failure()
    assert message.startswith(f"{name}=")
    assert reason in message
    assert "--" not in message


def test_a_long_value_is_shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REWARD_PORT", "8" * 5000)
    assert len(failure()) < 300


def test_kubernetes_own_value_of_the_port_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REWARD_PORT", "tcp://10.96.0.10:8000")
    message = failure()
    assert message.startswith("REWARD_PORT='tcp://10.96.0.10:8000'")
    assert "Kubernetes" in message
    assert "enableServiceLinks: false" in message
    assert "another name" in message


def test_an_error_of_a_flag_names_the_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REWARD_PORT", "8001")
    with pytest.raises(ValidationError) as caught:
        CliApp.run(Settings, ["--port", "x"])
    assert caught.value.errors()[0]["loc"] == ("port",)


@pytest.mark.parametrize(
    "name", ["REWARD_MAX_MODEL_LEN", "REWARD_PORT", "REWARD_API_KEY_FILE", "REWARD_REVISION"]
)
def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "")
    assert CliApp.run(Settings, []) == Settings.model_construct()


@pytest.mark.parametrize(
    ("name", "value", "field", "meant"),
    [
        ("REWARD_PORT", " 8001\n", "port", 8001),
        ("REWARD_DTYPE", "float32 ", "dtype", "float32"),
        ("REWARD_METRICS_OPEN", " True ", "metrics_open", True),
        ("REWARD_MODEL", "\torg/model\r", "model", "org/model"),
        ("reward_port", "8001", "port", 8001),
    ],
)
def test_white_space_around_a_value_and_the_case_of_a_name_do_not_matter(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, field: str, meant: Any
) -> None:
    monkeypatch.setenv(name, value)
    assert getattr(CliApp.run(Settings, []), field) == meant


@pytest.mark.parametrize("first", ["REWARD_PORT", "reward_port"])
def test_of_two_spellings_the_upper_case_one_counts(monkeypatch: pytest.MonkeyPatch, first: str) -> None:
    for name in (first, first.swapcase()):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(name, "8001" if name.isupper() else "8002")
    assert CliApp.run(Settings, []).port == 8001


def test_a_flag_wins_over_its_variable_whatever_that_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REWARD_PORT", "tcp://10.96.0.10:8000")
    monkeypatch.setenv("REWARD_MODEL", "org/other")
    monkeypatch.setenv("REWARD_METRICS_OPEN", "enabled")
    settings = CliApp.run(Settings, ["--port", "8000", "--model-path", "org/model", "--no-metrics-open"])
    assert (settings.port, settings.model, settings.metrics_open) == (8000, "org/model", False)
    assert Settings(port=8003, metrics_open=True).port == 8003  # an option under Ray Serve, likewise


@pytest.mark.parametrize("value", ["", "  "])
def test_keys_that_came_out_empty_never_open_the_server(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("REWARD_API_KEYS", value)
    keys = CliApp.run(Settings, []).api_keys
    assert keys is not None
    with pytest.raises(KeyFileError, match="holds no key"):
        read_keys(keys.get_secret_value(), None)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("REWARD_MAX_MODEL_LENGTH", "REWARD_MAX_MODEL_LEN"),
        ("REWARD_MODEL_PATH", "REWARD_MODEL"),
        ("REWARD_APIKEYS", "REWARD_API_KEYS"),
        ("REWARD_SERVER_PORT", "REWARD_PORT"),
        ("REWARD_SOMETHING_ELSE", None),
    ],
)
def test_an_unknown_variable_is_told_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, meant: str | None
) -> None:
    monkeypatch.setenv(name, "a-secret-perhaps")
    assert CliApp.run(Settings, []) == Settings.model_construct()
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert name in record.getMessage()
    assert "a-secret-perhaps" not in record.getMessage()
    assert (f"did you mean {meant}?" in record.getMessage()) == (meant is not None)


def test_variables_of_others_are_not_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name, value in KUBERNETES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("REWARD_API_KEY", "the agent's own key")
    monkeypatch.setenv("REWARDS", "1")
    assert CliApp.run(Settings, []) == Settings.model_construct()
    assert caplog.records == []


def test_kubernetes_is_told_to_set_no_variables_of_its_services() -> None:
    service = yaml.safe_load((ROOT / "deploy/ray/rayservice.yaml").read_text())
    cluster = service["spec"]["rayClusterConfig"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        assert group["template"]["spec"]["enableServiceLinks"] is False


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "REWARD_PORT",
            "tcp://10.96.0.10:8000",
            "reward-server: REWARD_PORT='tcp://10.96.0.10:8000': Kubernetes",
        ),
        ("REWARD_HOST", "0.0.0.0", "reward-server: listening on 0.0.0.0 (--host or REWARD_HOST) lets"),
    ],
)
def test_the_command_ends_with_the_variables_name(name: str, value: str, sentence: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "reward_server", "--model", str(CHECKPOINT)],
        env={**os.environ, name: value},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert sentence in ended.stderr
