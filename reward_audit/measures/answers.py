"""Does the model say the same to everything? What its answers are, whatever is true.

Answers are compared verbatim; None, where there is no answer, is left out. They may be numbers as well as
text. Not for whether answers are right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
from scipy import stats

from reward_audit.measures.pairs import Floats


def mode_share(answers: Sequence[Hashable | None]) -> float | None:
    """Share of the most frequent answer among the answers; None where there is none.

    >>> mode_share(["45", "45", "30", None, "45"])
    0.75
    """
    counts = _counts(answers)
    return max(counts) / sum(counts) if counts else None


def distinct(answers: Sequence[Hashable | None]) -> int:
    """Number of different answers."""
    return len(_counts(answers))


def normalised_entropy(answers: Sequence[Hashable | None], possible: int | None = None) -> float | None:
    """Entropy of the answers over the largest that it could be: 0 all alike, 1 none preferred.

    H = -Σ p ln p over the answers' shares; the largest is ln of ``possible``, but of the number of answers
    where that is less. It is not divided by ln of the number of *different* answers (Pielou's evenness),
    which is 1 for a coin that knows two answers.

    Source: Shannon, 1948; ``scipy.stats.entropy``.

    Args:
        answers: what was said.
        possible: how many different answers the question allows; None for any number.

    Returns:
        From 0 to 1; None where there are fewer than two answers, or where one alone is possible.

    Raises:
        ValueError: there are more different answers than possible.
    """
    counts = _counts(answers)
    total = sum(counts)
    if possible is not None and len(counts) > possible:
        raise ValueError(f"{len(counts)} different answers, of which {possible} are possible")
    most = total if possible is None else min(total, possible)
    return float(np.clip(stats.entropy(counts) / np.log(most), 0.0, 1.0)) if most > 1 else None


def entropy_of_probabilities(probabilities: Sequence[float]) -> float | None:
    """Entropy of the probabilities of all labels over the largest one: 0 sure of one, 1 none preferred.

    H = -Σ p ln p / ln K, as the server's ``max_entropy`` takes it.

    Source: Shannon, 1948; ``scipy.stats.entropy``.

    Args:
        probabilities: of K labels; they sum to 1.

    Returns:
        From 0 to 1; None where there are fewer than two labels.

    >>> entropy_of_probabilities([0.5, 0.5, 0.0, 0.0])
    0.5
    """
    if len(probabilities) < 2:
        return None
    return float(np.clip(stats.entropy(probabilities, base=len(probabilities)), 0.0, 1.0))


def share_unscored(rewards: Floats) -> float | None:
    """Share of frames whose reward is null (NaN), for whatever reason; None where there are no frames."""
    return float(np.isnan(rewards).mean()) if len(rewards) else None


def _counts(answers: Sequence[Hashable | None]) -> list[int]:
    return list(Counter(answer for answer in answers if answer is not None).values())
