"""A question as others can ask it: with curl, with Python, and as a rubric's file. Pure functions."""

from __future__ import annotations

import json
import pprint
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from reward_client.rubric import Preprocess, PreprocessOrRegion, Region, Rubric


@dataclass(frozen=True)
class Asked:
    """What is asked about one picture.

    Attributes:
        rubric: the rubric as a whole.
        name: by which the server knows just this rubric; None for one of the visitor's own.
        preprocess: how the picture becomes the model's input.
        variables: what fills the prompt's places; None for none.
        explain: whether the answer is also wanted in words.
    """

    rubric: Rubric
    name: str | None = None
    preprocess: PreprocessOrRegion = Preprocess.PAD
    variables: Mapping[str, str] | None = None
    explain: bool = False

    @property
    def given(self) -> str | Rubric:
        """The rubric as a request names it."""
        return self.name or self.rubric


@dataclass(frozen=True)
class Where:
    """How a program reaches the server and the picture.

    Attributes:
        url: the server's address, as the visitor's browser knows it.
        file: name of the picture's file.
        needs_key: whether a request carries an API key; it is read from the variable ``REWARD_API_KEY``.
    """

    url: str
    file: str
    needs_key: bool = False


def as_yaml(rubric: Rubric) -> str:
    """A rubric's file, for a server's ``--rubrics-dir`` or a client's ``--rubric``."""
    content = {"version": rubric.version, **_content(rubric)}
    return yaml.safe_dump(content, sort_keys=False, width=100, default_flow_style=None, allow_unicode=True)


def as_curl(asked: Asked, where: Where) -> str:
    """A command that asks the same and prints the answer's JSON."""
    request: dict[str, Any] = {"rubric": asked.name or _content(asked.rubric)}
    if asked.variables:
        request["variables"] = [dict(asked.variables)]
    if asked.preprocess is not Preprocess.PAD:
        request["preprocess"] = _preprocess(asked.preprocess)
    if asked.explain:
        request["explain"] = True
    lines = [f"curl -sS {shlex.quote(f'{where.url}/score')}"]
    if where.needs_key:
        lines.append('-H "Authorization: Bearer $REWARD_API_KEY"')
    # a plain -F would end the JSON at its first semicolon
    lines.append(f"--form-string request={shlex.quote(json.dumps(request, ensure_ascii=False))}")
    lines.append(f"-F images=@{shlex.quote(where.file)}")
    return " \\\n  ".join(lines) + "\n"


def as_python(asked: Asked, where: Where) -> str:
    """A program that asks the same with ``reward_client`` and prints the reward."""
    key = ', api_key=os.environ["REWARD_API_KEY"]' if where.needs_key else ""
    options = ["frames", "rubric"]
    if asked.preprocess is not Preprocess.PAD:
        options.append(f"preprocess={_preprocess_code(asked.preprocess)}")
    if asked.variables:
        options.append(f"variables=[{dict(asked.variables)!r}]")
    if asked.explain:
        options.append("explain=True")
    names = "Region, RewardClient" if isinstance(asked.preprocess, Region) else "RewardClient"
    rubric = asked.name or _content(asked.rubric)
    return "\n".join(
        (
            *(["import os"] if key else []),
            "from pathlib import Path",
            "",
            f"from reward_client import {names}",
            "",
            f"rubric = {_code(rubric)}",
            f"frames = [Path({where.file!r}).read_bytes()]",
            "",
            f"with RewardClient({where.url!r}{key}) as client:",
            f"    answer = client.score({', '.join(options)})",
            "",
            "item = answer.data[0]",
            "print(item.reward, item.status.value, item.message or item.text)",
            "",
        )
    )


def _content(rubric: Rubric) -> dict[str, Any]:
    """A rubric's fields without those that stand at their defaults."""
    return rubric.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)


def _code(rubric: str | dict[str, Any]) -> str:
    """A rubric as Python's own text, a field a line."""
    if isinstance(rubric, str):
        return repr(rubric)
    shown = (
        f"    {name!r}: {pprint.pformat(value, width=84, compact=True, sort_dicts=False)},"
        for name, value in rubric.items()
    )
    return "\n".join(("{", *(line.replace("\n", "\n        ") for line in shown), "}"))


def _preprocess(preprocess: PreprocessOrRegion) -> Any:
    return preprocess.model_dump(mode="json") if isinstance(preprocess, Region) else preprocess.value


def _preprocess_code(preprocess: PreprocessOrRegion) -> str:
    if isinstance(preprocess, Region):
        return f'Region(type="region", box={tuple(preprocess.box)})'
    return repr(preprocess.value)
