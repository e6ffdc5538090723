"""How an answer is taken from the model's label probabilities. Pure functions.

Not for asking the model (``engine.py``) or for rewards (``reward_maps.py``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from reward_client.schema import ChoiceReadout, ExpectationReadout, Readout


@dataclass(frozen=True)
class Reading:
    """What one answer says.

    Attributes:
        value: expected value, probability of yes, or None for a choice.
        probabilities: of each label among the labels; they sum to 1.
        label_mass: probability that the model gives to all labels together, before renormalising.
    """

    value: float | None
    probabilities: dict[str, float]
    label_mass: float


def read_labels(readout: Readout, logprobs: Mapping[str, float]) -> Reading:
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
        value = math.fsum(float(label) * p for label, p in probabilities.items())
    elif isinstance(readout, ChoiceReadout):
        value = None
    else:
        value = probabilities[readout.yes]
    return Reading(value, probabilities, min(total * math.exp(peak), 1.0))
