"""Threads of the page's own: what computes or waits there takes none that the server's routes share.

Not for what is computed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple, Unpack

Args = TypeVarTuple("Args")
Result = TypeVar("Result")

THREADS = 2
"""While one renders, the other makes pictures and HTML, unless it waits to render too."""


class Threads:
    """A few threads, in front of which work waits for its turn.

    Who stops waiting takes work that has not begun out of the queue. A limiter in front of threads that
    others share would let further work begin at once beside that which nobody waits for any more.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="playground")

    async def run(self, work: Callable[[Unpack[Args]], Result], *args: *Args) -> Result:
        """What a function returns that one of the threads calls."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *args)
