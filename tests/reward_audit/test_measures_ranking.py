"""Order: each measure against a count by hand or another implementation, and known mistakes."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from reward_audit.measures.pairs import clear_pairs, count_pairs, scored
from reward_audit.measures.ranking import (
    Statistic,
    goodman_kruskal_gamma,
    kendall_p_value,
    kendall_tau_b,
    pairwise_accuracy,
    pearson,
    permutation_p_value,
    spearman,
    tau_beyond_chance,
    value_order_correlation,
)

Floats = NDArray[np.float64]
NAN = float("nan")

correlations = pytest.mark.parametrize("measure", [kendall_tau_b, spearman, pearson, goodman_kruskal_gamma])


def samples(seed: int, count: int = 60, levels: int = 5) -> tuple[Floats, Floats]:
    """Two related arrays with many ties."""
    rng = np.random.default_rng(seed)
    first = rng.integers(levels, size=count).astype(float)
    return first, np.round(first + rng.normal(0, 1.5, count))


def counts_by_hand(first: Floats, second: Floats) -> list[int]:
    """Concordant, discordant, tied in the first alone, in the second alone, in both."""
    found = [0] * 5
    for i, j in itertools.combinations(range(len(first)), 2):
        a, b = first[i] - first[j], second[i] - second[j]
        if a == 0 or b == 0:
            found[4 if a == b else 2 if a == 0 else 3] += 1
        else:
            found[0 if a * b > 0 else 1] += 1
    return found


@pytest.mark.parametrize("seed", range(5))
def test_pairs_are_counted_as_by_hand(seed: int) -> None:
    first, second = samples(seed)
    counted = count_pairs(first, second)
    assert list(vars(counted).values()) == counts_by_hand(first, second)
    assert sum(vars(counted).values()) == 60 * 59 // 2


@pytest.mark.parametrize("seed", range(5))
def test_tau_b_is_its_formula_and_not_tau_a(seed: int) -> None:
    """A published ``compute_kendall`` documents τ_b and returns τ_a: (C - D) over all pairs."""
    first, second = samples(seed)
    c, d, tied_first, tied_second, _ = counts_by_hand(first, second)
    tau_a = (c - d) / (60 * 59 / 2)
    tau_b = (c - d) / math.sqrt((c + d + tied_first) * (c + d + tied_second))
    assert kendall_tau_b(first, second) == pytest.approx(tau_b, abs=1e-12)
    assert abs(tau_b - tau_a) > 0.05


def test_a_perfect_order_with_ties_has_a_tau_b_of_1_where_tau_a_has_less() -> None:
    tied = np.repeat([0.0, 1.0], 50)
    c, *_ = counts_by_hand(tied, tied)
    assert kendall_tau_b(tied, tied) == 1.0
    assert c / (100 * 99 / 2) == pytest.approx(0.505, abs=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_spearman_is_pearson_of_mean_ranks(seed: int) -> None:
    first, second = samples(seed)
    ranks = [[(a < x).sum() + ((a == x).sum() + 1) / 2 for x in a] for a in (first, second)]
    assert spearman(first, second) == pytest.approx(np.corrcoef(ranks)[0, 1], abs=1e-12)
    assert pearson(first, second) == pytest.approx(np.corrcoef(first, second)[0, 1], abs=1e-12)


def test_gamma_looks_only_at_pairs_that_both_order() -> None:
    two_levels, truth = np.array([0.0, 0.0, 1.0, 1.0]), np.array([1.0, 2.0, 3.0, 4.0])
    assert goodman_kruskal_gamma(two_levels, truth) == 1.0
    assert kendall_tau_b(two_levels, truth) == pytest.approx(4 / math.sqrt(6 * 4))
    assert goodman_kruskal_gamma(np.array([0.0, 1, 0]), np.array([0.0, 0, 1])) == -1.0
    assert goodman_kruskal_gamma(np.array([0.0, 1, 0]), np.array([0.0, 0, 0])) is None


def test_pairwise_accuracy_gives_credit_for_ties_in_both_and_none_for_ties_in_one() -> None:
    """The table of Deutsch et al.: right are concordant pairs and pairs that both tie."""
    truth, rewards = np.array([0.0, 0.0, 1.0, 2.0]), np.array([5.0, 5.0, 7.0, 7.0])
    assert pairwise_accuracy(rewards, truth) == pytest.approx(5 / 6)  # (2, 3) is tied by the rewards alone
    assert pairwise_accuracy(truth, rewards) == pytest.approx(5 / 6)
    counted_as_wrong = np.mean(
        [
            (truth[i] - truth[j]) * (rewards[i] - rewards[j]) > 0
            for i, j in itertools.combinations(range(4), 2)
        ]
    )
    assert counted_as_wrong == pytest.approx(4 / 6)  # the trap: a tie that is right counts as wrong


@pytest.mark.parametrize("seed", range(3))
def test_pairwise_accuracy_is_a_count_by_hand(seed: int) -> None:
    first, second = samples(seed)
    c, _, _, _, both = counts_by_hand(first, second)
    assert pairwise_accuracy(first, second) == pytest.approx((c + both) / (60 * 59 / 2))


def test_a_constant_reward_is_right_on_the_truths_ties_alone() -> None:
    truth = np.array([0.0, 0.0, 1.0])
    assert pairwise_accuracy(np.full(3, 0.3), truth) == pytest.approx(1 / 3)
    assert pairwise_accuracy(np.array([1.0]), np.array([1.0])) is None


@pytest.mark.parametrize("seed", range(3))
def test_clear_order_is_somers_d_where_every_difference_is_clear(seed: int) -> None:
    first, second = samples(seed)
    expected = stats.somersd(second, first).statistic  # of the second as a cause of the first
    assert clear_pairs(first, second, 1e-9, 0.0).order == pytest.approx(expected, abs=1e-12)


def test_clear_order_leaves_out_pairs_that_are_not_clear_and_ties_what_hardly_differs() -> None:
    truth = np.array([0.0, 0.05, 0.5, 1.0])
    rewards = np.array([0.3, 0.1, 0.305, 0.9])  # 0 and 0.05 are the wrong way round, and not clear
    pairs = clear_pairs(rewards, truth, gap=0.1, tolerance=0.01)
    assert (pairs.right, pairs.wrong, pairs.tied) == (4, 0, 1)
    assert pairs.order == pytest.approx(4 / 5)
    assert clear_pairs(rewards, truth, 0.1, 0.0).order == 1.0
    assert clear_pairs(np.full(4, 0.5), truth, 0.1, 0.0).order == 0.0
    assert clear_pairs(rewards, truth, 2.0, 0.0).order is None
    with pytest.raises(ValueError, match="gap"):
        clear_pairs(rewards, truth, 0.0, 0.0)


def test_clear_order_does_not_fall_where_states_are_alike() -> None:
    rng = np.random.default_rng(0)
    wide, narrow = rng.uniform(0, 1, 400), rng.uniform(0.5, 0.51, 400)
    states = np.concatenate([wide, narrow])
    rewards = states + rng.normal(0, 0.02, 800)
    taus = [kendall_tau_b(rewards[part], states[part]) for part in (slice(400), slice(400, 800))]
    assert taus[0] is not None
    assert taus[1] is not None
    assert taus[0] > 0.9
    assert taus[1] < 0.3
    assert clear_pairs(rewards[400:], narrow, 0.1, 0.0).order is None
    assert clear_pairs(rewards, states, 0.1, 0.0).order == pytest.approx(1.0, abs=0.01)


def test_value_order_is_1_for_rising_minus_1_for_falling_and_none_for_constant_values() -> None:
    rising = np.array([0.1, 0.2, 0.4, 0.9])
    assert value_order_correlation(rising) == pytest.approx(1.0)
    assert value_order_correlation(-rising) == pytest.approx(-1.0)
    still = np.full(10, 0.5)
    with_argsort = stats.spearmanr(np.argsort(still, kind="stable"), np.arange(10)).statistic
    assert with_argsort == pytest.approx(1.0)  # the trap
    assert value_order_correlation(still) is None


def test_value_order_leaves_out_nulls_and_keeps_the_times_of_the_others() -> None:
    values = np.array([0.1, NAN, 0.3, 0.2])
    assert value_order_correlation(values) == pytest.approx(
        spearman(values[[0, 2, 3]], np.array([0.0, 2, 3]))
    )


@correlations
def test_correlations_leave_out_what_is_nan_in_either(measure: Statistic) -> None:
    first, second = samples(1)
    holes, others = first.copy(), second.copy()
    holes[::7], others[3] = NAN, NAN
    kept = ~np.isnan(holes) & ~np.isnan(others)
    assert measure(holes, others) == measure(first[kept], second[kept])


@correlations
def test_correlations_are_undefined_for_constants_and_too_few(measure: Statistic) -> None:
    some = np.arange(10, dtype=np.float64)
    assert measure(np.full(10, 0.1), some) is None
    assert measure(some, np.full(10, 0.1)) is None
    assert measure(np.array([1.0, 2.0]), np.array([1.0, 2.0])) is None
    assert measure(np.array([]), np.array([])) is None
    assert measure(np.full(10, NAN), some) is None


@correlations
def test_correlations_of_an_array_with_itself_and_its_negative(measure: Statistic) -> None:
    first, _ = samples(2)
    assert measure(first, first) == pytest.approx(1.0)
    assert measure(first, -first) == pytest.approx(-1.0)


def test_nearly_constant_rewards_give_no_correlation_of_rounding() -> None:
    time = np.arange(10, dtype=np.float64)
    nearly: Floats = np.add(1e-15 * time, 1.0, dtype=np.float64)
    assert np.ptp(nearly) > 0
    assert pearson(nearly, time) is None


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="length"):
        scored(np.zeros(3), np.zeros(4))
    with pytest.raises(ValueError, match="dimension"):
        scored(np.zeros((3, 1)))
    with pytest.raises(ValueError, match="infinity"):
        scored(np.array([0.0, np.inf]))


def test_the_p_value_of_few_samples_is_the_exact_share_of_permutations() -> None:
    rewards, truth = np.array([1.0, 2.0, 4.0, 3.0]), np.arange(4, dtype=np.float64)
    observed = kendall_tau_b(rewards, truth)
    assert observed is not None
    every = [kendall_tau_b(np.array(dealt), truth) or 0.0 for dealt in itertools.permutations(rewards)]
    exact = np.mean([tau >= observed - 1e-9 for tau in every])
    rng = np.random.default_rng(0)
    assert permutation_p_value(rewards, truth, rng=rng) == pytest.approx(exact)


@pytest.mark.parametrize("seed", range(2))
def test_the_p_value_of_kendall_is_that_of_permutations_with_ties_too(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rewards, truth = rng.integers(0, 4, 80).astype(float), rng.integers(0, 9, 80).astype(float)
    drawn = permutation_p_value(rewards, truth, permutations=499, rng=rng)
    assert kendall_p_value(rewards, truth) == pytest.approx(drawn, abs=0.07)
    assert kendall_p_value(np.zeros(80), truth) is None


def test_the_p_value_is_small_for_an_order_uniform_for_chance_and_never_0() -> None:
    rng, truth = np.random.default_rng(0), np.arange(40, dtype=np.float64)
    assert permutation_p_value(truth, truth, permutations=99, rng=rng) == pytest.approx(0.01)
    assert permutation_p_value(-truth, truth, permutations=99, rng=rng) == 1.0
    found = [
        permutation_p_value(rng.random(20), truth[:20], pearson, permutations=49, rng=rng) for _ in range(40)
    ]
    assert stats.kstest([p for p in found if p is not None], "uniform").pvalue > 0.01
    assert permutation_p_value(np.zeros(9), truth[:9], rng=rng) is None


def test_the_order_of_a_null_counts_where_chance_does_not_explain_it() -> None:
    oracle: Floats = np.arange(25, dtype=np.float64)
    weak = np.where(oracle % 3 == 0, oracle, 12.0)
    little = np.concatenate([oracle[:4], np.random.default_rng(0).permutation(oracle[4:])])
    tau = kendall_tau_b(little, oracle)
    assert tau is not None
    assert 0.1 < abs(tau) < 0.3
    assert tau_beyond_chance(little, oracle) == 0.0
    assert tau_beyond_chance(weak, oracle) == kendall_tau_b(weak, oracle)
    assert tau_beyond_chance(oracle, oracle) == pytest.approx(1.0)
    assert tau_beyond_chance(-oracle, oracle) == pytest.approx(-1.0)
    assert tau_beyond_chance(np.full(25, 0.5), oracle) is None
    many = [np.tile(array, 20) for array in (little, oracle)]  # the same order, of 500 frames
    assert tau_beyond_chance(*many) == kendall_tau_b(*many)
