"""How two images are compared: the questions that the model is asked, and what both orders say together.

Pure. Not for asking (``scoring/comparer.py``) or for composing a picture (``images/compose.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reward_client.rubric import ChoiceReadout
from reward_client.schema import ComparisonItem, ItemStatus, Ordering, Place
from reward_server.engine.interface import Answer
from reward_server.reading.readouts import NOT_FINITE, low_mass_message, read_labels

COMPOSED_PROMPT = (
    "Two images are side by side, the first on the left and the second on the right. "
    "Which one better fits this goal: {goal}? Answer Left or Right."
)
"""For models that take one image a prompt."""

TWO_IMAGES_PROMPT = "Which of the two images better fits this goal: {goal}? Answer First or Second."
"""For models that take several images a prompt."""


@dataclass(frozen=True)
class ComparisonQuestion:
    """What is asked about a pair.

    Attributes:
        prompt: the question.
        readout: its two labels, the one for the image that is shown first before the other.
        composed: whether both images are shown as one, side by side.
    """

    prompt: str
    readout: ChoiceReadout
    composed: bool


def comparison_question(goal: str, images_per_prompt: int, min_label_mass: float) -> ComparisonQuestion:
    """The question for a goal.

    Args:
        goal: what the better image shows more of.
        images_per_prompt: how many images the model takes.
        min_label_mass: below this label mass an answer has no preference.
    """
    composed = images_per_prompt < 2
    prompt, labels = (
        (COMPOSED_PROMPT, ["Left", "Right"]) if composed else (TWO_IMAGES_PROMPT, ["First", "Second"])
    )
    return ComparisonQuestion(
        prompt.format(goal=goal.rstrip(".?! ")),
        ChoiceReadout(type="choice", labels=labels, min_label_mass=min_label_mass),
        composed,
    )


def preferred(probability_of_first: float) -> Place | None:
    """The image with more than half of the probability."""
    if probability_of_first == 0.5:
        return None
    return "first" if probability_of_first > 0.5 else "second"


def combine(orders: Sequence[Ordering]) -> tuple[float, Place | None, bool]:
    """What both orders say together.

    Args:
        orders: the answers to both orders.

    Returns:
        The mean probability of the pair's first image, the preferred image (None for a tie), and
        whether both orders prefer the same one.
    """
    probability = sum(order.probability for order in orders) / len(orders)
    consistent = len({order.preference for order in orders}) == 1 and orders[0].preference is not None
    return probability, preferred(probability), consistent


def not_compared(index: int, status: ItemStatus, message: str) -> ComparisonItem:
    """The item of a pair that was not answered."""
    return ComparisonItem(index=index, preference=None, status=status, message=message)


def comparison_item(
    index: int, comparison: ComparisonQuestion, as_sent: Answer, swapped: Answer
) -> ComparisonItem:
    """The item of a pair that was answered in both orders.

    Args:
        index: place of the pair in its request.
        comparison: what was asked.
        as_sent: the answer where the pair's first image was shown first.
        swapped: the answer where its second image was.
    """
    if not (as_sent.is_usable and swapped.is_usable):
        return not_compared(index, ItemStatus.FAILED, NOT_FINITE.message or "")
    orders = [_ordering("first", comparison, as_sent), _ordering("second", comparison, swapped)]
    mass, wanted = min(order.label_mass for order in orders), comparison.readout.min_label_mass
    if mass < wanted:
        return ComparisonItem(
            index=index,
            preference=None,
            status=ItemStatus.LOW_LABEL_MASS,
            message=low_mass_message(mass, wanted),
            orders=orders,
        )
    probability, preference, consistent = combine(orders)
    return ComparisonItem(
        index=index,
        preference=preference,
        probability=probability,
        consistent=consistent,
        status=ItemStatus.OK,
        orders=orders,
    )


def _ordering(shown_first: Place, comparison: ComparisonQuestion, answer: Answer) -> Ordering:
    reading = read_labels(comparison.readout, answer.logprobs or {})
    probabilities = reading.probabilities or {}
    of_shown_first = probabilities[comparison.readout.labels[0]]
    probability = of_shown_first if shown_first == "first" else 1.0 - of_shown_first
    return Ordering(
        shown_first=shown_first,
        preference=preferred(probability),
        probability=probability,
        text=answer.text,
        probabilities=probabilities,
        label_mass=reading.label_mass or 0.0,
    )
