"""Judges that put an answer into one of a few classes, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from assay.core.protocols import ModelClient
from assay.core.records import GenerateParams, Output, Sample, Score
from assay.judges.asking import Form, ask
from assay.judges.base import BaseJudge
from assay.judges.fence import fenced
from assay.judges.material import filled, question_text, storable

Class = TypeVar("Class")


@dataclass(frozen=True, kw_only=True)
class ClassifyingJudge(BaseJudge, Generic[Class]):
    """Asks once about the question and the answer; subclasses say in which form, and what a class is worth.

    Attributes:
        prompt: With the slots ``{question}`` and ``{answer}``; subclasses default to Assay's own.
    """

    prompt: str

    def _check(self) -> None:
        super()._check()
        slots = "{question}" in self.prompt and "{answer}" in self.prompt
        self._must(slots, "prompt", "it needs the slots {question} and {answer}")

    @property
    def _form(self) -> Form[Class]:
        raise NotImplementedError(f"{type(self).__name__} does not say what a reply looks like")

    @property
    def _slots(self) -> dict[str, str]:
        """What else the prompt may hold."""
        return {}

    def _classified(self, found: Class) -> tuple[float, str, str]:
        """Value, label and the judge's words."""
        raise NotImplementedError(f"{type(self).__name__} does not say what a class is worth")

    def _texts(self) -> Sequence[str]:
        return [self._form.reminder]

    async def _judge(self, sample: Sample, output: Output, *, client: ModelClient) -> Score:
        parts = {"question": fenced("request", question_text(sample)), "answer": fenced("answer", output.text)}
        found = await ask(
            filled(self.prompt, {**self._slots, **parts}),
            self._form,
            client=client,
            model=self.model,
            params=GenerateParams(temperature=self.temperature, max_tokens=self.max_tokens),
            sample_id=sample.id,
            timeout_s=self.timeout_s,
        )
        if found.read is None:
            reason = found.reason or "no_verdict"
            score = self._unscored(sample, output, reason, explanation=storable(found.detail) or None)
        else:
            value, label, words = self._classified(found.read)
            score = self._value(sample, output, value, label=label, explanation=storable(words) or None)
        return self._priced(score, found.cost_usd)
