"""What a run's answers cost, in words: images, tokens, and the time of the engine. Computes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def cost_sentence(usage: Mapping[str, Any] | None) -> str | None:
    """The cost in a sentence; None where it was not counted.

    Args:
        usage: of ``summary.json``; each of its counts may be missing.

    >>> cost_sentence({"images": 100, "cached_images": 20, "prompt_tokens": 8100, "engine_s": 1.25})
    'Cost: 100 images, 20 of them answered from the cache; 8,100 prompt tokens; 1.2 s of the engine.'
    >>> cost_sentence({}) is None
    True
    """
    counts = usage or {}
    parts = []
    if (images := counts.get("images")) is not None:
        cached = counts.get("cached_images")
        told = "" if cached is None else f", {cached:,} of them answered from the cache"
        parts.append(f"{images:,} images{told}")
    tokens = [
        f"{counts[key]:,} {name} tokens"
        for key, name in (("prompt_tokens", "prompt"), ("completion_tokens", "answer"))
        if counts.get(key) is not None
    ]
    if tokens:
        parts.append(" and ".join(tokens))
    if (seconds := counts.get("engine_s")) is not None:
        parts.append(f"{seconds:.1f} s of the engine")
    return f"Cost: {'; '.join(parts)}." if parts else None


def cost_tiles(usage: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """The same as figures, the two that matter most.

    >>> cost_tiles({"engine_s": 83.21})
    [('of the engine for the answers', '83.2 s')]
    """
    counts, tiles = usage or {}, []
    if (tokens := counts.get("prompt_tokens")) is not None:
        tiles.append(("prompt tokens", f"{tokens:,}"))
    if (seconds := counts.get("engine_s")) is not None:
        tiles.append(("of the engine for the answers", f"{seconds:.1f} s"))
    return tiles
