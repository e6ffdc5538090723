"""A rubric as the fields of a form, and back: every part of a rubric has its field, so nothing gets lost.

Not for what a rubric may hold (``reward_client/rubric.py`` checks that, field by field).
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reward_client.files.rubric_file import rubric_of
from reward_client.rubric import MAX_LABELS, Rubric
from reward_client.wording.given_rubric import RubricContentError
from reward_client.wording.prompt_template import MAX_PLACES

Fields = dict[str, str]
"""By a field's name, its text; what a rubric leaves open is empty."""

OWN = "own:"
"""How the names of ``STARTS`` begin, so that none is the name of a server's rubric."""

STARTS: dict[str, Rubric] = {
    f"{OWN}{title}": rubric_of(content, title)
    for title, content in {
        "yes or no": {
            "prompt": "Is the pole upright? Answer Yes or No.",
            "readout": {"type": "yes_no"},
            "reward": {"type": "probability"},
        },
        "a number on a scale": {
            "prompt": "How far along is the task, from 0 to 10? Answer with a number only.",
            "readout": {"type": "expectation", "labels": [str(number) for number in range(11)]},
            "reward": {"type": "affine", "scale": 0.1},
        },
        "one of several words": {
            "prompt": "Which way does the pole lean? Answer Left, Right or Upright.",
            "readout": {"type": "choice", "labels": ["Left", "Right", "Upright"]},
            "reward": {"type": "weights", "weights": {"Left": 0, "Right": 0, "Upright": 1}},
        },
        "a number in a text": {
            "prompt": "How many degrees is the pole tilted from vertical? Answer with a number.",
            "readout": {"type": "number"},
            "reward": {"type": "distance", "target": 0, "tolerance": 12},
            "unit": "deg",
        },
    }.items()
}
"""Questions to begin with, one for each readout."""

_RANGE = re.compile(r"(-?\d{1,6})\s*(?:\.\.|…)\s*(-?\d{1,6})(?:\s*by\s*(\d{1,6}))?")
_SHORTEST_RUN = 4
_ODD = re.compile(r"[,=\n\r]|^[\[{]")
"""What a label may hold that a list of words cannot: such a list is written as JSON."""

_READOUT_FIELDS = {
    "yes_no": ("yes", "no", "min_label_mass", "max_entropy"),
    "expectation": ("labels", "min_label_mass", "max_entropy"),
    "choice": ("labels", "min_label_mass", "max_entropy"),
    "number": ("grammar", "leaning", "things", "max_tokens"),
}
_MAP_FIELDS = {
    "distance": ("target", "tolerance", "shape"),
    "affine": ("scale", "offset"),
    "weights": ("weights",),
    "probability": (),
}
_LISTS = frozenset({"labels", "leaning", "things"})


def fields_of(rubric: Rubric) -> Fields:
    """The texts of all fields for a rubric; those of other readouts and maps are at their defaults."""
    content = rubric.model_dump(mode="json", by_alias=True, exclude_none=True)
    readout, reward = content["readout"], content["reward"]
    fields = {
        "version": str(content["version"]),
        "prompt": rubric.prompt,
        "goal": rubric.goal or "",
        "unit": rubric.unit or "",
        "correction": json.dumps(content["correction"]) if rubric.correction is not None else "",
        "readout": rubric.readout.type,
        "yes": "Yes",
        "no": "No",
        "map": rubric.reward.type,
        "clip_low": "",
        "clip_high": "",
    }
    if rubric.reward.clip is not None:
        fields["clip_low"], fields["clip_high"] = (_number(end) for end in rubric.reward.clip)
    for name in itertools.chain.from_iterable(_READOUT_FIELDS.values()):
        if name in readout:
            fields[name] = text_of_list(readout[name]) if name in _LISTS else str(readout[name])
    for name in itertools.chain.from_iterable(_MAP_FIELDS.values()):
        if name in reward:
            fields[name] = text_of_weights(reward[name]) if name == "weights" else _plain(reward[name])
    return fields


def rubric_from(fields: Mapping[str, str]) -> Rubric:
    """The rubric that a form's fields say.

    Raises:
        RubricContentError: a field is missing or wrong; the message names it.
    """
    readout_type, map_type = fields.get("readout", ""), fields.get("map", "")
    readout = {"type": readout_type, **_filled(fields, _READOUT_FIELDS.get(readout_type, ()))}
    reward = {"type": map_type, **_filled(fields, _MAP_FIELDS.get(map_type, ()))}
    ends = [fields.get(name, "").strip() for name in ("clip_low", "clip_high")]
    if any(ends):
        reward["clip"] = ends
    content = {
        **_filled(fields, ("version", "goal", "unit")),
        "prompt": fields.get("prompt", "").replace("\r\n", "\n"),
        "readout": readout,
        "reward": reward,
    }
    if correction := fields.get("correction", "").strip():
        content["correction"] = _json(correction, "correction")
    return rubric_of(content, "the question")


