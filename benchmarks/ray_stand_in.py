"""Stand-in replicas under Ray Serve; the engine is one of fixed service time (``stand_in.py``)."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import ray
from fastapi import FastAPI
from ray import serve
from ray.serve.config import HTTPOptions

from benchmarks.stand_in import stand_in_app
from reward_server.launch.ray_serve import Replica


class StandInReplica:
    """Takes the place in the row that is its rank among the replicas.

    Args:
        frame_times_s: time of a frame for each replica.
    """

    def __init__(self, frame_times_s: list[float]) -> None:
        self._rank = serve.get_replica_context().rank.rank
        self._frame_s = frame_times_s[self._rank]

    def __serve_build_asgi_app__(self) -> FastAPI:
        """What Ray Serve hands requests to."""
        return stand_in_app(f"stand-in-{self._rank}", self._frame_s)


@contextmanager
def ray_stand_ins(frame_times_s: Sequence[float]) -> Iterator[str]:
    """Replicas in a cluster of this process, with the limits of real ones.

    Yields:
        The address of Ray Serve's proxy.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ray.init(num_cpus=len(frame_times_s), include_dashboard=False, logging_level="error", log_to_driver=False)
    try:
        serve.start(http_options=HTTPOptions(host="127.0.0.1", port=port))
        deployment = serve.deployment(serve.ingress()(StandInReplica)).options(
            num_replicas=len(frame_times_s),
            max_ongoing_requests=Replica.max_ongoing_requests,
            ray_actor_options={"num_cpus": 1},
        )
        serve.run(deployment.bind(list(frame_times_s)), name="stand-ins", route_prefix="/")
        yield f"http://127.0.0.1:{port}"
    finally:
        serve.shutdown()
        ray.shutdown()
