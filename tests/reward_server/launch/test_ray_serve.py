"""Ray Serve on a real cluster of several raylets, with real engines: nothing that a client asks is lost."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator

import httpx
import numpy as np
import psutil
import pytest
import ray
from ray import serve
from ray.cluster_utils import Cluster
from ray.serve.config import HTTPOptions

from reward_client import RewardClient
from reward_server.launch.ray_serve import Replica
from tests import waiting
from tests.paths import CHECKPOINT

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(900)]

KEY = "a-key-of-the-ray-test"
OPTIONS = {
    "model": str(CHECKPOINT),
    "dtype": "float32",
    "max_model_len": 512,
    "cache_bytes": 0,
    "enforce_eager": True,  # starts sooner
}
QUICK = {
    "min_replicas": 1,
    "max_replicas": 2,
    "target_ongoing_requests": 0.2,  # less than the clients below keep under way
    "upscale_delay_s": 1,
    "downscale_delay_s": 8,
    "look_back_period_s": 11,
}
CHANGE_S = 180.0
PAUSE_S = 0.3
"""Between a client's requests, so that replicas that start get a share of two cores."""

PORT = 18_900


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A head, which serves HTTP, and two nodes with room for one replica each."""
    variables = {
        "REWARD_API_KEYS": KEY,
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",  # else a replica that starts waits for those at work
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield from raylets()


def raylets() -> Iterator[Cluster]:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        for _ in range(2):
            cluster.add_node(num_cpus=1)
        ray.init(address=cluster.address, logging_level="warning")
        serve.start(proxy_location="HeadOnly", http_options=HTTPOptions(host="127.0.0.1", port=PORT))
        yield cluster
    finally:
        serve.shutdown()
        ray.shutdown()
        cluster.shutdown()


class Load:
    """Clients that ask until they are stopped, each of them one request after another."""

    def __init__(self, clients: int) -> None:
        self.answered = 0
        self.failures: list[str] = []
        self.rewards: dict[int, set[float | None]] = {}
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(row,)) for row in range(clients)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def more(self, requests: int) -> None:
        """Waits until so many more were answered."""
        wanted = self.answered + requests
        until(lambda: self.answered >= wanted, f"{requests} answers")

    def _ask(self, row: int) -> None:
        frames = list(np.random.default_rng(row).integers(0, 256, (4, 60, 90, 3), dtype=np.uint8))
        with RewardClient(f"http://127.0.0.1:{PORT}", api_key=KEY, retries=None, deadline_s=120) as client:
            while not self._ended.is_set():
                try:
                    items = client.score(frames, "cartpole-upright").data
                except Exception as error:  # noqa: BLE001 - all of them are failures here
                    self.failures.append(f"{type(error).__name__}: {error}")
                else:
                    self.answered += 1
                    for place, item in enumerate(items):
                        self.rewards.setdefault(10 * row + place, set()).add(item.reward)
                self._ended.wait(PAUSE_S)


def until(condition: Callable[[], bool], what: str, timeout_s: float = CHANGE_S) -> float:
    return waiting.until(condition, timeout_s, what, poll_s=0.2)


def replicas() -> list[psutil.Process]:
    """Processes of replicas."""
    return [p for p in psutil.process_iter(["cmdline"]) if "ServeReplica" in "".join(p.info["cmdline"] or ())]


def engines() -> set[psutil.Process]:
    """Processes of engines, also of those whose replica is gone."""
    return {p for p in psutil.process_iter(["cmdline"]) if "VLLM::" in "".join(p.info["cmdline"] or ())}


def running() -> int:
    """Replicas that get requests."""
    deployment = serve.status().applications["vlm-reward"].deployments["reward-server"]
    return int(deployment.replica_states.get("RUNNING", 0))


def requests_by_replica() -> Counter[str]:
    """Answered scoring requests of each replica that a few calls of /metrics come across."""
    counts: Counter[str] = Counter()
    for _ in range(12):
        headers = {"Authorization": f"Bearer {KEY}"}
        text = httpx.get(f"http://127.0.0.1:{PORT}/metrics", headers=headers, timeout=30).text
        replica = re.search(r"^process_start_time_seconds (\S+)$", text, re.MULTILINE)
        answered = r'^vlm_reward_requests_total{route="/score",status="200"} (\S+)$'
        count = re.search(answered, text, re.MULTILINE)
        assert replica
        counts[replica[1]] = int(float(count[1])) if count else 0
    return counts


def test_replicas_come_die_and_go_and_no_client_sees_a_failure(cluster: Cluster) -> None:
    others = engines()  # of other tests
    app = Replica.options(
        ray_actor_options={"num_gpus": 0, "num_cpus": 1},
        autoscaling_config=QUICK,
        health_check_period_s=1,
    ).bind(OPTIONS)
    serve.run(app, name="vlm-reward", route_prefix="/")
    assert running() == 1
    without = httpx.post(f"http://127.0.0.1:{PORT}/score", json={"images": [], "rubric": "x"})
    assert without.status_code == 401

    with Load(4) as load:
        up_s = until(lambda: running() == 2, "the second replica")
        load.more(60)
        counts = requests_by_replica()
        print(f"1 to 2 after {up_s:.0f} s; answered {sorted(counts.values())}")
        assert len(counts) == 2
        assert min(counts.values()) > 0

        engine = next(p for p in replicas()[0].children(recursive=True) if "EngineCore" in p.name())
        engine.kill()
        until(lambda: running() == 1, "the dead one to be noticed")
        back_s = until(lambda: running() == 2, "its successor")
        load.more(30)
        print(f"an engine killed: two replicas again after {back_s:.0f} s")

        node = cluster.list_all_nodes()[-1]
        cluster.remove_node(node, allow_graceful=False)
        until(lambda: running() == 1, "the lost node to be noticed")
        load.more(30)
        cluster.add_node(num_cpus=1)
        until(lambda: running() == 2, "a replica on the new node")
        load.more(30)

    assert load.failures == []
    assert {len(seen) for seen in load.rewards.values()} == {1}, "a frame's reward depends on the replica"
    assert None not in {reward for seen in load.rewards.values() for reward in seen}
    down_s = until(lambda: running() == 1, "one replica to go")
    print(f"{load.answered} requests answered; 2 to 1 after {down_s:.0f} s")
    until(lambda: len(replicas()) == 1, "its process to end")
    family = set(replicas()[0].children(recursive=True))
    until(lambda: engines() - others <= family, "engines without a replica to end", 30)
