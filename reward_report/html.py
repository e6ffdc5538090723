"""Self-contained pages: text, tables and pictures in one HTML file. Not for what they say.

The HTML itself is in ``page.html.jinja``. Text becomes HTML in its macros alone, which escape it; what they
return is ``Markup``, so that a type checker sees where text is taken for HTML, and a reader sees the text.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_MACROS = _TEMPLATES.get_template("page.html.jinja").module


def page(title: str, parts: Iterable[Markup]) -> str:
    """A whole page."""
    return _made("page", title, parts)


def section(title: str, *parts: Markup) -> Markup:
    """A heading and what goes under it; nothing where there is nothing under it.

    >>> section("Pictures", grid([]))
    Markup('')
    """
    return _made("section", title, parts)


def paragraph(text: str, lead: bool = False) -> Markup:
    """A paragraph of plain text.

    >>> paragraph("tilt < 12°")
    Markup('<p>tilt &lt; 12°</p>')
    """
    return _made("paragraph", text, lead)


def heading(text: str) -> Markup:
    """A heading inside a section."""
    return _made("heading", text)


def result(
    tone: Literal["good", "bad", "broken"],
    headline: str,
    facts: Sequence[str] = (),
    warnings: Sequence[str] = (),
) -> Markup:
    """What a page has to say, first of all: a block whose colour tells how it went, as its headline does.

    Args:
        tone: its colour: green, amber, or red for what is no result at all.
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


def preformatted(text: str) -> Markup:
    """Plain text, with its line breaks and spaces."""
    return _made("preformatted", text)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Markup:
    """A table of plain text."""
    return _made("table", head, rows)


def figure_image(figure: Figure | None, alt: str) -> Markup:
    """A figure as a picture in the page; nothing for None."""
    if figure is None:
        return Markup()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return _made("image", _data_url(buffer.getvalue(), "image/png"), alt)


def file_image(path: Path, alt: str, caption: str = "") -> Markup:
    """A PNG or GIF file as a picture in the page, with a caption below."""
    kind = "image/gif" if path.suffix == ".gif" else "image/png"
    return _made("figure", _data_url(path.read_bytes(), kind), alt, caption)


def grid(pictures: Sequence[Markup]) -> Markup:
    """Pictures side by side; nothing where there are none."""
    return _made("grid", pictures, "grid")


def side_by_side(parts: Sequence[Markup]) -> Markup:
    """Large parts in two columns, one on a narrow screen; nothing where there are none."""
    return _made("grid", parts, "wide grid")


def _made(macro: str, *values: object) -> Markup:
    """What a macro of the template makes of values."""
    made: Markup = getattr(_MACROS, macro)(*values)
    return made


def _data_url(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
