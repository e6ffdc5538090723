"""Labels as token sequences, and the probability of each from a few forward passes. Pure functions.

A label of one token needs one pass. Labels of several tokens share their beginnings: they form a tree,
and each inner node is one pass that reads the probabilities of its children. A label that is the
beginning of another one ("4" of "45") counts only where the answer ends after it, so its sequence ends
with the model's end-of-answer token. Not for tokenizing or for asking (``vllm_engine.py``).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MAX_PASSES = 64
"""Forward passes for one frame. 117 labels between -96 and 96 take 21 where each digit is a token."""

UNOPENED_SHARE = 1e-4
"""A branch is opened where it holds more than this share of what the labels can still have together.

That is the probability of the labels that are read so far and of all branches that are not opened yet. The
labels of a branch that stays closed count as impossible. So the label mass is understated, never overstated,
by less than ``(passes - 1) * UNOPENED_SHARE`` of itself, 0.002 for 21 passes, and no label's share of it
is off by more than that.
"""


class LabelError(Exception):
    """The labels cannot be read with this model; the message says why."""


@dataclass(frozen=True)
class Pass:
    """One forward pass: after the prompt and these tokens, the probabilities of those are read.

    Attributes:
        after: token ids that follow the prompt.
        token_ids: token ids whose probabilities are wanted.
    """

    after: tuple[int, ...]
    token_ids: tuple[int, ...]


@dataclass(frozen=True)
class LabelTree:
    """How labels are read.

    Attributes:
        passes: the forward passes; the first one follows the prompt alone.
        sequences: token ids of each label; one sequence for each end-of-answer token where the answer
            must end after it.
    """

    passes: tuple[Pass, ...]
    sequences: Mapping[str, tuple[tuple[int, ...], ...]]


def build_tree(tokens: Mapping[str, Sequence[int]], end_ids: Sequence[int], max_tokens: int) -> LabelTree:
    """Builds the tree of labels.

    Args:
        tokens: token ids of each label, right after the prompt.
        end_ids: the model's end-of-answer tokens.
        max_tokens: probabilities that can be read in one pass.

    Raises:
        LabelError: two labels are the same tokens, one is the beginning of another and the model has
            no end token, or there are too many passes or tokens.
    """
    seen: dict[tuple[int, ...], str] = {}
    for label, ids in tokens.items():
        if other := seen.get(tuple(ids)):
            raise LabelError(f"{other!r} and {label!r} are the same tokens for this model's tokenizer")
        seen[tuple(ids)] = label
    beginnings = {ids[:length] for ids in seen for length in range(len(ids))}
    sequences: dict[str, tuple[tuple[int, ...], ...]] = {}
    for ids, label in seen.items():
        if ids in beginnings:
            if not end_ids:
                raise LabelError(f"{label!r} begins another label, and this model has no end-of-answer token")
            sequences[label] = tuple((*ids, end) for end in end_ids)
        else:
            sequences[label] = (ids,)
    children: dict[tuple[int, ...], dict[int, None]] = {}
    for ids in itertools.chain.from_iterable(sequences.values()):
        for length in range(len(ids)):
            children.setdefault(ids[:length], {})[ids[length]] = None
    if len(children) > MAX_PASSES:
        raise LabelError(
            f"these labels are sequences of tokens that take {len(children)} forward passes; the limit is "
            f"{MAX_PASSES}"
        )
    passes = tuple(
        Pass(after, tuple(ids)) for after, ids in sorted(children.items(), key=lambda node: len(node[0]))
    )
    if widest := max((len(node.token_ids) for node in passes if len(node.token_ids) > max_tokens), default=0):
        raise LabelError(f"these labels need {widest} probabilities in one pass; the limit is {max_tokens}")
    return LabelTree(passes, sequences)


Answers = Mapping[tuple[int, ...], Mapping[int, float]]
"""By a pass's ``after``: the natural logarithm of the probability of each of its tokens."""


def branches_to_open(tree: LabelTree, answers: Answers) -> list[Pass]:
    """The passes that come next: those whose branch is likely enough (``UNOPENED_SHARE``).

    What is opened follows from one frame's own probabilities alone.

    Args:
        tree: from ``build_tree``.
        answers: of the passes so far; empty at the start.
    """
    if not answers:
        return [tree.passes[0]]
    closed = {
        node: _along(node.after, answers)
        for node in tree.passes
        if node.after not in answers and node.after[:-1] in answers
    }
    if not closed:
        return []
    read = label_logprobs(tree, answers).values()
    least = _log_sum_exp([*closed.values(), *read]) + math.log(UNOPENED_SHARE)
    return [node for node, logprob in closed.items() if logprob > least]


def label_logprobs(tree: LabelTree, answers: Answers) -> dict[str, float]:
    """Log-probability of each label: the sum along its path, over all ends that it may have.

    Args:
        tree: from ``build_tree``.
        answers: of the passes that were opened; a label of another one has the logarithm of 0.
    """
    if len(tree.passes) == 1:
        first = answers[tree.passes[0].after]
        return {label: first[ids] for label, ((ids,),) in tree.sequences.items()}
    return {
        label: _log_sum_exp([_along(ids, answers) for ids in sequences])
        for label, sequences in tree.sequences.items()
    }


def _along(ids: tuple[int, ...], answers: Answers) -> float:
    """Log-probability of a sequence of tokens after the prompt."""
    if ids[:-1] not in answers:
        return -math.inf
    return sum(answers[ids[:length]][ids[length]] for length in range(len(ids)))


def _log_sum_exp(values: Sequence[float]) -> float:
    if len(values) == 1 or max(values) == -math.inf:
        return values[0]
    peak = max(values)
    return peak + math.log(math.fsum(math.exp(value - peak) for value in values))
