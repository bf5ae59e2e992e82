"""``cascade:`` of a task file: tiers as people write them, made into a Cascade."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.core.cascade import PROGRAMMATIC, Cascade, People, Tier, default_share
from assay.core.errors import ConfigError, DataError, NotFoundError
from assay.core.protocols import Judge, Scorer
from assay.core.stopping import parse_stopping

if TYPE_CHECKING:
    from assay.app.schema import TaskFile, TierFields
    from assay.judges.calibration_map import CalibrationMap

PEOPLE = ("human", "people")
"""Names that make a tier one of people, without a word on labels."""


def build_cascade(spec: TaskFile, scorers: Sequence[Scorer], *, directory: str, ids: Collection[str]) -> Cascade | None:
    """The cascade of a task file; ``None`` where it has none.

    Args:
        ids: Of the samples.

    Raises:
        ConfigError: Tiers are out of order, have one name, or name what is not there.
        DataError: People's labels cannot be used (``cascade.labels``).
    """
    if not spec.cascade:
        return None
    known = {scorer.name for scorer in scorers}
    free = [name for line in free_lines(spec) if (name := scorer_name(line)) in known]
    shares = _shares(spec)
    rungs = zip(spec.cascade[1:], [1.0] * len(spec.cascade) if shares is None else shares, strict=False)
    tiers: list[Tier] = []
    for fields, share in rungs:
        asks = _people(fields, spec, tiers, directory, ids) if _is_people(fields) else _judge(fields, directory)
        tiers.append(Tier(name=fields.tier, asks=asks, share=share))
    judges = [tier.asks.name for tier in tiers if not isinstance(tier.asks, People)]
    return Cascade(
        name=spec.estimate_as or (judges[-1] if judges else "verdict"),
        free=free,
        tiers=tiers,
        speaks_of=spec.estimate or (tiers[-1].name if tiers else ""),
        seed=spec.seed,
        until=None if spec.until is None else parse_stopping(spec.until),
        certain=spec.stakes,
        policy=spec.policy,
        calibration=None if spec.calibration is None else read_map(Path(directory) / spec.calibration),
        open=shares is None,
    )


def _shares(spec: TaskFile) -> list[float] | None:
    """Of the tiers above the programmatic one; ``None`` where the budget is to give them."""
    given = [fields.share for fields in spec.cascade[1:]]
    if spec.policy == "budget" and None in given:
        if any(given):
            raise ConfigError(
                "policy: budget finds the share of some tiers and not of others",
                hint="share: on every tier above the programmatic one, or on none",
                code="cascade.policy",
            )
        return None
    return [default_share(place) if share is None else share for place, share in enumerate(given)]


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


def _is_people(fields: TierFields) -> bool:
    """Whether a tier is one of people: by its labels, or by its name where it has no judge either."""
    return fields.judge is None and (fields.labels is not None or fields.tier in PEOPLE)


def _judge(fields: TierFields, directory: str) -> Judge:
    if fields.judge is None or fields.labels is not None:
        raise ConfigError(
            f"tier {fields.tier} needs a judge or labels, one of them",
            hint="judge: helpfulness@openai/gpt-4o-mini, or labels: people.jsonl; a tier called human needs neither",
            code="cascade.tiers",
        )
    if fields.scale is not None or fields.unit is not None:
        raise ConfigError(
            f"tier {fields.tier} has a judge, which brings its own scale",
            hint="scale: and unit: belong to a tier of people",
            code="cascade.tiers",
        )
    from assay.app.judge_file import build_judge

    return build_judge(fields.judge, model=fields.model, folder=directory)


def _people(fields: TierFields, spec: TaskFile, below: Sequence[Tier], directory: str, ids: Collection[str]) -> People:
    from assay.app.people_labels import build_people, labels_path

    judges = [tier.asks for tier in below if not isinstance(tier.asks, People)]
    return build_people(
        fields,
        path=Path(directory) / labels_path(fields, spec.task),
        below=judges[-1] if judges else None,
        samples=ids,
        asked=spec.estimate in (None, fields.tier),
    )


def labels_file(source: Mapping[str, Any]) -> Path | None:
    """Where the people of a recorded run write their labels; ``None`` where its task is no file or asks none.

    Args:
        source: Of the run's manifest.
    """
    from assay.app.people_labels import labels_path
    from assay.app.schema import TaskFile, check

    if source.get("kind") != "config":
        return None
    spec = check(TaskFile, dict(source["config"]), where="the run's manifest")
    people = [fields for fields in spec.cascade[1:] if _is_people(fields)]
    return Path(source["directory"]) / labels_path(people[-1], spec.task) if people else None


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
    if not isinstance(content, dict):
        raise DataError(
            f"{path} holds no calibration map",
            hint="make it: assay judge calibrate FILE --out map.json",
            code="judge.bad_map",
        )
    try:
        return CalibrationMap.from_dict(content)
    except DataError as error:
        raise DataError(f"{path}: {error}", hint=error.hint, code=error.code) from error
