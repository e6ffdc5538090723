"""Reads a tree of labels, pass by pass: the first one before all others, then every branch that is likely.

The first pass goes before the others, so that they find its prefix in vLLM's cache. Not for which branches
those are (``label_tree.py``), and not for a pass itself (``vllm_engine.py``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from reward_server.engine.interface import Answer
from reward_server.engine.label_tree import LabelTree, Pass, branches_to_open, label_logprobs


@dataclass(frozen=True)
class PassAnswer:
    """What one forward pass said.

    Attributes:
        logprobs: natural logarithm of the probability of each of its tokens.
        word: the most probable token's text.
        prompt_tokens: number of tokens that it was given, images included.
    """

    logprobs: Mapping[int, float]
    word: str
    prompt_tokens: int


async def read_tree(tree: LabelTree, read: Callable[[Pass], Awaitable[PassAnswer]]) -> Answer:
    """One forward pass, or one for each likely branch of the tree.

    Args:
        tree: how the labels are read.
        read: makes a pass.
    """
    read_so_far: dict[tuple[int, ...], PassAnswer] = {}
    answers: dict[tuple[int, ...], Mapping[int, float]] = {}
    while opened := branches_to_open(tree, answers):
        for node, answer in zip(opened, await asyncio.gather(*map(read, opened)), strict=True):
            read_so_far[node.after], answers[node.after] = answer, answer.logprobs
    logprobs = label_logprobs(tree, answers)
    one_pass = len(tree.passes) == 1
    return Answer(
        text=read_so_far[()].word if one_pass else max(logprobs, key=lambda label: logprobs[label]),
        logprobs=logprobs,
        prompt_tokens=sum(answer.prompt_tokens for answer in read_so_far.values()),
        completion_tokens=len(answers),
    )
