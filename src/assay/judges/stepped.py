"""What G-Eval and grading against a reference share: criteria in words, and the steps by which they are judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from assay.core.errors import ConfigError
from assay.judges.graded import GradedJudge


@dataclass(frozen=True, kw_only=True)
class SteppedJudge(GradedJudge):
    """A judge whose prompt has a place for criteria, steps and scale.

    Attributes:
        criteria: What is judged, in a sentence or two.
        steps: How it is judged; frozen, so that every item is judged alike.
    """

    criteria: str
    steps: Sequence[str]

    slots: ClassVar[Sequence[str]] = ("{criteria}", "{steps}", "{scale}")

    def _check(self) -> None:
        super()._check()
        needs_criteria(self.name, self.criteria)
        self._must(bool(self.steps) and all(step.strip() for step in self.steps), "steps", "sentences, none empty")

    def _slots(self) -> Mapping[str, str]:
        return {
            "criteria": self.criteria.strip(),
            "steps": "\n".join(f"{number}. {step.strip()}" for number, step in enumerate(self.steps, start=1)),
            "scale": self.scale.described(),
        }


def needs_criteria(name: str, text: str) -> None:
    """Nothing can be judged by nothing.

    Raises:
        ConfigError: The criteria are empty (``judge.no_criteria``).
    """
    if not text.strip():
        raise ConfigError(
            f"the judge {name} has no criteria",
            hint='say what counts, in a sentence: criteria: "The answer …"',
            code="judge.no_criteria",
        )
