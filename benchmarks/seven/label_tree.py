"""A label tree read in three ways: unshared, from one prefix by its cache, and as one masked pass.

The tree of ``cartpole-angle`` with a vocabulary that splits digits: after the prompt follow the tokens for
"nothing" and "minus", after each the nine first digits. 21 nodes, one pass each. In all three ways an image
is encoded once. Not for timing.
"""

from __future__ import annotations

import torch
from transformers import DynamicCache

from benchmarks.seven.llava_pass import LlavaPass

SIGNS = (29_871, 448)
"""Llama's tokens for a lone space and for a minus."""
DIGITS = tuple(range(29_896, 29_905))
"""Llama's tokens for 1 to 9."""
SUFFIXES: tuple[tuple[int, ...], ...] = (
    (),
    *((sign,) for sign in SIGNS),
    *((sign, digit) for sign in SIGNS for digit in DIGITS),
)
"""What follows the prompt at each node."""
NODES = len(SUFFIXES)
DEPTH = 2


def unshared(llava: LlavaPass, ids: torch.Tensor, pixels: torch.Tensor) -> torch.Tensor:
    """A whole prompt for each node.

    Args:
        llava: the model.
        ids: prompts, (frames, tokens) int64.
        pixels: (frames, 3, side, side).

    Returns:
        Logits at each node, (frames, NODES, vocabulary).
    """
    frames, tokens = ids.shape
    suffixes, depths = _padded(SUFFIXES, ids.device)
    features = llava.encode(pixels).repeat_interleave(NODES, dim=0)
    prompts = torch.cat([ids.repeat_interleave(NODES, dim=0), suffixes.repeat(frames, 1)], dim=1)
    logits = llava.prefill(prompts, features, read_at=(tokens - 1 + depths).repeat(frames))
    return logits.view(frames, NODES, -1)


def from_expanded_cache(llava: LlavaPass, ids: torch.Tensor, pixels: torch.Tensor) -> torch.Tensor:
    """One prompt a frame; its cache is copied for each further node, which adds one or two tokens.

    Arguments and result as in ``unshared``.
    """
    frames = len(ids)
    cache = DynamicCache()
    root = llava.prefill(ids, llava.encode(pixels), cache)
    cache.batch_repeat_interleave(NODES - 1)
    suffixes, depths = _padded(SUFFIXES[1:], ids.device)
    logits = llava.extend(suffixes.repeat(frames, 1), cache)
    read = logits[torch.arange(len(logits), device=ids.device), (depths - 1).repeat(frames)]
    return torch.cat([root[:, None], read.view(frames, NODES - 1, -1)], dim=1)


def from_masked_pass(llava: LlavaPass, ids: torch.Tensor, pixels: torch.Tensor) -> torch.Tensor:
    """One prompt a frame, then one pass over a token for each further node, which sees its ancestors alone.

    Arguments and result as in ``unshared``.
    """
    frames, tokens = ids.shape
    cache = DynamicCache()
    root = llava.prefill(ids, llava.encode(pixels), cache)
    nodes = SUFFIXES[1:]
    sees = torch.tensor([[one[: len(other)] == other for other in nodes] for one in nodes], device=ids.device)
    prompt = torch.ones(len(nodes), tokens, dtype=torch.bool, device=ids.device)
    mask = torch.cat([prompt, sees], dim=1).expand(frames, 1, -1, -1)
    last = torch.tensor([node[-1] for node in nodes], device=ids.device).expand(frames, -1)
    positions = torch.tensor([tokens - 1 + len(node) for node in nodes], device=ids.device).expand(frames, -1)
    logits = llava.extend(last, cache, mask, positions)
    return torch.cat([root[:, None], logits], dim=1)


def label_probabilities(logits: torch.Tensor) -> torch.Tensor:
    """Probabilities among the tokens that labels are made of: logits (..., vocabulary) to (..., labels)."""
    return logits[..., [*SIGNS, *DIGITS]].float().softmax(dim=-1)


def _padded(suffixes: tuple[tuple[int, ...], ...], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Suffixes filled up on the right to one length, and their own lengths."""
    rows = [[*suffix, *[0] * (DEPTH - len(suffix))] for suffix in suffixes]
    lengths = [len(suffix) for suffix in suffixes]
    return torch.tensor(rows, device=device), torch.tensor(lengths, device=device)
