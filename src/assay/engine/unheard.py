"""What missing verdicts leave open, in words: beside the metrics of a run and beside the verdicts of a gate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from assay.core.records import Decision, Verdict
from assay.engine.rules import parse_rule


def bounds_notes(metrics: Mapping[str, Mapping[str, Any]], judges: Iterable[str]) -> list[str]:
    """A sentence on each judge of which verdicts are missing.

    Args:
        metrics: Of a run's document.
        judges: Names of those that are judges among them.
    """
    return [
        f"{name}: {found['unscored']:,} of {found['n'] + found['unscored']:,} verdicts are missing; {_range(found)}"
        for name in judges
        if "bounds" in (found := metrics[name]) and found["n"]
    ]


def unheard_notes(unheard: Mapping[str, Mapping[str, int]]) -> list[str]:
    """A sentence on each judge that gave no verdict at all, from the reasons and how often each was given."""
    return [
        f"{name} gave no verdict on any of {sum(reasons.values()):,} samples:"
        f" {', '.join(f'{count:,} × {reason}' for reason, count in reasons.items())}"
        for name, reasons in unheard.items()
    ]


def with_bounds(decision: Decision, metrics: Mapping[str, Mapping[str, Any]]) -> Decision:
    """A gate's decision in which each rule on a metric of the whole run says what its missing verdicts leave open."""
    return replace(decision, rules=[_told(verdict, metrics) for verdict in decision.rules])


def _told(verdict: Verdict, metrics: Mapping[str, Mapping[str, Any]]) -> Verdict:
    rule = parse_rule(verdict.rule)
    found = metrics.get(rule.metric, {})
    if rule.relative or rule.segment is not None or "bounds" not in found:
        return verdict
    bounds = found["bounds"]
    sentence = f"{verdict.sentence}; {found['unscored']:,} are missing: {_range(found)}"
    clear = bounds["low"] >= rule.threshold if rule.kind == "low" else bounds["high"] <= rule.threshold
    if verdict.verdict == "pass" and not clear:
        sentence += ", and that would not pass"
    return replace(verdict, sentence=sentence, estimate=replace(verdict.estimate, bounds=bounds))


def _range(found: Mapping[str, Any]) -> str:
    bounds: Mapping[str, float] = found["bounds"]
    factor, unit = (100.0, " %") if found["unit"] == "share" else (1.0, "")
    worst, best, low, high = (f"{factor * bounds[key]:.4g}" for key in ("worst", "best", "low", "high"))
    return (
        f"the mean is {worst}{unit} if they are the lowest, {best}{unit} if the highest"
        f" ({100 * found['confidence']:g} % interval for both: {low} to {high}{unit})"
    )
