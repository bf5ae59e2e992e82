"""One figure of the table, and the Markdown it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay.core.records import Estimate

HEAD = (
    "| judge | what | figure | 95 % interval | n | method | published | note |",
    "|---|---|---|---|---|---|---|---|",
)
ABSENT = "–"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One judge, one figure.

    Attributes:
        judge: Who judged, as the source names it; a person and a free metric are judges too.
        data: Data set or part of it.
        what: The figure, with the dimension or subset it is of.
        estimate: The figure here, with its interval.
        published: The same figure on the whole set, in the unit of ``estimate``; ``None`` where none is known.
        source: Where the published figure stands.
        percent: Show the figure in percent.
        note: Anything a reader must know to read the row rightly.
    """

    judge: str
    data: str
    what: str
    estimate: Estimate
    published: float | None = None
    source: str = ""
    percent: bool = False
    note: str = ""

    @property
    def apart(self) -> bool:
        """Whether the published figure lies outside the interval."""
        low, high = self.estimate.low, self.estimate.high
        if self.published is None or low is None or high is None:
            return False
        slack = 0.0005  # a published figure has three digits, in percent one
        return not low - slack <= self.published <= high + slack

    def line(self) -> str:
        """The row in Markdown."""
        e = self.estimate
        bounds = ABSENT if e.low is None or e.high is None else f"{self._shown(e.low)} – {self._shown(e.high)}"
        groups = f" in {e.n_clusters:,} groups" if e.n_clusters is not None and e.n_clusters < e.n else ""
        published = ABSENT if self.published is None else self._shown(self.published) + (" *" if self.apart else "")
        cells = (
            self.judge,
            f"{self.data}: {self.what}" if self.data else self.what,
            ABSENT if e.value is None else self._shown(e.value),
            bounds,
            f"{e.n:,}{groups}",
            e.method,
            published,
            "; ".join(filter(None, (self.note, e.reason or "", _left_out(e)))),
        )
        return f"| {' | '.join(cells)} |"

    def _shown(self, value: float) -> str:
        return f"{100.0 * value:.1f} %" if self.percent else f"{value:.3f}"


def _left_out(estimate: Estimate) -> str:
    return f"{estimate.unscored:,} left out" if estimate.unscored else ""


def table(rows: Sequence[Row]) -> list[str]:
    """Head, a line for each row, and what became of the published figures."""
    lines = [*HEAD, *(row.line() for row in rows)]
    known = [row for row in rows if row.published is not None and row.estimate.low is not None]
    if known:
        apart = [row for row in known if row.apart]
        sentence = f"{len(known) - len(apart)} of {len(known)} published figures lie in the interval"
        named = "; ".join(f"{row.judge}, {row.data}: {row.what}".replace(", : ", ", ") for row in apart)
        lines += ["", f"{sentence}." if not apart else f"{sentence}. Outside (*): {named}."]
    sources = sorted({row.source for row in rows if row.published is not None and row.source})
    if sources:
        lines += ["", f"Published in: {'; '.join(sources)}."]
    return lines
