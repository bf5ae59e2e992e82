"""IFEval's instruction-level accuracy as its paper has it: instructions weigh alike, not prompts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from assay.core.records import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionAccuracy:
    """Metric over ``ifeval`` at level ``instruction``: the share of all instructions, pooled over prompts, followed.

    The scorer's own mean weighs prompts alike, however many instructions each has. A run's totals ask for the verdicts
    on a prompt's instructions (``parts``) and take the prompt as their cluster, for instructions of one prompt stand or
    fall together.

    Source:
        Zhou et al. (2023), Instruction-Following Evaluation for Large Language Models, arXiv:2311.07911, section 3.

    Examples:
        >>> metric = InstructionAccuracy()
        >>> metric.parts(0.5, Sample(id="1", input="…", metadata={"instruction_id_list": ["a:b", "c:d"]}))
        [1.0, 0.0]
    """

    name: str = "instruction_accuracy"
    transform: str = "identity"

    def reduce(self, values: Sequence[float]) -> float | None:
        """Mean share of the prompt's instructions over its epochs; ``None`` when there is none."""
        return math.fsum(values) / len(values) if values else None

    def parts(self, value: float, sample: Sample) -> list[float]:
        """A verdict for each instruction of the prompt, from the share of them that was followed."""
        instructions = len(sample.metadata["instruction_id_list"])
        followed = round(value * instructions)
        return [1.0] * followed + [0.0] * (instructions - followed)
