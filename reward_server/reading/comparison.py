"""How two images are compared: the questions that the model is asked, and what both orders say together.

Pure. Not for asking (``scoring/comparer.py``) or for composing a picture (``images/fit.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reward_client.rubric import ChoiceReadout
from reward_client.schema import Ordering, Place

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
