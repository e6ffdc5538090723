"""Does the reward know a success? For questions with a yes or a no, and for probabilities.

``success`` is a bool array ``(N,)``, the truth. Scores are float arrays ``(N,)``, NaN where null; such
samples are left out. Read the false-positive rate first: a learner goes where it is wrongly told to have
succeeded, and stays there; a success that was missed costs it time only (arXiv 2409.15922).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from reward_audit.measures.pairs import Floats, scored

Bools = NDArray[np.bool_]


def break_even_threshold(scores: Floats, success: Bools) -> float | None:
    """The threshold at which as many frames are told to be a success as are one: the score of the k-th best.

    With k successes, what reaches the threshold is the k best frames and those that tie with the last of
    them. It needs no scale of the scores. At it precision equals recall, but for ties (the "break-even point"
    of Lewis, "Evaluating text categorization", 1991).

    Returns:
        One of the scores; None where there are only successes or only failures.
    """
    scores, true = scored(scores, success.astype(np.float64))
    successes = int(np.count_nonzero(true))
    if successes in {0, len(true)}:
        return None
    return float(np.sort(scores)[-successes])


def false_positive_rate(scores: Floats, success: Bools, threshold: float) -> float | None:
    """Share of the frames without success that score at least the threshold; None without such a frame."""
    scores, true = scored(scores, success.astype(np.float64))
    failed = true == 0
    return float((scores[failed] >= threshold).mean()) if failed.any() else None


def false_negative_rate(scores: Floats, success: Bools, threshold: float) -> float | None:
    """Share of the frames with success that score below the threshold; None without such a frame."""
    scores, true = scored(scores, success.astype(np.float64))
    succeeded = true == 1
    return float((scores[succeeded] < threshold).mean()) if succeeded.any() else None


def auroc(scores: Floats, success: Bools) -> float | None:
    """Area under the ROC curve: how probably a success scores higher than a failure, a tie counting half.

    U / (n₁ n₀), with Mann and Whitney's U. 0.5 is chance, and what constant scores get; 0 is inverted.

    Source: Hanley and McNeil, "The meaning and use of the area under a ROC curve", Radiology 143 (1982);
    ``scipy.stats.mannwhitneyu``.

    Returns:
        From 0 to 1; None where there are only successes or only failures.
    """
    scores, true = scored(scores, success.astype(np.float64))
    positive, negative = scores[true == 1], scores[true == 0]
    if not len(positive) or not len(negative):
        return None
    # Its statistic is all that is used, so the quicker p-value will do.
    found = stats.mannwhitneyu(positive, negative, method="asymptotic")
    return float(found.statistic / (len(positive) * len(negative)))


def brier(probabilities: Floats, success: Bools) -> float | None:
    """Mean squared difference between probability and truth: 0 is perfect, 0.25 what "one half" always gets.

    Source: Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78
    (1950), in its form for two outcomes.

    Raises:
        ValueError: a probability is not from 0 to 1.
    """
    probabilities, true = _probabilities(probabilities, success)
    return float(np.square(probabilities - true).mean()) if len(true) else None


def expected_calibration_error(probabilities: Floats, success: Bools, bins: int = 10) -> float | None:
    """Mean distance between the stated probability and the share of successes, over bins of equal width.

    ECE = Σ over bins (n_b / N) |share of successes in b - mean probability in b|. Bins are closed above, the
    first one below as well. It says nothing about order: "the base rate, always" has 0.

    Source: Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015; of the
    probability of success, not of the confidence in the answer given.

    Returns:
        From 0 to 1; None where nothing was scored. With few samples a bin it is too high.

    Raises:
        ValueError: a probability is not from 0 to 1, or there is no bin.
    """
    if bins < 1:
        raise ValueError(f"{bins} bins; at least one is needed")
    probabilities, true = _probabilities(probabilities, success)
    if not len(true):
        return None
    places = np.clip(np.ceil(probabilities * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(places, weights=true - probabilities, minlength=bins)
    return float(np.abs(gaps).sum() / len(true))


def _probabilities(probabilities: Floats, success: Bools) -> tuple[Floats, Floats]:
    probabilities, true = scored(probabilities, success.astype(np.float64))
    if len(probabilities) and not (probabilities.min() >= 0 and probabilities.max() <= 1):
        raise ValueError("probabilities are from 0 to 1")
    return probabilities, true
