"""Does the order of rewards follow the truth's? Correlations, and accuracy over pairs.

All take float arrays ``(N,)``, leave out samples that are NaN in either, and are None where fewer than three
are left or where one array is constant (see the package). Not for the size of errors: that is ``values``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats

from reward_audit.measures.pairs import MIN_SAMPLES, Floats, count_pairs, scored

Statistic = Callable[[Floats, Floats], float | None]

CHANCE_SE = 2.58
"""Standard errors of Kendall's τ within which 99 of 100 nulls lie by chance; with few frames that is much."""

_SAME = 1e-13
"""Spread relative to size below which scipy.stats.pearsonr calls its own result unreliable."""


def kendall_tau_b(first: Floats, second: Floats) -> float | None:
    """Kendall's τ_b = (C - D) / √((C + D + T₁)(C + D + T₂)), from -1 to 1.

    C and D count the pairs that both arrays order, alike and differently; T₁ and T₂ those that only the
    first, or only the second, ties. Without ties it is τ_a = (C - D) / (N(N-1)/2). With them τ_a cannot reach
    1, even where the order is perfect.

    Source: Kendall, "The treatment of ties in ranking problems", Biometrika 33 (1945);
    ``scipy.stats.kendalltau``.

    >>> tied = np.array([0.0, 0.0, 1.0, 1.0])
    >>> kendall_tau_b(tied, tied)  # τ_a says 0.67
    1.0
    """
    pair = _varied(first, second)
    return None if pair is None else _in_range(stats.kendalltau(*pair, variant="b").statistic)


def tau_beyond_chance(first: Floats, second: Floats) -> float | None:
    """Kendall's τ_b; 0 where chance explains it.

    The standard error of independent rankings is √(2(2N + 5) / 9N(N - 1)) (Kendall, "Rank correlation
    methods").
    """
    tau = kendall_tau_b(first, second)
    if tau is None:
        return None
    count = len(scored(first, second)[0])
    error = np.sqrt(2 * (2 * count + 5) / (9 * count * (count - 1)))
    return tau if abs(tau) > CHANCE_SE * error else 0.0


def spearman(first: Floats, second: Floats) -> float | None:
    """Spearman's rho: Pearson's correlation of ranks, of equal values their mean rank. From -1 to 1.

    Source: Spearman, "The proof and measurement of association between two things", 1904;
    ``scipy.stats.spearmanr``.
    """
    pair = _varied(first, second)
    return None if pair is None else _in_range(stats.spearmanr(*pair).statistic)


def pearson(first: Floats, second: Floats) -> float | None:
    """Pearson's correlation, from -1 to 1; ``scipy.stats.pearsonr``."""
    pair = _varied(first, second)
    return None if pair is None else _in_range(stats.pearsonr(*pair).statistic)


def goodman_kruskal_gamma(first: Floats, second: Floats) -> float | None:
    """Goodman and Kruskal's gamma = (C - D) / (C + D): the order of those pairs alone that both arrays order.

    A reward with few levels can have gamma 1 and a low τ_b: right where it says anything, and it says little.
    None where no pair is ordered by both.

    Source: Goodman and Kruskal, "Measures of association for cross classifications", JASA 49 (1954).
    """
    pair = _varied(first, second)
    if pair is None:
        return None
    pairs = count_pairs(*pair)
    ordered = pairs.concordant + pairs.discordant
    return (pairs.concordant - pairs.discordant) / ordered if ordered else None


def pairwise_accuracy(rewards: Floats, truth: Floats) -> float | None:
    """Share of pairs that the rewards order as the truth does, ties included: acc = (C + T₁₂) / all pairs.

    A pair that the truth ties is right if the rewards tie it, too (T₁₂), and wrong otherwise; so is one that
    only the rewards tie. A measure that counts every tie as wrong cannot reach 1 where the truth has ties,
    and calls a reward with two levels nearly all wrong.

    Constant rewards are defined here: they are right on the truth's ties. None only where there are fewer
    than two samples. From 0 to 1; what chance gives depends on the ties, so compare with that of shuffled
    rewards.

    Source: Deutsch, Foster and Freitag, "Ties Matter", EMNLP 2023, acc_eq.

    >>> pairwise_accuracy(np.array([0.0, 0.0, 1.0]), np.array([5.0, 5.0, 7.0]))
    1.0
    """
    rewards, truth = scored(rewards, truth)
    total = len(rewards) * (len(rewards) - 1) // 2
    if not total:
        return None
    pairs = count_pairs(rewards, truth)
    return (pairs.concordant + pairs.tied_both) / total


def value_order_correlation(values_in_time_order: Floats) -> float | None:
    """Spearman's rho of an episode's values with time: 1 where the values only rise.

    It says nothing about frames by itself: repeated still frames have scored 0.987. Compare with the null
    ``still``.

    Equal values share their mean rank. Written with ``argsort(values)`` in place of ranks, as it often
    is, the formula gives a constant 1.0, since sorting leaves it in time's order; here a constant is None.

    Source: Ma et al., "Vision Language Models are In-Context Value Learners" (GVL), arXiv 2411.04549.

    Args:
        values_in_time_order: ``(N,)``; NaN where null.
    """
    return spearman(values_in_time_order, np.arange(len(values_in_time_order), dtype=np.float64))


def kendall_p_value(rewards: Floats, truth: Floats) -> float | None:
    """How probably rewards that have nothing to do with the truth have so large a τ_b; one-sided.

    By the normal distribution, with its variance corrected for ties; exact for few samples without ties. It
    needs no random numbers, unlike ``permutation_p_value``, which takes any statistic.

    Source: ``scipy.stats.kendalltau``; Kendall, "Rank correlation methods", 1970.

    Returns:
        From 0 to 1; None where τ_b is.
    """
    pair = _varied(rewards, truth)
    return None if pair is None else float(stats.kendalltau(*pair, alternative="greater").pvalue)


def permutation_p_value(
    rewards: Floats,
    truth: Floats,
    statistic: Statistic = kendall_tau_b,
    permutations: int = 999,
    *,
    rng: np.random.Generator,
) -> float | None:
    """How often rewards that were dealt to the frames at random follow the truth at least as well.

    One-sided; (1 + number at least as large) / (1 + permutations), so never 0. Where there are fewer
    permutations of N than asked for, all are tried, and the share is exact.

    Source: Phipson and Smyth, "Permutation p-values should never be zero", 2010;
    ``scipy.stats.permutation_test``.

    Args:
        rewards: ``(N,)``.
        truth: ``(N,)``.
        statistic: what is compared, larger where the order is better.
        permutations: how many are drawn.
        rng: draws them.

    Returns:
        Above 0, at most 1; None where the statistic is.
    """
    rewards, truth = scored(rewards, truth)
    if statistic(rewards, truth) is None:
        return None
    found = stats.permutation_test(
        (rewards,),
        lambda dealt: statistic(dealt, truth),
        permutation_type="pairings",
        n_resamples=permutations,
        alternative="greater",
        rng=rng,
    )
    return float(found.pvalue)


def _varied(first: Floats, second: Floats) -> tuple[Floats, Floats] | None:
    """The scored samples; None where a correlation of them is undefined."""
    first, second = scored(first, second)
    if len(first) < MIN_SAMPLES:
        return None
    if any(np.ptp(array) <= _SAME * np.abs(array).max() for array in (first, second)):
        return None
    return first, second


def _in_range(correlation: float) -> float:
    """Without what rounding adds beyond 1."""
    return float(np.clip(correlation, -1.0, 1.0))
