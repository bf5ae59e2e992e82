"""Several criteria with weights, judged each for itself; the score is their weighted mean."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

from assay.core.errors import ConfigError
from assay.core.protocols import ModelClient
from assay.core.records import GenerateParams, Message, Output, Sample, Score
from assay.judges.asking import Answer, Form, Unreadable, ask
from assay.judges.base import BaseJudge
from assay.judges.graded import (
    expected_level,
    framed,
    level_params,
    level_schema,
    number_form,
    shown_material,
    way_of,
)
from assay.judges.material import built_in_prompt, total_usd
from assay.judges.parsing import SHOWN_CHARS, LevelRead, json_pairs, level_of_value, nested, no_verdict
from assay.judges.scale import Scale
from assay.judges.stepped import needs_criteria
from assay.judges.together import side_by_side

MISSING = "missing_criterion"


@dataclass(frozen=True, slots=True, kw_only=True)
class RubricCriterion:
    """One criterion of a rubric.

    Attributes:
        name: A word or two; unique in the rubric.
        text: What counts.
        weight: Relative to the others, above 0.
        anchors: What a level means for this criterion, over those of the rubric's scale.

    Raises:
        ConfigError: It has no name or text (``judge.no_criteria``), or a weight that weighs nothing (``judge.weight``).
    """

    name: str
    text: str
    weight: float = 1.0
    anchors: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ConfigError("a criterion has no name", hint="name: clarity", code="judge.no_criteria")
        needs_criteria(self.name, self.text)
        check_weight(self.name, self.weight)


def check_weight(name: str, weight: float) -> None:
    """Raise ConfigError (``judge.weight``) for a weight that is not above 0 and finite."""
    if not (math.isfinite(weight) and weight > 0.0):
        raise ConfigError(
            f"{name} has the weight {weight}", hint="a number above 0, or leave it out", code="judge.weight"
        )


@dataclass(frozen=True, kw_only=True)
class Rubric(BaseJudge):
    """Weighted mean of several criteria, on one scale.

    A criterion without a verdict leaves the item unscored (``missing_criterion``): the mean of the others would be
    another figure. The explanation is a JSON object with the level of each criterion. With a call each it is
    ``{"level", "way"}`` of each, the way as ``geval`` tells it: an expected level may stand beside a plain one.

    Attributes:
        criteria: What is judged; at least one.
        scale: Of every criterion.
        one_call: All criteria in one call; otherwise a call each, whose level is the expected one where the provider
            gives log-probabilities.
        context: Metadata key of a text the answer was to rest on; none when empty.
        prompt: With the slots ``{criteria}``, ``{scale}``, ``{material}`` and ``{form}``; Assay's own when empty.
    """

    name: str = "rubric"
    criteria: Sequence[RubricCriterion]
    scale: Scale = Scale()
    one_call: bool = True
    context: str = ""
    prompt: str = ""

    slots: ClassVar[Sequence[str]] = ("{criteria}", "{scale}", "{material}", "{form}")

    def __post_init__(self) -> None:
        if not self.prompt:  # its text is part of the version
            object.__setattr__(self, "prompt", built_in_prompt("rubric"))
        super().__post_init__()

    def _check(self) -> None:
        super()._check()
        if not self.criteria:
            needs_criteria(self.name, "")
        names = [_key(one.name) for one in self.criteria]
        self._must(len(set(names)) == len(names), "criteria", "each has a name of its own")
        for one in self.criteria:
            Scale(low=self.scale.low, high=self.scale.high, anchors=one.anchors)
        self._must(all(slot in self.prompt for slot in self.slots), "prompt", f"it needs {', '.join(self.slots)}")

    def _texts(self) -> Sequence[str]:
        single = number_form(self.scale)
        return [form.reminder for form in (self._form, single, single.repair) if form]

    @cached_property
    def _form(self) -> Form[Mapping[str, int]]:
        return rubric_form([one.name for one in self.criteria], self.scale)

    @cached_property
    def _params(self) -> Mapping[bool, GenerateParams]:
        return level_params(temperature=self.temperature, max_tokens=self.max_tokens)

    @cached_property
    def _frame(self) -> tuple[str, str]:
        return self._framed(self.criteria, self._form.reminder)

    @cached_property
    def _single_frames(self) -> Sequence[tuple[str, str]]:
        return [self._framed([one], number_form(self.scale).reminder) for one in self.criteria]

    def _framed(self, criteria: Sequence[RubricCriterion], form: str) -> tuple[str, str]:
        told = "\n".join(_described(one) for one in criteria)
        return framed(self.prompt, {"criteria": told, "scale": self.scale.described(), "form": form})

    async def _judge(self, sample: Sample, output: Output, *, client: ModelClient) -> Score:
        material = "\n\n".join(shown_material(sample, output, context=self.context))
        if not self.one_call:
            return await self._one_by_one(sample, output, material, client)
        before, after = self._frame
        answer = await ask(
            _said(before + material + after),
            self._form,
            client=client,
            model=self.model,
            params=self._params[False],
            sample_id=sample.id,
            timeout_s=self.timeout_s,
        )
        if answer.read is None:
            score = self._unscored(sample, output, answer.reason or "no_verdict", explanation=answer.detail or None)
            return self._priced(score, answer.cost_usd)
        return self._priced(self._weighed(sample, output, answer.read), answer.cost_usd)

    async def _one_by_one(self, sample: Sample, output: Output, material: str, client: ModelClient) -> Score:
        by_token = "logprobs" in client.capabilities(self.model)

        async def asked(place: int) -> tuple[Answer[LevelRead], float | None, str]:
            before, after = self._single_frames[place]
            answer = await ask(
                _said(before + material + after),
                number_form(self.scale, names=(self.criteria[place].name,)),
                client=client,
                model=self.model,
                params=self._params[by_token],
                sample_id=sample.id,
                timeout_s=self.timeout_s,
            )
            expected = expected_level(answer, self.scale) if by_token else None
            way = way_of(expected, by_token=by_token)
            if expected is not None and expected.usable:
                return answer, expected.value, way
            return answer, None if answer.read is None else float(answer.read.level), way

        found = await side_by_side(*(asked(place) for place in range(len(self.criteria))))
        cost_usd = total_usd(answer.cost_usd for answer, _, _ in found)
        for one, (answer, level, _) in zip(self.criteria, found, strict=True):
            if level is None:
                detail = f"{one.name}: {answer.detail}" if answer.detail else one.name
                score = self._unscored(sample, output, answer.reason or MISSING, explanation=detail)
                return self._priced(score, cost_usd)
        named = list(zip((one.name for one in self.criteria), found, strict=True))
        levels = {name: level for name, (_, level, _) in named if level is not None}
        ways = {name: way for name, (_, _, way) in named}
        return self._priced(self._weighed(sample, output, levels, ways=ways), cost_usd)

    def _weighed(
        self, sample: Sample, output: Output, levels: Mapping[str, float], *, ways: Mapping[str, str] | None = None
    ) -> Score:
        total = math.fsum(one.weight for one in self.criteria)
        value = math.fsum(one.weight * levels[one.name] for one in self.criteria) / total
        value = min(max(value, float(self.scale.low)), float(self.scale.high))
        label = ", ".join(f"{one.name} {levels[one.name]:.3g}" for one in self.criteria)
        told = {one.name: levels[one.name] for one in self.criteria}
        each = told if ways is None else {name: {"level": level, "way": ways[name]} for name, level in told.items()}
        return self._value(sample, output, value, label=label, explanation=json.dumps(each, ensure_ascii=False))


def _said(text: str) -> list[Message]:
    return [{"role": "user", "content": text}]


def _described(one: RubricCriterion) -> str:
    lines = [f"- {one.name}: {one.text.strip()}"]
    return "\n".join([*lines, *(f"    {level}: {one.anchors[level]}" for level in sorted(one.anchors))])


def _key(name: str) -> str:
    """A criterion's name as it may be written: case, spaces and underscores do not matter."""
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())


