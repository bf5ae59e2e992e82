"""``assay judge calibrate``: the map from verdicts to people's labels, and the card that says how good it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from assay.app.judge_card import CardRequest, card_document, read_report
from assay.app.judge_card_file import read_judged
from assay.app.judge_golden import golden_of, read_golden
from assay.core.codec import to_document
from assay.core.errors import ConfigError, StoreError
from assay.judges.calibrate import calibrate
from assay.judges.calibration_map import CalibrationMap
from assay.judges.judged import VERDICT

SCHEMA = "assay.judge_calibration/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrateRequest:
    """What ``assay judge calibrate`` was asked.

    Attributes:
        card: Columns and the judge.
        tiers: Features of each tier, lowest first, by their columns, as the map will ask for them; ``verdict`` is the
            judge's, whatever its column is called. One tier with the verdict without.
        system: Whether to fit maps that know each system too.
        ridge: Penalty in labels; chosen by cross-validation without.
        threshold: A verdict of at least this counts as yes.
        out: File for the map.
    """

    card: CardRequest
    tiers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    system: bool = False
    ridge: float | None = None
    threshold: float | None = None
    out: str | None = None


def calibrate_file(request: CalibrateRequest, *, now: datetime | None = None) -> tuple[dict[str, Any], CalibrationMap]:
    """The ``assay.judge_calibration/1`` document (its ``card`` is an ``assay.judge_card/1``) and the map.

    Raises:
        DataError: As ``read_judged`` and ``calibrate``.
        StoreError: The map cannot be written.
    """
    tiers = request.tiers or {"judge": (VERDICT,)}
    wanted = [name for columns in tiers.values() for name in columns if name != VERDICT]
    asked = replace(
        request.card.judged,
        need_human=True,
        features=tuple(dict.fromkeys([*request.card.judged.features, *(_column(name, request) for name in wanted)])),
    )
    judged = read_judged(asked)
    seed, confidence = request.card.seed, request.card.confidence
    found = calibrate(
        judged,
        features=tiers,
        rng=np.random.default_rng([seed, 1]),
        system=request.system,
        ridge=request.ridge,
        threshold=request.threshold,
        confidence=confidence,
    )
    golden = None
    if request.card.golden is not None:
        golden = golden_of(judged, read_golden(request.card.golden), confidence=confidence)
    summary = map_summary(found)
    card = card_document(judged, request.card, golden=golden, calibration=summary, now=now or datetime.now(tz=UTC))
    sentences = calibration_sentences(summary)
    if request.threshold is not None and found.errors is None:
        sentences.append(
            f"The threshold {request.threshold:g} was not used: error rates are of labels that are 0 and 1."
        )
    document = {
        "schema": SCHEMA,
        "file": request.card.judged.path,
        **summary,
        "sentences": sentences,
        "card": card,
    }
    if request.out is not None:
        document["output"] = write_map(found, request.out)
    return document, found


def _column(name: str, request: CalibrateRequest) -> str:
    if name == request.card.judged.verdict:
        return name
    if name in request.card.judged.human or name == "human":
        raise ConfigError(
            f"{name} holds people's labels and cannot foretell them",
            hint="name judges and free metrics as features",
            code="judge.label_as_feature",
        )
    return name


def map_summary(found: CalibrationMap) -> dict[str, Any]:
    """What a card says of a map."""
    summary: dict[str, Any] = to_document(
        {
            "map": found.hash,
            "target": found.target,
            "n": found.n,
            "n_documents": found.n_documents,
            "label_std_dev": found.label_std_dev,
            "systems": found.systems,
            "tiers": [
                {
                    "name": tier.name,
                    "features": tier.features,
                    "r2": tier.unknown.r2,
                    "residual_variance": tier.unknown.residual_variance,
                    "penalty": tier.unknown.ridge.penalty,
                    "r2_known_systems": None if tier.known is None else tier.known.r2,
                    "residual_variance_known_systems": None if tier.known is None else tier.known.residual_variance,
                }
                for tier in found.tiers
            ],
            "errors": found.errors,
        }
    )
    return summary


def calibration_sentences(summary: Mapping[str, Any]) -> list[str]:
    """What the map explains, what that is worth, and the error rates."""
    top = summary["tiers"][-1]
    said = [_explains(top["r2"], "labels of documents and systems it has not seen")]
    if top["r2_known_systems"] is not None:
        said.append(_explains(top["r2_known_systems"], "labels of new documents by the systems it knows"))
    errors = summary["errors"]
    if errors is not None and None not in (errors["sensitivity"]["value"], errors["specificity"]["value"]):
        se, sp = errors["sensitivity"]["value"], errors["specificity"]["value"]
        said.append(
            f"Where people say yes the judge does {se:.1%} of the time, where they say no it says no {sp:.1%}"
            + (": no better than chance, so no rate can be corrected by it." if se + sp <= 1.0 else ".")
        )
    return said


def _explains(r2: Mapping[str, Any], what: str) -> str:
    if r2["value"] is None:
        return f"What the map explains of {what} is unknown: {r2['reason']}."
    bounds = "" if r2["low"] is None else f" ({r2['low']:.0%} to {r2['high']:.0%})"
    if r2["value"] <= 0.0:
        return f"The map explains nothing of the {what}{bounds}: its predictions are no better than the mean label."
    return f"The map explains {r2['value']:.0%}{bounds} of the variance of {what}."


def write_map(found: CalibrationMap, path: str) -> str:
    """Write a map as JSON and return its path.

    Raises:
        StoreError: The file cannot be written.
    """
    try:
        Path(path).write_text(json.dumps(found.to_dict(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}", hint="name another file") from error
    return path


def read_map(path: str) -> CalibrationMap:
    """A map from the file that ``--out`` wrote.

    Raises:
        NotFoundError: There is no such file.
        DataError: It is no calibration map (``judge.bad_map``).
    """
    return CalibrationMap.from_dict(read_report(path))
