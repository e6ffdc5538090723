"""Which parts of this package are installed, by its own metadata; what a base install lacks is an extra's.

Not for whether the machine can run them (``doctor/``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib import metadata

PACKAGE = "vlm-reward"

_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[([^\]]*)\])?")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")


def missing(extras: Iterable[str]) -> list[str]:
    """The packages of some extras that are not installed, by their name on PyPI.

    An extra that the installed metadata does not know, as that of an older editable install, misses nothing.
    """
    absent = []
    for name in dict.fromkeys(name for extra in extras for name in _packages(extra)):
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            absent.append(name)
    return absent


def install_line(extras: Iterable[str]) -> str:
    """The command that installs some extras.

    >>> install_line(["cli", "audit"])
    'pip install "vlm-reward[cli,audit]"'
    """
    return f'pip install "{PACKAGE}[{",".join(extras)}]"'


def _packages(extra: str) -> Iterator[str]:
    try:
        requirements = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:  # run from a checkout that was not installed
        return
    for requirement in requirements:
        needed, _, marker = requirement.partition(";")
        found = _EXTRA.search(marker)
        named = _REQUIREMENT.match(needed.strip())
        if found is None or found[1] != extra or named is None:
            continue
        if named[1] == PACKAGE:
            for other in (named[2] or "").split(","):
                yield from _packages(other.strip())
        else:
            yield named[1]