def variables_of(text: str) -> dict[str, str] | None:
    """What fills the places of a prompt: a line each, ``name = value``. None for none.

    Raises:
        RubricContentError: a line has no ``=``, or there are more names than a prompt may have places.
    """
    variables = {}
    for line in filter(str.strip, text.splitlines()):
        name, sign, value = line.partition("=")
        if not sign:
            raise RubricContentError(f"values: {line.strip()!r} is not name = value", param="values")
        variables[name.strip()] = value.strip()
    if len(variables) > MAX_PLACES:
        raise RubricContentError(
            f"values: there are {len(variables)} names; the limit is {MAX_PLACES}", param="values"
        )
    return variables or None


def list_of_text(text: str, field: str = "labels") -> list[str]:
    """The words of a list: between commas, with ranges of whole numbers; or a list in JSON.

    What is longer than any list of a rubric is read only so far that the rubric's own check refuses it.

    >>> list_of_text("-6..6 by 3, none")
    ['-6', '-3', '0', '3', '6', 'none']

    Raises:
        RubricContentError: it begins as JSON does and is no list of texts.
    """
    if text.lstrip().startswith("["):
        words = _json(text, field)
        if not isinstance(words, list):
            raise RubricContentError(f"{field}: not a list", param=field)
        found = (word if isinstance(word, str) else str(word) for word in words)
    else:
        found = (word for part in text.split(",") if part.strip() for word in _expanded(part.strip()))
    return list(itertools.islice(found, MAX_LABELS + 1))


def text_of_list(words: Sequence[str]) -> str:
    """A list as ``list_of_text`` reads it, runs of whole numbers as ranges.

    >>> text_of_list([str(number) for number in range(-5, 6)])
    '-5..5'
    """
    if any(_ODD.search(word) or _RANGE.fullmatch(word) or word != word.strip() for word in words):
        return json.dumps(list(words), ensure_ascii=False)
    return ", ".join(_shortened(list(words)))


def text_of_weights(weights: Mapping[str, float]) -> str:
    """Weights as ``weights_of_text`` reads them."""
    if any(_ODD.search(label) or label != label.strip() for label in weights):
        return json.dumps(dict(weights), ensure_ascii=False)
    return ", ".join(f"{label} = {_number(weight)}" for label, weight in weights.items())


def weights_of_text(text: str) -> dict[str, Any]:
    """Weights by label: ``label = weight`` between commas, or an object in JSON.

    >>> weights_of_text("Left = 0, Upright = 1")
    {'Left': '0', 'Upright': '1'}

    Raises:
        RubricContentError: it is neither.
    """
    if text.lstrip().startswith("{"):
        weights = _json(text, "weights")
        if not isinstance(weights, dict):
            raise RubricContentError("weights: not an object", param="weights")
        return weights
    found = dict[str, Any]()
    for part in filter(str.strip, text.split(",")):
        label, sign, weight = part.rpartition("=")
        if not sign or label.strip() in found:
            reason = "stands there twice" if sign else "is not label = weight"
            raise RubricContentError(f"weights: {part.strip()!r} {reason}", param="weights")
        found[label.strip()] = weight.strip()
    return found


def _filled(fields: Mapping[str, str], names: Iterable[str]) -> dict[str, Any]:
    """The fields that are not empty, as a rubric's content has them."""
    content = dict[str, Any]()
    for name in names:
        text = fields.get(name, "").strip()
        if not text:
            continue
        if name in _LISTS:
            content[name] = list_of_text(text, name)
        else:
            content[name] = weights_of_text(text) if name == "weights" else text
    return content


def _expanded(part: str) -> Iterator[str]:
    found = _RANGE.fullmatch(part)
    if found is None:
        yield part
        return
    low, high, step = int(found[1]), int(found[2]), int(found[3] or 1)
    yield from map(str, range(low, high + 1, max(step, 1)))


def _shortened(words: list[str]) -> list[str]:
    parts, at = list[str](), 0
    while at < len(words):
        length = _run_length(words[at:])
        if length < _SHORTEST_RUN:
            parts.append(words[at])
            at += 1
            continue
        step = int(words[at + 1]) - int(words[at])
        parts.append(f"{words[at]}..{words[at + length - 1]}" + (f" by {step}" if step > 1 else ""))
        at += length
    return parts


def _run_length(words: Sequence[str]) -> int:
    """How many of the first words are whole numbers that rise evenly."""
    whole = list(itertools.takewhile(_is_whole, words))
    if len(whole) < 2 or int(whole[1]) <= int(whole[0]):
        return 1
    step = int(whole[1]) - int(whole[0])
    pairs = itertools.pairwise(map(int, whole))
    return 1 + sum(1 for _ in itertools.takewhile(lambda pair: pair[1] - pair[0] == step, pairs))


def _is_whole(word: str) -> bool:
    return re.fullmatch(r"-?\d{1,6}", word) is not None and str(int(word)) == word


def _json(text: str, field: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RubricContentError(f"{field}: not valid JSON", param=field) from error


def _plain(value: Any) -> str:
    return _number(value) if isinstance(value, float) else str(value)


def _number(value: float) -> str:
    """A number without a fraction that says nothing."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
