"""The JSON document of a run (``assay.run/1``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assay.core.protocols import Judge
from assay.engine.tally import Tally
from assay.engine.unheard import bounds_notes, unheard_notes

if TYPE_CHECKING:
    from assay.engine.cascade.board import Board
    from assay.engine.state import RunPlan

SCHEMA = "assay.run/1"


def summarise(
    plan: RunPlan,
    tally: Tally,
    *,
    usage: Mapping[str, Any],
    stop: str | None,
    failed: int,
    seconds: float,
    board: Board | None = None,
    golden: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Figures of a run as it stands.

    ``status`` is ``done``; ``budget``, ``interrupted``, ``partial`` (timeout) or ``failed`` (key refused) when it was
    stopped; ``degraded`` when calls failed that another attempt may mend, or another model answered; ``partial`` also
    when a judge gave no verdict on any sample.
    """
    planned = len(plan.selection.rows)
    metrics = {name: estimate.to_dict() for name, estimate in tally.estimates().items()}
    segments, tiers = tally.segments(), None
    if board is not None and board.rungs:
        tiers = _with_tiers(board, stop, segments)
        metrics = {tiers["metric"]: tiers["new_inputs"], **metrics}
    scored, unheard = metrics[tally.primary]["n"], {**tally.unheard(), **_unheard_tiers(tiers)}
    reasons = dict(tally.reasons)
    if planned > tally.samples:
        reasons[f"not_run:{stop or 'unfinished'}"] = planned - tally.samples
    return {
        "run_id": plan.run_id,
        "task": plan.task.name,
        "model": plan.model,
        "schema": SCHEMA,
        "status": _status(
            stop,
            failed=failed,
            degraded=tally.degraded or (tiers is not None and tiers["these_items"]["degraded"]),
            unheard=bool(unheard),
        ),
        "manifest": plan.manifest_hash,
        "primary": plan.task.primary or (tally.primary if tiers is None else tiers["metric"]),
        "samples": {
            "planned": planned,
            "scored": scored,
            "unscored": planned - scored,
            "by_reason": reasons,
            "causes": tally.causes(),
            "failed": failed,
            "degraded": tally.degraded,
            "skipped": plan.skipped,
        },
        "metrics": metrics,
        "segments": segments,
        "notes": [
            *plan.task.notes,
            *plan.notes,
            *(() if tiers is None else tiers["notes"]),
            *unheard_notes(unheard),
            *bounds_notes(metrics, [scorer.name for scorer in plan.task.scorers if isinstance(scorer, Judge)]),
            *_golden_notes(golden),
            *plan.late_notes(),
        ],
        "usage": dict(usage),
        "seconds": round(seconds, 3),
        **({} if tiers is None else {"cascade": tiers}),
        **({"golden": list(golden)} if golden else {}),
        **({"judges": judges} if (judges := tally.judges()) else {}),
    }


def _with_tiers(board: Board, stop: str | None, segments: list[dict[str, Any]]) -> dict[str, Any]:
    """The cascade's part of the document; its figure on each segment is put beside the scorers'."""
    from assay.engine.cascade.figure import segments_of, summary_of

    tiers = summary_of(board, stop=stop)
    for part, estimate in segments_of(board).items():
        row = next((row for row in segments if (row["key"], row["value"]) == part), None)
        if row is not None:
            row["metrics"][tiers["metric"]] = estimate
    return tiers


def _golden_notes(golden: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a run says of judges whose accuracy on golden items has fallen."""
    return [
        f"judge {row['judge']}: accuracy on golden items fell below {row['expected']:.1%}, which it had held; see:"
        f" assay judge golden --judge {row['version']}"
        for row in golden
        if row["alarm"]
    ]


def _unheard_tiers(tiers: Mapping[str, Any] | None) -> dict[str, Mapping[str, int]]:
    """Judges of tiers that were asked and gave no verdict at all, with the reasons."""
    rows = [] if tiers is None else tiers["these_items"]["tiers"][1:]
    return {
        row["asks"]: row["unscored"]
        for row in rows
        if row["asked"] and row["asks"] != "people" and sum(row["unscored"].values()) == row["asked"]
    }


def _status(stop: str | None, *, failed: int, degraded: int, unheard: bool) -> str:
    if stop is not None:
        return {"budget": "budget", "interrupted": "interrupted", "key_refused": "failed"}.get(stop, "partial")
    if failed or degraded:
        return "degraded"
    return "partial" if unheard else "done"
