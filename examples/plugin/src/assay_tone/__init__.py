"""A scorer plug-in: whether an answer opens with a greeting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from assay import Output, Sample, Score
from assay.scorers import BaseScorer


@dataclass(frozen=True, kw_only=True)
class Greeting(BaseScorer):
    """1 where the answer opens with one of the greetings, else 0.

    Attributes:
        greetings: Words an answer may open with, in any case.
    """

    name: str = "tone/greeting"
    unit: ClassVar[str] = "share"
    higher_is_better: ClassVar[bool | None] = True
    greetings: tuple[str, ...] = ("hello", "hi", "dear", "good morning")

    def _score(self, sample: Sample, output: Output) -> Score:
        opening = output.text.lstrip().casefold()
        found = next((word for word in self.greetings if opening.startswith(word.casefold())), None)
        return self._value(sample, output, float(found is not None), label=found)
