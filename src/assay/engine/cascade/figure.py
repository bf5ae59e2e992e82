"""The figures of a cascade in a run: the whole, its segments, and what a page says of every tier."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from assay.core.cascade import PROGRAMMATIC, People, scale_ends
from assay.core.outages import MENDABLE
from assay.core.records import Estimate
from assay.core.stopping import StoppingRule
from assay.engine.cascade.board import Board
from assay.engine.cascade.compare import tiered_segments
from assay.engine.cascade.estimate import TieredEstimate, tiered_estimate
from assay.engine.cascade.sequential import Look, gate_rule, gate_terms, width_rule
from assay.engine.cascade.verdicts import Question, TierVerdicts
from assay.engine.cascade.why import certain_by
from assay.stats.scalar import NEW_INPUTS, THESE_ITEMS

SCHEMA = "assay.cascade_run/1"


def tier_verdicts(board: Board) -> list[TierVerdicts]:
    """What every tier said, lowest first, as the estimator takes it."""
    size = len(board.ids)
    free = np.column_stack([board.free[name] for name in board.free]) if board.free else np.zeros((size, 1))
    lowest = TierVerdicts(name=PROGRAMMATIC, values=free, asked=np.ones(size, dtype=bool))
    above = [
        TierVerdicts.of(
            board.rungs[place + 1],
            board.values(place),
            cost_usd=board.cost_usd(place),
            unit=tier.asks.unit,
            share=tier.asks.unit == "share",
            scale=scale_ends(tier.asks),
            lost=_lost(board, place),
        )
        for place, tier in enumerate(board.tiers[: len(board.rungs) - 1])
    ]
    return _mapped(board, [lowest, *above])


def _lost(board: Board, place: int) -> dict[str, int]:
    """Rows without a verdict of a tier that another attempt may give one, by reason."""
    found: dict[str, int] = {}
    values = board.values(place)
    for row in board.rungs[place + 1].rows().tolist():
        mendable = [score.reason for score in board.scores(place, row) if score.reason in MENDABLE]
        if np.isnan(values[row]) and mendable:
            found[mendable[0]] = found.get(mendable[0], 0) + 1
    return found


def _mapped(board: Board, tiers: list[TierVerdicts]) -> list[TierVerdicts]:
    """The tiers with the predictions of a calibration map, where the cascade has one and came up to its top."""
    calibration = board.cascade.calibration
    if calibration is None or len(tiers) <= len(board.tiers):
        return tiers
    predicted = calibration.proxies(board.features(), [board.system] * len(board.ids))
    variances = calibration.prior_variances(known_systems=board.system in calibration.systems, one_system=True)
    lower = [
        replace(tier, prediction=np.where(np.asarray(tier.asked), prediction, np.nan), prior_variance=variance)
        for tier, prediction, variance in zip(tiers[:-1], predicted, variances, strict=True)
    ]
    return [*lower, tiers[-1]]


def meant(found: TieredEstimate, wanted: str) -> Estimate:
    """The estimate, where it speaks of the tier that is wanted: decisions take no other tier's verdict for it."""
    if found.speaks_of == wanted or found.estimate.value is None:
        return found.estimate
    return replace(
        found.estimate,
        value=None,
        low=None,
        high=None,
        std_error=None,
        reason=f"{wanted} gave too few verdicts; what there is speaks of {found.speaks_of}",
    )


def question_of(board: Board, *, estimand: str = THESE_ITEMS, confidence: float = 0.95) -> Question:
    """What a run asks of its verdicts."""
    return Question(
        estimand=estimand,
        clusters=_clusters(board) if estimand == NEW_INPUTS and any(board.clusters) else None,
        confidence=confidence,
    )


def _clusters(board: Board) -> list[str]:
    return [f"sample {own}" if of is None else f"of {of}" for own, of in zip(board.ids, board.clusters, strict=True)]


def figure(board: Board, *, estimand: str = THESE_ITEMS, interrupted: str | None = None) -> TieredEstimate:
    """The verdict of the tier that the cascade speaks of, over all items."""
    return tiered_estimate(
        tier_verdicts(board), question=question_of(board, estimand=estimand), interrupted=interrupted
    )


def look(board: Board, rule: StoppingRule) -> Look:
    """What a stopping rule says of the top tier's verdicts so far; once a run has ended, why it stopped there."""
    top = len(board.tiers) - 1
    verdicts = board.values(top)
    if rule.half_width is not None:
        return width_rule(figure(board).estimate, verdicts[~np.isnan(verdicts)], half_width=rule.half_width)
    assert rule.threshold is not None
    if not np.isnan(verdicts).any():
        here = figure(board).estimate
        return Look(stop=True, labels=verdicts.size, estimate=here, sentence="every sample was asked: it is known")
    tiers = tier_verdicts(board)
    order = [row for row in board.rungs[-1].rows().tolist() if not np.isnan(verdicts[row])]
    terms, lower_error = gate_terms(tiers, order) if order else (np.empty(0), 0.0)
    return gate_rule(terms, threshold=rule.threshold, lower_error=lower_error, unit=tiers[-1].unit)


