"""The page's HTML: templates that escape what they are given, and how answers are told in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reward_client.rubric import ExpectationReadout, Rubric
from reward_client.schema import RewardItem, ScoreResponse, ServerInfo
from reward_playground.curve import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH
from reward_playground.pictures import NULLS, as_the_model_sees_it, data_url
from reward_playground.snippets import Asked, Where, as_curl, as_python, as_yaml

SHOWN_LABELS = 8
"""Bars of an answer; the other labels share one."""

_HERE = Path(__file__).parent
ASSETS = _HERE / "assets"

TEMPLATES = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Bar:
    """A label's probability.

    Attributes:
        label: the label, or how many others there are.
        share: its probability, from 0 to 1.
        is_rest: whether it stands for several labels.
    """

    label: str
    share: float
    is_rest: bool = False


@dataclass(frozen=True)
class Column:
    """A label's probability where labels are numbers.

    Attributes:
        at: where the number lies between the lowest and the highest label, from 0 to 1.
        share: as part of the most probable label's.
    """

    at: float
    share: float


def html(template: str, **values: object) -> str:
    """A template with values, which are escaped."""
    return TEMPLATES.get_template(f"{template}.html.jinja").render(**values)


def answer_html(
    response: ScoreResponse, asked: Asked, file: bytes, null: str, info: ServerInfo, where: Where
) -> str:
    """What one picture and one question came to.

    Args:
        response: for this picture alone.
        asked: the question.
        file: the picture that was sent.
        null: name of the null that it shows; empty for none.
        info: the server's.
        where: for the programs that ask the same.

    Raises:
        PictureError: the picture cannot be read, although the server read it.
    """
    item, seen = response.data[0], None
    if item.status != "invalid_frame":
        seen = as_the_model_sees_it(file, info.input_size_px, asked.preprocess, info.limits)
    return html(
        "answer",
        item=item,
        response=response,
        asked=asked,
        null=null and NULLS[null].told,
        sent=data_url(file),
        seen=seen,
        size_px=info.input_size_px,
        bars=bars(item.probabilities),
        columns=columns(item.probabilities, asked.rubric),
        file=where.file,
        snippets={
            "curl": as_curl(asked, where),
            "Python": as_python(asked, where),
            "rubric.yaml": as_yaml(asked.rubric),
        },
    )


def bars(probabilities: dict[str, float] | None) -> list[Bar]:
    """The most probable labels, the first one first; what is left is one bar.

    >>> [bar.label for bar in bars({"No": 0.2, "Yes": 0.8})]
    ['Yes', 'No']
    """
    likely = sorted((probabilities or {}).items(), key=lambda one: -one[1])
    shown = [Bar(label, share) for label, share in likely[:SHOWN_LABELS]]
    if rest := likely[SHOWN_LABELS:]:
        name = "1 other label" if len(rest) == 1 else f"{len(rest)} other labels"
        shown.append(Bar(name, sum(share for _, share in rest), is_rest=True))
    return shown


def columns(probabilities: dict[str, float] | None, rubric: Rubric) -> list[Column]:
    """All labels along a line of numbers; none where labels are no numbers, or where bars show them all."""
    labels = probabilities or {}
    if not isinstance(rubric.readout, ExpectationReadout) or len(labels) <= SHOWN_LABELS:
        return []
    low, high = (end(float(label) for label in labels) for end in (min, max))
    most = max(labels.values())
    return [
        Column((float(label) - low) / (high - low), share / most if most else 0.0)
        for label, share in labels.items()
    ]


def answer_of(item: RewardItem) -> str:
    """The answer in a few words: the text, or the most probable label; a dash where there is none."""
    if item.text and item.text.strip():
        return " ".join(item.text.split())
    if item.probabilities:
        return max(item.probabilities, key=item.probabilities.__getitem__)
    return "-"


def value_of(item: RewardItem) -> str:
    """The value with its unit; a dash where there is none."""
    return "-" if item.value is None else f"{item.value:.4g}{f' {item.unit}' if item.unit else ''}"


def percent(share: float | None) -> str:
    """A share in percent; a dash for none.

    >>> percent(0.005)
    '0.5 %'
    """
    return "-" if share is None else f"{100 * share:.1f} %"


PLOT = SimpleNamespace(
    width=WIDTH, height=HEIGHT, left=LEFT, right=WIDTH - RIGHT, top=TOP, bottom=HEIGHT - BOTTOM
)
"""A panel's size, and where its axes end."""

TEMPLATES.globals.update(answer_of=answer_of, value_of=value_of, percent=percent, plot=PLOT)
