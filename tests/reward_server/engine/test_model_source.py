"""A wrong model gets a sentence before anything is loaded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reward_server.engine.model_source import CheckpointError, checked_model, folder_digest
from tests.paths import CHECKPOINT, ROOT


def folder(path: Path, config: str, *files: str) -> Path:
    path.mkdir()
    (path / "config.json").write_text(config)
    for name in files:
        (path / name).write_bytes(b"weights")
    return path


def test_a_hub_id_passes() -> None:
    assert checked_model("llava-hf/llava-1.5-7b-hf") == "llava-hf/llava-1.5-7b-hf"


@pytest.mark.parametrize("size", ["7b", "13b"])
def test_the_original_names_of_llava_mean_the_same_weights_in_vllms_layout(size: str) -> None:
    assert checked_model(f"liuhaotian/llava-v1.5-{size}") == f"llava-hf/llava-1.5-{size}-hf"


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("/nowhere/at/all", "no such folder.* looked for /nowhere/at/all"),
        ("/" * 3, "no config.json"),
        ("nonsense", "no such folder"),
        ("", "no such folder"),
        ("liuhaotian/llava-v1.6-34b", "llava-hf/llava-1.5-7b-hf"),
    ],
)
def test_a_name_that_cannot_be_served_is_refused(model: str, reason: str) -> None:
    with pytest.raises(CheckpointError, match=reason):
        checked_model(model)


@pytest.mark.parametrize(
    "model",
    [
        "tiny_llava/checkpoint",
        "tiny_llava/checkpoint/",
        "./tiny_llava/checkpoint",
        "tiny_llava/checkpoints",
        "./org/name",
        "../org/name",
        "/org/name",
        "~/no-such-folder-here",
        "~nobody-has-this-name/org",
        "org/name/",
        "org/deep/name",
        "org\\name",
        "here/name",
        "here/../name",
        "file/name",
        "weights/model.safetensors",
        "weights/pytorch_model.bin",
        "llava/config.json",
        "llava/model.GGUF",
        "model.safetensors",
    ],
)
def test_a_path_that_does_not_exist_is_never_a_name_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError) as caught:
        checked_model(model)
    told = str(caught.value)
    assert f"{model!r} is a path, and there is no such folder" in told
    assert (str(CHECKPOINT) in told) == ("tiny_llava" in model)
    assert str(tmp_path) in told or model.startswith(("/", "~/"))


def test_the_shipped_checkpoint_is_named_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match=re.escape(f"comes with this package is {CHECKPOINT}")):
        checked_model("tiny_llava/checkpoint")
    monkeypatch.chdir(ROOT)
    assert checked_model("tiny_llava/checkpoint") == "tiny_llava/checkpoint"


@pytest.mark.parametrize(
    "model",
    [
        "org/..",
        "org/a--b",
        "org/name.",
        "ünicode/name",
        "org/name ",
        "hf://org/name",
        "https://huggingface.co/org/name",
        pytest.param("a" * 5000, id="long"),
        "a\0b",
    ],
)
def test_what_is_neither_a_path_nor_a_hub_id_is_refused(model: str) -> None:
    with pytest.raises(CheckpointError, match="not a Hub id"):
        checked_model(model)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(CheckpointError, match="is a file"):
        checked_model(str(tmp_path / "model.safetensors"))


def test_an_incomplete_or_foreign_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    foreign = folder(
        tmp_path / "foreign", '{"architectures": ["LlavaLlamaForCausalLM"]}', "model.safetensors"
    )
    no_weights = folder(tmp_path / "bare", '{"architectures": ["LlavaForConditionalGeneration"]}')
    not_json = folder(tmp_path / "broken", "{", "model.safetensors")
    for path, reason in [
        (tmp_path / "empty", "no config.json"),
        (foreign, "original LLaVA layout"),
        (no_weights, "no .*weights"),
        (not_json, "not a JSON object"),
    ]:
        with pytest.raises(CheckpointError, match=reason):
            checked_model(str(path))


def test_the_digest_follows_the_files_contents(tmp_path: Path) -> None:
    path = folder(tmp_path / "model", "{}", "model.safetensors")
    before = folder_digest(path)
    (path / "notes.txt").write_text("not part of the model")
    assert folder_digest(path) == before
    (path / "model.safetensors").write_bytes(b"other weights")
    assert folder_digest(path) != before