def rubric_form(names: Sequence[str], scale: Scale) -> Form[Mapping[str, int]]:
    """One JSON object with the level of every criterion, and nothing for any other."""
    keys = {_key(name): name for name in names}

    def read(text: str) -> Mapping[str, int] | Unreadable:
        pairs = json_pairs(text)
        if pairs is None:
            return no_verdict(text)
        inner = [nested(value) for key, value in pairs if key.casefold() == "scores"]
        rows = inner[0] if len(inner) == 1 and inner[0] is not None else pairs
        found = dict[str, int]()
        for key, value in rows:
            name = keys.get(_key(key))
            if name is None:
                continue
            level = level_of_value(value, scale)
            if isinstance(level, Unreadable):
                return Unreadable(reason=level.reason, detail=f"{name}: {level.detail}")
            if found.setdefault(name, level) != level:
                return Unreadable(reason="ambiguous", detail=f"{name} is given two levels")
        missing = [name for name in names if name not in found]
        if missing:
            refused = no_verdict(text)
            if refused.reason == "refused":
                return refused
            return Unreadable(reason=MISSING, detail=f"no level for {', '.join(missing)}"[:SHOWN_CHARS])
        return found

    example = ", ".join(f'"{name}": <score>' for name in names)
    schema = {
        "type": "object",
        "properties": {name: level_schema(scale) for name in names},
        "required": list(names),
        "additionalProperties": False,
    }
    return Form(
        read=read,
        reminder=(
            'Reply with one JSON object and nothing else: {"reasoning": "<a few sentences>", "scores": '
            f"{{{example}}}}}, every score a whole number from {scale.low} to {scale.high}."
        ),
        json_schema={
            "type": "object",
            "properties": {"reasoning": {"type": "string"}, "scores": schema},
            "required": ["reasoning", "scores"],
            "additionalProperties": False,
        },
    )
