"""Scorers that look for the reference, or for a pattern, in the answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from assay.core.errors import ConfigError
from assay.core.records import Output, Sample, Score
from assay.scorers.base import BaseScorer, TextScorer
from assay.scorers.text import words


@dataclass(frozen=True, kw_only=True)
class _Comparison(TextScorer):
    """Options that say when two texts are the same.

    Attributes:
        casefold: Upper and lower case are the same (Unicode case folding).
        ignore_punctuation: Punctuation marks are dropped.
        ignore_articles: The words *a*, *an*, *the* are dropped.
    """

    unit: ClassVar[str] = "share"
    casefold: bool = True
    ignore_punctuation: bool = False
    ignore_articles: bool = False

    def _words(self, text: str) -> list[str]:
        return words(
            text,
            casefold=self.casefold,
            ignore_punctuation=self.ignore_punctuation,
            ignore_articles=self.ignore_articles,
        )

    def _normal(self, text: str) -> str:
        return " ".join(self._words(text))


@dataclass(frozen=True, kw_only=True)
class ExactMatch(_Comparison):
    """1 where the answer is one of the references, else 0.

    Both sides are first normalised: canonical Unicode composition (NFC), surrounding whitespace stripped, runs of
    whitespace as one space and, by default, case folded; punctuation and articles stay unless their options are set.

    Examples:
        >>> ExactMatch().value_of(" PARIS\\n", ["Paris"])
        1.0
        >>> ExactMatch(casefold=False).value_of("PARIS", ["Paris"])
        0.0
        >>> ExactMatch(ignore_punctuation=True, ignore_articles=True).value_of("The cat.", ["cat"])
        1.0
    """

    name: str = "exact_match"

    def value_of(self, text: str, references: Sequence[str]) -> float:
        if text in references:
            return 1.0
        answer = self._words(text)
        for reference in references:
            if answer == self._words(reference):
                return 1.0
        return 0.0


@dataclass(frozen=True, kw_only=True)
class Includes(_Comparison):
    """1 where the answer contains one of the references, else 0; normalised like ``exact_match``.

    Attributes:
        whole_words: The reference must begin and end at a word's edge (``7`` is not in ``17``).

    Examples:
        >>> Includes().value_of("It is Paris, of course.", ["paris"])
        1.0
        >>> Includes(whole_words=True).value_of("It is 17.", ["7"])
        0.0
    """

    name: str = "includes"
    whole_words: bool = False

    def value_of(self, text: str, references: Sequence[str]) -> float:
        answer = self._normal(text)
        return float(any(self._contains(answer, self._normal(reference)) for reference in references))

    def _contains(self, answer: str, reference: str) -> bool:
        if reference not in answer or not self.whole_words:
            return reference in answer
        return re.search(rf"(?<!\w){re.escape(reference)}(?!\w)", answer) is not None


@dataclass(frozen=True, kw_only=True)
class StartsWith(_Comparison):
    """1 where the answer begins with one of the references, else 0; normalised like ``exact_match``.

    Examples:
        >>> StartsWith().value_of("Yes, it is.", ["yes"])
        1.0
    """

    name: str = "starts_with"

    def value_of(self, text: str, references: Sequence[str]) -> float:
        answer = self._normal(text)
        return float(any(answer.startswith(self._normal(reference)) for reference in references))


@dataclass(frozen=True, kw_only=True)
class Regex(BaseScorer):
    """1 where a regular expression is found in the answer, else 0; with ``group``, where what it caught is right.

    Attributes:
        pattern: Python ``re`` syntax, searched for anywhere in the answer.
        group: Number or name of a group: its text in the first match (``last``: in the last one) must equal one of
            the references, compared as ``exact_match`` does. Without it no reference is needed.
        ignore_case: Letters match either case.
        last: Take the last match in the answer.

    Examples:
        >>> scorer = Regex(pattern=r"Answer: (\\w+)", group=1)
        >>> scorer.score(Sample(id="1", input="", reference="b"), Output(sample_id="1", text="Answer: B")).value
        1.0
    """

    name: str = "regex"
    unit: ClassVar[str] = "share"
    pattern: str
    group: int | str | None = None
    ignore_case: bool = False
    last: bool = False

    def _check(self) -> None:
        try:
            groups = self._compiled
        except re.error as error:
            raise ConfigError(
                f"scorer {self.name}: the pattern {self.pattern!r} is not a regular expression: {error}",
                hint="Python's syntax: https://docs.python.org/3/library/re.html#regular-expression-syntax",
                code="scorer.bad_option",
            ) from error
        known = self.group is None or self.group in groups.groupindex or self.group in range(groups.groups + 1)
        self._must(known, "group", f"the pattern has {groups.groups} groups; names: {', '.join(groups.groupindex)}")

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern, re.IGNORECASE if self.ignore_case else 0)

    @property
    def requires(self) -> frozenset[str]:  # type: ignore[override]
        """A reference where a group is compared with it."""
        return frozenset() if self.group is None else frozenset({"reference"})

    def _score(self, sample: Sample, output: Output) -> Score:
        if self.last:
            found = ([None, *self._compiled.finditer(output.text)])[-1]
        else:
            found = self._compiled.search(output.text)
        if found is None:
            return self._value(sample, output, 0.0, explanation="the pattern is not in the answer")
        caught = found[0 if self.group is None else self.group]
        if self.group is None:
            return self._value(sample, output, 1.0, label=caught)
        right = caught is not None and words(caught) in [words(reference) for reference in sample.references()]
        return self._value(sample, output, float(right), label=caught)
