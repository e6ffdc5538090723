"""The documentation hangs together: navigation, links, quoted messages, figures, badges; and the site builds.

Not for the code that the pages show (``test_documentation.py``).
"""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import yaml

from docs import build_site
from tests.pages import FENCE, README
from tests.paths import ROOT

NAV = list(build_site.pages(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
TOOLCHAIN = ROOT / ".venv-docs" / "bin" / "python"
"""Of the environment that `make docs` makes."""

LINK = re.compile(r"\[(?P<text>[^\[\]]*)\]\((?P<path>[^)\s#]*)(?:#(?P<anchor>[^)\s]+))?\)")
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.]*\d)")
MEASURED = {"docs/performance.md", "docs/results.md", "docs/reliability.md", "docs/audit.md"}


@dataclass(frozen=True)
class Link:
    """A link of a page to something in the repository."""

    page: Path
    text: str
    path: str
    anchor: str | None

    @property
    def target(self) -> Path:
        return (ROOT / self.page.parent / self.path).resolve() if self.path else ROOT / self.page

    def __str__(self) -> str:
        return f"{self.page}:{self.path}{f'#{self.anchor}' if self.anchor else ''}"


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return FENCE.sub("", (ROOT / page).read_text())


def links() -> Iterator[Link]:
    for page in NAV:
        for found in LINK.finditer(prose(page)):
            if not re.match(r"[a-z]+:", found["path"]):
                yield Link(page, found["text"], found["path"], found["anchor"])


def sections(page: Path) -> dict[str, str]:
    """What stands under each heading of a page, by the heading's text; deeper headings included."""
    parts = re.split(r"^(#{1,4}) (.+)$", prose(page), flags=re.MULTILINE)[1:]
    found = {}
    for place in range(0, len(parts), 3):
        text = parts[place + 2]
        for later in range(place + 3, len(parts), 3):
            if len(parts[later]) <= len(parts[place]):
                break
            text += parts[later + 2]
        found[re.sub(r"[`*]|\]\(.*?\)|\[", "", parts[place + 1]).strip()] = text
    return found


