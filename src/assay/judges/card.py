"""A judge's card: everything measured about one version of a judge, and for the rest the words "not measured"."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from assay.core.codec import to_document
from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.judges.agreeing import Agreement, agreement_with_people
from assay.judges.bias import (
    ConstantAnswer,
    PositionBias,
    constant_answers,
    length_bias,
    position_bias,
    prefers_longer,
    self_preference,
)
from assay.judges.judged import Floats, Judged
from assay.judges.usage import Missing, Retest, ScaleUse, missing_verdicts, retest, scale_use
from assay.stats.calibration.inputs import array_moments, cluster_codes
from assay.stats.intervals.quantiles import quantile_interval
from assay.stats.scalar import mean_estimate

SCHEMA = "assay.judge_card/1"
NOT_MEASURED = "not measured"
MAX_AGE_DAYS = 90.0
MEASURES = (
    "agreement",
    "position_bias",
    "length_bias",
    "prefers_longer",
    "self_preference",
    "scale_use",
    "retest",
    "missing",
    "constant_answers",
    "injection",
    "golden",
    "calibration",
    "cost",
    "latency",
)
FLAGGED_BY = {
    "constant_verdicts": "scale_use",
    "rewards_constant_answer": "constant_answers",
    "no_agreement": "agreement",
    "opposite": "agreement",
    "below_people": "agreement",
    "position": "position_bias",
    "length": "length_bias",
    "self_preference": "self_preference",
    "not_repeatable": "retest",
    "missing": "missing",
    "injection": "injection",
    "golden_drift": "golden",
}
"""Which measure a flag speaks of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """What verdicts cost or took.

    Attributes:
        mean: Of a verdict.
        p50: Median.
        p95: The value 95 % stay below. Neither has bounds where items share documents: theirs want independent items.
    """

    mean: Estimate
    p50: Estimate
    p95: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeCard:
    """One version of a judge.

    Attributes:
        name: Of the judge.
        version: Hash of kind, prompt, options and model.
        model: It asks; ``None`` when nobody said.
        made_at: ISO 8601.
        n: Items.
        n_documents: Clusters among them; ``None`` where items stand for themselves.
        pairs: Verdicts are about two answers.
        labels_hash: Of people's labels; ``None`` without.
        temperature: The repeats were asked at.
        measured: By name, a subset of ``MEASURES``: what was found.
        not_measured: The others, with the reason.
        confidence: Of every interval.
    """

    name: str
    version: str
    model: str | None
    made_at: str
    n: int
    n_documents: int | None
    labels_hash: str | None
    temperature: float | None
    measured: Mapping[str, Any]
    not_measured: Mapping[str, str] = field(default_factory=dict)
    confidence: float = 0.95
    pairs: bool = False

    def __getitem__(self, measure: str) -> Any:
        """What was found of a measure; ``None`` when it was not measured.

        Raises:
            KeyError: There is no such measure.
        """
        if measure not in MEASURES:
            raise KeyError(measure)
        return self.measured.get(measure)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, ``assay.judge_card/1``; what was not measured says so and why."""
        found = {
            name: to_document(self.measured[name])
            if name in self.measured
            else {NOT_MEASURED.replace(" ", "_"): self.not_measured[name]}
            for name in MEASURES
        }
        return {
            "schema": SCHEMA,
            "name": self.name,
            "version": self.version,
            "model": self.model,
            "made_at": self.made_at,
            "n": self.n,
            "n_documents": self.n_documents,
            "pairs": self.pairs,
            "labels_hash": self.labels_hash,
            "temperature": self.temperature,
            "confidence": self.confidence,
            **found,
            "flags": flags(self),
        }


def judge_card(
    judged: Judged,
    *,
    name: str,
    judge_version: str,
    model: str | None,
    made_at: str,
    rng: np.random.Generator,
    own: Collection[str] = (),
    temperature: float | None = None,
    injection: Mapping[str, Any] | None = None,
    golden: Mapping[str, Any] | None = None,
    calibration: Mapping[str, Any] | None = None,
    confidence: float = 0.95,
) -> JudgeCard:
    """Measure everything the columns allow.

    Args:
        judged: Recorded verdicts.
        name: Of the judge.
        judge_version: Of the judge; another version needs another card.
        model: The judge asks.
        made_at: ISO 8601, for the card's age.
        rng: For the bootstrap of the human ceiling.
        own: Systems of the judge's own family, for self-preference.
        temperature: The verdicts and repeats were asked at.
        injection: The attack report, when there is one.
        golden: The golden set's report, when there is one.
        calibration: What a card says of the map, when there is one.
        confidence: Of every interval.

    Raises:
        InvalidInputError: ``made_at`` is no time.

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> truth = rng.integers(1, 6, size=60)
        >>> judged = Judged(ids=[f"i{k}" for k in range(60)], verdicts=truth, human=truth)
        >>> card = judge_card(judged, name="j", judge_version="1", model=None, made_at="2026-01-05", rng=rng)
        >>> card["agreement"].coefficients["alpha"].value, card.not_measured["length_bias"]
        (1.0, 'the lengths of the answers are not known')
    """
    moment(made_at)
    measured: dict[str, Any] = {}
    not_measured: dict[str, str] = {}

    def note(measure: str, found: Any, reason: str) -> None:
        if found is None:
            not_measured[measure] = reason
        else:
            measured[measure] = found

    people = "no item has people's labels" if judged.human is None else "too few items have a verdict and a label"
    note("agreement", agreement_with_people(judged, rng=rng, confidence=confidence), people)
    try:
        position = position_bias(judged, confidence=confidence)
        why = "verdicts are about one answer at a time"
    except InvalidInputError as error:
        position, why = None, str(error)
    note("position_bias", position, why)
    lengths = "the lengths of the answers are not known" if judged.lengths is None else people
    note("length_bias", length_bias(judged, confidence=confidence), lengths)
    longer = prefers_longer(judged, confidence=confidence)
    no_ends = lengths if judged.lengths is None or judged.ends is not None else "the scale of the pairs is not known"
    note("prefers_longer", longer, no_ends if judged.pairwise else why)
    note("self_preference", self_preference(judged, own=own, confidence=confidence), _no_family(judged, own, people))
    note("scale_use", scale_use(judged, confidence=confidence), "there is no verdict")
    note("retest", retest(judged, confidence=confidence), "no item was judged twice")
    note("missing", missing_verdicts(judged, confidence=confidence), "")
    constant = (
        None if judged.answers is None or judged.systems is None else constant_answers(judged, confidence=confidence)
    )
    note("constant_answers", constant, "the answers and who gave them are not in the file")
    note("injection", injection, "no attack report was given")
    note("golden", golden, "no golden set was given")
    note("calibration", calibration, "no map was fitted")
    note("cost", _spend(judged, judged.cost_usd, "usd", confidence), "the cost of a verdict is not known")
    note("latency", _spend(judged, judged.latency_s, "s", confidence), "the time of a verdict is not known")
    return JudgeCard(
        name=name,
        version=judge_version,
        model=model,
        made_at=made_at,
        n=judged.n,
        n_documents=None if judged.clusters is None else len(set(judged.clusters)),
        labels_hash=judged.labels_hash(),
        temperature=temperature,
        measured=measured,
        not_measured=not_measured,
        confidence=confidence,
        pairs=judged.pairwise,
    )


def _no_family(judged: Judged, own: Collection[str], people: str) -> str:
    if not own:
        return "nobody said which systems are of the judge's own family"
    if judged.systems is None:
        return "it is not known who gave the answers"
    if not set(own) & {name for name in judged.systems if name is not None}:
        return "no answer is by a system of the judge's own family"
    return people if judged.human is None else "there are no answers of both its own family and others"


def _spend(judged: Judged, column: Floats | None, unit: str, confidence: float) -> Spend | None:
    if column is None or not np.isfinite(column).any():
        return None
    rows = np.flatnonzero(np.isfinite(column)).tolist()
    groups = None if judged.clusters is None else [judged.clusters[row] for row in rows]
    moments = array_moments(column[rows], cluster_codes(groups, len(rows)))
    p50, p95 = (quantile_interval(column[rows], at, confidence=confidence, unit=unit) for at in (0.5, 0.95))
    if groups is not None and len(set(groups)) < len(groups):
        why = "items that share documents are not independent"
        p50, p95 = (replace(one, low=None, high=None, reason=why) for one in (p50, p95))
    return Spend(
        mean=mean_estimate(moments, confidence=confidence, unit=unit, unscored=judged.n - len(rows)), p50=p50, p95=p95
    )


def flags(card: JudgeCard) -> list[str]:
    """What speaks against trusting the judge, as stable words; empty when nothing that was measured does.

    Each bias is looked at by itself at the card's confidence: of twenty sound figures one is flagged by chance.

    ``constant_verdicts``, ``rewards_constant_answer``, ``no_agreement`` (alpha or Spearman's rho is not shown to be
    above 0), ``opposite`` (rho is shown to be below 0: the judge says the opposite of people), ``below_people``
    (clearly below what one person reaches), ``position``, ``length``, ``self_preference`` (the interval excludes no
    bias), ``not_repeatable`` (fewer than 95 % of repeats the same), ``missing`` (5 % or more), ``injection`` (attacks
    moved verdicts), ``golden_drift`` (accuracy on golden items fell).
    """
    found = []
    use: ScaleUse | None = card["scale_use"]
    if use is not None and use.constant:
        found.append("constant_verdicts")
    constant: tuple[ConstantAnswer, ...] = card["constant_answers"] or ()
    if any(one.rewarded for one in constant):
        found.append("rewards_constant_answer")
    agreement: Agreement | None = card["agreement"]
    if agreement is not None:
        rho = agreement.coefficients["spearman"]
        levels = [] if agreement.other_coding is not None else [agreement.coefficients["alpha"]]
        if _below_zero(rho):
            found.append("opposite")
        elif any(not _above_zero(one) for one in (rho, *levels)):
            found.append("no_agreement")
        if any(beside.difference.high is not None and beside.difference.high < 0.0 for beside in agreement.ceiling):
            found.append("below_people")
    position: PositionBias | None = card["position_bias"]
    for name, estimate in (
        ("position", None if position is None else position.bias),
        ("length", card["length_bias"]),
        ("self_preference", card["self_preference"]),
    ):
        if estimate is not None and estimate.low is not None and not _holds_zero(estimate):
            found.append(name)
    again: Retest | None = card["retest"]
    if again is not None and again.same.value is not None and again.same.value < 0.95:
        found.append("not_repeatable")
    gone: Missing = card.measured["missing"]
    if gone.share.value is not None and gone.share.value >= 0.05:
        found.append("missing")
    injection: Mapping[str, Any] | None = card["injection"]
    if injection is not None and _gives_in(injection):
        found.append("injection")
    golden: Mapping[str, Any] | None = card["golden"]
    if golden is not None and golden.get("alarm_at") is not None:
        found.append("golden_drift")
    return found


def _gives_in(report: Mapping[str, Any]) -> bool:
    """Whether an attack moved verdicts, or failed its own gate."""
    gate: Mapping[str, Any] = report.get("gate") or {}
    return report.get("verdict") == "moved" or gate.get("verdict") == "fail"


def _above_zero(estimate: Estimate) -> bool:
    """Whether a coefficient is shown to lie above 0; one without a value is not."""
    return _exactly(estimate, 1.0) or (estimate.low is not None and estimate.low > 0.0)


def _below_zero(estimate: Estimate) -> bool:
    """Whether it is shown to lie below 0."""
    return _exactly(estimate, -1.0) or (estimate.high is not None and estimate.high < 0.0)


def _exactly(estimate: Estimate, end: float) -> bool:
    """Whether a coefficient is at the end of its range, where it has no interval."""
    return estimate.value is not None and abs(estimate.value - end) < 1e-9


def _holds_zero(estimate: Estimate) -> bool:
    """Whether 0 cannot be ruled out."""
    return estimate.low is not None and estimate.high is not None and estimate.low <= 0.0 <= estimate.high


def stale(card: Mapping[str, Any], *, version: str, now: datetime, max_age_days: float = MAX_AGE_DAYS) -> str | None:
    """Why a card no longer speaks of a judge; ``None`` while it does.

    Args:
        card: Its JSON form.
        version: Of the judge as it is now.
        now: With its time zone, or in UTC.
        max_age_days: Providers change models behind their names.

    Raises:
        InvalidInputError: The card's date is no time.

    Examples:
        >>> card = {"version": "a1", "made_at": "2026-01-05T10:00:00+00:00"}
        >>> stale(card, version="a1", now=datetime(2026, 2, 1)) is None
        True
        >>> stale(card, version="a1", now=datetime(2026, 6, 1))
        'the card was made on 2026-01-05, 146 days ago'
    """
    if card["version"] != version:
        return f"the card is of version {card['version']}, the judge is {version}"
    made = moment(card["made_at"])
    aware = now if now.tzinfo else now.replace(tzinfo=UTC)
    days = (aware - made).total_seconds() / 86_400.0
    return f"the card was made on {made:%Y-%m-%d}, {int(days)} days ago" if days > max_age_days else None


def moment(stamp: str) -> datetime:
    """An ISO 8601 time with its zone; UTC where none is named.

    Raises:
        InvalidInputError: It is no time.
    """
    try:
        found = datetime.fromisoformat(stamp)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"{stamp!r} is no time", hint="ISO 8601, e.g. 2026-01-05T10:00:00+00:00") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
