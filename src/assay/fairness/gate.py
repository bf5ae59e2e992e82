"""A gate on gaps: none may be larger than what was allowed."""

from __future__ import annotations

from collections.abc import Sequence

from assay.core.records import Decision, Estimate, Verdict
from assay.engine.wording import Scale
from assay.fairness.question import METRICS, Question
from assay.fairness.result import MetricResult


def judge_gaps(results: Sequence[MetricResult], question: Question) -> Decision | None:
    """One rule a metric and grouping; the worst verdict decides.

    ``fail`` when a larger gap is shown (the whole interval lies above the limit), ``pass`` when it is excluded, else
    ``inconclusive``. Base rates are of the data and TPR is FNR over again: neither has a rule of its own where the
    metrics were not chosen by hand.
    """
    if question.max_gap is None:
        return None
    rules = [_rule(result, question.max_gap) for result in results if _has_rule(result, question)]
    worst = max((rule.verdict for rule in rules), key=("pass", "inconclusive", "fail").index)
    return Decision(verdict=worst, rules=rules)


def _has_rule(result: MetricResult, question: Question) -> bool:
    if question.outcome is not None:
        return True
    metric = METRICS[result.metric]
    return metric.judged and (
        metric.hypothesis == metric.name or metric.hypothesis not in {one.name for one in question.chosen()}
    )


def _rule(result: MetricResult, limit: float) -> Verdict:
    name = f"gap({result.metric} by {result.grouping}) <= {limit:g}"
    scale = Scale(result.unit, limit / 10.0)
    gap = result.gap
    if gap is None or gap.low is None or gap.high is None:
        n = sum(row.value.n for row in result.groups)
        empty = gap or Estimate(
            value=None, low=None, high=None, n=n, method="largest-gap-mover", unit=result.unit,
            reason="fewer than two groups can be judged",
        )  # fmt: skip
        return Verdict(rule=name, verdict="inconclusive", estimate=empty, sentence=f"not judged: {empty.reason}")
    verdict = "fail" if gap.low > limit else "pass" if gap.high <= limit else "inconclusive"
    said = {
        "fail": f"a gap beyond {scale.target(limit)} is shown: it is at least {scale.named(gap.low)}",
        "pass": f"a gap beyond {scale.target(limit)} is excluded: it is at most {scale.named(gap.high)}",
        "inconclusive": f"a gap beyond {scale.target(limit)} is neither shown nor excluded: it is between "
        f"{scale.amount(gap.low)} and {scale.named(gap.high)}",
    }[verdict]
    return Verdict(rule=name, verdict=verdict, estimate=gap, sentence=said)
