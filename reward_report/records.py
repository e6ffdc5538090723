"""Turns nested records, such as the content of a JSON file, into rows that people read. Pure.

Not for HTML (``html.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

LISTED = 12
"""Values of a list that are all told; of a longer one the number and the range."""

SEPARATOR = " · "


def record_rows(record: Mapping[str, object]) -> list[tuple[str, str]]:
    """Each value with the way to it; a record inside a record has a row for each of its values.

    >>> record_rows({"env_steps": 10000, "dqn": {"hidden": [64, 64]}, "prompt": None})
    [('env steps', '10000'), ('dqn · hidden', '64, 64'), ('prompt', '—')]
    """
    return list(_rows(record, ()))


def value_text(value: object) -> str:
    """A value in words and digits.

    >>> value_text(True), value_text(1 / 3), value_text([1.0] * 100), value_text("")
    ('yes', '0.333333', '100 values, all 1', '—')
    >>> value_text(0.99995), value_text(2500.0), value_text(1e-4)
    ('0.99995', '2500', '0.0001')
    """
    if value is None or value in ("", [], {}):
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{_name(str(key))} {value_text(one)}" for key, one in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _list_text(value)
    return str(value)


def _rows(value: object, way: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        value = {str(number): one for number, one in enumerate(value, start=1)}
    if isinstance(value, Mapping) and (value or not way):
        for key, one in value.items():
            yield from _rows(one, (*way, _name(str(key))))
    else:
        yield SEPARATOR.join(way), value_text(value)


def _list_text(values: Sequence[object]) -> str:
    if len(values) <= LISTED:
        return ", ".join(value_text(one) for one in values)
    numbers = [one for one in values if isinstance(one, int | float)]
    if len(numbers) < len(values):
        return f"{', '.join(value_text(one) for one in values[:LISTED])} and {len(values) - LISTED} more"
    low, high = value_text(min(numbers)), value_text(max(numbers))
    return f"{len(values)} values, " + (f"all {low}" if low == high else f"from {low} to {high}")


def _name(key: str) -> str:
    """A key in words: one that is a name by itself, such as a task's or a rubric's, stays as it is."""
    return key.replace("_", " ") if key.islower() else key
