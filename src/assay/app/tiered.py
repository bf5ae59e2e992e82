"""What recorded runs say through their cascades: for comparisons, gates and the queue of people's labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assay.core.codec import to_plain
from assay.core.errors import InvalidInputError, NotFoundError, StoreError
from assay.core.records import Item, RunRecord

if TYPE_CHECKING:
    from assay.app.wiring import App
    from assay.engine.cascade.kept import KeptTiers
    from assay.engine.cascade.why import Reasons
    from assay.engine.paired_metric import MetricComparison
    from assay.engine.rules import Rule
    from assay.stats.evidence import Evidence


def cascade_name(record: RunRecord) -> str | None:
    """The name of a run's tiered figure; ``None`` where the task has no cascade."""
    name: str | None = record.manifest.get("cascade", {}).get("name")
    return name


def kept_tiers(app: App, record: RunRecord) -> KeptTiers:
    """Who was asked what in a run.

    Raises:
        NotFoundError: The run has no cascade, or has not come to its end yet.
    """
    from assay.engine.cascade.kept import KeptTiers, object_name

    name = object_name(record.run_id)
    if cascade_name(record) is None or not app.store.objects.exists(name):
        what = "has no cascade" if cascade_name(record) is None else "has not asked its tiers yet"
        raise NotFoundError(
            f"run {record.run_id} {what}",
            hint="give the task a cascade:" if cascade_name(record) is None else f"assay resume {record.run_id}",
            code="cascade.none",
        )
    return KeptTiers.from_bytes(app.store.objects.get(name))


def reasons_asked(app: App, record: RunRecord) -> Reasons | None:
    """Why the tiers of a run were asked on its samples; ``None`` where the run has no cascade."""
    if cascade_name(record) is None:
        return None
    from assay.engine.cascade.why import Reasons

    try:
        kept = kept_tiers(app, record)
    except (NotFoundError, StoreError):  # not ended yet, or kept by another version: the chances are in the scores
        kept = None
    return Reasons.of(record.manifest["cascade"], kept)


def plain_item(item: Item, reasons: Reasons | None) -> dict[str, Any]:
    """An item as JSON has it; each verdict of a tier has ``"asked"`` besides, ``None`` where nobody knows why."""
    document: dict[str, Any] = to_plain(item)
    asked = {} if reasons is None else reasons(item.sample)
    document["scores"] = [
        {**score, "asked": asked[score["tier"]]} if score["tier"] in asked else score for score in document["scores"]
    ]
    return document


def speaks_of(record: RunRecord) -> Mapping[str, Any]:
    """The tier, as the manifest has it, whose verdict a run's figure estimates; people mean it as the judge below."""
    cascade = record.manifest["cascade"]
    names = [tier["tier"] for tier in cascade["tiers"]]
    place = names.index(cascade["speaks_of"])
    found: Mapping[str, Any] = cascade["tiers"][place]
    below = [tier["higher_is_better"] for tier in cascade["tiers"][:place] if "judge" in tier]
    return {"higher_is_better": below[-1], **found} if below else found


def tiered_comparison(
    app: App, before: RunRecord, after: RunRecord, *, confidence: float, margin: float
) -> dict[str, MetricComparison]:
    """The tiered figure of two runs compared, where both have it and mean the same verdict."""
    name = cascade_name(after)
    if name is None or not_comparable(app, before, after):
        return {}
    from assay.engine.cascade.versus import compare_tiers

    found = compare_tiers(
        kept_tiers(app, before),
        kept_tiers(app, after),
        higher_is_better=_direction(after),
        confidence=confidence,
        margin=margin,
    )
    return {name: found}


