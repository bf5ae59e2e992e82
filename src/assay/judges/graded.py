"""One level of a scale for one output: from token probabilities, else from several samples, else as it was written."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from assay.core.errors import ConfigError
from assay.core.protocols import ModelClient
from assay.core.records import GenerateParams, Message, Output, Sample, Score
from assay.judges.asking import Answer, Form, Unreadable, ask, spoken
from assay.judges.base import BaseJudge
from assay.judges.expectation import FEWEST_MASS, TOP_LOGPROBS, Expectation, expectation
from assay.judges.fence import fenced
from assay.judges.material import built_in_prompt, filled, question_text, total_usd
from assay.judges.parsing import LevelRead, read_level
from assay.judges.scale import Scale
from assay.judges.together import side_by_side

MOST_SAMPLES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A level, and the way it was come by.

    Attributes:
        value: On the scale; between two levels where it is a mean.
        label: The level, or the levels of several samples.
        way: ``logprobs, mass 0.97``, ``mean of 5 samples at temperature 1`` or ``plain reply, …``: the first line of
            the Score's explanation.
        reasoning: The judge's words.
    """

    value: float
    label: str
    way: str
    reasoning: str = ""

    def explanation(self) -> str:
        """As the Score tells it."""
        return f"{self.way}\n{self.reasoning}" if self.reasoning else self.way


@dataclass(frozen=True, kw_only=True)
class GradedJudge(BaseJudge):
    """A judge whose verdict is one level of a scale; subclasses say what stands in their prompt.

    Where the provider gives log-probabilities, the judge writes the number alone and the score is the expected level;
    it falls back where they hold too little of the scale. With several samples it is their mean, at the temperature
    stated. Else it is the level as written. The explanation's first line says which.

    Attributes:
        scale: The levels.
        samples: Replies whose mean is the score where log-probabilities are not to be had.
        logprobs: Use log-probabilities where the provider gives them.
        context: Metadata key of a text the answer was to rest on, shown to the judge; none when empty.
        prompt: With the slots ``{material}`` and ``{form}`` and those of the kind; Assay's own when empty.
    """

    scale: Scale = Scale()
    samples: int = 1
    logprobs: bool = True
    context: str = ""
    prompt: str = ""

    prompt_name: ClassVar[str] = ""
    slots: ClassVar[Sequence[str]] = ()

    def __post_init__(self) -> None:
        if not self.prompt:  # its text is part of the version
            object.__setattr__(self, "prompt", built_in_prompt(self.prompt_name))
        super().__post_init__()

    def _check(self) -> None:
        super()._check()
        wanted = ("{material}", "{form}", *self.slots)
        missing = [slot for slot in wanted if slot not in self.prompt]
        self._must(not missing, "prompt", f"it needs the slots {', '.join(wanted)}")
        self._must(1 <= self.samples <= MOST_SAMPLES, "samples", f"1 to {MOST_SAMPLES}")
        if self.samples > 1 and self.temperature == 0.0:
            raise ConfigError(
                f"judge {self.name}: {self.samples} samples at temperature 0 are one reply, repeated",
                hint="give the temperature of the samples: temperature: 1",
                code="judge.samples",
            )

    def _slots(self) -> Mapping[str, str]:
        """What the kind puts into its slots; the same for every item."""
        raise NotImplementedError(f"{type(self).__name__} does not say what its prompt holds")

    def _material(self, sample: Sample, output: Output) -> list[str]:
        """The fenced texts, in the order shown."""
        return shown_material(sample, output, context=self.context)

    def _texts(self) -> Sequence[str]:
        return [form.reminder for form in (self._number_form, self._number_form.repair, self._json_form) if form]

    @cached_property
    def _frames(self) -> Mapping[bool, tuple[str, str]]:
        """The prompt before and after the material, by whether a number alone is asked for."""
        forms = {True: self._number_form.reminder, False: self._json_form.reminder}
        return {plain: framed(self.prompt, {**self._slots(), "form": text}) for plain, text in forms.items()}

    @cached_property
    def _number_form(self) -> Form[LevelRead]:
        return number_form(self.scale, names=(self.name,))

    @cached_property
    def _json_form(self) -> Form[LevelRead]:
        return json_form(self.scale, names=(self.name,))

    @cached_property
    def _params(self) -> Mapping[bool, GenerateParams]:
        return level_params(temperature=self.temperature, max_tokens=self.max_tokens)

    async def _judge(self, sample: Sample, output: Output, *, client: ModelClient) -> Score:
        by_token = self.logprobs and "logprobs" in client.capabilities(self.model)
        form = self._number_form if by_token else self._json_form
        before, after = self._frames[by_token]
        messages: list[Message] = [
            {"role": "user", "content": before + "\n\n".join(self._material(sample, output)) + after}
        ]

        async def asked(replicate: int) -> Answer[LevelRead]:
            return await ask(
                messages,
                form,
                client=client,
                model=self.model,
                params=self._params[by_token],
                replicate=replicate,
                sample_id=sample.id,
                timeout_s=self.timeout_s,
            )

        answers = [await asked(0)]
        expected = expected_level(answers[0], self.scale) if by_token else None
        if (expected is None or not expected.usable) and self.samples > 1:
            answers += await side_by_side(*(asked(replicate) for replicate in range(1, self.samples)))
        return self._told(sample, output, answers, expected, by_token=by_token)

    def _told(
        self,
        sample: Sample,
        output: Output,
        answers: Sequence[Answer[LevelRead]],
        expected: Expectation | None,
        *,
        by_token: bool,
    ) -> Score:
        verdict = settled(answers, expected, scale=self.scale, temperature=self.temperature, by_token=by_token)
        if isinstance(verdict, Unreadable):
            score = self._unscored(sample, output, verdict.reason, explanation=verdict.detail or None)
        else:
            score = self._value(sample, output, verdict.value, label=verdict.label, explanation=verdict.explanation())
        return self._priced(score, total_usd(answer.cost_usd for answer in answers))


