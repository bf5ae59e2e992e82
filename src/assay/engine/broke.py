"""What else changed: every secondary metric, and length, refusals, format, latency, cost, as non-inferiority verdicts.

A standing panel, so that a gain on the primary metric is never read without its price. Default margins are the loss
most teams would let pass without asking:

- a share or a score may lose 0.02 (2 points);
- refusals, malformed outputs (empty, or cut off at the token limit) and failed calls may rise by 2 points;
- latency may rise by 20 %, cost by 10 %, any other unit by 10 %;
- length, which has no better direction, may move by 20 % either way.

Verdicts: ``noninferior`` (a loss beyond the margin is ruled out), ``worse`` (a loss is certain, and one beyond the
margin is not ruled out), ``changed`` (the same where no direction is better), ``unclear`` (too few samples to say),
``unknown`` (no data). Both claims are one-sided tests at half of 1 - confidence, each corrected by Holm over the panel.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from operator import not_
from typing import Any

from assay.core.protocols import Results, Scorer
from assay.core.records import Estimate, Output, Sample
from assay.engine.paired_metric import ScorerFacts
from assay.engine.pairing import Pairs, Reduced, stands_for
from assay.engine.wording import percent, scale_of
from assay.stats.evidence import Evidence
from assay.stats.multiplicity.adjusted import holm
from assay.stats.ratio import ratio_evidence
from assay.stats.scalar import SHARE_UNITS

SHARE_MARGIN = 0.02
RATIO_MARGIN = 0.10


@dataclass(frozen=True, slots=True, kw_only=True)
class Vital:
    """Something every run has: its unit, its direction and the change that is let pass (relative unless a share)."""

    name: str
    unit: str
    higher_is_better: bool | None
    margin: float
    words: str


VITALS = (
    Vital(name="output_chars", unit="chars", higher_is_better=None, margin=0.20, words="output length"),
    Vital(name="output_tokens", unit="tokens", higher_is_better=None, margin=0.20, words="output tokens"),
    Vital(name="refusals", unit="share", higher_is_better=False, margin=SHARE_MARGIN, words="refusals"),
    Vital(name="format", unit="share", higher_is_better=False, margin=SHARE_MARGIN, words="empty or cut-off outputs"),
    Vital(name="failures", unit="share", higher_is_better=False, margin=SHARE_MARGIN, words="failed calls"),
    Vital(name="latency_s", unit="s", higher_is_better=False, margin=0.20, words="latency"),
    Vital(name="cost_usd", unit="usd", higher_is_better=False, margin=0.10, words="cost"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokeColumns:
    """The vitals of both runs by name; each a column reduced to samples."""

    baseline: Mapping[str, Reduced] = field(default_factory=dict)
    candidate: Mapping[str, Reduced] = field(default_factory=dict)

    @classmethod
    def of(cls, results: Results, baseline_run: str, candidate_run: str) -> BrokeColumns:
        """Read them from the columns of two sealed runs; no item is decoded."""
        from assay.scorers import Refusal

        refused = Refused(Refusal())
        return cls(
            baseline=vitals_of(results, baseline_run, refused), candidate=vitals_of(results, candidate_run, refused)
        )


class Refused:
    """A refusal scorer on the openings of answers; each different opening is looked at once.

    Args:
        scorer: Looks at no more than the first 300 characters of the text (``opening``), as ``Refusal`` does.
    """

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._sample = Sample(id="", input="")
        self._known: dict[str, float | None] = {}

    def values(self, openings: Iterable[str]) -> list[float | None]:
        """1 for each that is a refusal, else 0; ``None`` where the scorer gives no value."""
        openings = list(openings)
        for opening in set(openings) - self._known.keys():
            self._known[opening] = self._scorer.score(self._sample, Output(sample_id="", text=opening)).value
        return [self._known[opening] for opening in openings]


_FIELDS = (
    "sample_id", "cluster", "critical", "error", "finish_reason", "empty", "opening",
    "output_chars", "output_tokens", "latency_s", "cost_usd",
)  # fmt: skip


def vitals_of(results: Results, run_id: str, refused: Refused) -> dict[str, Reduced]:
    """Vitals of a run by name; epochs are averaged within the sample.

    A failed call counts under ``failures`` and nowhere else: its length of 0 would look like brevity.
    """
    columns = dict(zip(_FIELDS, results.outputs(run_id, _FIELDS), strict=True))
    ids = columns["sample_id"]
    clusters = {sample: name for sample, name in zip(ids, columns["cluster"], strict=True) if name is not None}
    critical = frozenset(compress(ids, columns["critical"]))
    failed = [error is not None for error in columns["error"]]
    answered = {name: [*compress(column, map(not_, failed))] for name, column in columns.items()}
    cut_off = [
        float(reason == "length" or empty)
        for reason, empty in zip(answered["finish_reason"], answered["empty"], strict=True)
    ]
    found = {
        **{name: answered[name] for name in ("output_chars", "output_tokens", "latency_s", "cost_usd")},
        "refusals": refused.values(answered["opening"]),
        "format": cut_off,
    }
    return {
        "failures": _reduced(ids, [float(fail) for fail in failed], clusters, critical),
        **{name: _reduced(answered["sample_id"], values, clusters, critical) for name, values in found.items()},
    }


def _reduced(
    ids: Sequence[str], values: Sequence[float | None], clusters: Mapping[str, str], critical: frozenset[str]
) -> Reduced:
    means = {sample: value for sample, value in zip(ids, values, strict=True) if value is not None}
    repeated = len(means) < len(values) - values.count(None)
    if repeated:
        held: dict[str, list[float]] = defaultdict(list)
        for sample, value in zip(ids, values, strict=True):
            if value is not None:
                held[sample].append(value)
        means = {sample: sum(known) / len(known) for sample, known in held.items()}
    return Reduced(values=means, unscored={}, clusters=clusters, critical=critical, repeated=repeated)


@dataclass(slots=True, kw_only=True)
class _Row:
    """One line of the panel while it is being decided."""

    name: str
    words: str
    kind: str
    margin: float
    relative: bool
    higher_is_better: bool | None
    unchanged: bool
    evidence: Evidence
    fine: float | None = None
    bad: float | None = None

    def estimate(self, confidence: float) -> Estimate:
        return self.evidence.estimate(confidence)


def what_broke(
    metrics: Mapping[str, tuple[Pairs, ScorerFacts]],
    columns: BrokeColumns,
    *,
    strata: Mapping[str, float] | None = None,
    confidence: float = 0.95,
) -> list[dict[str, Any]]:
    """The panel, worst verdicts first.

    Args:
        metrics: Pairs and facts of the secondary metrics, by name.
        columns: Vitals of both runs; empty leaves them out of the panel.
        strata: Sizes in the dataset of what was taken whole and what was sampled (see ``compare_columns``).
        confidence: Coverage of the intervals shown.
    """
    rows = [
        _row(name, name, "metric", pairs, facts.unit, facts.higher_is_better)
        for name, (pairs, facts) in metrics.items()
    ]
    for vital in VITALS:
        before, after = columns.baseline.get(vital.name), columns.candidate.get(vital.name)
        if before is not None and after is not None:
            pairs = Pairs.of(before, after, weights=stands_for(strata, before, after))
            rows.append(_row(vital.name, vital.words, "vital", pairs, vital.unit, vital.higher_is_better, vital.margin))
    for row in rows:
        row.fine, row.bad = _p_values(row)
    fine = _holm_of([row.fine for row in rows])
    bad = _holm_of([row.bad for row in rows])
    written = [_written(row, confidence, p_fine, p_bad) for row, p_fine, p_bad in zip(rows, fine, bad, strict=True)]
    order = ("worse", "changed", "unclear", "noninferior", "unknown")
    return sorted(written, key=lambda line: order.index(line["verdict"]))


def _row(
    name: str,
    words: str,
    kind: str,
    pairs: Pairs,
    unit: str,
    higher_is_better: bool | None,
    margin: float | None = None,
) -> _Row:
    relative = unit not in SHARE_UNITS and unit != "nats"
    return _Row(
        name=name,
        words=words,
        kind=kind,
        margin=margin if margin is not None else (RATIO_MARGIN if relative else SHARE_MARGIN),
        relative=relative,
        higher_is_better=higher_is_better,
        unchanged=bool(pairs.ids) and not any(pairs.differences),
        evidence=_ratio(pairs) if relative else pairs.evidence(unit),
    )


def _ratio(pairs: Pairs) -> Evidence:
    parts = pairs.strata()
    if parts is None:
        return ratio_evidence(pairs.baseline, pairs.candidate, clusters=pairs.clusters)
    stratum = {row: name for name, part in parts.items() for row in part.rows}
    return ratio_evidence(
        pairs.baseline,
        pairs.candidate,
        clusters=pairs.clusters,
        strata=[stratum[row] for row in range(len(pairs.ids))],
        weights={name: part.share for name, part in parts.items()},
    )


def _p_values(row: _Row) -> tuple[float | None, float | None]:
    """One-sided p-values of "the loss is beyond the margin" and of "there is no loss"."""
    same, evidence = (1.0 if row.relative else 0.0), row.evidence
    above_floor, below_ceiling = evidence.p_above(same - row.margin), evidence.p_below(same + row.margin)
    rose, fell = evidence.p_above(same), evidence.p_below(same)
    if above_floor is None or below_ceiling is None or rose is None or fell is None:
        return None, None
    if row.higher_is_better is None:
        return max(above_floor, below_ceiling), min(1.0, 2.0 * min(rose, fell))
    return (above_floor, fell) if row.higher_is_better else (below_ceiling, rose)


def _holm_of(p_values: Sequence[float | None]) -> list[float | None]:
    known = iter(holm([p for p in p_values if p is not None]))
    return [None if p is None else next(known) for p in p_values]


def _written(row: _Row, confidence: float, fine: float | None, bad: float | None) -> dict[str, Any]:
    estimate, level = row.estimate(confidence), 0.5 * (1.0 - confidence)
    if row.unchanged or (fine is not None and fine <= level):
        verdict = "noninferior"
    elif estimate.value is None:
        verdict = "unknown"
    elif bad is not None and bad <= level:
        verdict = "changed" if row.higher_is_better is None else "worse"
    else:
        verdict = "unclear"
    return {
        "name": row.name,
        "kind": row.kind,
        "verdict": verdict,
        "margin": row.margin,
        "relative": row.relative,
        "estimate": estimate.to_dict(),
        "p_noninferior": fine,
        "p_worse": bad,
        "sentence": _sentence(row, estimate, verdict),
    }


def _sentence(row: _Row, estimate: Estimate, verdict: str) -> str:
    if row.unchanged:
        return f"{row.words}: the same on all {estimate.n:,} paired samples"
    if estimate.value is None:
        return f"{row.words}: unknown ({estimate.reason})"
    scale = scale_of(estimate)
    if row.relative:
        moved, limit = percent(estimate.value), f"{row.margin:.0%}".replace("%", " %")
        span = (
            None if estimate.low is None or estimate.high is None else (percent(estimate.low), percent(estimate.high))
        )
    else:
        moved, limit = scale.named(estimate.value), scale.target(row.margin)
        if estimate.value > 0.0:
            moved = f"+{moved}"
        span = (
            None
            if estimate.low is None or estimate.high is None
            else (scale.amount(estimate.low), scale.amount(estimate.high))
        )
    bounds = f"({span[0]} to {span[1]})" if span else f"(no interval: {estimate.reason})"
    allowed = {True: f"a loss of {limit}", False: f"a rise of {limit}", None: f"±{limit}"}[row.higher_is_better]
    meaning = {
        "noninferior": f"within the margin ({allowed})",
        "worse": f"worse, and more than the margin ({allowed}) is not ruled out",
        "changed": f"changed, and more than the margin ({allowed}) is not ruled out",
        "unclear": f"too few samples to say whether it stays within the margin ({allowed})",
    }[verdict]
    return f"{row.words}: {moved} {bounds}, {meaning}, n = {estimate.n:,} paired"
