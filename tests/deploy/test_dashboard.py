"""The shipped Grafana dashboard asks for metrics that exist."""

from __future__ import annotations

import json
import re

import httpx
import pytest

from tests.paths import ROOT

DASHBOARD = ROOT / "deploy" / "grafana" / "vlm-reward.json"


@pytest.mark.vllm
def test_every_query_of_the_dashboard_names_a_metric_of_the_server(server_url: str) -> None:
    exposed = httpx.get(f"{server_url}/metrics").text
    families = {line.split()[2] for line in exposed.splitlines() if line.startswith("# TYPE")}
    asked: set[str] = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            names = set(re.findall(r"\b(?:vlm_reward|vllm)[a-z_:]+", target["expr"]))
            assert names, target["expr"]
            asked |= {re.sub(r"_bucket$", "", name) for name in names}
    assert asked <= families, asked - families
