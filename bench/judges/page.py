"""The tables inside docs/judges/recorded.md, each between its own two marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "judges" / "recorded.md"


def marks(name: str) -> tuple[str, str]:
    """What stands before and after the table of a source."""
    return f"<!-- table: {name} -->", f"<!-- end: {name} -->"


def with_tables(text: str, tables: Mapping[str, Sequence[str]]) -> str:
    """The page with these tables in place of those it had; everything else stays as it is.

    Raises:
        ValueError: The page has no place for a table.
    """
    for name, lines in tables.items():
        start, end = marks(name)
        before, found, rest = text.partition(start)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"the page has no {start} … {end}")
        text = before + "\n".join([start, "", *lines, "", end]) + after
    return text
