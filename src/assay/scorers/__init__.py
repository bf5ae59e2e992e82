"""Scorers that need no model. Names load when they are first used; ``BUILTIN`` maps task-file names to classes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.scorers.base import BaseScorer, TextScorer
    from assay.scorers.bleu import Bleu
    from assay.scorers.choice import ChoiceLetter, ChoiceLikelihood, TruthfulQAMC1, TruthfulQAMC2
    from assay.scorers.chrf import Chrf
    from assay.scorers.embedding import EmbeddingSimilarity
    from assay.scorers.exact import ExactMatch, Includes, Regex, StartsWith
    from assay.scorers.ifeval import IFEval, InstructionAccuracy
    from assay.scorers.likelihood import LogLoss, Perplexity
    from assay.scorers.numeric import Numeric
    from assay.scorers.overlap import TokenF1
    from assay.scorers.refusal import Refusal
    from assay.scorers.resources import Cost, Latency, Length, OutputTokens
    from assay.scorers.rouge import Rouge1, Rouge2, RougeL, RougeLsum
    from assay.scorers.structured import JsonSchema, JsonValid
    from assay.scorers.trajectory import GoalReached, Steps, ToolCallMatch, ToolErrors

BUILTIN: dict[str, str] = {
    "exact_match": "assay.scorers.exact:ExactMatch",
    "includes": "assay.scorers.exact:Includes",
    "starts_with": "assay.scorers.exact:StartsWith",
    "regex": "assay.scorers.exact:Regex",
    "numeric": "assay.scorers.numeric:Numeric",
    "choice_letter": "assay.scorers.choice:ChoiceLetter",
    "choice_likelihood": "assay.scorers.choice:ChoiceLikelihood",
    "truthfulqa_mc1": "assay.scorers.choice:TruthfulQAMC1",
    "truthfulqa_mc2": "assay.scorers.choice:TruthfulQAMC2",
    "token_f1": "assay.scorers.overlap:TokenF1",
    "bleu": "assay.scorers.bleu:Bleu",
    "chrf": "assay.scorers.chrf:Chrf",
    "rouge_1": "assay.scorers.rouge:Rouge1",
    "rouge_2": "assay.scorers.rouge:Rouge2",
    "rouge_l": "assay.scorers.rouge:RougeL",
    "rouge_lsum": "assay.scorers.rouge:RougeLsum",
    "embedding_similarity": "assay.scorers.embedding:EmbeddingSimilarity",
    "json_valid": "assay.scorers.structured:JsonValid",
    "json_schema": "assay.scorers.structured:JsonSchema",
    "refusal": "assay.scorers.refusal:Refusal",
    "length": "assay.scorers.resources:Length",
    "latency": "assay.scorers.resources:Latency",
    "cost": "assay.scorers.resources:Cost",
    "output_tokens": "assay.scorers.resources:OutputTokens",
    "log_loss": "assay.scorers.likelihood:LogLoss",
    "goal_reached": "assay.scorers.trajectory:GoalReached",
    "tool_call_match": "assay.scorers.trajectory:ToolCallMatch",
    "steps": "assay.scorers.trajectory:Steps",
    "tool_errors": "assay.scorers.trajectory:ToolErrors",
    "ifeval": "assay.scorers.ifeval:IFEval",
}

_MODULE_OF = {
    **{target.partition(":")[2]: target.partition(":")[0] for target in BUILTIN.values()},
    "BaseScorer": "assay.scorers.base",
    "TextScorer": "assay.scorers.base",
    "InstructionAccuracy": "assay.scorers.ifeval.pooled",
    "Perplexity": "assay.scorers.likelihood",
}

__all__ = [
    "BUILTIN",
    "BaseScorer",
    "Bleu",
    "ChoiceLetter",
    "ChoiceLikelihood",
    "Chrf",
    "Cost",
    "EmbeddingSimilarity",
    "ExactMatch",
    "GoalReached",
    "IFEval",
    "Includes",
    "InstructionAccuracy",
    "JsonSchema",
    "JsonValid",
    "Latency",
    "Length",
    "LogLoss",
    "Numeric",
    "OutputTokens",
    "Perplexity",
    "Refusal",
    "Regex",
    "Rouge1",
    "Rouge2",
    "RougeL",
    "RougeLsum",
    "StartsWith",
    "Steps",
    "TextScorer",
    "TokenF1",
    "ToolCallMatch",
    "ToolErrors",
    "TruthfulQAMC1",
    "TruthfulQAMC2",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
