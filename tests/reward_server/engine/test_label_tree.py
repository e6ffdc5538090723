"""Labels of several tokens: the probability of each is exact, and none is counted twice."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reward_server.engine.label_tree import (
    UNOPENED_SHARE,
    LabelError,
    LabelTree,
    branches_to_open,
    build_tree,
    label_logprobs,
)

END = 9
TOKENS = (1, 2, 3, END)


def test_labels_of_one_token_take_one_pass() -> None:
    tree = build_tree({"Yes": [4], "No": [5]}, [END], 128)
    assert [(node.after, node.token_ids) for node in tree.passes] == [((), (4, 5))]
    assert label_logprobs(tree, {(): {4: -0.5, 5: -1.5}}) == {"Yes": -0.5, "No": -1.5}


def test_shared_beginnings_share_their_passes() -> None:
    tree = build_tree({"-1": [7, 1], "-2": [7, 2], "1": [1]}, [END], 128)
    assert [(node.after, node.token_ids) for node in tree.passes] == [((), (7, 1)), ((7,), (1, 2))]


def test_a_label_that_begins_another_counts_only_where_the_answer_ends() -> None:
    tree = build_tree({"4": [4], "45": [4, 5]}, [END], 128)
    answers = {(): {4: math.log(0.8)}, (4,): {END: math.log(0.25), 5: math.log(0.5)}}
    logprobs = label_logprobs(tree, answers)
    assert {label: math.exp(p) for label, p in logprobs.items()} == pytest.approx({"4": 0.2, "45": 0.4})


def test_any_of_the_models_ends_is_an_end() -> None:
    tree = build_tree({"4": [4], "45": [4, 5]}, [END, 8], 128)
    answers = {(): {4: math.log(0.8)}, (4,): {END: math.log(0.25), 8: math.log(0.15), 5: math.log(0.5)}}
    logprobs = label_logprobs(tree, answers)
    assert {label: math.exp(p) for label, p in logprobs.items()} == pytest.approx({"4": 0.32, "45": 0.4})


def opened(
    tree: LabelTree, model: dict[tuple[int, ...], dict[int, float]]
) -> dict[tuple[int, ...], dict[int, float]]:
    """What is answered where a model is asked for branch after branch."""
    answers: dict[tuple[int, ...], dict[int, float]] = {}
    while passes := branches_to_open(tree, answers):
        for node in passes:
            answers[node.after] = {t: math.log(max(model[node.after][t], 1e-300)) for t in node.token_ids}
    return answers


def _log(model: dict[tuple[int, ...], dict[int, float]], ids: tuple[int, ...]) -> float:
    return sum(math.log(max(model[ids[:i]][token], 1e-300)) for i, token in enumerate(ids))


def test_an_unlikely_branch_is_not_opened_and_its_labels_count_as_impossible() -> None:
    tree = build_tree({"-1": [7, 1], "-2": [7, 2], "31": [3, 1], "32": [3, 2]}, [END], 128)
    first = {7: math.log(0.5), 3: math.log(0.4 * UNOPENED_SHARE)}
    assert [node.after for node in branches_to_open(tree, {})] == [()]
    assert [node.after for node in branches_to_open(tree, {(): first})] == [(7,)]
    answers = {(): first, (7,): {1: math.log(0.25), 2: math.log(0.75)}}
    assert branches_to_open(tree, answers) == []
    logprobs = label_logprobs(tree, answers)
    assert {label: math.exp(p) for label, p in logprobs.items()} == pytest.approx(
        {"-1": 0.125, "-2": 0.375, "31": 0.0, "32": 0.0}
    )


def test_what_is_opened_follows_from_the_share_and_not_from_the_mass() -> None:
    tree = build_tree({"-1": [7, 1], "-2": [7, 2], "31": [3, 1], "32": [3, 2]}, [END], 128)
    unsure = {7: math.log(1e-9), 3: math.log(2e-9)}  # a model that answers something else
    assert [node.after for node in branches_to_open(tree, {(): unsure})] == [(7,), (3,)]


def test_a_branch_is_opened_later_where_the_likely_one_held_no_label() -> None:
    tree = build_tree({"-1": [7, 1], "-2": [7, 2], "31": [3, 1], "32": [3, 2]}, [END], 128)
    answers: dict[tuple[int, ...], dict[int, float]] = {(): {7: math.log(0.9), 3: math.log(1e-5)}}
    assert [node.after for node in branches_to_open(tree, answers)] == [(7,)]
    answers[(7,)] = {1: math.log(1e-9), 2: math.log(1e-9)}  # "-" began a word
    assert [node.after for node in branches_to_open(tree, answers)] == [(3,)]


@pytest.mark.parametrize("nothing", [-math.inf, math.nan])
def test_nothing_is_opened_where_the_model_says_nothing(nothing: float) -> None:
    tree = build_tree({"-1": [7, 1], "-2": [7, 2]}, [END], 128)
    assert branches_to_open(tree, {(): {7: nothing}}) == []
    assert set(label_logprobs(tree, {(): {7: nothing}}).values()) == {-math.inf}


@given(
    st.sets(st.lists(st.sampled_from([1, 2, 3]), min_size=1, max_size=3).map(tuple), min_size=2, max_size=12),
    st.integers(0, 2**32 - 1),
)
def test_probabilities_are_those_of_whole_sequences(sequences: set[tuple[int, ...]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    model = {  # next-token distribution after every sequence
        after: dict(zip(TOKENS, rng.dirichlet(np.full(len(TOKENS), 0.1)), strict=True))
        for length in range(4)
        for after in product((1, 2, 3), repeat=length)
    }
    tree = build_tree({str(ids): ids for ids in sequences}, [END], 128)
    answers = opened(tree, model)
    logprobs = label_logprobs(tree, answers)
    unopened = sum(
        math.exp(_log(model, node.after))
        for node in tree.passes
        if node.after not in answers and node.after[:-1] in answers
    )
    mass = sum(math.exp(p) for p in logprobs.values())
    assert unopened <= (len(tree.passes) - 1) * UNOPENED_SHARE * (mass + unopened)  # the documented bound
    for ids in sequences:
        begins_another = any(other[: len(ids)] == ids for other in sequences - {ids})
        whole = (*ids, END) if begins_another else ids
        expected = _log(model, whole)
        if whole[:-1] in answers:
            assert logprobs[str(ids)] == pytest.approx(expected)
        else:
            assert logprobs[str(ids)] == -math.inf
    assert sum(math.exp(p) for p in logprobs.values()) <= 1.0 + 1e-9  # the events exclude each other


@pytest.mark.parametrize(
    ("tokens", "end", "reason"),
    [
        ({"a": [1], "A": [1]}, [END], "same tokens"),
        ({"4": [4], "45": [4, 5]}, [], "no end-of-answer token"),
        ({str(i): [i, 1] for i in range(100)}, [END], "forward passes"),
        ({str(i): [i] for i in range(200)}, [END], "probabilities in one pass"),
    ],
)
def test_labels_that_cannot_be_read_are_refused_with_the_reason(
    tokens: dict[str, list[int]], end: list[int], reason: str
) -> None:
    with pytest.raises(LabelError, match=reason):
        build_tree(tokens, end, 128)
