"""Pages that stand alone: text, tables and pictures in one HTML file. Not for what they say."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from matplotlib.figure import Figure

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }}
img {{ max-width: 100%; height: auto; }}
table {{ border-collapse: collapse; display: block; overflow-x: auto; }}
td, th {{ border: 1px solid #ccc; padding: .25rem .6rem; text-align: left; vertical-align: top; }}
th {{ background: #f4f4f4; }}
.grid {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(18rem, 1fr)); gap: 1rem; }}
figure {{ margin: 0; }}
figcaption, pre {{ font: 13px/1.4 ui-monospace, monospace; }}
figcaption, pre {{ overflow-wrap: anywhere; white-space: pre-wrap; }}
.lead {{ font-size: 1.15rem; background: #f4f7fb; border-left: 4px solid #4a78b5; padding: .6rem 1rem; }}
</style></head><body>
<h1>{title}</h1>
{body}
</body></html>
"""


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page of parts that are HTML already."""
    return _PAGE.format(title=escape(title), body="\n".join(parts))


def section(title: str, *parts: str) -> str:
    """A heading and what goes under it; nothing where there is nothing under it."""
    return f"<h2>{escape(title)}</h2>\n" + "\n".join(parts) if any(parts) else ""


def paragraph(text: str, lead: bool = False) -> str:
    """A paragraph of plain text."""
    kind = ' class="lead"' if lead else ""
    return f"<p{kind}>{escape(text)}</p>"


def preformatted(text: str) -> str:
    """Plain text as it stands."""
    return f"<pre>{escape(text)}</pre>"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table of plain text."""
    lines = [_row("th", head), *(_row("td", row) for row in rows)]
    return "<table>" + "".join(lines) + "</table>"


def figure_image(figure: Figure | None, alt: str) -> str:
    """A figure as a picture in the page; nothing for None."""
    if figure is None:
        return ""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return _image(buffer.getvalue(), "image/png", alt)


def file_image(path: Path, alt: str, caption: str = "") -> str:
    """A PNG or GIF file as a picture in the page, with a caption below."""
    kind = "image/gif" if path.suffix == ".gif" else "image/png"
    under = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure>{_image(path.read_bytes(), kind, alt)}{under}</figure>"


def grid(pictures: Iterable[str]) -> str:
    """Pictures side by side; nothing where there are none."""
    inside = "\n".join(pictures)
    return f'<div class="grid">{inside}</div>' if inside else ""


def _image(data: bytes, kind: str, alt: str) -> str:
    return f'<img alt="{escape(alt)}" src="data:{kind};base64,{base64.b64encode(data).decode()}">'


def _row(cell: str, values: Sequence[object]) -> str:
    return "<tr>" + "".join(f"<{cell}>{escape(str(value))}</{cell}>" for value in values) + "</tr>"
