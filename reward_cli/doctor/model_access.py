"""Whether a model can be had: in a folder, in the Hub's cache, or from the Hub. It downloads nothing."""

from __future__ import annotations

import os
from pathlib import Path

import httpx

from reward_cli.doctor.checks import NOBODY, SERVER, Check
from reward_cli.running_server import shipped_checkpoint

HUB_MODEL = "llava-hf/llava-1.5-7b-hf"
"""The server's default."""

HUB_URL = "https://huggingface.co"
LOOK_TIMEOUT_S = 5.0
CONFIG = "config.json"


def model_checks(model: str | None) -> list[Check]:
    """Whether a server will get its model.

    Args:
        model: a folder or a Hub id; None: the shipped checkpoint and the server's default; one will do.
    """
    if model is not None:
        folder = Path(model).expanduser()
        return [_folder(folder) if folder.is_dir() else _hub(model, is_needed=True)]
    shipped = shipped_checkpoint()
    return [
        Check(
            "shipped checkpoint",
            shipped is not None,
            str(shipped) if shipped else "not installed",
            "get this project's repository, or serve a model from the Hub",
        ),
        _hub(HUB_MODEL, is_needed=shipped is None),
    ]


def _folder(folder: Path) -> Check:
    has_config = (folder / CONFIG).is_file()
    has_weights = any(folder.glob("*.safetensors")) or any(folder.glob("*.bin"))
    absent = [name for name, there in ((CONFIG, has_config), ("*.safetensors", has_weights)) if not there]
    found = f"in {folder}" if not absent else f"{folder} has no {' and no '.join(absent)}"
    return Check("model", not absent, found, "give the folder of a whole checkpoint", SERVER)


def _hub(model: str, *, is_needed: bool) -> Check:
    needed_by = SERVER if is_needed else NOBODY
    if cached := _cached(model):
        return Check(model, True, f"in the cache: {cached}", needed_by=needed_by)
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        return Check(model, False, "not in the cache, and HF_HUB_OFFLINE is set", "unset it", needed_by)
    url = f"{os.environ.get('HF_ENDPOINT', HUB_URL).rstrip('/')}/{model}/resolve/main/{CONFIG}"
    token = os.environ.get("HF_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        answer = httpx.head(url, headers=headers, timeout=LOOK_TIMEOUT_S, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        advice = "let this machine reach the Hub, copy the model into the cache, or serve a folder"
        return Check(model, False, f"not in the cache; no Hub ({type(error).__name__})", advice, needed_by)
    if answer.status_code < 400:
        return Check(model, True, "not in the cache yet; the Hub has it", needed_by=needed_by)
    advice = "look at its name; a model with conditions needs HF_TOKEN"
    return Check(model, False, f"the Hub answers {answer.status_code}", advice, needed_by)


def _cached(model: str) -> Path | None:
    """A snapshot of the model in the Hub's cache with configuration and weights; a part may be missing."""
    home = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser()
    hub = Path(os.environ.get("HF_HUB_CACHE", home / "hub"))
    snapshots = hub / f"models--{model.replace('/', '--')}" / "snapshots"
    files = sorted(snapshots.glob(f"*/{CONFIG}"))
    return next((file.parent for file in files if any(file.parent.glob("*.safetensors"))), None)
