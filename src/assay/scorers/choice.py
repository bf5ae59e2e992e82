"""Multiple choice: by the letter the model writes, or by how likely it finds each option."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from assay.core.records import Output, Sample, Score
from assay.scorers.base import BaseScorer
from assay.scorers.text import words

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
NORMALISATIONS = ("none", "chars", "bytes")

_OPEN, _CLOSE = r"[\s(\[{*_`'\"“$]*", r"[\s)\]}*_`'\"”.,:;!?$]*"
_ALONE = re.compile(rf"{_OPEN}(?:(?:option|choice)\s+)?{_OPEN}([A-Za-z]){_CLOSE}")
_STATED = re.compile(
    r"(?:\b(?:answer|choice|option)\b(?:\s+(?:is|would\s+be|should\s+be|must\s+be))?\s*[:=]?|\\boxed|####)"
    rf"\s*(?:(?:option|choice)\b)?{_OPEN}(?:\\text\s*\{{)?(?-i:([A-Z]))(?!\w|['’]\w)",
    re.IGNORECASE,
)
_LEADING = re.compile(r"[\s(\[*]*([A-Z])\s*[)\].:,*\n]")
_STANDING = re.compile(r"(?<![\w'’.])([B-HJ-Z])(?!\w|['’]\w)|\(([A-Z])\)")


def right_choices(sample: Sample) -> frozenset[int]:
    """Positions of the right choices: a reference is a choice's text or else its letter.

    Examples:
        >>> sorted(right_choices(Sample(id="1", input="", choices=["red", "blue"], reference="B")))
        [1]
    """
    choices = list(sample.choices or ())
    found = set()
    for reference in sample.references():
        if reference in choices:
            found.add(choices.index(reference))
        elif len(letter := reference.strip().upper()) == 1 and letter in LETTERS[: len(choices)]:
            found.add(LETTERS.index(letter))
    return frozenset(found)


def chosen_letters(text: str, choices: Sequence[str]) -> list[str]:
    """The letter an answer chooses; several when it cannot be told, none when there is none.

    The first of these that finds something decides: the answer is nothing but a letter; it says so (``answer: B``,
    ``the answer is (B)``, ``\\boxed{B}``; the last such statement); it begins with ``B)``, ``B.`` or ``B:``; it is a
    choice's text, or holds the text of one choice only; letters that stand alone or in brackets (``A`` and ``I``
    only in brackets, being words).

    Examples:
        >>> chosen_letters("I think the answer is (b), so: B", ["red", "blue"])
        ['B']
        >>> chosen_letters("Either (A) or (B).", ["red", "blue"])
        ['A', 'B']
    """
    allowed = LETTERS[: len(choices)]
    if (alone := _ALONE.fullmatch(text)) and alone[1].upper() in allowed:
        return [alone[1].upper()]
    named = _named_choices(text, choices)
    stated = [match for match in _STATED.finditer(text) if match[1] in allowed]
    if stated and not (len(named) == 1 and _reads_as_word(stated[-1])):
        return [stated[-1][1]]
    if (leading := _LEADING.match(text)) and leading[1] in allowed:
        return [leading[1]]
    if len(named) == 1:
        return [LETTERS[named[0]]]
    standing = {first or second for first, second in _STANDING.findall(text)}
    return sorted(letter for letter in standing if letter in allowed)


def _reads_as_word(stated: re.Match[str]) -> bool:
    """Whether the letter may be the article or the pronoun: ``Answer: A dog``."""
    return stated[1] in "AI" and re.match(r"\s+[a-z]", stated.string[stated.end() :]) is not None


def _named_choices(text: str, choices: Sequence[str]) -> list[int]:
    """Positions of the choices whose text the answer is, else of those it holds as whole words."""
    answer = words(text, ignore_punctuation=True)
    plain = [words(choice, ignore_punctuation=True) for choice in choices]
    equal = [position for position, choice in enumerate(plain) if choice and choice == answer]
    if equal:
        return equal
    line = f" {' '.join(answer)} "
    held = [position for position, choice in enumerate(plain) if choice and f" {' '.join(choice)} " in line]
    inside = {
        shorter
        for shorter in held
        for longer in held
        if shorter != longer and f" {' '.join(plain[shorter])} " in f" {' '.join(plain[longer])} "
    }
    return [position for position in held if position not in inside]


@dataclass(frozen=True, kw_only=True)
class ChoiceLetter(BaseScorer):
    """1 where the letter the answer chooses is the right one, else 0; the label is the letter read.

    How the letter is read is documented at ``chosen_letters``. An answer that chooses nothing (label ``none``) or
    several letters (label ``A or C``) is wrong, not unscored: leaving it out would flatter a model that hedges.

    Examples:
        >>> sample = Sample(id="1", input="", choices=["red", "blue"], reference="blue")
        >>> ChoiceLetter().score(sample, Output(sample_id="1", text="**B**. Blue")).value
        1.0
    """

    name: str = "choice_letter"
    unit: ClassVar[str] = "share"
    requires: ClassVar[frozenset[str]] = frozenset({"reference", "choices"})

    def _score(self, sample: Sample, output: Output) -> Score:
        if not sample.choices:
            return self._unscored(sample, output, "sample has no choices")
        right = right_choices(sample)
        if not right:
            return self._unscored(sample, output, "reference is none of the choices")
        letters = chosen_letters(output.text, sample.choices)
        if len(letters) == 1:
            value = float(LETTERS.index(letters[0]) in right)
            return self._value(sample, output, value, label=letters[0])
        problem = "chooses more than one letter" if letters else "chooses no letter"
        label = " or ".join(letters) or "none"
        return self._value(sample, output, 0.0, label=label, explanation=f"the answer {problem}")


@dataclass(frozen=True, kw_only=True)
class _OptionScorer(BaseScorer):
    """What scorers of option log-likelihoods share."""

    unit: ClassVar[str] = "share"

    def _problem(self, sample: Sample, output: Output) -> str | None:
        """Why the option log-likelihoods cannot be used, if they cannot."""
        if not sample.choices:
            return "sample has no choices"
        if output.option_logprobs is None:
            return "output has no option log-likelihoods"
        if len(output.option_logprobs) != len(sample.choices):
            return f"{len(output.option_logprobs)} option log-likelihoods for {len(sample.choices)} choices"
        if any(math.isnan(value) or value == math.inf for value in output.option_logprobs):
            return "an option log-likelihood is not a number"
        if max(output.option_logprobs) == -math.inf:
            return "every option has likelihood 0"
        return None


@dataclass(frozen=True, kw_only=True)
class ChoiceLikelihood(_OptionScorer):
    """1 where the option the model finds most likely is a right one, else 0; of equal options the first counts.

    Attributes:
        normalise: ``none`` compares total log-likelihoods (``acc`` of lm-evaluation-harness); ``chars`` divides each
            by the number of characters of the choice's text (its ``acc_norm``), ``bytes`` by its UTF-8 bytes. Divide
            only where options are written out, not where they are letters.

    Examples:
        >>> sample = Sample(id="1", input="", choices=["no", "certainly"], reference="certainly")
        >>> output = Output(sample_id="1", option_logprobs=[-3.0, -4.5])
        >>> [ChoiceLikelihood(normalise=how).score(sample, output).value for how in ("none", "chars")]
        [0.0, 1.0]
    """

    name: str = "choice_likelihood"
    requires: ClassVar[frozenset[str]] = frozenset({"reference", "choices", "option_logprobs"})
    normalise: str = "none"

    def _check(self) -> None:
        self._one_of("normalise", NORMALISATIONS)

    def _score(self, sample: Sample, output: Output) -> Score:
        problem = self._problem(sample, output)
        right = right_choices(sample)
        if problem or not right:
            return self._unscored(sample, output, problem or "reference is none of the choices")
        best = _argmax([self._normalised(*pair) for pair in _options(sample, output)])
        return self._value(sample, output, float(best in right), label=_letter(best))

    def _normalised(self, choice: str, logprob: float) -> float:
        if self.normalise == "none":
            return logprob
        return logprob / max(len(choice if self.normalise == "chars" else choice.encode()), 1)


@dataclass(frozen=True, kw_only=True)
class _TruthfulQA(_OptionScorer):
    """Options marked true or false.

    Attributes:
        labels: Metadata key of the marks, one for each choice: 1 or true, 0 or false, ``null`` where the choice does
            not belong to this variant.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"choices", "option_logprobs"})
    labels: str = "labels"

    def _score(self, sample: Sample, output: Output) -> Score:
        problem = self._problem(sample, output)
        marks: Sequence[Any] | None = sample.metadata.get(self.labels)
        if problem is None and (marks is None or len(marks) != len(sample.choices or ())):
            problem = f"metadata.{self.labels} does not mark every choice"
        if problem is not None or marks is None:
            return self._unscored(sample, output, problem or "")
        marked = [
            (position, bool(mark), logprob)
            for position, (mark, (_, logprob)) in enumerate(zip(marks, _options(sample, output), strict=True))
            if mark is not None
        ]
        if not any(mark for _, mark, _ in marked):
            return self._unscored(sample, output, f"metadata.{self.labels} marks no choice as true")
        return self._of_marked(sample, output, marked)

    def _of_marked(self, sample: Sample, output: Output, marked: list[tuple[int, bool, float]]) -> Score:
        raise NotImplementedError(f"{type(self).__name__} does not say how it scores")


