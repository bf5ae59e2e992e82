"""A finding as one self-contained HTML file: sentences, plots and tables; scripts and data inside, nothing fetched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assay.report.charts import Spec
from assay.report.standalone import standalone, write_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Cells as text; ``numeric`` counts the columns that are aligned as numbers, from 0."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of a page, in this order: boxed notes, plots, a table, sentences."""

    title: str
    notes: Sequence[str] = ()
    charts: Sequence[Spec] = ()
    table: Table | None = None
    sentences: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page; texts are escaped when it is written."""

    title: str
    subtitle: str = ""
    lead: Sequence[str] = ()
    sections: Sequence[Section] = field(default_factory=tuple)


def write_page(page: Page, *, path: str | Path) -> str:
    """Write the page and return its path.

    Raises:
        StoreError: The file cannot be written; what the page shows was computed all the same.
    """
    return write_file(page_bytes(page), path, kept="the figures themselves were made")


def page_bytes(page: Page) -> bytes:
    """The file's bytes."""
    return standalone("product.html", {"page": page})
