"""A wrong model gets a sentence before anything is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from reward_server.engine.model_source import CheckpointError, checked_model, folder_digest


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
        ("/nowhere/at/all", "no such folder"),
        ("nonsense", "no such folder"),
        ("", "no such folder"),
        ("liuhaotian/llava-v1.6-34b", "llava-hf/llava-1.5-7b-hf"),
    ],
)
def test_a_name_that_cannot_be_served_is_refused(model: str, reason: str) -> None:
    with pytest.raises(CheckpointError, match=reason):
        checked_model(model)


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
