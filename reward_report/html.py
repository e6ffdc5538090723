"""Self-contained pages: text, tables and pictures in one HTML file. Not for what they say.

The HTML itself is in ``page.html.jinja``. Text becomes HTML in its macros alone, which escape it; what they
return is ``Markup``, so that a type checker sees where text is taken for HTML, and a reader sees the text.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from reward_report.records import record_rows

Tone = Literal["good", "bad", "broken", "open"]
"""How something went: green, amber, red for what is no result at all, blue for what is not decided."""

_NUMBER = re.compile(r"[-+]?[\d.,]+( %| s| deg)?|—|not defined")

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_MACROS = _TEMPLATES.get_template("page.html.jinja").module


def page(title: str, parts: Iterable[Markup], tone: Tone | None = None, refresh_s: int | None = None) -> str:
    """A whole page.

    Args:
        title: its heading, and its name in the browser.
        parts: what is on it.
        tone: the colour of its icon in the browser; None for none.
        refresh_s: time after which a browser loads it again; None for a page that stays as it is.
    """
    return _made("page", title, parts, tone, refresh_s)


def look() -> str:
    """The style sheet of all pages."""
    return _TEMPLATES.get_template("look.css.jinja").render()


def section(title: str, *parts: Markup) -> Markup:
    """A heading and what goes under it; nothing where there is nothing under it.

    >>> section("Pictures", grid([]))
    Markup('')
    """
    return _made("section", title, parts)


def paragraph(text: str) -> Markup:
    """A paragraph of plain text.

    >>> paragraph("tilt < 12°")
    Markup('<p>tilt &lt; 12°</p>')
    """
    return _made("paragraph", text)


def heading(text: str) -> Markup:
    """A heading inside a section."""
    return _made("heading", text)


def result(
    tone: Tone,
    headline: str,
    facts: Sequence[str] = (),
    warnings: Sequence[str] = (),
) -> Markup:
    """What a page has to say, first of all: a block whose colour tells how it went, as its headline does.

    Args:
        tone: its colour.
        headline: the result, in a sentence.
        facts: a paragraph each.
        warnings: a marked item each.
    """
    return _made("result", tone, headline, facts, warnings)


def bars(rows: Iterable[tuple[str, float, str]]) -> Markup:
    """A bar chart of plain text; nothing where there are no rows.

    Args:
        rows: what a bar is of, its length from 0 to 1, and what is written beside it.
    """
    return _made("bars", list(rows))


def tiles(figures: Sequence[tuple[str, str]]) -> Markup:
    """What is measured at a glance: names and values, large and side by side."""
    return _made("tiles", figures)


def links(targets: Sequence[tuple[str, str]]) -> Markup:
    """Words that lead to files beside the page, by their paths from there."""
    return _made("links", targets)


def link(words: str, target: str) -> Markup:
    """The same inside a table."""
    return _made("link", words, target)


def folded(title: str, *parts: Markup) -> Markup:
    """Parts that are shown when the title is clicked; nothing where there are none."""
    return _made("folded", title, parts)


def quote(text: str) -> Markup:
    """Somebody's own words, with their line breaks."""
    return _made("quote", text)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Markup:
    """A table of plain text; columns of numbers are put in line.

    Args:
        head: titles; all empty for a table without a head.
        rows: their cells; a cell may be ``link``.
    """
    body = [[*map(_cell, row)] for row in rows]
    columns = [[cell for cell in column if cell] for column in zip(*body, strict=True)]
    numeric = [bool(cells) and all(map(_NUMBER.fullmatch, cells)) for cells in columns]
    return _made("table", head, body, numeric or [False] * len(head))


def record(content: Mapping[str, object]) -> Markup:
    """A nested record, such as a configuration, as a table of names and values."""
    return table(("", ""), record_rows(content))


def figure_image(figure: Figure | None, alt: str) -> Markup:
    """A plot as a picture in the page, without a ground of its own; nothing for None."""
    if figure is None:
        return Markup()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", transparent=True)
    return _made("plot", _data_url(buffer.getvalue(), "image/png"), alt)


def file_image(path: Path, alt: str, caption: str = "") -> Markup:
    """A PNG file as a picture in the page, with a caption below."""
    return _made("figure", _data_url(path.read_bytes(), "image/png"), alt, caption)


def animation(path: Path, alt: str, caption: str = "") -> Markup:
    """A GIF file as a large picture in the page, with a caption below."""
    return _made("figure", _data_url(path.read_bytes(), "image/gif"), alt, caption, "film")


def grid(pictures: Sequence[Markup]) -> Markup:
    """Pictures side by side, without those that are empty; nothing where none is left."""
    return _made("grid", pictures, "grid")


def side_by_side(parts: Sequence[Markup]) -> Markup:
    """Large parts in two columns, one on a narrow screen, without those that are empty."""
    return _made("grid", parts, "wide grid")


def _made(macro: str, *values: object) -> Markup:
    """What a macro of the template makes of values."""
    made: Markup = getattr(_MACROS, macro)(*values)
    return made


def _cell(value: object) -> str:
    return value if isinstance(value, str) else str(value)


def _data_url(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
