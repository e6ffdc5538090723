"""A YAML file says what its author reads there, or is refused by its file and line."""

from __future__ import annotations

import re
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import yaml

from reward_client.files.text_file import TextFileError
from reward_client.files.yaml_file import parse_yaml, read_yaml
from reward_client.rubric import Rubric
from tests.test_boundaries import imports, sources

RUBRIC = """\
version: 1
prompt: Is it open?
readout:
  type: yes_no
reward:
  type: probability
"""


def told(text: str) -> str:
    """Why a text is refused."""
    with pytest.raises(TextFileError) as caught:
        parse_yaml(text, "mine.yaml")
    message = str(caught.value)
    assert message.startswith("mine.yaml")
    assert "\n" not in message
    return message


WORDS_OF_OTHER_TYPES = """yes no on off Yes NO true False y n 1 010 0x1F 1_000 12:30 -5 1.50 1e3 .5 .inf .nan
2024-01-02 2024-13-45 null ~ Null ="""


@pytest.mark.parametrize("word", WORDS_OF_OTHER_TYPES.split())
def test_bare_words_are_the_text_that_their_author_wrote(word: str) -> None:
    assert parse_yaml(f"labels: [{word}, b]", "") == {"labels": [word, "b"]}
    assert parse_yaml(f"labels:\n- {word}\n- b", "") == {"labels": [word, "b"]}
    assert parse_yaml(f"weights: {{{word}: 1}}", "") == {"weights": {word: "1"}}
    assert parse_yaml(f"{word}: x", "") == {word: "x"}
    assert parse_yaml(f"prompt: {word}s", "") == {"prompt": f"{word}s"}


@pytest.mark.parametrize("nothing", ["", "~", "null", "Null", "NULL", "# a note"])
def test_a_field_without_a_value_is_not_set(nothing: str) -> None:
    assert parse_yaml(f"goal: {nothing}\nunit: 'null'", "") == {"goal": None, "unit": "null"}


def test_a_rubric_turns_the_texts_of_its_numbers_into_numbers() -> None:
    text = RUBRIC.replace("yes_no", "yes_no\n  yes: Yes\n  no: on\n  min_label_mass: .25").replace(
        "probability", "affine\n  scale: -1_0\n  offset: 1e3\n  clip: [0, 1.5]"
    )
    rubric = Rubric.model_validate(parse_yaml(text, ""))
    assert rubric.readout.labels == ["Yes", "on"]
    assert rubric.version == 1
    assert rubric.reward.model_dump() == {"type": "affine", "scale": -10, "offset": 1000, "clip": (0, 1.5)}


@pytest.mark.parametrize(
    "form", ["labels: [{}]\nweights: {{{}: 1}}", '{{"labels": [{}], "weights": {{"{}": 1}}}}']
)
def test_labels_that_look_like_numbers_are_labels(form: str) -> None:
    content = parse_yaml(form.format("0, 1", 1), "")
    assert content == {"labels": ["0", "1"], "weights": {"1": "1"}}


@pytest.mark.parametrize(
    ("text", "key", "lines"),
    [
        (RUBRIC + "reward: {type: affine, scale: 1}\n", "reward", (7, 5)),
        (RUBRIC.replace("  type: yes_no", "  type: yes_no\n  type: number"), "type", (5, 4)),
        ("weights: {Left: 0, Right: 1, Left: 2}", "Left", (1, 1)),
        ("weights:\n  yes: 0\n  'yes': 1", "yes", (3, 2)),
        ("a:\n- b:\n  - {c: 1}\n  - c: 1\n    d: 2\n    c: 3", "c", (6, 4)),
        ('{"a": 1,\n"a": 2}', "a", (2, 1)),
        ("null: 1\nnull: 2", "null", (2, 1)),
        ("1: x\n'1': y", "1", (2, 1)),
        ("a: &a {x: 1}\nb:\n  <<: *a\n  <<: *a", "<<", (4, 3)),
        ("? a\n: 1\n? a\n: 2", "a", (3, 1)),
        ("a: &k b\n*k : 1\nb: 2", "b", (3, 2)),
        ("a: 1\r\nb: 2\r\na: 3", "a", (3, 1)),
    ],
)
def test_a_key_stands_once(text: str, key: str, lines: tuple[int, int]) -> None:
    second, first = lines
    assert told(text) == f"mine.yaml: line {second}: the key {key!r} stands in line {first} already"


def test_what_is_twice_in_two_places_is_fine() -> None:
    x = {"x": "1"}
    assert parse_yaml("a: {x: 1}\nb: {x: 1}\nc: [{x: 1}, {x: 1}]", "") == {"a": x, "b": x, "c": [x, x]}


