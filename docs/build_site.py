"""Builds the documentation's site from the repository's own Markdown: ``python -m docs.build_site``.

Pages keep their place, so that a link which works between the plain files works on the site, too: the folder
that is built from has README.md, docs/, and each file elsewhere that a page links to. Two things differ.
A link that leads to a file without a page of its own, such as an example, shows a page with its text; and
the tables of the HTTP API are made from the application's OpenAPI document. Not for what the pages say.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
OPENAPI = ROOT / "tests" / "reward_server" / "api" / "openapi.json"
"""The application's own document: a test holds the two to be equal."""

HTTP_TABLES = "<!-- the tables -->"
"""Where a page has the tables that are made from it."""

LINK = re.compile(r"(?<=\]\()(?P<path>[^)\s#:]+)(?P<anchor>#[^)\s]*)?(?=\))")
"""A link of a page to a file of the repository; what has a scheme has a colon."""

LANGUAGES = {".py": "python", ".sh": "bash", ".mjs": "javascript", ".json": "json", ".yaml": "yaml"}
PICTURES = {".png", ".gif", ".svg", ".webp"}


def main() -> int:
    """Lays the pages out, and lets Zensical build them strictly.

    Returns:
        The exit code of the build.
    """
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    lay_out(ROOT / config["docs_dir"], list(pages(config["nav"])))
    return subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--clean", "--strict"], cwd=ROOT, check=False
    ).returncode


def pages(nav: list[Any]) -> Iterator[Path]:
    """The files that a navigation names, from the top to the bottom."""
    for entry in nav:
        (content,) = entry.values() if isinstance(entry, Mapping) else (entry,)
        if isinstance(content, str):
            yield Path(content)
        else:
            yield from pages(content)


def lay_out(folder: Path, files: list[Path]) -> None:
    """Fills the folder that the site is built from.

    Args:
        folder: is emptied first.
        files: the pages, from the repository's root.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for file in files:
        written = (ROOT / file).read_text(encoding="utf-8")
        if HTTP_TABLES in written:
            written = written.replace(HTTP_TABLES, http_tables())
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        followed = LINK.sub(partial(_followed, page=file, folder=folder), written)
        target.write_text(followed, encoding="utf-8")


def _followed(link: re.Match[str], page: Path, folder: Path) -> str:
    """What a link becomes; the file that it leads to is put into the folder where it is no page."""
    linked = (ROOT / page.parent / link["path"]).resolve()
    if linked.suffix == ".md" or not linked.is_file():
        return link[0]
    inside = linked.relative_to(ROOT)
    target = folder / inside
    target.parent.mkdir(parents=True, exist_ok=True)
    if linked.suffix in PICTURES:
        shutil.copyfile(linked, target)
        return link[0]
    text = linked.read_text(encoding="utf-8")
    shown = f"# {inside}\n\n````{LANGUAGES.get(linked.suffix, 'text')}\n{text.rstrip()}\n````\n"
    target.with_name(f"{target.name}.md").write_text(shown, encoding="utf-8")
    return f"{link['path']}.md"


def http_tables() -> str:
    """The HTTP API: each operation, its parameters, bodies and answers, and each schema."""
    document = json.loads(OPENAPI.read_text(encoding="utf-8"))
    parts: list[str] = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            parts += _operation(method, path, operation)
    parts.append("## Schemas")
    for name, schema in document["components"]["schemas"].items():
        parts += _schema(name, schema)
    return "\n\n".join(parts)


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"## {method.upper()} {path}"
    yield operation.get("description", operation.get("summary", ""))
    for media, body in operation.get("requestBody", {}).get("content", {}).items():
        yield f"Body, `{media}`: {_type(body.get('schema', {}))}"
    if given := operation.get("parameters"):
        rows = [f"| `{one['name']}` | {one['in']} | {_type(one['schema'])} |" for one in given]
        yield "\n".join(["| parameter | in | type |", "|---|---|---|", *rows])
    rows = []
    for status, answer in operation["responses"].items():
        kinds = [_type(body.get("schema", {})) for body in answer.get("content", {}).values()]
        rows.append(f"| {status} | {_cell(answer.get('description', ''))} | {', '.join(kinds)} |")
    yield "\n".join(["| status | when | body |", "|---|---|---|", *rows])


def _schema(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"### {name}"
    if text := schema.get("description"):
        yield _plain(text)
    if choices := schema.get("enum"):
        yield "One of " + ", ".join(f"`{choice}`" for choice in choices) + "."
    if fields := schema.get("properties"):
        required = schema.get("required", [])
        rows = [
            f"| `{field}` | {_type(of)} | {'required' if field in required else _default(of)} "
            f"| {_cell(of.get('description', ''))} |"
            for field, of in fields.items()
        ]
        yield "\n".join(["| field | type | default | |", "|---|---|---|---|", *rows])


def _type(schema: dict[str, Any]) -> str:
    """A schema's type as a cell of a table, with links to the schemas that it names."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " or ".join(_type(one) for one in schema[several])
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return " or ".join(f"`{json.dumps(one)}`" for one in schema["enum"])
    if schema.get("type") == "array":
        return f"array of {_type(schema.get('items', {}))}"
    return str(schema.get("type", "anything")) + _bounds(schema)


def _bounds(schema: dict[str, Any]) -> str:
    words = {"minimum": "≥", "maximum": "≤", "exclusiveMinimum": ">", "exclusiveMaximum": "<"}
    told = [f"{sign} {schema[key]}" for key, sign in words.items() if key in schema]
    return f" {', '.join(told)}" if told else ""


def _default(schema: dict[str, Any]) -> str:
    return f"`{json.dumps(schema['default'])}`" if "default" in schema else ""


def _cell(text: str) -> str:
    return " ".join(_plain(text).split()).replace("|", "\\|")


def _plain(text: str) -> str:
    """A docstring's literals as Markdown has them, and its sections as they stand."""
    return text.replace("``", "`")


if __name__ == "__main__":
    sys.exit(main())
