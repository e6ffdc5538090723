"""How an answer is taken from the model's label probabilities or its text. Pure functions.

Not for asking the model (``engine/``), the grammar of numbers (``number_in_text.py``) or rewards
(``reward_maps.py``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reward_client.rubric import (
    ChoiceReadout,
    ExpectationReadout,
    LabelReadout,
    NumberReadout,
    Rubric,
    YesNoReadout,
)
from reward_client.schema import ItemStatus, ReadingInfo
from reward_server.engine.interface import Answer
from reward_server.reading.number_in_text import NO_WORDS, Grammar, NumberReading, Words, read_number
from reward_server.reading.units import is_angle_unit


@dataclass(frozen=True)
class Reading:
    """What one answer says.

    Attributes:
        value: expected value, probability of yes, or the number of a text; None for a choice, and where a
            text states no number.
        probabilities: of each label among the labels; they sum to 1. None for a text.
        label_mass: probability that the model gives to all labels together, before renormalising; None for
            a text.
        status: ``ok``, or why no reward follows from it.
        message: the same for a person; None where all is well.
    """

    value: float | None
    probabilities: dict[str, float] | None = None
    label_mass: float | None = None
    status: ItemStatus = ItemStatus.OK
    message: str | None = None


NOT_FINITE = Reading(None, status=ItemStatus.FAILED, message="the model's probabilities are not finite")


def read_answer(rubric: Rubric, answer: Answer) -> Reading:
    """Reads an answer by its rubric's readout, and says where no reward may follow from it."""
    readout = rubric.readout
    if isinstance(readout, NumberReadout):
        number = read_text(rubric, answer.text, truncated=answer.truncated)
        if number.value is None:
            return Reading(None, status=ItemStatus.UNPARSABLE, message=number.reason)
        return Reading(number.value)
    if answer.logprobs is None or not answer.is_usable:
        return NOT_FINITE
    return _sure_enough(readout, read_labels(readout, answer.logprobs))


def _sure_enough(readout: LabelReadout, reading: Reading) -> Reading:
    """The reading, without a reward where the labels or any one of them have too little of the answer."""
    mass, wanted = reading.label_mass or 0.0, readout.min_label_mass
    if mass < wanted:
        return replace(reading, status=ItemStatus.LOW_LABEL_MASS, message=low_mass_message(mass, wanted))
    entropy = normalised_entropy(list((reading.probabilities or {}).values()))
    if readout.max_entropy is None or entropy <= readout.max_entropy:
        return reading
    return replace(
        reading,
        status=ItemStatus.UNPARSABLE,
        message=(
            f"the model is not sure: the entropy of its answer among the labels is {entropy:.3g} of the "
            f"highest one; the rubric allows {readout.max_entropy:g}"
        ),
    )


def normalised_entropy(probabilities: Sequence[float]) -> float:
    """Shannon's entropy of probabilities that sum to 1, over the highest one of as many labels.

    H = -Σ p ln p / ln K, with K labels, at least two.

    Returns:
        From 0, sure of one label, to 1, all labels alike.

    >>> normalised_entropy([0.5, 0.5]), normalised_entropy([1.0, 0.0])
    (1.0, 0.0)
    """
    entropy = -math.fsum(p * math.log(p) for p in probabilities if p > 0)
    return min(max(0.0, entropy / math.log(len(probabilities))), 1.0)  # rounding may leave the range


def low_mass_message(label_mass: float, wanted: float) -> str:
    """Why an answer outside the labels has no reward."""
    return (
        f"the model gives the labels a probability of {label_mass:.3g} together; the rubric asks for "
        f"{wanted:g}"
    )


def read_labels(readout: LabelReadout, logprobs: Mapping[str, float]) -> Reading:
    """Reads a label readout from the model's log-probabilities.

    Args:
        readout: an expectation, yes_no or choice readout.
        logprobs: natural logarithm of the model's probability of each of the readout's labels, over
            its whole vocabulary.

    Returns:
        The reading. Its probabilities are softmax-renormalised over the labels, which stays exact
        where all labels are improbable.
    """
    labels = readout.labels
    peak = max(logprobs[label] for label in labels)
    weights = {label: math.exp(logprobs[label] - peak) for label in labels}
    total = math.fsum(weights.values())
    probabilities = {label: weight / total for label, weight in weights.items()}
    if isinstance(readout, ExpectationReadout):
        mean = math.fsum(float(label) * p for label, p in probabilities.items())
        numbers = [float(label) for label in labels]
        value = min(max(mean, min(numbers)), max(numbers))  # rounding may leave the range by a bit
    elif isinstance(readout, ChoiceReadout):
        value = None
    else:
        value = probabilities[readout.yes]
    return Reading(value, probabilities, min(total * math.exp(peak), 1.0))


def read_text(rubric: Rubric, text: str, *, truncated: bool) -> NumberReading:
    """Reads the number in a generated text by the rubric's grammar.

    A ``number`` readout names its grammar. The labels of other readouts name none: where the unit is an
    angle's, such as ``deg``, labels may be angles with a sign, and a text about them states its sign as a
    side, so it is read as ``signed_angle``; with another unit, or none, as ``plain``.

    Args:
        rubric: the rubric that was asked.
        text: the generated answer.
        truncated: whether the text was cut off at a limit.
    """
    grammar: Grammar = "signed_angle" if is_angle_unit(rubric.unit) else "plain"
    words, readout = NO_WORDS, rubric.readout
    if isinstance(readout, NumberReadout):
        grammar, words = readout.grammar, Words(tuple(readout.leaning), tuple(readout.things))
    return read_number(text, rubric.unit, grammar=grammar, words=words, truncated=truncated)


def read_every_way(rubric: Rubric, reading: Reading, text: str, *, truncated: bool) -> dict[str, ReadingInfo]:
    """Reads one answer with every readout that applies to the rubric's question.

    Args:
        rubric: the rubric that was asked.
        reading: of the answer that its reward comes from.
        text: the generated answer.
        truncated: whether the text was cut off at a limit.

    Returns:
        By readout: ``choice`` for all labels, ``expectation`` for labels that are numbers, ``yes_no`` for
        a yes and a no, ``number`` where the answer is a number, by the grammar that ``read_text`` names.
    """
    ways: dict[str, ReadingInfo] = {}
    if isinstance(rubric.readout, NumberReadout | ExpectationReadout):
        number = read_text(rubric, text, truncated=truncated)
        ways["number"] = ReadingInfo(value=number.value, message=number.reason or None)
    probabilities = reading.probabilities
    if probabilities is None:
        return ways
    likeliest = max(probabilities, key=lambda label: probabilities[label])
    choice = ReadingInfo(label=likeliest, probabilities=probabilities, label_mass=reading.label_mass)
    if isinstance(rubric.readout, ExpectationReadout | YesNoReadout):
        ways[rubric.readout.type] = choice.model_copy(update={"value": reading.value, "label": None})
    ways["choice"] = choice
    return ways
