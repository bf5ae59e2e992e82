"""G-Eval: criteria, frozen steps, and a form to fill in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from assay.core.errors import ConfigError
from assay.core.protocols import ModelClient
from assay.core.records import GenerateParams
from assay.judges.asking import Form, Unreadable, ask
from assay.judges.criteria import Criterion, criterion
from assay.judges.material import built_in_prompt, filled
from assay.judges.parsing import json_pairs
from assay.judges.scale import Scale
from assay.judges.stepped import SteppedJudge, needs_criteria

STEPS = (
    "Read the question and the answer.",
    "Find in the answer what speaks for the quality and what speaks against it.",
    "Weigh both, and choose the level of the scale that describes the answer best.",
)
"""Where a judge brings no steps of its own."""
MOST_STEPS, LONGEST_STEP = 12, 1000


@dataclass(frozen=True, kw_only=True)
class GEval(SteppedJudge):
    """How far an answer has one quality, as a level of a scale; better is higher.

    Attributes:
        criteria: The quality, in a sentence or two.
        steps: How it is judged; frozen, so that every item is judged alike.

    Sources:
        Liu et al. (2023), G-Eval, arXiv:2303.16634.

    Examples:
        >>> GEval(model="openai/m", criteria="The answer is polite.").name
        'g_eval'
    """

    name: str = "g_eval"
    steps: Sequence[str] = STEPS

    prompt_name: ClassVar[str] = "geval"

    @classmethod
    def built_in(cls, name: str, *, model: str, **options: object) -> GEval:
        """The judge of a criterion of Assay's library.

        Raises:
            NotFoundError: There is no such criterion.

        Examples:
            >>> GEval.built_in("fluency", model="openai/m").scale.high
            5
        """
        known: Criterion = criterion(name)
        told = {"name": known.name, "criteria": known.text, "steps": known.steps, "scale": known.scale, **options}
        return cls(model=model, **told)  # type: ignore[arg-type]


async def generate_steps(
    criteria: str,
    *,
    client: ModelClient,
    model: str,
    scale: Scale | None = None,
    params: GenerateParams | None = None,
) -> tuple[str, ...]:
    """Steps by which a quality is judged, written by a model once; they are then frozen in the judge.

    Raises:
        ConfigError: The criteria are empty, or the model wrote no steps that can be read (``judge.no_steps``).
        BudgetExhaustedError: The call was not sent because it might not be payable.
        ProviderError: The key is refused.
    """
    needs_criteria("to be made", criteria)
    parts = {"criteria": criteria.strip(), "scale": (scale or Scale()).described()}
    answer = await ask(
        filled(built_in_prompt("steps"), parts),
        _STEPS_FORM,
        client=client,
        model=model,
        params=params or GenerateParams(temperature=0.0, max_tokens=1024),
    )
    if answer.read is None:
        raise ConfigError(
            f"{model} wrote no steps: {answer.reason} {answer.detail}".rstrip(),
            hint="write them yourself under steps:, or ask another model",
            code="judge.no_steps",
        )
    return answer.read


def _read_steps(text: str) -> tuple[str, ...] | Unreadable:
    pairs = json_pairs(text)
    steps = dict(pairs).get("steps") if pairs is not None else None
    if not isinstance(steps, list):
        return Unreadable(reason="not_json", detail=text[:200])
    found = tuple(" ".join(step.split()) for step in steps if isinstance(step, str))
    if not 1 <= len(found) <= MOST_STEPS or len(found) < len(steps) or not all(found):
        return Unreadable(reason="no_steps", detail=f"1 to {MOST_STEPS} sentences were asked for")
    if any(len(step) > LONGEST_STEP for step in found):
        return Unreadable(reason="no_steps", detail=f"a step is longer than {LONGEST_STEP} characters")
    return found


_STEPS_FORM = Form(
    read=_read_steps,
    reminder='Reply with one JSON object and nothing else: {"steps": ["<first step>", "<second step>"]}',
    json_schema={
        "type": "object",
        "properties": {"steps": {"type": "array", "items": {"type": "string"}}},
        "required": ["steps"],
        "additionalProperties": False,
    },
)
