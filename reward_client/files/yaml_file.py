"""Reads YAML of a user so that it says what its author reads there: words are text, and a key stands once.

YAML 1.1, which PyYAML implements, takes a bare ``yes`` for true, ``010`` for 8, ``12:30`` for 750, and the
last of two equal keys. A rubric's fields have types of their own, so the words of its file stay words. JSON
is YAML. PyYAML comes with the extras ``server``, ``audit``, ``cli`` and ``agent``.

Not for what a rubric may hold (``rubric.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import yaml
from yaml import events

from reward_client.files.text_file import TextFileError, line_of, read_text_file

MAX_DEPTH = 32
MAX_VALUES = 10_000
"""An alias counts as all values that it stands for, so that a few lines cannot stand for a billion."""

Content = str | None | list["Content"] | dict[str, "Content"]

_NONE = frozenset({"", "~", "null", "Null", "NULL"})
_MERGE = "<<"
_PLAIN_TAGS = {None, "!", *(f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map"))}


def read_yaml(path: Path) -> Content:
    """Reads a YAML or JSON file.

    Args:
        path: the file; one that ends in ``.json`` may hold tabs.

    Returns:
        Its content: texts, lists, and mappings by texts. A field without a value, or with a bare ``null``, is
        None.

    Raises:
        TextFileError: it cannot be read, is not UTF-8 or not YAML, has two equal keys in one mapping, several
            documents, or none.
    """
    text = read_text_file(path)
    return parse_yaml(text.replace("\t", " ") if path.suffix == ".json" else text, str(path))


def parse_yaml(text: str, source: str) -> Content:
    """Reads the text of a YAML file.

    Args:
        text: the file's text.
        source: what messages call it.

    Returns:
        As ``read_yaml``.

    Raises:
        TextFileError: as there.
    """
    try:
        content = _Parser(text, source).document()
    except yaml.reader.ReaderError as error:
        line = line_of(text, error.position)
        code = error.character if isinstance(error.character, int) else ord(error.character)
        raise TextFileError(f"{source}: line {line}: YAML has no character U+{code:04X}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if mark is not None and text[mark.index : mark.index + 1] == "\t":
            raise TextFileError(f"{source}: line {mark.line + 1}: a tab; YAML indents with spaces") from error
        place = "" if mark is None else f"line {mark.line + 1}: "
        raise TextFileError(f"{source}: {place}not valid YAML: {error.problem or error.context}") from error
    if content is None:
        raise TextFileError(f"{source}: holds nothing")
    return content


class _Parser:
    """Builds the content from PyYAML's events."""

    def __init__(self, text: str, source: str) -> None:
        # The loader checks all characters at once. Its resolver is not asked, so no word has a type.
        self._events: Iterator[events.Event] = yaml.parse(text, Loader=yaml.BaseLoader)
        self._source = source
        self._values = 0
        self._anchors: dict[str, tuple[Content, int]] = {}

    def document(self) -> Content:
        """The content of the one document; None for none."""
        content: Content = None
        documents = 0
        for event in self._events:
            if isinstance(event, events.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._refuse(event, "a second document begins; one file holds one")
                content = self._value(next(self._events), 0, is_field=True)
        return content

    def _value(self, event: events.Event, depth: int, *, is_field: bool) -> Content:
        """The value that begins with an event; in a field, nothing is None."""
        if isinstance(event, events.AliasEvent):
            return self._alias(event)
        if depth > MAX_DEPTH:
            self._refuse(event, f"nested deeper than {MAX_DEPTH} levels")
        tag = getattr(event, "tag", None)
        if tag not in _PLAIN_TAGS:
            self._refuse(event, f"the tag {tag!r}; write the value without it")
        before = self._values
        self._count(event, 1)
        content: Content = None
        if isinstance(event, events.SequenceStartEvent):
            content = [
                self._value(item, depth + 1, is_field=False) for item in self._until(events.SequenceEndEvent)
            ]
        elif isinstance(event, events.MappingStartEvent):
            content = self._mapping(depth)
        elif isinstance(event, events.ScalarEvent):
            is_bare = event.style is None and tag is None
            content = None if is_field and is_bare and event.value in _NONE else _whole(event.value)
        if (anchor := getattr(event, "anchor", None)) is not None:
            self._anchors[anchor] = (content, self._values - before)
        return content

    def _mapping(self, depth: int) -> dict[str, Content]:
        content: dict[str, Content] = {}
        merged: dict[str, Content] = {}
        lines: dict[str, int] = {}
        for event in self._until(events.MappingEndEvent):
            key = self._value(event, depth + 1, is_field=False)
            if not isinstance(key, str):
                self._refuse(event, "a key is text, not a list or a mapping")
            if key in lines:
                self._refuse(event, f"the key {key!r} stands in line {lines[key]} already")
            lines[key] = _line(event)
            value = self._value(next(self._events), depth + 1, is_field=True)
            if key == _MERGE and isinstance(event, events.ScalarEvent) and event.style is None:
                for other in reversed(value if isinstance(value, list) else [value]):
                    if not isinstance(other, dict):
                        self._refuse(event, f"{_MERGE} takes a mapping, or a list of them")
                    merged |= other
            else:
                content[key] = value
        return merged | content

    def _alias(self, event: events.AliasEvent) -> Content:
        if event.anchor not in self._anchors:
            self._refuse(event, f"the alias {event.anchor!r} stands for nothing that is whole before it")
        content, values = self._anchors[event.anchor]
        self._count(event, values)
        return content

    def _until(self, end: type[events.Event]) -> Iterator[events.Event]:
        """The events that begin the members of a list, or a mapping's keys, up to its end."""
        while not isinstance(event := next(self._events), end):
            yield event

    def _count(self, event: events.Event, values: int) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            self._refuse(event, f"more than {MAX_VALUES} values")

    def _refuse(self, event: events.Event, reason: str) -> NoReturn:
        raise TextFileError(f"{self._source}: line {_line(event)}: {reason}")


def _line(event: events.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _whole(text: str) -> str:
    """A text with whole characters where JSON escaped one as two halves."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
