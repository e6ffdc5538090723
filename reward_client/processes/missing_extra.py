"""Names the extra that a command needs and that is not installed, in place of a traceback.

Not for imports of our own code: what is wrong there is a defect, and keeps its traceback.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_OURS = ("agent", "reward_", "tiny_llava")


@contextmanager
def extra_named(command: str, extra: str) -> Iterator[None]:
    """Ends the command with a sentence where the block imports a package that is not installed.

    Args:
        command: what the user called.
        extra: the extra that installs all that it needs.

    Raises:
        SystemExit: a package is missing; its message is the sentence, and the exit status 1.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith(_OURS):
            raise
        sys.exit(
            f"{command}: the package {error.name} is not installed; install what {command} needs: "
            f'pip install "vlm-reward[{extra}]"'
        )
