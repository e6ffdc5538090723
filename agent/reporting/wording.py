"""How sentences about a run write shares and the model's own words. Not for what they say."""

from __future__ import annotations

SHOWN_CHARS = 60
"""Of an answer or a message inside a sentence."""


def percent(share: float) -> str:
    """A share, so that only none and all of it read as 0 and 100.

    >>> percent(0.5), percent(0.9996), percent(1.0), percent(0.0001)
    ('50.0 %', 'over 99.9 %', '100 %', 'under 0.1 %')
    """
    if share in {0.0, 1.0}:
        return f"{100 * share:.0f} %"
    if share > 0.999:
        return "over 99.9 %"
    return "under 0.1 %" if share < 0.001 else f"{100 * share:.1f} %"


def hundredths(value: float) -> str:
    """A number to two places, without a sign where it rounds to none.

    >>> hundredths(-0.001), hundredths(-0.126)
    ('0.00', '-0.13')
    """
    return f"{round(value, 2) + 0.0:.2f}"


def side_share(share: float | None) -> str:
    """How many values were read on the right side of 0; None where none has a side.

    >>> side_share(0.9876), side_share(None)
    ('98.8 %', 'no side')
    """
    return "no side" if share is None else f"{100 * share:.1f} %"


def quoted(text: str) -> str:
    """The model's own words inside a sentence: on one line, and cut where they are long.

    >>> quoted("It leans left" + chr(10) + "a little.")
    '"It leans left a little."'
    """
    words = " ".join(text.split())
    return f'"{words if len(words) <= SHOWN_CHARS else words[: SHOWN_CHARS - 1] + "…"}"'


def frames(share: float) -> str:
    """How many of the frames.

    >>> frames(1.0), frames(0.995)
    ('every frame', '99.5 % of the frames')
    """
    return "every frame" if share == 1.0 else f"{percent(share)} of the frames"
