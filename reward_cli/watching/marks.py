"""Lines and bars made of characters. Not for what they show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LEVELS = "▁▂▃▄▅▆▇█"


def curve(values: Sequence[float], chars: int) -> str:
    """Values over time in one line of text, from their least to their greatest; means where there are many.

    >>> curve([0.0, 1.0, 2.0], 10)
    '▁▅█'
    >>> curve([], 10), curve([5.0, 5.0], 10)
    ('', '▁▁')
    """
    if not len(values):
        return ""
    parts = np.array_split(np.asarray(values, dtype=np.float64), min(chars, len(values)))
    means = np.array([part.mean() for part in parts])
    spread = means.max() - means.min()
    places = np.zeros(len(means)) if spread == 0 else (means - means.min()) / spread
    return "".join(LEVELS[round(place * (len(LEVELS) - 1))] for place in places)


def histogram(values: Sequence[float], chars: int) -> tuple[str, float, float]:
    """How often values occur, from the least to the greatest, as one line of text.

    Returns:
        The line, in which a blank is none at all; the least and the greatest value.

    >>> histogram([0.0, 0.0, 1.0], 4)
    ('█  ▄', 0.0, 1.0)
    """
    counts, edges = np.histogram(np.asarray(values, dtype=np.float64), bins=chars)
    if edges[0] == values[0] - 0.5 and len(set(values)) == 1:  # NumPy's range around one value
        return "█", values[0], values[0]
    line = "".join(
        " " if not count else LEVELS[max(0, round(count / counts.max() * len(LEVELS)) - 1)]
        for count in counts
    )
    return line, float(edges[0]), float(edges[-1])
