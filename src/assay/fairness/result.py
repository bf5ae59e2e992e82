"""What an audit says: every metric in every group, the gaps between them, and whether they may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from assay.core.records import Decision, Estimate

Direction = Literal["higher", "lower", "undecided", "too small", "alone", "reference"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupResult:
    """One metric in one group.

    Attributes:
        value: Interval simultaneous over all groups and metrics of the audit.
        difference: Group minus the rest (or the reference); interval simultaneous likewise. ``None`` for a group that
            is too small to be judged, and for the reference itself.
        p_value: Of no difference.
        p_adjusted: Holm over every comparison of the audit.
        verdict: ``higher`` or ``lower`` by the adjusted p-value, else ``undecided``; or why it is not judged.
        shrunken: Rate given what the other groups show, for 0/1 metrics of three groups and more; credible interval of
            one group by itself. The figure to act on where a cell is tiny.
        ratio: Share over the highest group's; interval simultaneous over pairs, groups and metrics.
        standardised: Difference at equal confounders, each stratum weighted by its size.
        standardised_reason: Why there is none.
        standardised_p: Of no standardised difference, Holm over the audit.
        simpson: Plain and standardised difference have opposite signs, both significantly (Holm over the audit).
    """

    group: str
    value: Estimate
    difference: Estimate | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    verdict: Direction
    shrunken: Estimate | None = None
    ratio: Estimate | None = None
    standardised: Estimate | None = None
    standardised_reason: str | None = None
    standardised_p: float | None = None
    reversal_p: float | None = None
    simpson: bool = False
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricResult:
    """One metric by one grouping.

    Attributes:
        better: Direction that is good for the people concerned; ``None`` where that depends.
        against: ``the rest``, or the reference group.
        highest: Group with the highest value among the judged.
        gap: Largest minus smallest true value; the interval knows that the groups were picked. ``None``, with the
            reason in ``sentence``, where fewer than two groups can be judged.
        ratio: Smallest over largest true share.
        four_fifths: ``below`` when a ratio under 0.8 is shown, ``above`` when it is excluded, else ``undecided``.
    """

    metric: str
    words: str
    grouping: str
    unit: str
    better: Literal["higher", "lower"] | None
    against: str
    groups: Sequence[GroupResult]
    highest: str | None = None
    lowest: str | None = None
    gap: Estimate | None = None
    ratio: Estimate | None = None
    four_fifths: Literal["below", "above", "undecided"] | None = None
    sentence: str

    def judged(self) -> list[GroupResult]:
        """Groups that are large enough, where there are two of them."""
        return [group for group in self.groups if group.verdict not in ("too small", "alone")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Impossibility:
    """Base rates differ, so FPR, FNR and PPV cannot all be equal.

    Attributes:
        base_rates: Of the judged groups.
        gap: Between the highest and the lowest.
        ppv: Overall; with ``fnr`` what equal PPV and FNR could be.
        fnr: Overall.
        implied_fpr: What every group's FPR would have to be if all groups had that PPV and that FNR.
    """

    grouping: str
    base_rates: Mapping[str, Estimate]
    gap: Estimate
    ppv: float
    fnr: float
    implied_fpr: Mapping[str, float]
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Everything ``assay fairness`` says about a table.

    Attributes:
        confidence: Of all intervals of one kind together.
        comparisons: How many p-values Holm's correction is over.
        decision: Of the gate on gaps; ``None`` without one.
    """

    rows: int
    confidence: float
    min_group: int
    comparisons: int
    confounders: Sequence[str]
    results: Sequence[MetricResult]
    impossibility: Sequence[Impossibility]
    decision: Decision | None
    notes: Sequence[str]
    sentence: str
