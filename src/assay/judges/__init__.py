"""Judges: scorers that ask a model, how far they can be trusted, and what attacks them.

Names load when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.judges.checklist import Checklist, Question
    from assay.judges.distilled import DistilledJudge
    from assay.judges.faithfulness import Faithfulness
    from assay.judges.geval import GEval
    from assay.judges.harm import HarmJudge
    from assay.judges.pairwise import Pairwise
    from assay.judges.panel import Panel
    from assay.judges.reference import ReferenceGuided
    from assay.judges.refusal import RefusalJudge
    from assay.judges.rubric import Rubric, RubricCriterion
    from assay.judges.scale import Scale

_HOMES = {
    "Checklist": "checklist",
    "DistilledJudge": "distilled",
    "Faithfulness": "faithfulness",
    "GEval": "geval",
    "HarmJudge": "harm",
    "Pairwise": "pairwise",
    "Panel": "panel",
    "Question": "checklist",
    "ReferenceGuided": "reference",
    "RefusalJudge": "refusal",
    "Rubric": "rubric",
    "RubricCriterion": "rubric",
    "Scale": "scale",
}
__all__ = [
    "Checklist",
    "DistilledJudge",
    "Faithfulness",
    "GEval",
    "HarmJudge",
    "Pairwise",
    "Panel",
    "Question",
    "ReferenceGuided",
    "RefusalJudge",
    "Rubric",
    "RubricCriterion",
    "Scale",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'assay.judges' has no attribute {name!r}")
    return getattr(import_module(f"assay.judges.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
