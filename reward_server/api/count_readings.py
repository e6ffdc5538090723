"""Counts the answer to several rubrics in the server's metrics, by rubric.

Not for what is counted (``telemetry/metrics.py``).
"""

from __future__ import annotations

from collections.abc import Sequence

from reward_client.schema import ReadingsResponse
from reward_server.telemetry.metrics import Metrics


def count_readings(metrics: Metrics, names: Sequence[str], answer: ReadingsResponse) -> None:
    """Counts one answer of ``POST /score`` with ``rubrics``.

    Args:
        metrics: where.
        names: of the rubrics; ``inline`` for those that came with the request.
        answer: what was sent.
    """
    metrics.add_times(answer.timings)
    for place, name in enumerate(names):
        for item in answer.items(place):
            metrics.frames.labels(name, item.status.value).inc()
            if item.reward is not None:
                metrics.rewards.labels(name).observe(item.reward)
            if item.label_mass is not None:
                metrics.label_mass.labels(name).observe(item.label_mass)
