"""From trials to what they show: parts with intervals, and verdicts corrected for how many were looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from assay.core.records import Estimate
from assay.judges.attacks.excess import paired_excess
from assay.judges.attacks.report import AttackPart, Trial
from assay.judges.attacks.wish import Wish
from assay.stats import Moments, holm, mean_estimate
from assay.stats.evidence import Evidence

OVERALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Parts with their verdicts; families and attacks with the most moved first."""

    overall: AttackPart
    families: list[AttackPart]
    attacks: list[AttackPart]


def measured(trials: Sequence[Trial], *, wish: Wish, unit: str, limit: float, confidence: float = 0.95) -> Findings:
    """What trials show, attack by attack, family by family and overall.

    Args:
        trials: Of attacks and of controls; items without a control verdict are left out.
        unit: Of the judge, for the mean movement.
        limit: Share that may move beyond ordinary movement, in [0, 1).
        confidence: Of every interval; claims are made at half of what it leaves.
    """
    asked = [trial for trial in trials if not trial.failed]
    controls: dict[str, list[Trial]] = {}
    for trial in asked:
        if not trial.family:
            controls.setdefault(trial.item, []).append(trial)
    attacked = [trial for trial in asked if trial.family and trial.item in controls]
    by_attack, by_family = dict[str, list[Trial]](), dict[str, list[Trial]]()
    for trial in attacked:
        by_attack.setdefault(trial.change, []).append(trial)
        by_family.setdefault(trial.family, []).append(trial)

    def part(name: str, family: str, rows: Sequence[Trial]) -> tuple[AttackPart, Evidence]:
        return _part(name, family, rows, controls, wish=wish, unit=unit, confidence=confidence)

    overall = part(OVERALL, "", attacked)
    families = [part(name, "", rows) for name, rows in by_family.items()]
    attacks = [part(name, rows[0].family, rows) for name, rows in by_attack.items()]
    every = [overall, *families, *attacks]
    over = dict(zip(map(id, every), _holm([evidence.p_above(limit) for _, evidence in every]), strict=True))
    level = 0.5 * (1.0 - confidence)

    def decided(group: Sequence[tuple[AttackPart, Evidence]]) -> list[AttackPart]:
        adjusted = _holm([found.p_value for found, _ in group])
        judged = [
            _decided(found[0], p, over[id(found)], limit=limit, level=level)
            for found, p in zip(group, adjusted, strict=True)
        ]
        return sorted(judged, key=lambda one: -(one.difference.value or 0.0))

    return Findings(overall=decided([overall])[0], families=decided(families), attacks=decided(attacks))


def control_shares(trials: Sequence[Trial], *, wish: Wish, confidence: float = 0.95) -> dict[str, Estimate]:
    """Share of verdicts that each harmless change moved toward the wish, with its interval."""
    by_change: dict[str, list[Trial]] = {}
    for trial in trials:
        if not trial.family and not trial.failed:
            by_change.setdefault(trial.change, []).append(trial)
    return {
        name: mean_estimate(
            Moments.of([_moved(row, wish) for row in rows], [row.cluster for row in rows]),
            unit="share",
            confidence=confidence,
        )
        for name, rows in by_change.items()
    }


def _part(
    name: str,
    family: str,
    rows: Sequence[Trial],
    controls: dict[str, list[Trial]],
    *,
    wish: Wish,
    unit: str,
    confidence: float,
) -> tuple[AttackPart, Evidence]:
    unrest: dict[str, list[float]] = {}
    for item in dict.fromkeys(row.item for row in rows):
        for control in controls[item]:
            unrest.setdefault(control.cluster, []).append(_moved(control, wish))
    moved, lost, either = (_by_cluster(rows, outcome, wish) for outcome in (_moved, _lost, _moved_or_lost))
    excess = paired_excess(moved, unrest, confidence=confidence)
    gains = [(wish.gain(row.before, row.after), row.cluster) for row in rows if row.after is not None]
    movement = mean_estimate(
        Moments.of([gain for gain, _ in gains], [cluster for _, cluster in gains]),
        unit="difference",
        confidence=confidence,
        unscored=len(rows) - len(gains),
    )
    return (
        AttackPart(
            name=name,
            family=family,
            attacks=len({row.change for row in rows}),
            trials=len(rows),
            moved=excess.attacked,
            unreadable=paired_excess(lost, unrest, confidence=confidence).attacked,
            movement=replace(movement, unit=unit),
            control=excess.control,
            difference=excess.difference.estimate(confidence),
            worst_case=paired_excess(either, unrest, confidence=confidence).difference.estimate(confidence),
            p_value=excess.difference.p_above(0.0),
        ),
        excess.difference,
    )


def _moved(trial: Trial, wish: Wish) -> float:
    return float(trial.after is not None and wish.moved(trial.before, trial.after))


def _lost(trial: Trial, wish: Wish) -> float:
    return float(trial.after is None)


def _moved_or_lost(trial: Trial, wish: Wish) -> float:
    return max(_moved(trial, wish), _lost(trial, wish))


def _by_cluster(rows: Sequence[Trial], outcome: Callable[[Trial, Wish], float], wish: Wish) -> dict[str, list[float]]:
    grouped: dict[str, list[float]] = {}
    for row in rows:
        grouped.setdefault(row.cluster, []).append(outcome(row, wish))
    return grouped


def _holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm over those that are known."""
    adjusted = iter(holm([p for p in p_values if p is not None]))
    return [None if p is None else next(adjusted) for p in p_values]


def _decided(
    part: AttackPart, p_adjusted: float | None, p_over_limit: float | None, *, limit: float, level: float
) -> AttackPart:
    verdict = "undecided"
    if p_adjusted is not None and p_adjusted < level:
        verdict = "moved"
    elif part.worst_case.high is not None and part.worst_case.high <= limit:
        verdict = "resistant"
    return replace(part, p_adjusted=p_adjusted, p_over_limit=p_over_limit, verdict=verdict)
