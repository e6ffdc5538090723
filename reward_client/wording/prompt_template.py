"""Prompts with places for variables, such as ``Does this picture show {text}?``. Pure functions.

A place is a name in single braces; a name in double braces is that name in single ones, as text. A prompt
that has either is a template, in which ``{{`` and ``}}`` stand for single braces. In every other prompt
braces are text like any other, doubled ones too. Not for what a value may hold (``variables.py``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

MAX_PLACES = 16
"""Different places of the prompts of one request."""

_NAMED = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]{0,63}\}")
_BRACES = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]{0,63})\}")


def places_in(prompt: str) -> tuple[str, ...]:
    """The names of a prompt's places, each once, in the order in which they come.

    >>> places_in("Does this {{picture}} show {text}?")
    ('text',)
    >>> places_in('Answer as {"angle": 3}.')
    ()
    """
    return tuple(dict.fromkeys(found[1] for found in _BRACES.finditer(prompt) if found[1]))


def filled(prompt: str, values: Mapping[str, str]) -> str:
    """A prompt with values in its places. Braces in a value are text.

    >>> filled("{{Does}} this show {text}?", {"text": "a {cat}"})
    '{Does} this show a {cat}?'
    >>> filled("Answer as {{3}}.", {})
    'Answer as {{3}}.'

    >>> filled("Answer as {{angle}}.", {})
    'Answer as {angle}.'

    Raises:
        KeyError: a place has no value.
    """
    if not _NAMED.search(prompt):
        return prompt
    return _BRACES.sub(lambda found: values[found[1]] if found[1] else found[0][0], prompt)


def unfilled(prompt: str) -> str:
    """A prompt as it is shown while its places have no values: each stands there as its name in braces."""
    return filled(prompt, {name: f"{{{name}}}" for name in places_in(prompt)})
