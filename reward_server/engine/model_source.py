"""Checks a model's name or folder before the engine loads it, so that a mistake gets a sentence.

Not for asking the Hub (``model_on_hub.py``) or loading weights (``vllm_engine.py``).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path

_HUB_ID = re.compile(r"(?!.*(--|\.\.))[a-z0-9][\w.-]*/\w([\w.-]*\w)?", re.ASCII | re.IGNORECASE)
_SHIPPED = Path("tiny_llava/checkpoint")  # beside this package; nobody on the Hub is meant by it
_OF_FILES = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".json")
_REPORTS = ("training.json", "accuracy.json")  # of our own recipe; they change no reward
_ORIGINAL_LAYOUT = ("LlavaLlamaForCausalLM", "LlavaMistralForCausalLM", "LlavaMptForCausalLM")

SAME_WEIGHTS = {
    "liuhaotian/llava-v1.5-7b": "llava-hf/llava-1.5-7b-hf",
    "liuhaotian/llava-v1.5-13b": "llava-hf/llava-1.5-13b-hf",
}
"""LLaVA-1.5 in its original layout, and the Hub id of the same weights in the layout that vLLM loads."""


class CheckpointError(Exception):
    """The model cannot be served; the message says why and what to do."""


def checked_model(model: str) -> str:
    """Checks that a model may be loadable: a complete local folder, or a Hub id of a known layout.

    Args:
        model: local folder or Hub id.

    Returns:
        The model to load: the same, or for LLaVA-1.5's original Hub ids the same weights in the
        layout that vLLM loads.

    Raises:
        CheckpointError: the folder does not exist or is incomplete, or the checkpoint is in the
            original LLaVA layout and no other is known. A path is never taken for a Hub id.
    """
    folder = _expanded(model)
    if model and os.path.isdir(folder):
        _check_folder(folder)
        return model
    if model in SAME_WEIGHTS:
        return SAME_WEIGHTS[model]
    if model.startswith("liuhaotian/"):
        raise CheckpointError(_original_layout_message(model))
    if model and os.path.isfile(folder):
        raise CheckpointError(f"model {model!r} is a file; give the folder that holds it")
    if _is_path(model):
        raise CheckpointError(
            f"model {model!r} is a path, and there is no such folder, or no access to it; looked for "
            f"{folder.absolute()}{_shipped(folder)}"
        )
    if not _HUB_ID.fullmatch(model):
        raise CheckpointError(
            f"model {model!r}: there is no such folder, and it is not a Hub id such as "
            "llava-hf/llava-1.5-7b-hf"
        )
    return model


def _expanded(model: str) -> Path:
    try:
        return Path(model).expanduser()
    except RuntimeError:  # of a user whom this machine does not know
        return Path(model)


def _is_path(model: str) -> bool:
    """Whether a name can mean a folder alone: by its form, by what is beside us, or the shipped one's."""
    if "://" in model or not model.strip("/"):
        return False
    first = Path(model).parts[0]
    return (
        model.startswith((".", "/", "~"))
        or model.endswith("/")
        or "\\" in model
        or model.count("/") > 1
        or model.lower().endswith(_OF_FILES)
        or first == _SHIPPED.parts[0]
        or ("/" in model and os.path.exists(first))
    )


def _shipped(wanted: Path) -> str:
    """Where the shipped checkpoint is, where it may be meant, as the end of a message."""
    folder = Path(__file__).parents[2] / _SHIPPED
    if _SHIPPED.parts[0] not in wanted.parts or not folder.is_dir():
        return ""
    return f". The checkpoint that comes with this package is {folder}"


def _check_folder(folder: Path) -> None:
    config_file = folder / "config.json"
    if not config_file.is_file():
        raise CheckpointError(f"model {str(folder)!r}: the folder has no config.json")
    try:
        architectures = json.loads(config_file.read_text(encoding="utf-8")).get("architectures") or []
    except OSError as error:
        raise CheckpointError(
            f"model {str(folder)!r}: config.json cannot be read: {error.strerror}"
        ) from error
    except (ValueError, AttributeError) as error:
        raise CheckpointError(f"model {str(folder)!r}: config.json is not a JSON object") from error
    if any(name in _ORIGINAL_LAYOUT for name in architectures):
        raise CheckpointError(_original_layout_message(str(folder)))
    if not any(folder.glob("*.safetensors")) and not any(folder.glob("*.bin")):
        raise CheckpointError(f"model {str(folder)!r}: the folder has no *.safetensors or *.bin weights")


def _original_layout_message(model: str) -> str:
    return (
        f"model {model!r} is in the original LLaVA layout (LlavaLlamaForCausalLM), which vLLM does not "
        "load; use the same weights in the llava-hf layout, e.g. llava-hf/llava-1.5-7b-hf or "
        "llava-hf/llava-1.5-13b-hf"
    )


def folder_digest(folder: Path) -> str:
    """Digest of a local checkpoint's files, as its revision: the same files, the same rewards.

    Args:
        folder: the checkpoint. Its JSON, template, tokenizer and weight files count, by content.

    Returns:
        The first 16 hexadecimal digits of a SHA-256.
    """
    total = hashlib.sha256()
    suffixes, names = (
        {".json", ".jinja", ".model", ".safetensors", ".bin", ".pt", ".py"},
        {"merges.txt", "vocab.txt"},
    )
    files = [path for path in folder.iterdir() if path.suffix in suffixes or path.name in names]
    for path in sorted(path for path in files if path.name not in _REPORTS):
        with path.open("rb") as file:
            total.update(path.name.encode() + b"\0" + hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()[:16]
