"""Nested records become rows that people read: no braces, no quotes, nothing left out."""

from __future__ import annotations

from reward_report import html
from reward_report.records import record_rows, value_text


def test_every_value_of_a_record_has_a_row_with_the_way_to_it() -> None:
    record = {
        "server": {"model": "llava", "limits": {"max_images": 256}, "rubrics": {}},
        "labels": ["Yes", "No"],
        "readings": [{"unit": "deg", "error": 0.25}, {"unit": "m"}],
        "video": False,
    }
    assert record_rows(record) == [
        ("server · model", "llava"),
        ("server · limits · max images", "256"),
        ("server · rubrics", "—"),
        ("labels", "Yes, No"),
        ("readings · 1 · unit", "deg"),
        ("readings · 1 · error", "0.25"),
        ("readings · 2 · unit", "m"),
        ("video", "no"),
    ]


def test_long_lists_are_told_by_their_number_and_range() -> None:
    assert value_text([float(n) for n in range(100)]) == "100 values, from 0 to 99"
    assert value_text([str(n) for n in range(20)]).endswith("11 and 8 more")


def test_a_record_on_a_page_has_no_braces() -> None:
    page = html.record({"dqn": {"hidden": [64, 64]}, "points": [{"a": {"b": 1}}]})
    assert not {"{", "}", "[", "]"} & set(page)
    assert "<td>dqn · hidden</td><td>64, 64</td>" in page
