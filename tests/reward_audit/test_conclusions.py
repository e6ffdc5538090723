"""What an audit says of success states: false positives first, beside a perfect reader's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reward_audit.conclusions import success_of
from reward_audit.reporting.page_parts import success_parts
from reward_tasks.cartpole import CartPole
from reward_tasks.pendulum import Pendulum

TILTS = np.linspace(-15.0, 15.0, 101)


def rows(rewards: Any) -> list[dict[str, Any]]:
    task = CartPole()
    truth = {"tilt_deg": TILTS, "cart_position": np.zeros(101)}
    oracle = task.oracle_of_truth(truth)
    return [
        {"true_tilt_deg": tilt, "true_cart_position": 0.0, "oracle": float(best), "reward": reward}
        for tilt, best, reward in zip(TILTS, oracle, rewards, strict=True)
    ]


def told(rewards: Any) -> dict[str, Any]:
    found = success_of(CartPole(), rows(rewards))
    assert found is not None
    return found


def test_a_right_reward_tells_every_success_and_nothing_else() -> None:
    found = told((1.0 - np.abs(TILTS) / 15.0).tolist())
    assert (found["successes"], found["failures"]) == (81, 20)
    assert found["definition"] == "the pole is within 12 degrees of upright"
    assert list(found["reward"]) == ["false_positive_rate", "false_negative_rate", "threshold", "auroc"]
    assert found["reward"] == pytest.approx(
        {"false_positive_rate": 0.0, "false_negative_rate": 0.0, "threshold": 0.2, "auroc": 1.0}
    )


def test_a_constant_reward_tells_every_state() -> None:
    found = told([0.4] * 101)["reward"]
    assert found["false_positive_rate"] == 1.0
    assert found["auroc"] == 0.5


def test_a_tilt_that_is_read_the_wrong_way_round_is_inverted() -> None:
    found = told((np.abs(TILTS) / 15.0).tolist())["reward"]
    assert (found["false_positive_rate"], found["auroc"]) == (1.0, 0.0)


def test_frames_without_a_reward_are_left_out_of_both_columns() -> None:
    rewards = [None if abs(tilt) > 12 else 0.5 for tilt in TILTS]
    found = told(rewards)
    assert (found["successes"], found["failures"]) == (81, 0)
    for reader in ("reward", "oracle"):
        assert set(found[reader].values()) == {None}
    assert "Rates need frames of both kinds" in "".join(success_parts(found))


def test_the_page_has_false_positives_first_with_the_threshold_and_the_definition() -> None:
    page = "".join(success_parts(told((1.0 - np.abs(TILTS) / 15.0).tolist())))
    order = [
        page.index(word) for word in ("within 12 degrees", "false positives", "misses", "AUROC", "threshold:")
    ]
    assert order == sorted(order)


def test_a_task_without_success_states_says_nothing() -> None:
    assert success_of(Pendulum(), [{"true_tilt_deg": 0.0, "oracle": 1.0, "reward": 1.0}]) is None
    assert success_parts(None) == []
