"""A sweep's drawing: inside its panel, broken where there is no value."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reward_playground.curve import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Line, panel, ticks

X = [-1.0, 0.0, 1.0, 2.0, 3.0]


def test_a_missing_value_breaks_the_curve_and_is_marked() -> None:
    drawn = panel("read", "true", [Line("a", X, [0.0, 1.0, None, 2.0, 3.0])], None).lines[0]
    assert [run.count(",") for run in drawn.runs] == [2, 2]
    assert len(drawn.dots) == 4
    assert drawn.gaps == [drawn.dots[1][0] + (drawn.dots[1][0] - drawn.dots[0][0])]


def test_where_nothing_was_read_the_panel_says_so() -> None:
    empty = panel("read", "true", [Line("true", X, X), Line("a", X, [None] * 5)], None)
    assert empty.note == "no frame gave a value"
    assert empty.lines == []


@given(st.lists(st.floats(-1e18, 1e18), min_size=5, max_size=5), st.sampled_from([None, (0.0, 1.0)]))
@example([1e17] * 5, None)
def test_every_point_lies_within_the_axes(y: list[float], y_range: tuple[float, float] | None) -> None:
    shown = panel("read", "true", [Line("a", X, y)], y_range)
    assert all(LEFT <= x <= WIDTH - RIGHT and TOP <= y <= HEIGHT - BOTTOM for x, y in shown.lines[0].dots)
    assert all(TOP <= tick.at <= HEIGHT - BOTTOM for tick in shown.y_ticks)
    assert 2 <= len(shown.y_ticks) <= 7


@pytest.mark.parametrize(("low", "high"), [(0.0, 1e-6), (-180.0, 180.0), (0.999, 1.0)])
def test_there_are_a_few_ticks_whatever_the_range(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 2 <= len(found) <= 7
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in found)
