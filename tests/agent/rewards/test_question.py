"""What a run asks: names, files, and other questions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.config import ConfigError, TrainConfig
from agent.rewards.question import read_prompt, read_rubric, resolve_question
from reward_client import RewardClient
from reward_client.schema import RubricInfo
from tests.serving import serving

RUBRIC = """
prompt: Is the pole upright?
readout: {type: yes_no, "yes": "Yes", "no": "No"}
reward: {type: probability}
"""


def resolved(tmp_path: Path, **changes: Any) -> Any:
    with serving() as server, RewardClient(f"http://127.0.0.1:{server.port}") as client:
        return resolve_question(TrainConfig(runs=tmp_path, **changes), client, client.info())


def test_a_rubric_of_the_server_is_asked_by_name(tmp_path: Path) -> None:
    assert resolved(tmp_path, rubric="cartpole-upright") == "cartpole-upright"


@pytest.mark.parametrize("from_file", [True, False])
def test_another_question_takes_the_place_of_the_rubrics(tmp_path: Path, from_file: bool) -> None:
    (tmp_path / "question.txt").write_text("Does it stand?\n")
    prompt = f"@{tmp_path}/question.txt" if from_file else "Does it stand?"
    rubric = resolved(tmp_path, rubric="cartpole-upright", prompt=prompt)
    assert rubric.prompt == "Does it stand?"
    assert rubric.readout.type == "yes_no"


def test_a_rubric_comes_from_a_file_and_takes_another_question_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(RUBRIC)
    assert resolved(tmp_path, rubric=str(path)).prompt == "Is the pole upright?"
    assert resolved(tmp_path, rubric=str(path), prompt="Well?").prompt == "Well?"


@pytest.mark.parametrize(
    ("rubric", "prompt", "words"),
    [
        ("no-such-rubric", None, "it has cartpole-angle"),
        ("missing.yaml", None, "missing.yaml cannot be read"),
        ("cartpole-upright", "@missing.txt", "missing.txt cannot be read"),
        ("cartpole-upright", " ", "--prompt: prompt"),
    ],
)
def test_what_cannot_be_asked_is_told(tmp_path: Path, rubric: str, prompt: str | None, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        resolved(tmp_path, rubric=rubric, prompt=prompt)


def test_a_broken_rubric_file_names_its_field(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(RUBRIC.replace("probability", "nonsense"))
    with pytest.raises(ConfigError, match="reward"):
        resolved(tmp_path, rubric=str(path))


def test_a_rubric_that_the_model_cannot_answer_is_told_before_the_run(tmp_path: Path) -> None:
    with serving() as server, RewardClient(f"http://127.0.0.1:{server.port}") as client:
        info = client.info()
        info.rubrics["cartpole-angle"] = RubricInfo(reward_id=None, unavailable="its labels are odd")
        with pytest.raises(ConfigError, match="its labels are odd"):
            resolve_question(TrainConfig(runs=tmp_path), client, info)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (RUBRIC + "reward: {type: affine, scale: 1}", "line 5: the key 'reward' stands in line 4 already"),
        (RUBRIC.replace("pole", "p\u00f4le").encode("latin-1"), "line 2: not UTF-8"),
        (RUBRIC + "---\n" + RUBRIC, "line 5: a second document"),
        ("", "holds nothing"),
    ],
)
def test_a_rubric_file_that_says_two_things_is_told_by_its_line(
    tmp_path: Path, content: str | bytes, words: str
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ConfigError, match=rf"mine\.yaml: {words}"):
        read_rubric(path)


@pytest.mark.parametrize("name", ["mine.yaml", "mine.json"])
def test_bare_words_of_a_rubric_file_are_labels(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(
        """{"version": 1,\n\t"prompt": "Open?",\n\t"readout": {"type": "choice", "labels": [no, on]},
        "reward": {"type": "weights", "weights": {no: 0, on: 1}}}""".replace(
            "\t", "" if name == "mine.yaml" else "\t"
        )
    )
    assert read_rubric(path).readout.labels == ["no", "on"]


@pytest.mark.parametrize("text", ["Does it stand?", "\ufeffDoes it stand?\r\n", "\ufeff\n Does it stand? \n"])
def test_a_question_is_the_same_however_its_file_was_saved(tmp_path: Path, text: str) -> None:
    (tmp_path / "question.txt").write_bytes(text.encode())
    assert read_prompt(f"@{tmp_path}/question.txt") == "Does it stand?"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("Does it stand?".encode("utf-16"), "UTF-16"),
        (b"Does it\nst\xe4nd?", "line 2: not UTF-8"),
        (b"Does it\nstand\0?", "line 2: .*NUL"),
        (b" \n", "holds no question"),
        (b"\xef\xbb\xbf", "holds no question"),
    ],
)
def test_a_question_that_cannot_be_read_is_told_by_its_file(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "question.txt").write_bytes(data)
    with pytest.raises(ConfigError, match=rf"--prompt: .*question\.txt: .*{words}"):
        read_prompt(f"@{tmp_path}/question.txt")
