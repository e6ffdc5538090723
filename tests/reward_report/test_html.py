"""Pages hold text as text, whatever it is, and need nothing else."""

from __future__ import annotations

from reward_report import html

HOSTILE = '<script>alert("x")</script>'


def test_text_stays_text_in_every_part() -> None:
    parts = [
        html.result("good", HOSTILE, [HOSTILE], [HOSTILE]),
        html.heading(HOSTILE),
        html.bars([(HOSTILE, 0.5, HOSTILE)]),
        html.paragraph(HOSTILE),
        html.table((HOSTILE,), [(HOSTILE,)]),
    ]
    page = html.page(HOSTILE, parts)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 11


def test_a_block_without_warnings_has_no_list() -> None:
    assert "<ul>" not in html.result("bad", "Not solved.", ["One."])
    assert html.result("broken", "x", [], ["One.", "Two."]).count("<li>") == 2


def test_a_bar_is_as_long_as_its_share() -> None:
    made = html.bars([("a", 1.0, "3"), ("b", 1 / 3, "1")])
    assert "100.0%" in made
    assert "33.33%" in made


def test_nothing_is_made_of_nothing() -> None:
    assert html.section("Empty", html.bars([]), html.side_by_side([]), html.grid([])) == ""
