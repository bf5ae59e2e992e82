"""Judges' cards made from drawn verdicts, kept as ``assay judge card`` keeps them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from assay.app.judge_card import CardRequest, card_document
from assay.app.judge_card_file import JudgedRequest
from assay.app.judge_cards import save_card
from assay.app.wiring import App
from assay.judges.judged import Judged

MADE = datetime(2026, 1, 5, tzinfo=UTC)


def make_card(
    app: App, version: str, *, name: str = "helpful", noise: float = 1.0, people: int = 3, mark: str = "b"
) -> dict[str, Any]:
    """Keep the card of a judge that repeats people's label with some noise; with ``people=0`` nobody labelled."""
    rng, n = np.random.default_rng(1), 60
    quality = rng.integers(1, 6, size=n)
    labels = np.clip(quality[:, None] + rng.choice([-1, 0, 0, 1], size=(n, max(people, 1))), 1, 5)
    who: dict[str, Any] = {} if not people else {"raters": labels} if people > 1 else {"human": labels[:, 0]}
    judged = Judged(
        ids=[str(k) for k in range(n)],
        verdicts=np.clip(np.round(quality + noise * rng.normal(size=n)), 1, 5),
        segments=[(mark, "b")[k % 2] for k in range(n)],
        lengths=rng.integers(40, 900, size=n),
        scale=(1, 5),
        **who,
    )
    request = CardRequest(judged=JudgedRequest(path="verdicts.csv"), name=name, version=version, model="openai/judge")
    card = card_document(judged, request, golden=None, calibration=None, now=MADE)
    save_card(app.store.objects, card)
    return card
