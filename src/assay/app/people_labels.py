"""People as a tier of a task file: the labels they gave so far, read and checked."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.core.cascade import People, scale_ends
from assay.core.errors import ConfigError, DataError
from assay.core.protocols import Judge

if TYPE_CHECKING:
    from assay.app.schema import TierFields

CANNOT_TELL = "?"
"""A label that says: this person has looked, and could not tell."""
_EXAMPLE = '{"id": "q1", "label": 4}'
Ends = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRow:
    """One rater's label of one sample; ``None`` where the rater could not tell."""

    number: int
    sample_id: str
    label: float | None


def labels_path(fields: TierFields, task: str) -> str:
    """Where a tier's labels are, relative to the task file."""
    return fields.labels or f"labels/{task}.jsonl"


def build_people(
    fields: TierFields, *, path: Path, below: Judge | None, samples: Collection[str], asked: bool = True
) -> People:
    """The people of a tier.

    Args:
        path: Of their labels; a file that is not there yet has none.
        below: The judge they stand above: without ``scale:`` they are taken to label on its scale, as far as they do.
        samples: Ids of the dataset.
        asked: Whether the figure needs them; their labels are not looked at where it does not.

    Raises:
        ConfigError: Scale and unit contradict each other (``cascade.labels``).
        DataError: A row has no id or no label, the label is no number or lies off the scale, or none of the samples is
            of the dataset (``cascade.labels``).
    """
    told = fields.model_dump(mode="json", include={"scale", "unit"}, exclude_none=True)
    given = _ends(fields)
    rows = read_labels(path, scale=given) if asked else []
    unit: str = fields.unit or "score"
    scale, notes = given, _strangers(rows, samples, path)
    if given is None and below is not None:
        ends = scale_ends(below)
        beyond = next((row for row in rows if ends is not None and _off(row, ends)), None)
        if beyond is None:
            scale, unit = ends, fields.unit or below.unit
        elif ends is not None:
            notes.append(
                f"{path.name}: row {beyond.number} has the label {beyond.label:g}, and {below.name} goes from"
                f" {ends[0]:g} to {ends[1]:g}: mend it, or name people's own scale: in the task"
            )
    labels: dict[str, list[float]] = {}
    answered: dict[str, int] = {}
    for row in rows:
        labels.setdefault(row.sample_id, []).extend([] if row.label is None else [row.label])
        answered[row.sample_id] = answered.get(row.sample_id, 0) + 1
    return People(
        labels={name: sum(given) / len(given) if given else None for name, given in labels.items()},
        content_hash=_digest(labels, answered),
        usd_per_label=fields.usd_per_label,
        raters=fields.raters,
        hours=fields.hours,
        answered=answered,
        scale=scale,
        unit=unit,
        told=told,
        notes=notes,
    )


def _digest(labels: Mapping[str, list[float]], answered: Mapping[str, int]) -> str:
    if not answered:
        return "none"
    told = [(name, sorted(given), answered[name]) for name, given in sorted(labels.items())]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def _ends(fields: TierFields) -> Ends | None:
    """The scale as the task gives it."""
    if fields.scale is None:
        return (0.0, 1.0) if fields.unit == "share" else None
    low, high = fields.scale
    if not low < high or (fields.unit == "share" and (low, high) != (0.0, 1.0)):
        what = f"of {low:g} to {high:g}" + (" for shares" if fields.unit == "share" else "")
        raise ConfigError(
            f"tier {fields.tier} has a scale {what}",
            hint="scale: [1, 5], lowest first; shares go from 0 to 1",
            code="cascade.labels",
        )
    return low, high


def _off(row: LabelRow, ends: Ends) -> bool:
    return row.label is not None and not ends[0] <= row.label <= ends[1]


def read_labels(path: Path, *, scale: Ends | None = None) -> list[LabelRow]:
    """The rows ``{"id", "label"}`` of a file (several rows of one id: several raters), empty labels left out.

    Raises:
        DataError: A row has no id or no label, or the label is no number or off the scale (``cascade.labels``).
    """
    if not path.exists():
        return []
    from assay.datasets.opening import read_rows

    found = []
    for number, row in enumerate(read_rows(str(path)), start=1):
        where = f"{path}: row {number}"
        if row.get("id") in (None, ""):
            raise DataError(f"{where} has no id", hint=_EXAMPLE, code="cascade.labels")
        if "label" not in row and "value" not in row:
            others = ", ".join(sorted(str(name) for name in row if name != "id"))
            raise DataError(f'{where} has no "label" beside {others or "its id"}', hint=_EXAMPLE, code="cascade.labels")
        given = row.get("label", row.get("value"))
        if given not in (None, ""):
            label = None if given == CANNOT_TELL else _label(given, where, scale)
            found.append(LabelRow(number=number, sample_id=str(row["id"]), label=label))
    return found


def _label(given: Any, where: str, scale: Ends | None) -> float:
    try:
        label = math.nan if isinstance(given, bool) else float(given)
    except (TypeError, ValueError):
        label = math.nan
    if not math.isfinite(label):
        raise DataError(
            f"{where} has the label {given!r}, which is no number",
            hint=f'write the level of the scale; "{CANNOT_TELL}" where a person could not tell',
            code="cascade.labels",
        )
    if scale is not None and not scale[0] <= label <= scale[1]:
        raise DataError(
            f"{where} has the label {label:g}, off the scale from {scale[0]:g} to {scale[1]:g}",
            hint="mend the label, or the scale: of the tier",
            code="cascade.labels",
        )
    return label


def _strangers(rows: list[LabelRow], samples: Collection[str], path: Path) -> list[str]:
    """What is said of labels for samples that the dataset does not hold."""
    labelled = list(dict.fromkeys(row.sample_id for row in rows))
    known = frozenset(samples) if labelled else frozenset()
    unknown = [name for name in labelled if name not in known]
    if not unknown:
        return []
    some = ", ".join(unknown[:3]) + (" …" if len(unknown) > 3 else "")
    if len(unknown) == len(labelled):
        raise DataError(
            f"{path} labels {some}, and the dataset holds none of its {len(labelled):,} samples",
            hint="ids must be those of the dataset; see: assay cascade queue RUN",
            code="cascade.labels",
        )
    count = "1 sample" if len(unknown) == 1 else f"{len(unknown):,} samples"
    return [f"{path.name} labels {count} that the dataset does not hold: {some}"]