def shown_material(sample: Sample, output: Output, *, context: str = "") -> list[str]:
    """Question, context and answer as a judge is shown them; what is not there is left out."""
    question, given = question_text(sample), sample.metadata.get(context) if context else None
    texts = [given] if isinstance(given, str) else given if isinstance(given, Sequence) else []
    return [
        *([fenced("question", question)] if question.strip() else []),
        *(fenced("context", text) for text in texts if isinstance(text, str)),
        fenced("answer", output.text),
    ]


def framed(template: str, parts: Mapping[str, str]) -> tuple[str, str]:
    """A prompt before and after its material, the other slots filled; what a part holds is never taken for a slot."""
    before, _, after = template.partition("{material}")
    first, second = (str(filled(piece, parts)[0]["content"]) for piece in (before, after))
    return first, second


def number_form(scale: Scale, *, names: Sequence[str] = ()) -> Form[LevelRead]:
    """The number alone, so that its token's probabilities are those of the levels."""

    def read(text: str) -> LevelRead | Unreadable:
        return read_level(text, scale, names=names)

    return Form(
        read=read,
        reminder=f"Reply with one whole number from {scale.low} to {scale.high} and nothing else.",
        repair=Form(
            read=read,
            reminder=(
                'Reply with one JSON object and nothing else: {"score": <score>}, '
                f"the score a whole number from {scale.low} to {scale.high}."
            ),
            json_schema={
                "type": "object",
                "properties": {"score": level_schema(scale)},
                "required": ["score"],
                "additionalProperties": False,
            },
        ),
    )


def json_form(scale: Scale, *, names: Sequence[str] = ()) -> Form[LevelRead]:
    """Reasons first, then the score, in JSON."""
    return Form(
        read=lambda text: read_level(text, scale, names=names),
        reminder=(
            'Reply with one JSON object and nothing else: {"reasoning": "<two or three sentences>", "score": <score>}, '
            f"the score a whole number from {scale.low} to {scale.high}."
        ),
        json_schema={
            "type": "object",
            "properties": {"reasoning": {"type": "string"}, "score": level_schema(scale)},
            "required": ["reasoning", "score"],
            "additionalProperties": False,
        },
    )


