"""The server's settings: each is a flag, and an environment variable with the prefix ``REWARD_``."""

from __future__ import annotations

import difflib
import logging
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

log = logging.getLogger("reward_server")

PREFIX = "REWARD_"

_OF_OTHERS = re.compile(r"REWARD_API_KEY|.*_SERVICE_(HOST|PORT)(_.+)?|.*_PORT_[0-9]+_(TCP|UDP|SCTP)(_.+)?")
"""The agent's key, and what Kubernetes sets for Services whose names begin with ``reward``."""

_SERVICE_LINK = re.compile(r"(tcp|udp|sctp)://")
"""How the value of another of Kubernetes' variables begins: ``REWARD_PORT`` for a Service named reward."""

_SHOWN_CHARS = 80

_NEVER_NONE = frozenset({"api_keys"})
"""Empty, it is refused where keys are read: a secret that came out empty must not open the server to all."""


class _Variables(PydanticBaseSettingsSource):
    """The environment's ``REWARD_*`` variables, so that an error names the variable and not its flag."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Value of a setting, or None where no variable gives one; the variable; that it is no JSON."""
        variable = f"{PREFIX}{field_name}".upper()
        names = sorted(name for name in os.environ if name.upper() == variable)  # upper case comes first
        for name in names:
            if (value := os.environ[name]) or field_name in _NEVER_NONE:
                return _checked(name, value.strip() or value, field), name, False
        return None, variable, False

    def __call__(self) -> dict[str, Any]:
        fields = self.settings_cls.model_fields
        _tell_unknown({f"{PREFIX}{name}".upper() for name in fields})
        values = {
            name: self.get_field_value(field, name)[0]
            for name, field in fields.items()
            if name not in self.current_state  # a flag was given, and counts
        }
        return {name: value for name, value in values.items() if value is not None}


def _checked(variable: str, value: str, field: FieldInfo) -> Any:
    checker: TypeAdapter[Any] = TypeAdapter(Annotated[field.annotation, field])  # type: ignore[arg-type] # known as it runs
    try:
        return checker.validate_python(value)
    except ValidationError as error:
        shown = value if len(value) <= _SHOWN_CHARS else f"{value[:_SHOWN_CHARS]}…"
        reason = error.errors(include_url=False)[0]["msg"]
        if field.annotation is bool:
            reason = "write true or false"
        elif _SERVICE_LINK.match(value):
            reason = (
                "Kubernetes sets this for a Service named reward. Set enableServiceLinks: false in the Pod's "
                "spec, or give the Service another name"
            )
        raise SettingsError(f"{variable}={shown!r}: {reason}") from error


