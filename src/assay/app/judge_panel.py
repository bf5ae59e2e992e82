"""How many independent judges several judges are worth: columns of a file, or the members a panel's verdicts name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.app.judge_card_file import JudgedRequest, item_ids
from assay.core.errors import DataError
from assay.core.records import Score
from assay.datasets.columns import TableFile
from assay.judges.judged import Judged
from assay.judges.panel import verdict_table
from assay.stats.agreement.effective_raters import effective_judges


def together(judged: Judged, names: Sequence[str], verdicts: Any, *, confidence: float) -> dict[str, Any]:
    """``{"members", "independent", "sentence"}``: an estimate of how many independent judges they are worth.

    Args:
        judged: Items with people's labels, which count as right, and their documents.
        names: Of the judges.
        verdicts: Shape ``(n, k)``, NaN where a judge gave none.
    """
    found = effective_judges(verdicts, judged.human, clusters=judged.clusters, confidence=confidence)
    if found.value is None:
        said = f"How many independent judges {', '.join(names)} are worth cannot be said: {found.reason}."
    else:
        bounds = (
            f"no interval: {found.reason}"
            if found.low is None or found.high is None
            else f"{found.low:.1f} to {found.high:.1f}"
        )
        said = (
            f"{', '.join(names)} are worth {found.value:.1f} independent judges ({bounds}), going by how their errors"
            f" go together on {found.n:,} items."
        )
    return {"members": list(names), "independent": found.to_dict(), "sentence": said}


def recorded_panel(request: JudgedRequest, column: str, judged: Judged, *, confidence: float) -> dict[str, Any]:
    """As ``together``, of the members in a panel's explanations, which stand in a column beside its verdicts.

    Raises:
        DataError: There is no such column, no explanation names two members (``judge.no_members``), or there are no
            labels (``judge.no_labels``).
    """
    table = TableFile(request.path)
    try:
        table.require(column)
        told = dict(zip(item_ids(table, request.item), table.texts(column), strict=True))
    finally:
        table.close()
    scores = [
        Score(sample_id=name, scorer="panel", scorer_version="", value=0.0, explanation=told.get(name))
        for name in judged.ids
    ]
    names, verdicts = verdict_table(scores)
    if len(names) < 2:
        raise DataError(
            f"{request.path}: {column} does not hold the verdicts of a panel's members",
            hint="it is the explanation of a panel's scores; assay export RUN has it",
            code="judge.no_members",
        )
    if judged.human is None:
        raise DataError(
            "which members of the panel err together is seen beside people's labels, and there are none",
            hint="--human COLUMN names their labels, once for each person",
            code="judge.no_labels",
        )
    return together(judged, names, np.array(verdicts), confidence=confidence)
