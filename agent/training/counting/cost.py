"""Counts what a run's requests cost, as the server's answers tell it. Nothing here is learned from.

Not for what became of the frames (``frame_counts.py``).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_client.labeling.labeler import Scores
from reward_client.schema import ScoreResponse, Usage
from reward_client.wording.ensemble import AnyRubric


class CountedScores:
    """Asks a server, and adds up what its answers cost. It may be used from several threads at once.

    An answer's tokens and time include those of the tries before it that the engine failed on. What a try
    cost that got no answer at all is not known.

    Args:
        client: where frames are scored.
    """

    def __init__(self, client: Scores) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._usage: Usage | None = Usage(images=0, prompt_tokens=0, completion_tokens=0, engine_s=0.0)

    @classmethod
    def of(cls, client: Scores) -> CountedScores:
        """The client itself where it counts already, so that all who ask in a run are counted together."""
        return client if isinstance(client, CountedScores) else cls(client)

    def score(self, frames: Sequence[NDArray[np.uint8]], rubric: AnyRubric) -> ScoreResponse:
        """Scores frames as the client does."""
        answer = self._client.score(frames, rubric)
        with self._lock:
            if self._usage is not None:
                self._usage = self._usage.plus(answer.usage)
        return answer

    def usage(self) -> dict[str, Any] | None:
        """The cost so far, as ``summary.json`` and a checkpoint have it; None where a part is not known."""
        with self._lock:
            return None if self._usage is None else self._usage.model_dump()

    def restore(self, usage: Mapping[str, Any] | None) -> None:
        """Goes on from what ``usage`` returned; None: what came before was not counted."""
        with self._lock:
            self._usage = None if usage is None else Usage.model_validate(usage)