@dataclass(frozen=True, kw_only=True)
class TruthfulQAMC1(_TruthfulQA):
    """1 where the option the model finds most likely is marked true, else 0.

    Source:
        Lin et al. (2022), arXiv:2109.07958, MC1.
    """

    name: str = "truthfulqa_mc1"

    def _of_marked(self, sample: Sample, output: Output, marked: list[tuple[int, bool, float]]) -> Score:
        position, true, _ = marked[_argmax([logprob for *_, logprob in marked])]
        return self._value(sample, output, float(true), label=_letter(position))


@dataclass(frozen=True, kw_only=True)
class TruthfulQAMC2(_TruthfulQA):
    """Share of the options' total probability that lies on those marked true, in [0, 1].

    Source:
        Lin et al. (2022), arXiv:2109.07958, MC2.

    Examples:
        >>> sample = Sample(id="1", input="", choices=["a", "b"], metadata={"labels": [1, 0]})
        >>> round(TruthfulQAMC2().score(sample, Output(sample_id="1", option_logprobs=[-1.0, -1.0])).value, 3)
        0.5
    """

    name: str = "truthfulqa_mc2"
    unit: ClassVar[str] = "score"

    def _of_marked(self, sample: Sample, output: Output, marked: list[tuple[int, bool, float]]) -> Score:
        top = max(logprob for *_, logprob in marked)
        if top == -math.inf:
            return self._unscored(sample, output, "every marked option has likelihood 0")
        weights = [(true, math.exp(logprob - top)) for _, true, logprob in marked]
        total = math.fsum(weight for _, weight in weights)
        return self._value(sample, output, math.fsum(weight for true, weight in weights if true) / total)


def _options(sample: Sample, output: Output) -> list[tuple[str, float]]:
    return list(zip(sample.choices or (), output.option_logprobs or (), strict=True))


def _argmax(values: Sequence[float]) -> int:
    return max(range(len(values)), key=values.__getitem__)


def _letter(position: int) -> str:
    return LETTERS[position] if position < len(LETTERS) else str(position + 1)
