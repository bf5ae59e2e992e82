"""A finding as one self-contained HTML file: sentences, plots and tables; scripts and data inside, nothing fetched."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from markupsafe import Markup

from assay.core.errors import StoreError
from assay.report.charts import Spec
from assay.report.render import CHART_SCRIPTS, SCRIPT, STYLE, asset, render
from assay.report.write import content_policy, script_licences


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
    try:
        Path(path).write_bytes(page_bytes(page))
    except OSError as error:
        raise StoreError(
            f"the report could not be written to {path}: {error.strerror}; the figures themselves were made",
            hint="choose another place with --report FILE.html",
            code="report.unwritable",
        ) from error
    return str(path)


def page_bytes(page: Page) -> bytes:
    """The file's bytes."""
    style = asset(STYLE).decode()
    scripts = [asset(name).decode() for name in (SCRIPT, *CHART_SCRIPTS)]
    context = {
        "page": page,
        "style": Markup(style),  # noqa: S704 - ships with the package
        "scripts": [Markup(script) for script in scripts],  # noqa: S704 - ships with the package
        "icon": "data:image/svg+xml;base64," + base64.b64encode(asset("icon.svg")).decode(),
        "policy": content_policy(style, scripts),
        "licences": Markup(script_licences()),  # noqa: S704 - ships with the package
    }
    return render("product.html", context)