def not_comparable(app: App, before: RunRecord, after: RunRecord) -> list[dict[str, str]]:
    """Tiered figures that one run lacks, or that mean different verdicts: ``{"metric", "reason"}``."""
    names = [cascade_name(record) for record in (before, after)]
    if names[0] != names[1]:
        sides = ((before, after, "baseline", "candidate"), (after, before, "candidate", "baseline"))
        return [
            {"metric": name, "reason": _alone(name, other, side, other_side)}
            for run, other, side, other_side in sides
            if (name := cascade_name(run)) is not None
        ]
    if names[0] is None:
        return []
    one, other = (speaks_of(record) for record in (before, after))
    if _meaning(before) == _meaning(after):
        from assay.engine.cascade.kept import object_name

        silent = [run.run_id for run in (before, after) if not app.store.objects.exists(object_name(run.run_id))]
        return [{"metric": str(names[0]), "reason": f"run {run_id} has not asked its tiers yet"} for run_id in silent]
    words = [
        f"tier {tier['tier']}, {tier.get('judge', 'people')} {tier.get('version', '')}".strip() for tier in (one, other)
    ]
    return [{"metric": str(names[0]), "reason": f"it means different verdicts ({words[0]}; {words[1]})"}]


def _alone(name: str, other: RunRecord, side: str, other_side: str) -> str:
    """Why a tiered figure of one run has nothing to be compared with in the other."""
    if name in [scorer["name"] for scorer in other.manifest["scorers"]]:
        return f"the {side} has it through a cascade, the {other_side} from every sample"
    return f"only the {side} has it"


def _direction(record: RunRecord) -> bool | None:
    direction: bool | None = speaks_of(record).get("higher_is_better", True)
    return direction


def tiered_rules(app: App, rules: Sequence[Rule], record: RunRecord, baseline: RunRecord | None) -> dict[str, Evidence]:
    """Evidence of the rules that ask about the run's tiered figure, by the rule's text.

    Raises:
        InvalidInputError: A relative rule has no baseline, or one whose figure means another verdict.
    """
    from assay.engine.cascade.versus import difference_evidence, tiered_evidence

    found = {}
    for rule in rules:
        if rule.metric != cascade_name(record):
            continue
        kept = kept_tiers(app, record)
        if not rule.relative:
            found[rule.text] = tiered_evidence(kept, within=_within(app, record, kept, rule))
            continue
        if rule.segment is not None:
            raise InvalidInputError(
                f"{rule.text!r} compares a segment of a tiered figure, which has too few verdicts on both sides",
                hint="use an absolute rule for the segment, or a relative one for the whole",
                code="gate.tiered_segment",
            )
        other = None if baseline is None else cascade_name(baseline)
        if baseline is None or other is None or _meaning(baseline) != _meaning(record):
            lacking = "" if baseline is None or other is not None else f", and {baseline.run_id} has no cascade"
            raise InvalidInputError(
                f"{rule.text!r} needs a baseline whose {rule.metric} means the same verdict{lacking}",
                hint="name a run of the same task: --baseline RUN",
                code="gate.baseline_missing",
            )
        found[rule.text] = difference_evidence(kept_tiers(app, baseline), kept)
    return found


def _meaning(record: RunRecord) -> tuple[bool, str | None]:
    """Whose verdict a run's figure is."""
    tier = speaks_of(record)
    return "people" in tier, tier.get("version")


def _within(app: App, record: RunRecord, kept: KeptTiers, rule: Rule) -> list[bool] | None:
    if rule.segment is None:
        return None
    key, value = rule.segment
    members = app.store.results.segment(record.run_id, key)
    found = [members.get(sample_id) == value for sample_id in kept.ids]
    if not any(found):
        raise NotFoundError(f"no sample has {key} = {value!r}", hint="see: assay show RUN", code="segment.unknown")
    return found


def label_queue(app: App, run_id: str) -> dict[str, Any]:
    """The ``assay cascade queue --json`` document: samples whose label people still owe, in the order drawn.

    ``waiting`` has ``{"id", "input", "output", "label": None}``, ``labels`` the file that takes them; ``None`` where
    the task was written in Python.

    Raises:
        NotFoundError: There is no such run, or it has no cascade.
    """
    from assay.app.tiers import labels_file

    record = app.store.metadata.run(run_id)
    waiting = []
    for sample_id in kept_tiers(app, record).waiting:
        item = app.store.results.item(record.run_id, sample_id, 0)
        waiting.append({"id": sample_id, "input": item.sample.input, "output": item.output.text, "label": None})
    path = labels_file(record.manifest["source"])
    return {
        "schema": "assay.queue/1",
        "run_id": record.run_id,
        "labels": None if path is None else str(path),
        "waiting": waiting,
    }
