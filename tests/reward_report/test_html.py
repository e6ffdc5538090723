"""Pages hold text as text, whatever it is, and need nothing else."""

from __future__ import annotations

import base64
import io

from PIL import Image

from reward_report import html
from reward_report.figures import look, new_figure

HOSTILE = '<script>alert("x")</script>'


def test_text_stays_text_in_every_part() -> None:
    parts = [
        html.result("good", HOSTILE, [HOSTILE], [HOSTILE]),
        html.heading(HOSTILE),
        html.bars([(HOSTILE, 0.5, HOSTILE)]),
        html.paragraph(HOSTILE),
        html.table((HOSTILE,), [(HOSTILE,)]),
        html.record({HOSTILE: {HOSTILE: HOSTILE}}),
        html.tiles([(HOSTILE, HOSTILE)]),
        html.links([(HOSTILE, HOSTILE)]),
        html.folded(HOSTILE, html.quote(HOSTILE)),
    ]
    page = html.page(HOSTILE, parts, "good")
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 19
    assert 'href="%3Cscript%3Ealert%28%22x%22%29%3C/script%3E"' in page


def test_a_block_without_warnings_has_no_list() -> None:
    assert "<ul>" not in html.result("bad", "Not solved.", ["One."])
    assert html.result("broken", "x", [], ["One.", "Two."]).count("<li>") == 2


def test_a_bar_is_as_long_as_its_share() -> None:
    made = html.bars([("a", 1.0, "3"), ("b", 1 / 3, "1")])
    assert "100.0%" in made
    assert "33.33%" in made


def test_nothing_is_made_of_nothing() -> None:
    assert html.section("Empty", html.bars([]), html.side_by_side([]), html.grid([])) == ""
    none = html.figure_image(None, "nothing was measured")
    assert html.side_by_side([none]) == ""
    assert html.side_by_side([none, html.heading("One")]) == '<div class="wide grid"><h3>One</h3></div>'


def test_columns_of_numbers_are_put_in_line() -> None:
    made = html.table(("name", "score", "told"), [("a", "0.5", "1 of 2"), ("b", "—", "2")])
    assert made.count('class="number"') == 3  # the head of score, and its cells
    assert '<td class="number">—</td>' in made


def test_a_page_has_the_icon_of_its_tone_and_loads_again_where_asked() -> None:
    page = html.page("Run", [], "broken", refresh_s=60)
    assert "%23b3261e" in page
    assert '<meta http-equiv="refresh" content="60">' in page
    plain = html.page("Run", [])
    assert 'rel="icon"' not in plain
    assert "http-equiv" not in plain


def test_plots_have_no_ground_of_their_own() -> None:
    figure = look(new_figure)(1.0)
    made = html.figure_image(figure, "a plot")
    assert 'class="plot"' in made
    source = made.partition("base64,")[2].partition('"')[0]
    with Image.open(io.BytesIO(base64.b64decode(source))) as picture:
        assert picture.convert("RGBA").getpixel((0, 0))[3] == 0  # type: ignore[index]
