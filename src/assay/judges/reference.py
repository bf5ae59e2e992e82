"""Grading against the sample's reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from assay.core.records import Output, Sample
from assay.judges.fence import fenced
from assay.judges.scale import Scale
from assay.judges.stepped import SteppedJudge

CRITERIA = "The answer says in substance what the reference says: the same facts and the same conclusion."
STEPS = (
    "Find what the reference answers, and each fact that its answer rests on.",
    "Look for each of them in the answer, in whatever words.",
    "Note what is missing in the answer, and what contradicts the reference.",
    "Choose the level by what is missing or contradicted, weighed by how much of the reference's answer hangs on it.",
)
SCALE = Scale(
    low=1,
    high=5,
    anchors={
        1: "It contradicts the reference or answers something else.",
        2: "Little of what the reference says is there, or its main point is missing.",
        3: "The main point is there; an important fact is missing or wrong.",
        4: "All of importance is there; a detail is missing or not exact.",
        5: "All that the reference says is there, and nothing contradicts it.",
    },
)


@dataclass(frozen=True, kw_only=True)
class ReferenceGuided(SteppedJudge):
    """How far an answer agrees with the sample's reference, as a level of a scale.

    A sample without a reference is unscored. With several references, agreeing with any one of them is enough.

    Attributes:
        criteria: What counts as agreement.
        steps: How it is judged.

    Sources:
        Zheng et al. (2023), arXiv:2306.05685, section 3.1 (reference-guided grading).

    Examples:
        >>> sorted(ReferenceGuided(model="openai/m").requires)
        ['reference']
    """

    name: str = "reference_guided"
    criteria: str = CRITERIA
    steps: Sequence[str] = STEPS
    scale: Scale = SCALE

    requires: ClassVar[frozenset[str]] = frozenset({"reference"})
    prompt_name: ClassVar[str] = "reference"

    def _material(self, sample: Sample, output: Output) -> list[str]:
        *before, answer = super()._material(sample, output)
        return [*before, *(fenced("reference", text) for text in sample.references()), answer]