def _stopping(board: Board, rule: StoppingRule) -> dict[str, Any]:
    """The ``stopping`` part of the document: the rule, whether it was met, at how many verdicts, by which interval."""
    said = look(board, rule) if len(board.rungs) > len(board.tiers) else None
    return {
        "rule": rule.text,
        "kind": "width" if rule.half_width is not None else "gate",
        "stopped": said is not None and said.stop,
        "labels": 0 if said is None else said.labels,
        "sentence": "the top tier was not asked" if said is None else said.sentence,
        "interval": None if said is None or said.estimate is None else said.estimate.to_dict(),
    }


def _notes(board: Board) -> list[str]:
    """What a run says besides: free scores that no sample could have, and people's labels that are odd."""
    rows = [
        f"{name} has no score of {count:,} of {len(board.ids):,} samples ({reason}): they are drawn like all others"
        for (name, reason), count in board.lacking.items()
    ]
    return rows + [note for tier in board.tiers if isinstance(tier.asks, People) for note in tier.asks.notes]


def summary_of(board: Board, *, stop: str | None) -> dict[str, Any]:
    """The ``cascade`` part of a run's summary: figures for both estimands, every tier, segments, who is waited for."""
    reason = None if stop is None else f"asking stopped: {stop}"
    waiting = board.waiting()
    if waiting:
        owed = "1 label of people is" if len(waiting) == 1 else f"{len(waiting):,} labels of people are"
        reason = "; ".join(filter(None, [reason, f"{owed} not there yet"]))
    here = figure(board, interrupted=reason)
    if here.speaks_of not in (None, board.cascade.speaks_of):
        here = replace(here, reason=f"it speaks of {here.speaks_of}, not of {board.cascade.speaks_of}; {here.reason}")
    document = here.to_dict()
    document["tiers"] = [{**counted, **told} for counted, told in zip(document["tiers"], _tiers(board), strict=False)]
    return {
        "schema": SCHEMA,
        "metric": board.cascade.name,
        "speaks_of": board.cascade.speaks_of,
        "seed": board.cascade.seed,
        "policy": board.cascade.policy,
        "stakes": board.cascade.certain,
        "because": board.cascade.because,
        "these_items": document,
        "new_inputs": meant(figure(board, estimand=NEW_INPUTS), board.cascade.speaks_of).to_dict(),
        "waiting": len(waiting),
        "stopping": None if board.cascade.until is None else _stopping(board, board.cascade.until),
        "notes": _notes(board),
    }


def _tiers(board: Board) -> list[dict[str, Any]]:
    """Who is asked, on which share, how many for certain and how many by lot, and why verdicts are missing."""
    lowest: dict[str, Any] = {
        "asks": list(board.free),
        "version": None,
        "share": 1.0,
        "why": None,
        "certain": 0,
        "certain_by": {},
        "drawn": len(board.ids),
        "probability": 1.0,
        "unscored": {},
    }
    rows = [lowest]
    for place, tier in enumerate(board.tiers[: len(board.rungs) - 1]):
        rung = board.rungs[place + 1]
        lots = rung.asked & ~rung.certain
        reasons: dict[str, int] = {}
        for score in board.verdicts[place].values():
            if score.reason is not None:
                reasons[score.reason] = reasons.get(score.reason, 0) + 1
        asks = tier.asks
        rows.append(
            {
                "asks": "people" if isinstance(asks, People) else f"{asks.name} ({asks.model})",
                "version": asks.content_hash if isinstance(asks, People) else asks.version,
                "share": tier.share,
                "why": tier.why,
                "certain": int((rung.asked & rung.certain).sum()),
                "certain_by": certain_by(board, place),
                "drawn": int(lots.sum()),
                "probability": float(rung.probability[lots].mean()) if lots.any() else None,
                "unscored": reasons,
            }
        )
    return rows


def segments_of(board: Board) -> dict[tuple[str, str], dict[str, Any]]:
    """The figure on every part of the items, by ``(key, value)``."""
    verdicts, question = tier_verdicts(board), question_of(board, estimand=NEW_INPUTS)
    found = {}
    for key in sorted({key for parts in board.parts for key, _ in parts}):
        of = [dict(parts).get(key) for parts in board.parts]
        for value, figures in tiered_segments(verdicts, of, question=question).items():
            if value is not None:
                found[key, str(value)] = meant(figures, board.cascade.speaks_of).to_dict()
    return found
