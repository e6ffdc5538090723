"""The rate at which a full server answers."""

from __future__ import annotations

import pytest

from reward_server.admission.drain_rate import DrainRate
from tests.reward_server.admission.test_image_queue import Clock


def test_the_rate_is_that_of_the_time_in_which_the_server_was_full() -> None:
    clock = Clock()
    rate = DrainRate(1000, clock)
    assert rate.images_per_s() is None
    for _ in range(5):  # 8 images in 2 s; then little to do, and one image in 3 s
        rate.set_full(True)
        clock.now += 2.0
        rate.add(8)
        rate.set_full(False)
        clock.now += 3.0
        rate.add(1)
    assert rate.images_per_s() == pytest.approx(4.0)


def test_the_time_of_work_that_was_given_up_counts() -> None:
    clock = Clock()
    rate = DrainRate(1000, clock)
    rate.set_full(True)
    clock.now += 3.0  # one was given up here
    rate.set_full(True)
    clock.now += 1.0
    rate.add(8)
    assert rate.images_per_s() == pytest.approx(2.0)


def test_a_rate_is_forgotten_after_half_a_minute() -> None:
    clock = Clock()
    rate = DrainRate(1000, clock)
    rate.set_full(True)
    for seconds, images in ((1.0, 8), (20.0, 10)):
        clock.now += seconds
        rate.add(images)
    clock.now += 20.0
    assert rate.images_per_s() == pytest.approx(0.5)
    clock.now += 20.0
    assert rate.images_per_s() is None


def test_the_rate_is_that_of_the_newest_images() -> None:
    clock = Clock()
    rate = DrainRate(16, clock)
    rate.set_full(True)
    for seconds in (1.0, 1.0, 4.0, 4.0):
        clock.now += seconds
        rate.add(8)
    assert rate.images_per_s() == pytest.approx(2.0)
    clock.now += 100.0
    rate.add(64)  # more than are kept
    assert rate.images_per_s() == pytest.approx(0.64)
