"""The page's HTML: templates that escape what they are given, and how answers are told in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reward_client.rubric import ExpectationReadout, Rubric
from reward_client.schema import RewardItem

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


TEMPLATES.globals.update(answer_of=answer_of, value_of=value_of, percent=percent)
