"""What a check says, and which role needs what it looked for. Not for the checks themselves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a machine is to do."""

    CLIENT = "client"
    """ask a server that runs elsewhere"""
    SERVER = "server"
    """serve a model"""
    AGENT = "agent"
    """train on rewards"""


CLIENT, SERVER, AGENT = frozenset({Role.CLIENT}), frozenset({Role.SERVER}), frozenset({Role.AGENT})
ALL = CLIENT | SERVER | AGENT
NOBODY = frozenset[Role]()
"""Of what is useful and no role needs."""


@dataclass(frozen=True)
class Check:
    """What was looked for, and what was found.

    Attributes:
        name: of what was looked for.
        is_there: whether it was found, in a form that can be used.
        found: what there is, in a few words.
        advice: what to do where it is missing; empty where it is there.
        needed_by: the roles that cannot do without it.
    """

    name: str
    is_there: bool
    found: str
    advice: str = ""
    needed_by: frozenset[Role] = NOBODY

    def word(self, role: Role | None) -> str:
        """``ok``, ``missing`` or ``optional``.

        Args:
            role: that the machine is for; None for any.
        """
        if self.is_there:
            return "ok"
        is_needed = bool(self.needed_by) if role is None else role in self.needed_by
        return "missing" if is_needed else "optional"