def _tell_unknown(known: set[str]) -> None:
    """Warns of variables that look like settings and are none. Others may set some too, so it is no error."""
    for name, value in sorted(os.environ.items()):
        upper = name.upper()
        of_others = _OF_OTHERS.fullmatch(upper) or _SERVICE_LINK.match(value)
        if upper.startswith(PREFIX) and upper not in known and not of_others:
            close = difflib.get_close_matches(upper, sorted(known), n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            log.warning("the environment variable %s is no setting of this server%s", name, hint)


class Settings(BaseSettings):
    """Reward server: scores frames with a vision-language model under vLLM."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        cli_prog_name="reward-server",
        cli_kebab_case=True,
        cli_implicit_flags=True,
        cli_hide_none_type=True,
        cli_shortcuts={"model": "model-path"},
        extra="forbid",
        frozen=True,
    )

    model: str = Field(
        default="llava-hf/llava-1.5-7b-hf", description="Hub id or local folder, in the llava-hf layout"
    )
    revision: str | None = Field(default=None, description="branch, tag or commit on the Hub")
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field(
        default="auto",
        description="type of weights and arithmetic; auto: on a GPU the checkpoint's own, on a CPU bfloat16 "
        "where it has the instructions and float32 where not. /info tells which",
    )
    input_size_px: int | None = Field(
        default=None,
        ge=28,
        le=4096,
        description="side of the square images that the model gets; default: the model's own, or 448 "
        "for a model that takes any",
    )
    rubrics_dir: Path | None = Field(
        default=None,
        description="folder with rubrics of one's own, *.yaml; one of the name of a shipped rubric "
        "takes its place",
    )
    cache_bytes: int = Field(
        default=64 * 2**20, ge=0, description="memory for answers given before; 0: none are kept"
    )
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8000, ge=0, le=65535, description="port to listen on; 0: any free one")

    api_keys: SecretStr | None = Field(
        default=None,
        description="API keys, separated by commas, each as `key` or `key images_per_second`. Set "
        "REWARD_API_KEYS or use a file: other users of this machine can see a command line",
    )
    api_key_file: Path | None = Field(default=None, description="file with API keys, one a line")
    allow_unauthenticated: bool = Field(
        default=False, description="listen on an address other than this machine's own without a key"
    )
    playground: bool = Field(
        default=False,
        description="serve a page at /playground that asks about pictures in a browser; needs the extra "
        "playground. Where API keys are set, the page asks for one",
    )
    metrics_open: bool = Field(default=False, description="answer /metrics without a key")

    max_images_per_request: int = Field(default=64, ge=1, description="images in one request")
    max_body_bytes: int = Field(default=32 * 2**20, ge=1, description="size of a request's body")
    max_image_pixels: int = Field(default=4_194_304, ge=1, description="width times height of an image")
    max_aspect_ratio: float = Field(default=8.0, ge=1.0, description="an image's longer over shorter side")

    max_running_images: int = Field(
        default=256, ge=1, description="images that are decoded or in the engine at once"
    )
    max_queued_images: int = Field(
        default=2048, ge=0, description="images that wait; beyond, requests get 503 with Retry-After"
    )
    max_pending_bytes: int = Field(
        default=2**30, ge=1, description="bodies of all requests that are not answered yet, together"
    )
    max_connections: int = Field(
        default=1024, ge=1, description="open connections; beyond, idle ones make room for new ones"
    )
    body_timeout_s: float = Field(default=30.0, gt=0.0, description="time for a body to arrive")
    default_timeout_s: float = Field(
        default=120.0, gt=0.0, description="deadline of requests that name none (timeout_s)"
    )
    canary_after_s: float = Field(
        default=10.0, gt=0.0, description="without an answer for so long, a frame of our own is scored"
    )
    stuck_after_s: float = Field(
        default=30.0,
        gt=0.0,
        description="not ready while the engine has owed an answer for longer than this",
    )
    drain_timeout_s: float = Field(
        default=30.0, ge=0.0, description="time to finish accepted requests after SIGTERM"
    )
    log_format: Literal["text", "json"] = Field(default="text", description="form of log lines")
    otlp_endpoint: str | None = Field(
        default=None,
        description="OpenTelemetry collector (OTLP over HTTP), such as http://127.0.0.1:4318/v1/traces; "
        "default: no traces",
    )

    max_model_len: int | None = Field(
        default=None, ge=1, description="tokens of prompt, image and answer; default: the model's own"
    )
    max_num_seqs: int | None = Field(
        default=None, ge=1, description="frames in one engine step; default: 256 on a GPU, 32 on a CPU"
    )
    max_num_batched_tokens: int | None = Field(
        default=None,
        ge=1,
        description="tokens in one engine step; default: 32768 on a GPU, 8192 on a CPU. vLLM's own "
        "default, 2048, holds three LLaVA-1.5 frames",
    )
    gpu_memory_utilization: float = Field(default=0.9, gt=0.0, le=1.0, description="share of the GPU")
    enforce_eager: bool = Field(default=False, description="no compilation and no CUDA graphs")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags come first, which pydantic-settings puts before these."""
        return init_settings, _Variables(settings_cls)
