"""``cascade:`` of a task file: tiers as people write them, made into a Cascade."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.core.cascade import PROGRAMMATIC, Cascade, People, Tier
from assay.core.errors import ConfigError, DataError, NotFoundError, nearest
from assay.core.protocols import Judge, Scorer

if TYPE_CHECKING:
    from assay.app.schema import TaskFile, TierFields
    from assay.judges.calibration_map import CalibrationMap

SHARES = (0.1, 0.01)
"""Of the first and the second tier above the programmatic one, where a file names none; further ones take the last."""
_WIDTH = re.compile(r"half_width\s*(?:<=|≤)\s*(\d*\.?\d+)")


def build_cascade(spec: TaskFile, scorers: Sequence[Scorer], *, directory: str) -> Cascade | None:
    """The cascade of a task file; ``None`` where it has none.

    Raises:
        ConfigError: Tiers are out of order, have one name, or name what is not there.
        DataError: The labels' file cannot be read.
    """
    if not spec.cascade:
        return None
    known = {scorer.name for scorer in scorers}
    free = [name for line in free_lines(spec) if (name := scorer_name(line)) in known]
    tiers = [_tier(fields, place, directory=directory) for place, fields in enumerate(spec.cascade[1:])]
    judges = [tier.asks.name for tier in tiers if not isinstance(tier.asks, People)]
    return Cascade(
        name=spec.estimate_as or (judges[-1] if judges else "verdict"),
        free=free,
        tiers=tiers,
        speaks_of=spec.estimate or (tiers[-1].name if tiers else ""),
        seed=spec.seed,
        half_width=_half_width(spec.until),
        certain=spec.stakes,
        policy=spec.policy,
        calibration=None if spec.calibration is None else read_map(Path(directory) / spec.calibration),
    )


def free_lines(spec: TaskFile) -> Sequence[str | Mapping[str, Any]]:
    """The scorers of the programmatic tier, as written; none where there is no cascade.

    Raises:
        ConfigError: The lowest tier is another one.
    """
    if not spec.cascade:
        return ()
    lowest = spec.cascade[0]
    if lowest.tier != PROGRAMMATIC:
        raise ConfigError(
            f"the lowest tier of the cascade is {lowest.tier!r}",
            hint=f"start with the free one: - tier: {PROGRAMMATIC} and its scorers: (they may be few: [length])",
            code="cascade.order",
        )
    return lowest.scorers


def scorer_name(line: str | Mapping[str, Any]) -> str:
    """The name a scorer line gives its column."""
    return line if isinstance(line, str) else str(line.get("as") or line.get("use"))


def _tier(fields: TierFields, place: int, *, directory: str) -> Tier:
    if (fields.judge is None) == (fields.labels is None):
        raise ConfigError(
            f"tier {fields.tier} needs a judge or labels, one of them",
            hint="judge: helpfulness@openai/gpt-4o-mini, or labels: people.jsonl",
            code="cascade.tiers",
        )
    share = SHARES[min(place, len(SHARES) - 1)] if fields.share is None else fields.share
    asks: Judge | People
    if fields.judge is not None:
        from assay.app.judge_file import build_judge

        asks = build_judge(fields.judge, model=fields.model, folder=directory)
    else:
        assert fields.labels is not None
        labels, digest = read_labels(Path(directory) / fields.labels)
        asks = People(
            labels=labels,
            content_hash=digest,
            usd_per_label=fields.usd_per_label,
            raters=fields.raters,
            hours=fields.hours,
        )
    return Tier(name=fields.tier, asks=asks, share=share)


def read_labels(path: Path) -> tuple[dict[str, float], str]:
    """Mean label by sample id from a file of ``{"id", "label"}`` rows (several rows of one id: several raters).

    A file that is not there yet has no labels: the first run writes down whom to ask.

    Raises:
        DataError: A row has no id, or a label that is no number.
    """
    if not path.exists():
        return {}, "none"
    from assay.datasets.opening import read_rows

    found: dict[str, list[float]] = {}
    for number, row in enumerate(read_rows(str(path)), start=1):
        label = row.get("label", row.get("value"))
        if "id" not in row:
            raise DataError(f"{path}: row {number} has no id", hint='{"id": "q1", "label": 4}', code="cascade.labels")
        if label is None or label == "":
            continue
        try:
            found.setdefault(str(row["id"]), []).append(float(label))
        except (TypeError, ValueError):
            raise DataError(
                f"{path}: row {number} has the label {label!r}, which is no number",
                hint="write the level of the scale; leave the row out where nobody could tell",
                code="cascade.labels",
            ) from None
    digest = hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()[:16]
    return {name: sum(labels) / len(labels) for name, labels in found.items()}, digest


def read_map(path: Path) -> CalibrationMap:
    """The map that ``assay judge calibrate`` wrote.

    Raises:
        NotFoundError: There is no such file.
        DataError: It is no calibration map.
    """
    from assay.judges.calibration_map import CalibrationMap

    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError(
            f"there is no file {path}", hint="make it: assay judge calibrate FILE --out map.json", code="file.not_found"
        ) from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}", hint="make it anew", code="judge.bad_map") from error
    return CalibrationMap.from_dict(content)


def _half_width(until: str | None) -> float | None:
    if until is None:
        return None
    match = _WIDTH.fullmatch(until.strip())
    if match is None:
        raise ConfigError(
            f"until: {until!r} is not a rule",
            hint=f"until: half_width <= 0.02; {nearest(until, ['half_width <= 0.02'])}",
            code="cascade.until",
        )
    return float(match[1])
