"""Where base rates differ, no predictor that errs has equal FPR, FNR and PPV: the figures of this table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

from assay.fairness.result import Impossibility, MetricResult
from assay.fairness.scan import MetricCells, Scanned
from assay.stats.moments import Moments


def impossibilities(scanned: Scanned, results: Sequence[MetricResult]) -> list[Impossibility]:
    """One note a grouping whose base rates are shown to differ, where PPV and FNR were asked for too.

    From FPR = p / (1 - p) · (1 - PPV) / PPV · (1 - FNR): with equal PPV and FNR each base rate p has its own FPR.

    Sources:
        Chouldechova (2017), Big Data 5, 153-163, equation 2.6; Kleinberg, Mullainathan & Raghavan (2016),
        arXiv:1609.05807.
    """
    tables = {(table.grouping, table.metric.name): table for table in scanned.tables}
    found = []
    for result in results:
        if result.metric != "base_rate" or result.gap is None or not result.gap.low:
            continue
        if any((result.grouping, name) not in tables for name in ("ppv", "fnr")):
            continue
        judged = {row.group: row.value for row in result.judged()}
        ppv, fnr = (_overall(tables[result.grouping, name], judged) for name in ("ppv", "fnr"))
        if ppv <= 0.0 or (ppv >= 1.0 and fnr <= 0.0):
            continue
        implied = {
            group: implied_fpr(rate.value or 0.0, ppv=ppv, fnr=fnr)
            for group, rate in judged.items()
            if (rate.value or 0.0) < 1.0
        }
        found.append(
            Impossibility(
                grouping=result.grouping,
                base_rates=judged,
                gap=result.gap,
                ppv=ppv,
                fnr=fnr,
                implied_fpr=implied,
                sentence=_sentence(result, implied, ppv, fnr),
            )
        )
    return found


def implied_fpr(base_rate: float, *, ppv: float, fnr: float) -> float:
    """FPR that follows from a base rate below 1, a PPV above 0 and an FNR; above 1 it cannot be had.

    Examples:
        >>> round(implied_fpr(0.5, ppv=0.6, fnr=0.4), 2), round(implied_fpr(0.4, ppv=0.6, fnr=0.4), 3)
        (0.4, 0.267)
    """
    return base_rate / (1.0 - base_rate) * (1.0 - ppv) / ppv * (1.0 - fnr)


def _overall(table: MetricCells, groups: Mapping[str, object]) -> float:
    strata = [one for name in groups for one in table.cells[name].values()]
    return reduce(lambda a, b: a + b, strata, Moments()).mean


def _sentence(result: MetricResult, implied: Mapping[str, float], ppv: float, fnr: float) -> str:
    rates = {row.group: row.value.value or 0.0 for row in result.judged()}
    ends = [name for name in (result.highest, result.lowest) if name in rates and name in implied]
    shown = " and ".join(f"{100 * rates[name]:.1f}% of {name}" for name in ends)
    follows = " and ".join(f"{100 * implied[name]:.1f}% for {name}" for name in ends)
    return (
        f"Base rates differ by {result.grouping} ({shown}), so FPR, FNR and PPV cannot all be equal unless predictions "
        f"are perfect: with the overall PPV of {100 * ppv:.1f}% and FNR of {100 * fnr:.1f}% in every group, FPR would "
        f"have to be {follows}. Which of the three should be equal is a choice, not a finding."
    )