def slug_of_forges(heading: str) -> str:
    """The anchor that GitHub, GitLab and their like give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def slug_of_the_site(heading: str) -> str:
    """The anchor that Python-Markdown gives it (markdown.extensions.toc.slugify)."""
    plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


@cache
def templates() -> tuple[str, ...]:
    """Every text in the code, with an ellipsis for each value that is put into it."""
    found = {(ROOT / "Makefile").read_text().replace("$(PYTHON)", "…")}
    rooms = [ROOT / "agent", *ROOT.glob("reward_*")]
    for file in (file for room in rooms for file in room.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
                found.add("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return tuple(found)


def messages() -> list[str]:
    return re.findall(r"^> `(.+)`$", (ROOT / "docs" / "troubleshooting.md").read_text(), re.MULTILINE)


def test_every_page_is_in_the_navigation_and_every_entry_is_there() -> None:
    written = {page.relative_to(ROOT) for page in (ROOT / "docs").rglob("*.md")}
    assert written <= set(NAV)
    assert [page for page in NAV if not (ROOT / page).is_file()] == []
    assert len(NAV) == len(set(NAV))


def test_the_index_names_every_page() -> None:
    index = Path("docs/index.md")
    named = {link.target.relative_to(ROOT) for link in links() if link.page == index}
    assert set(NAV) - {index} <= named


def test_every_link_leads_somewhere() -> None:
    assert [str(link) for link in links() if not link.target.exists()] == []


def test_every_anchor_is_a_heading_between_plain_files_and_on_the_site() -> None:
    lost = []
    for link in links():
        if link.anchor:
            headings = sections(link.target.relative_to(ROOT))
            for slug in (slug_of_forges, slug_of_the_site):
                if link.anchor not in map(slug, headings):
                    lost.append(f"{link} ({slug.__name__})")
    assert lost == []


def test_no_link_leads_to_what_only_one_machine_has() -> None:
    ignored = subprocess.run(
        ["git", "check-ignore", "--stdin"],
        cwd=ROOT,
        input="\n".join(str(link.target) for link in links()),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ignored.stdout == ""


@pytest.mark.parametrize("message", messages())
def test_a_quoted_message_is_one_that_the_code_prints(message: str) -> None:
    assert any(message in template for template in templates())


def without_separators(text: str) -> str:
    return text.replace(",", "")


def test_figures_of_the_readme_stand_in_the_tables_that_they_link_to() -> None:
    rows, strays = 0, []
    for line in README.read_text().splitlines():
        measured = [link for link in LINK.finditer(line) if link["path"] in MEASURED and link["anchor"]]
        if not line.startswith("| ") or not measured:
            continue
        rows += 1
        (link,) = measured
        there = sections(Path(link["path"]))
        (section,) = [there[heading] for heading in there if slug_of_forges(heading) == link["anchor"]]
        known = set(NUMBER.findall(without_separators(section)))
        cells = re.sub(r"\]\([^)]*\)", "", line).split("|")[2:]  # without the row's name
        strays += [
            f"{one} is not in {link['path']}#{link['anchor']}"
            for one in NUMBER.findall(without_separators(" ".join(cells)))
            if one not in known
        ]
    assert rows == 5
    assert strays == []


def test_badges_say_what_the_package_says() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    first, last = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", project["requires-python"]).groups()  # type: ignore[union-attr]
    (vllm,) = [one for one in project["optional-dependencies"]["gpu"] if one.startswith("vllm==")]
    for name, told in (
        ("license", project["license"].split(" AND ")[0]),
        ("python", f"3.{first} to 3.{int(last) - 1}"),
        ("vllm", vllm.removeprefix("vllm==")),
    ):
        assert f">{told}</text>" in (ROOT / "docs" / "badges" / f"{name}.svg").read_text()


def test_the_tables_of_the_http_api_have_every_path_and_schema() -> None:
    document = json.loads(build_site.OPENAPI.read_text())
    tables = build_site.http_tables()
    for path, operations in document["paths"].items():
        for method in operations:
            assert f"## {method.upper()} {path}\n" in tables
    for name, schema in document["components"]["schemas"].items():
        assert f"### {name}" in tables
        assert all(f"| `{field}` |" in tables for field in schema.get("properties", ()))
    targets = set(re.findall(r"\]\(#(\w+)\)", tables))
    assert targets <= {name.lower() for name in document["components"]["schemas"]}


def test_a_link_to_code_leads_to_a_page_with_its_text(tmp_path: Path) -> None:
    build_site.lay_out(tmp_path, [Path("docs/agents.md"), Path("docs/audit.md")])
    assert "](../examples/sb3_dqn.py.md)" in (tmp_path / "docs/agents.md").read_text()
    shown = (tmp_path / "examples/sb3_dqn.py.md").read_text()
    assert (ROOT / "examples/sb3_dqn.py").read_text().strip() in shown
    assert (tmp_path / "docs/audit_shipped.png").is_file()


def python_of_the_toolchain() -> str | None:
    if TOOLCHAIN.is_file():
        return str(TOOLCHAIN)
    return sys.executable if importlib.util.find_spec("zensical") else None


@pytest.mark.slow
def test_the_site_builds_strictly_and_asks_no_other_host() -> None:
    if (python := python_of_the_toolchain()) is None:
        pytest.skip("the site's toolchain is not installed; make docs installs it")
    done = subprocess.run(
        [python, "-m", "docs.build_site"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    fetched = re.compile(r"<(?:script|img|link|iframe)\b[^>]*(?:src|href)=\"(?:https?:)?//")
    for page in NAV:
        built = ROOT / "site" / page.with_suffix(".html")
        built = built.with_name("index.html") if page.name == "README.md" else built
        assert not fetched.search(built.read_text()), page
    assert (ROOT / "site" / "search.json").is_file()
