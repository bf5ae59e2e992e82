"""Questions with yes or no for an answer: the score is the share of their weight that is answered yes."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from assay.core.errors import ConfigError
from assay.core.protocols import ModelClient
from assay.core.records import GenerateParams, Output, Sample, Score
from assay.judges.asking import Form, Unreadable, ask
from assay.judges.base import BaseJudge
from assay.judges.graded import framed, shown_material
from assay.judges.material import built_in_prompt
from assay.judges.parsing import CANNOT_TELL, NO, SHOWN_CHARS, YES, json_pairs, nested, no_verdict, read_answer
from assay.judges.rubric import check_weight

MISSING = "missing_answer"
_LINE = re.compile(r"\s*(?:[-*]\s*)?(?:\*\*)?(?:question\s+|q)?(\d{1,3})(?:\*\*)?\s*[.):：-]\s*(.+?)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question that yes answers in the answer's favour.

    Attributes:
        weight: Relative to the others, above 0.

    Raises:
        ConfigError: It asks nothing (``judge.no_criteria``), or weighs nothing (``judge.weight``).
    """

    text: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise ConfigError("a question of a checklist is empty", hint="leave it out", code="judge.no_criteria")
        check_weight(f"the question {self.text!r}", self.weight)


@dataclass(frozen=True, kw_only=True)
class Checklist(BaseJudge):
    """Share of the weight of the questions that are answered yes, in [0, 1].

    A question the judge cannot tell is left out of the share; label and explanation count it and give the share if all
    of those were no and if all were yes. Where it can tell none, the item is unscored (``cannot_tell``).

    Attributes:
        questions: At least one.
        context: Metadata key of a text the answer was to rest on; none when empty.
        prompt: With the slots ``{questions}``, ``{material}`` and ``{form}``; Assay's own when empty.
    """

    name: str = "checklist"
    unit: ClassVar[str] = "share"
    questions: Sequence[Question]
    context: str = ""
    prompt: str = ""

    slots: ClassVar[Sequence[str]] = ("{questions}", "{material}", "{form}")

    def __post_init__(self) -> None:
        if not self.prompt:  # its text is part of the version
            object.__setattr__(self, "prompt", built_in_prompt("checklist"))
        super().__post_init__()

    def _check(self) -> None:
        super()._check()
        if not self.questions:
            raise ConfigError(
                f"the judge {self.name} has no questions",
                hint="questions: [Does the answer …?]",
                code="judge.no_criteria",
            )
        texts = [question.text.strip().casefold() for question in self.questions]
        self._must(len(set(texts)) == len(texts), "questions", "each is asked once")
        self._must(all(slot in self.prompt for slot in self.slots), "prompt", f"it needs {', '.join(self.slots)}")

    def _texts(self) -> Sequence[str]:
        return [self._form.reminder]

    @cached_property
    def _form(self) -> Form[Sequence[str]]:
        return checklist_form(len(self.questions))

    @cached_property
    def _frame(self) -> tuple[str, str]:
        told = "\n".join(f"{number}. {one.text.strip()}" for number, one in enumerate(self.questions, start=1))
        return framed(self.prompt, {"questions": told, "form": self._form.reminder})

    @cached_property
    def _params(self) -> GenerateParams:
        return GenerateParams(temperature=self.temperature, max_tokens=self.max_tokens)

    async def _judge(self, sample: Sample, output: Output, *, client: ModelClient) -> Score:
        before, after = self._frame
        material = "\n\n".join(shown_material(sample, output, context=self.context))
        answer = await ask(
            [{"role": "user", "content": before + material + after}],
            self._form,
            client=client,
            model=self.model,
            params=self._params,
            sample_id=sample.id,
            timeout_s=self.timeout_s,
        )
        if answer.read is None:
            score = self._unscored(sample, output, answer.reason or "no_verdict", explanation=answer.detail or None)
        else:
            score = self._counted(sample, output, answer.read)
        return self._priced(score, answer.cost_usd)

    def _counted(self, sample: Sample, output: Output, answers: Sequence[str]) -> Score:
        weights = {
            answer: math.fsum(one.weight for one, said in zip(self.questions, answers, strict=True) if said == answer)
            for answer in (YES, NO, CANNOT_TELL)
        }
        open_ones = answers.count(CANNOT_TELL)
        label = f"{answers.count(YES)} of {len(answers)} yes" + (f", {open_ones} cannot tell" if open_ones else "")
        told: dict[str, object] = {"answers": list(answers)}
        if open_ones:
            total = math.fsum(weights.values())
            told["bounds"] = [weights[YES] / total, min((weights[YES] + weights[CANNOT_TELL]) / total, 1.0)]
        explanation = json.dumps(told)
        if open_ones == len(answers):
            return self._unscored(sample, output, CANNOT_TELL, label=label, explanation=explanation)
        value = weights[YES] / (weights[YES] + weights[NO])
        return self._value(sample, output, value, label=label, explanation=explanation)


def checklist_form(count: int) -> Form[Sequence[str]]:
    """An answer to each of the questions by its number, in JSON or one a line."""
    numbers = [str(number) for number in range(1, count + 1)]

    def read(text: str) -> Sequence[str] | Unreadable:
        pairs = json_pairs(text)
        if pairs is None:
            rows: list[tuple[str, object]] | None = _numbered_lines(text)
        else:
            inner = [nested(value) for key, value in pairs if key.casefold() == "answers"]
            rows = inner[0] if len(inner) == 1 and inner[0] is not None else pairs
        if not rows:
            alone = read_answer(text) if count == 1 else None
            return no_verdict(text) if alone is None else [alone]
        found = dict[str, str]()
        for key, value in rows:
            number = key.strip().lstrip("qQ").strip()
            if number not in numbers:
                continue
            answer = read_answer(value)
            if answer is None:
                return Unreadable(reason="no_verdict", detail=f"question {number}: {str(value)[:SHOWN_CHARS]}")
            if found.setdefault(number, answer) != answer:
                return Unreadable(reason="ambiguous", detail=f"question {number} is answered twice")
        missing = [number for number in numbers if number not in found]
        if missing:
            refused = no_verdict(text)
            return (
                refused
                if refused.reason == "refused"
                else Unreadable(reason=MISSING, detail=f"no answer to question {', '.join(missing)}"[:SHOWN_CHARS])
            )
        return [found[number] for number in numbers]

    example = ", ".join(f'"{number}": "<answer>"' for number in numbers)
    answer = {"type": "string", "enum": ["yes", "no", "cannot tell"]}
    schema = {
        "type": "object",
        "properties": dict.fromkeys(numbers, answer),
        "required": numbers,
        "additionalProperties": False,
    }
    return Form(
        read=read,
        reminder=(
            f'Reply with one JSON object and nothing else: {{"answers": {{{example}}}}},'
            ' every answer "yes", "no" or "cannot tell".'
        ),
        json_schema={
            "type": "object",
            "properties": {"answers": schema},
            "required": ["answers"],
            "additionalProperties": False,
        },
    )


def _numbered_lines(text: str) -> list[tuple[str, object]] | None:
    """Number and answer of each line, where every line has both."""
    rows = list[tuple[str, object]]()
    for line in text.splitlines():
        if not line.strip():
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            return None
        rows.append((match[1], match[2]))
    return rows
