"""Labels of several tokens: the probability of each is exact, and none is counted twice."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reward_server.engine.label_tree import LabelError, build_tree, label_logprobs

END = 9
TOKENS = (1, 2, 3, END)


def test_labels_of_one_token_take_one_pass() -> None:
    tree = build_tree({"Yes": [4], "No": [5]}, [END], 128)
    assert [(node.after, node.token_ids) for node in tree.passes] == [((), (4, 5))]
    assert label_logprobs(tree, [{4: -0.5, 5: -1.5}]) == {"Yes": -0.5, "No": -1.5}


def test_shared_beginnings_share_their_passes() -> None:
    tree = build_tree({"-1": [7, 1], "-2": [7, 2], "1": [1]}, [END], 128)
    assert [(node.after, node.token_ids) for node in tree.passes] == [((), (7, 1)), ((7,), (1, 2))]


def test_a_label_that_begins_another_counts_only_where_the_answer_ends() -> None:
    tree = build_tree({"4": [4], "45": [4, 5]}, [END], 128)
    logprobs = label_logprobs(tree, [{4: math.log(0.8)}, {END: math.log(0.25), 5: math.log(0.5)}])
    assert {label: math.exp(p) for label, p in logprobs.items()} == pytest.approx({"4": 0.2, "45": 0.4})


def test_any_of_the_models_ends_is_an_end() -> None:
    tree = build_tree({"4": [4], "45": [4, 5]}, [END, 8], 128)
    answers = [{4: math.log(0.8)}, {END: math.log(0.25), 8: math.log(0.15), 5: math.log(0.5)}]
    logprobs = label_logprobs(tree, answers)
    assert {label: math.exp(p) for label, p in logprobs.items()} == pytest.approx({"4": 0.32, "45": 0.4})


@given(
    st.sets(st.lists(st.sampled_from([1, 2, 3]), min_size=1, max_size=3).map(tuple), min_size=2, max_size=12),
    st.integers(0, 2**32 - 1),
)
def test_probabilities_are_those_of_whole_sequences(sequences: set[tuple[int, ...]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    model = {  # next-token distribution after every sequence
        after: dict(zip(TOKENS, rng.dirichlet(np.ones(len(TOKENS))), strict=True))
        for length in range(4)
        for after in product((1, 2, 3), repeat=length)
    }
    tree = build_tree({str(ids): ids for ids in sequences}, [END], 128)
    answers = [{t: math.log(model[node.after][t]) for t in node.token_ids} for node in tree.passes]
    logprobs = label_logprobs(tree, answers)
    for ids in sequences:
        begins_another = any(other[: len(ids)] == ids for other in sequences - {ids})
        whole = (*ids, END) if begins_another else ids
        expected = sum(math.log(model[whole[:i]][token]) for i, token in enumerate(whole))
        assert logprobs[str(ids)] == pytest.approx(expected)
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
