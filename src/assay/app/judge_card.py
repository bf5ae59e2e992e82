"""``assay judge card``: everything recorded verdicts say of a judge, as one document."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from assay.app.judge_card_file import JudgedRequest, read_judged
from assay.app.judge_card_words import UNVERSIONED, card_sentences
from assay.app.judge_golden import golden_of, read_golden
from assay.core.codec import to_document
from assay.core.errors import ConfigError, DataError, NotFoundError
from assay.judges.calibrate import isotonic_curve
from assay.judges.card import judge_card
from assay.judges.judged import Judged

DRAWN_POINTS = 400
ATTACK_SCHEMA = "assay.attack/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRequest:
    """What ``assay judge card`` was asked.

    Attributes:
        judged: The columns.
        name: Of the judge; the file's name without one.
        version: Of the judge; a card without one is not kept.
        model: It asks.
        own: Systems of its own family.
        temperature: Of the verdicts.
        attack: File of the attack report (JSON).
        golden: File of known answers.
        panel: Column of the explanations of a panel, which hold its members' verdicts.
        seed: Of the bootstrap.
    """

    judged: JudgedRequest
    name: str | None = None
    version: str | None = None
    model: str | None = None
    own: Sequence[str] = ()
    temperature: float | None = None
    attack: str | None = None
    golden: str | None = None
    panel: str | None = None
    seed: int = 0
    confidence: float = 0.95


def make_card(request: CardRequest, *, now: datetime | None = None) -> dict[str, Any]:
    """The ``assay.judge_card/1`` document of a file, with points to draw and sentences.

    Raises:
        ConfigError: As ``read_judged``; the judge's version is empty (``judge.no_version``).
        DataError: As ``read_judged``; a golden set that contradicts itself; an attack report that is none
            (``judge.bad_report``), or one of another judge (``judge.other_judge``); as ``recorded_panel``.
        NotFoundError: A file is not there.
    """
    judged = read_judged(request.judged)
    golden = None
    if request.golden is not None:
        golden = golden_of(judged, read_golden(request.golden), confidence=request.confidence)
    return card_document(judged, request, golden=golden, calibration=None, now=now or datetime.now(tz=UTC))


def card_document(
    judged: Judged,
    request: CardRequest,
    *,
    golden: Mapping[str, Any] | None,
    calibration: Mapping[str, Any] | None,
    now: datetime,
) -> dict[str, Any]:
    """A card with what its page draws.

    Raises:
        ConfigError: The judge's version is empty (``judge.no_version``).
        DataError: The attack report is none, or of another judge; as ``recorded_panel``.
    """
    if request.version is not None and not request.version.strip():
        raise ConfigError(
            "the judge's version is empty",
            hint="as assay judge list shows it, or none at all: then the card is not kept",
            code="judge.no_version",
        )
    card = judge_card(
        judged,
        name=" ".join((request.name or "").split()) or Path(request.judged.path).stem,
        judge_version=request.version or UNVERSIONED,
        model=request.model,
        made_at=now.isoformat(timespec="seconds"),
        rng=np.random.default_rng(request.seed),
        own=request.own,
        temperature=request.temperature,
        injection=None if request.attack is None else read_attack(request),
        golden=golden,
        calibration=calibration,
        confidence=request.confidence,
    ).to_dict()
    document = {**card, "file": request.judged.path, "drawn": drawn_points(judged)}
    if request.panel is not None:
        from assay.app.judge_panel import recorded_panel

        document["panel"] = recorded_panel(request.judged, request.panel, judged, confidence=request.confidence)
    return {**document, "sentences": card_sentences(document)}


def drawn_points(judged: Judged) -> dict[str, Any]:
    """What the page draws: verdict, label, length and verdict beyond that of the label, of at most 400 items.

    ``beyond`` is what is left of the verdict once a straight line in people's label is taken off. The length of a pair
    is A's over B's, as in ``length_bias``. The isotonic curve is that of all items.
    """
    lengths = judged.lengths
    if judged.pairwise and lengths is not None:
        other = np.full(judged.n, np.nan) if judged.other_lengths is None else judged.other_lengths
        lengths = np.divide(lengths, other, out=np.full(judged.n, np.nan), where=other > 0.0)
    if judged.human is None:
        return {"points": [], "curve": []}
    rows = np.flatnonzero(np.isfinite(judged.verdicts) & np.isfinite(judged.human))
    verdicts, labels = judged.verdicts[rows], judged.human[rows]
    spread = float(labels.var()) if rows.size else 0.0
    slope = float(np.cov(verdicts, labels, bias=True)[0, 1]) / spread if spread > 0.0 else 0.0
    beyond = (
        verdicts - (verdicts.mean() if rows.size else 0.0) - slope * (labels - (labels.mean() if rows.size else 0.0))
    )
    points = [
        {
            "verdict": verdicts[place],
            "human": labels[place],
            "length": None if lengths is None or np.isnan(lengths[rows[place]]) else lengths[rows[place]],
            "beyond": beyond[place],
        }
        for place in range(0, rows.size, max(1, -(-rows.size // DRAWN_POINTS)))
    ]
    found: dict[str, Any] = to_document({"points": points, "curve": isotonic_curve(judged.verdicts, judged.human)})
    return found


def read_attack(request: CardRequest) -> dict[str, Any]:
    """The document that ``assay judge attack`` wrote of this very judge.

    Raises:
        NotFoundError: There is no such file.
        DataError: It is something else (``judge.bad_report``), or of another version or model (``judge.other_judge``).
    """
    path = str(request.attack)
    found = read_report(path)
    if found.get("schema") != ATTACK_SCHEMA:
        raise DataError(
            f"{path} is no attack report",
            hint="assay judge attack JUDGE --items ANSWERS --report FILE.json writes one",
            code="judge.bad_report",
        )
    for what, own in (("version", request.version), ("model", request.model)):
        other = found.get(what)
        if own is not None and other is not None and own != other:
            raise DataError(
                f"{path} is of a judge of {what} {other}, the card of {own}",
                hint="attack this judge: another version or model resists injections in its own way",
                code="judge.other_judge",
            )
    return found


def read_report(path: str) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        NotFoundError: There is no such file.
        DataError: It is no JSON object (``judge.bad_report``).
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {path}", hint="give the file that --json was written to") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is no JSON: {error}", hint="write it again", code="judge.bad_report") from error
    if not isinstance(found, dict):
        raise DataError(f"{path} holds no JSON object", hint="write it again", code="judge.bad_report")
    return found