def level_schema(scale: Scale) -> Mapping[str, Any]:
    """The levels as JSON Schema; bounds would say the same, but not every provider takes them."""
    return {"type": "integer", "enum": list(scale.levels)}


def level_params(*, temperature: float, max_tokens: int) -> Mapping[bool, GenerateParams]:
    """Parameters of a call, by whether log-probabilities are wanted; made once, as the gateway expects of a run."""
    return {
        True: GenerateParams(temperature=temperature, max_tokens=max_tokens, logprobs=True, top_logprobs=TOP_LOGPROBS),
        False: GenerateParams(temperature=temperature, max_tokens=max_tokens),
    }


def expected_level(answer: Answer[LevelRead], scale: Scale) -> Expectation | None:
    """The expected level, where the reply's tokens have log-probabilities of it."""
    if answer.read is None:
        return None
    reply = answer.replies[-1]
    return expectation(reply.logprobs, text=spoken(reply.text), start=answer.read.start, scale=scale)


def settled(
    answers: Sequence[Answer[LevelRead]],
    expected: Expectation | None,
    *,
    scale: Scale,
    temperature: float,
    by_token: bool,
) -> Verdict | Unreadable:
    """The verdict of one reply or of several.

    Of several samples at least half must be readable; the bounds with the rest at either end of the scale are told.
    """
    if expected is not None and expected.usable:
        return Verdict(value=expected.value, label=str(expected.likeliest), way=way_of(expected))
    read = [answer.read for answer in answers if answer.read is not None]
    if 2 * len(read) < len(answers) or not read:
        reason, detail = _commonest(answers)
        return Unreadable(reason=reason, detail=detail)
    plain = way_of(expected if by_token else None, by_token=by_token)
    why = plain.removeprefix("plain reply")
    if len(answers) == 1:
        return Verdict(
            value=float(read[0].level),
            label=str(read[0].level),
            way=plain,
            reasoning=read[0].reasoning,
        )
    levels = [found.level for found in read]
    way = f"mean of {len(levels)} samples at temperature {temperature:g}"
    if len(levels) < len(answers):
        missing, known = len(answers) - len(levels), math.fsum(levels)
        low, high = ((known + missing * end) / len(answers) for end in (scale.low, scale.high))
        way += f"; {missing} of {len(answers)} unreadable, bounds {low:.2f} to {high:.2f}"
    return Verdict(
        value=math.fsum(levels) / len(levels),
        label=" ".join(map(str, levels)),
        way=way + why,
        reasoning=read[0].reasoning,
    )


def way_of(expected: Expectation | None, *, by_token: bool = True) -> str:
    """How one reply became a level: ``logprobs, mass 0.97``, or ``plain reply`` and why, where they were asked for.

    Examples:
        >>> way_of(None), way_of(Expectation(value=4.0, mass=0.41, shares={4: 1.0}))
        ('plain reply, no logprobs in the reply', 'plain reply, logprobs mass 0.41 is too little')
    """
    if expected is None:
        return "plain reply, no logprobs in the reply" if by_token else "plain reply"
    if expected.usable:
        return f"logprobs, mass {expected.mass:.2f}"
    return (
        f"plain reply, logprobs mass {expected.mass:.2f} is too {'little' if expected.mass < FEWEST_MASS else 'much'}"
    )


def _commonest(answers: Sequence[Answer[LevelRead]]) -> tuple[str, str]:
    reasons = [answer.reason or "no_verdict" for answer in answers if answer.read is None]
    reason = Counter(reasons).most_common(1)[0][0]
    detail = next(answer.detail for answer in answers if answer.reason == reason)
    return reason, detail