def test_anchors_aliases_and_merges_are_followed() -> None:
    text = """
    base: &base {type: affine, scale: 1}
    other: &other {scale: 5, offset: 3}
    reward:
      scale: 2
      <<: *base
    both: {<<: [*base, *other]}
    again: *base
    quoted: {"<<": 1}
    """
    content: Any = parse_yaml(text, "")
    assert content["reward"] == {"type": "affine", "scale": "2"}
    assert content["both"] == {"type": "affine", "scale": "1", "offset": "3"}
    assert content["again"] == content["base"]
    assert content["quoted"] == {"<<": "1"}


def laughs(levels: int) -> str:
    lines = ["a0: &a0 [ha, ha]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (laughs(30), "line 5: more than 10000 values"),
        ("a: &a [*a]", "line 1: .*'a'"),
        ("a: *nowhere", "line 1: .*'nowhere'"),
        ("b: 1\na: {<<: 5}", "line 2: .*<<"),
        ("b: 1\na: {<<: [5]}", "line 2: .*<<"),
        ("- " * 200 + "x", "line 1: .*deeper than 32"),
        ("\n" + "[" * 100_000, "line 2: .*deeper than 32"),
        ("a: {" * 40 + "}" * 40, "line 1: .*deeper than 32"),
        ("a: 1\n---\nb: 2", "line 2: a second document"),
        ("a: 1\n...\n---\n", "line 3: a second document"),
        ("", "holds nothing"),
        ("# only a note\n", "holds nothing"),
        ("---\n", "holds nothing"),
        ("null", "holds nothing"),
        ("a:\n  b: 1\n\tc: 2", "line 3: a tab"),
        ("\tb: 1", "line 1: a tab"),
        ("a: [\n1,\n", "line 3: not valid YAML"),
        ("a: b: c", "line 1: not valid YAML"),
        ("a: 'open\nb: 1", "not valid YAML"),
        ("x: 1\na: @b", "line 2: not valid YAML"),
        ("a: %b\n", "line 1: not valid YAML"),
        ("a: 1\nb: \x07", "line 2: .*U\\+0007"),
        ("a: 1\nb: \ud800", "line 2: .*U\\+D800"),
        ("b: 1\n? [a, b]\n: 1", "line 2: a key"),
        ("b: 1\n? {a: b}\n: 1", "line 2: a key"),
        ("b: 1\na: !!int 3", "line 2: .*tag"),
        ("a: !!python/object/apply:os.system [ls]", "line 1: .*tag"),
        ("a: !!binary aGk=", "line 1: .*tag"),
        ("a: !mine x", "line 1: .*tag"),
        ("%YAML 2.0\n---\na: 1", "line 1: not valid YAML"),
        ("a: !!mine:: [", "line"),
    ],
)
def test_what_is_no_plain_yaml_is_told_by_line(text: str, words: str) -> None:
    assert re.search(words, told(text)), told(text)


def test_a_billion_laughs_take_no_memory() -> None:
    tracemalloc.start()
    try:
        told(laughs(60))
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "text", ["a: !!str 12", 'a: ! "12"', "--- {a: 12}\n...\n", "%YAML 1.2\n---\na: 12", "a: >-\n  12"]
)
def test_the_rest_of_yaml_is_read(text: str) -> None:
    assert parse_yaml(text, "") == {"a": "12"}


def test_a_json_file_may_have_tabs_and_what_json_escapes(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text('{\n\t"prompt":\t"\\ud83d\\ude00 \\/ \\u00e9",\n\t"goal":null}')
    assert read_yaml(tmp_path / "mine.json") == {"prompt": "\U0001f600 / é", "goal": None}


def test_a_file_is_named_where_it_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("a: 1\na: 2")
    with pytest.raises(TextFileError, match=r"mine\.yaml: line 2: the key 'a'"):
        read_yaml(tmp_path / "mine.yaml")
    with pytest.raises(TextFileError, match="cannot be read"):
        read_yaml(tmp_path / "nowhere.yaml")


PLAIN: list[Any] = [
    {"a": "x y", "b": ["c", {"d": "e: f"}], "g": {"h": []}, "i": {}},
    {"text": "several\nlines\n", "more": "'quotes\" and # signs", "é": "ü"},
]


@pytest.mark.parametrize("content", PLAIN)
@pytest.mark.parametrize("flow", [True, False])
def test_texts_are_read_as_any_yaml_reader_reads_them(content: Any, flow: bool) -> None:
    text = yaml.safe_dump(content, default_flow_style=flow, allow_unicode=True)
    assert parse_yaml(text, "") == yaml.safe_load(text) == content


def test_the_base_install_does_without_pyyaml() -> None:
    importing = [name for name, path in sources("reward_client").items() if "yaml" in imports(path)]
    need = {"reward_client.files.yaml_file", "reward_client.files.rubric_file"}
    users = [name for name, path in sources("reward_client").items() if need & set(imports(path))]
    assert importing == ["reward_client.files.yaml_file"]
    assert users == ["reward_client.files.rubric_file"]
