"""Which extras of this package are installed, and who needs them."""

from __future__ import annotations

import importlib.util

from reward_cli.doctor.checks import AGENT, NOBODY, SERVER, Check, Role
from reward_cli.extras import install_line, missing

EXTRAS: tuple[tuple[str, frozenset[Role], str], ...] = (
    ("server", SERVER, "the reward server, without its engine"),
    ("agent", AGENT, "training, audits, reports"),
    ("gym", NOBODY, "the wrappers for Gymnasium"),
    ("ray", NOBODY, "Ray Serve"),
)
"""Each extra, the roles that need it, and what it is for."""


def package_checks() -> list[Check]:
    """The extras, and the engine, which comes with one of two of them."""
    return [_engine(), *(_extra(*extra) for extra in EXTRAS)]


def _extra(name: str, needed_by: frozenset[Role], purpose: str) -> Check:
    absent = missing([name])
    found = "installed" if not absent else f"without {', '.join(absent[:3])}{' …' if len(absent) > 3 else ''}"
    return Check(f"extra {name}", not absent, found, f"for {purpose}: {install_line([name])}", needed_by)


def _engine() -> Check:
    is_there = importlib.util.find_spec("vllm") is not None
    advice = f"{install_line(['gpu'])} for CUDA, {install_line(['cpu'])} without a GPU"
    return Check("vLLM", is_there, "installed" if is_there else "not installed", advice, SERVER)
