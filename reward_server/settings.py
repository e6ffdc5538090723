"""The server's settings: each is a flag, and an environment variable with the prefix ``REWARD_``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Reward server: scores frames with a vision-language model under vLLM."""

    model_config = SettingsConfigDict(
        env_prefix="REWARD_",
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
        description="type of weights and arithmetic; auto: the checkpoint's own. On a CPU without "
        "bfloat16 instructions float32 is several times faster",
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
        default=None, ge=1, description="frames in one engine step; default: 256 on a GPU, 64 on a CPU"
    )
    max_num_batched_tokens: int | None = Field(
        default=None,
        ge=1,
        description="tokens in one engine step; default: 32768 on a GPU, 8192 on a CPU. vLLM's own "
        "default, 2048, holds three LLaVA-1.5 frames",
    )
    gpu_memory_utilization: float = Field(default=0.9, gt=0.0, le=1.0, description="share of the GPU")
    enforce_eager: bool = Field(default=False, description="no compilation and no CUDA graphs")
