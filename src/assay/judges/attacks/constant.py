"""Answers that do not depend on the question: the mark of a null model."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats import Moments, mean_estimate

LEAST_INPUTS = 5
LEAST_SHARE = 0.05
SHORTEST = 20
"""Characters: a label such as *positive* is a right answer to many questions."""
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantAnswer:
    """One text that answers many different inputs.

    Attributes:
        text: As it was first given.
        inputs: Different inputs it was given to.
        share: Of all different inputs.
        value: Its mean verdict (a win rate where verdicts are 1 and 0); ``None`` where no verdict is known.
        others: The mean verdict of all other answers; ``None`` where there is none.
    """

    text: str
    inputs: int
    share: float
    value: Estimate | None
    others: Estimate | None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "text": self.text,
            "inputs": self.inputs,
            "share": self.share,
            "value": None if self.value is None else self.value.to_dict(),
            "others": None if self.others is None else self.others.to_dict(),
        }


def constant_answers(
    inputs: Sequence[Hashable],
    outputs: Sequence[str],
    values: Sequence[float | None] | None = None,
    *,
    least_inputs: int = LEAST_INPUTS,
    least_share: float = LEAST_SHARE,
    shortest: int = SHORTEST,
    unit: str = "share",
    confidence: float = 0.95,
) -> list[ConstantAnswer]:
    """Texts given to many different inputs, most frequent first; empty for a system that reads its questions.

    A judge that rates such a text well has rated something else than the answer. Texts are compared without regard to
    white space and case.

    Args:
        inputs: The question of each answer, or its id; answers to equal inputs are one.
        outputs: The answers, in the same order.
        values: Verdicts in the judge's unit, ``None`` where there is none.
        least_inputs: Different inputs a text must answer to be named.
        least_share: Of all inputs, in [0, 1]; likewise.
        shortest: Shorter texts are left out: they are labels.

    Raises:
        InvalidInputError: The lengths differ.

    Sources:
        Zheng et al. (2024), arXiv:2410.07137: constant answers with win rates above those of most models.

    Examples:
        >>> found = constant_answers(list("abcdef"), ["Whatever you asked, yes."] * 5 + ["Six."], [1, 1, 1, 0, 1, 0])
        >>> found[0].inputs, found[0].value.value, found[0].others.value
        (5, 0.8, 0.0)
    """
    verdicts = [None] * len(outputs) if values is None else list(values)
    if not len(inputs) == len(outputs) == len(verdicts):
        raise InvalidInputError(
            f"{len(inputs)} inputs, {len(outputs)} answers and {len(verdicts)} verdicts do not belong together",
            hint="give one input, and one verdict or None, for every answer",
        )
    groups: dict[str, list[int]] = {}
    for row, text in enumerate(outputs):
        groups.setdefault(_SPACE.sub(" ", text).strip().casefold(), []).append(row)
    everything = len(set(inputs))
    found = []
    for key, rows in groups.items():
        different = len({inputs[row] for row in rows})
        if len(key) < shortest or different < max(least_inputs, least_share * everything):
            continue
        inside = set(rows)
        rest = [row for row in range(len(outputs)) if row not in inside]
        found.append(
            ConstantAnswer(
                text=outputs[rows[0]],
                inputs=different,
                share=different / everything,
                value=_mean([verdicts[row] for row in rows], unit, confidence),
                others=_mean([verdicts[row] for row in rest], unit, confidence),
            )
        )
    return sorted(found, key=lambda one: -one.inputs)


def _mean(values: Sequence[float | None], unit: str, confidence: float) -> Estimate | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return mean_estimate(Moments.of(known, unscored=len(values) - len(known)), unit=unit, confidence=confidence)
