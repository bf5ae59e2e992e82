"""The segments on which the candidate does worst, with multiplicity controlled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from assay.engine.paired_metric import ScorerFacts, two_sided_test, verdict_of
from assay.engine.pairing import Pairs
from assay.engine.wording import scale_of
from assay.stats.multiplicity.adjusted import holm

WORST_SEGMENTS = 5
SMALLEST_SEGMENT = 5
"""Pairs a segment needs before it is tested: fewer say nothing and cost the others power."""


def worst_segments(
    name: str, pairs: Pairs, facts: ScorerFacts, segments: Mapping[str, Mapping[str, str]], *, confidence: float
) -> list[dict[str, Any]]:
    """The five segments with the worst paired difference, worst first.

    Picking the worst of many exaggerates; so the intervals are simultaneous over all segments tested (Bonferroni; each
    states its raised confidence) and the p-values are Holm's.
    """
    positions: dict[tuple[str, str], list[int]] = defaultdict(list)
    for key, values in segments.items():
        for row, sample in enumerate(pairs.ids):
            if sample in values:
                positions[key, values[sample]].append(row)
    tested = {place: rows for place, rows in positions.items() if len(rows) >= SMALLEST_SEGMENT}
    if not tested:
        return []
    simultaneous = 1.0 - (1.0 - confidence) / len(tested)
    direction = -1.0 if facts.higher_is_better is False else 1.0
    lines: list[dict[str, Any]] = []
    for (key, value), kept in tested.items():
        part = pairs.part(kept)
        evidence = part.evidence(facts.unit)
        p_value, test = two_sided_test(part, evidence, facts.unit)
        difference = evidence.estimate(simultaneous)
        verdict = verdict_of(difference, facts.higher_is_better, 0.0)
        lines.append(
            {
                "key": key,
                "value": value,
                "metric": name,
                "n": len(kept),
                "difference": difference,
                "p_value": p_value,
                "test": test,
                "verdict": verdict,
            }
        )
    known = [line for line in lines if line["p_value"] is not None]
    for line, p in zip(known, holm([line["p_value"] for line in known]), strict=True):
        line["p_adjusted"] = p
    lines.sort(key=lambda line: (line["verdict"] != "worse", direction * line["difference"].value))
    return [_written(line) for line in lines[:WORST_SEGMENTS]]


def _written(row: dict[str, Any]) -> dict[str, Any]:
    difference = row["difference"]
    scale = scale_of(difference)
    text = f"{row['key']} = {row['value']}: {row['metric']} changes by {scale.named(difference.value)}"
    if difference.low is not None:
        text += f" ({scale.amount(difference.low)} to {scale.amount(difference.high)}, all segments at once)"
    return {
        **row,
        "p_adjusted": row.get("p_adjusted"),
        "difference": difference.to_dict(),
        "sentence": f"{text}, n = {row['n']:,} paired, {row['verdict']}",
    }
