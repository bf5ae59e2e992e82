"""What an answer took: characters, words, seconds, dollars, tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from assay.core.records import Output, Sample, Score
from assay.scorers.base import BaseScorer


@dataclass(frozen=True, kw_only=True)
class Length(BaseScorer):
    """How long the answer is; neither direction is better.

    Attributes:
        of: ``chars`` (Unicode code points), ``words`` (split at whitespace) or ``lines``.

    Examples:
        >>> Length(of="words").score(Sample(id="1", input=""), Output(sample_id="1", text="two words")).value
        2.0
    """

    name: str = "length"
    higher_is_better: ClassVar[bool | None] = None
    of: str = "chars"

    def _check(self) -> None:
        self._one_of("of", ("chars", "words", "lines"))

    @property
    def unit(self) -> str:  # type: ignore[override]
        """What is counted."""
        return self.of

    def _score(self, sample: Sample, output: Output) -> Score:
        text = output.text
        if self.of == "chars":
            return self._value(sample, output, float(len(text)))
        return self._value(sample, output, float(len(text.split() if self.of == "words" else text.splitlines())))


@dataclass(frozen=True, kw_only=True)
class Latency(BaseScorer):
    """Seconds from the first request to the last reply, as the calls were answered the first time."""

    name: str = "latency"
    unit: ClassVar[str] = "s"
    higher_is_better: ClassVar[bool | None] = False

    def _score(self, sample: Sample, output: Output) -> Score:
        if output.latency_s is None:
            return self._unscored(sample, output, "no latency recorded")
        return self._value(sample, output, float(output.latency_s))


@dataclass(frozen=True, kw_only=True)
class Cost(BaseScorer):
    """US dollars the answer cost; unscored where a price is unknown."""

    name: str = "cost"
    unit: ClassVar[str] = "usd"
    higher_is_better: ClassVar[bool | None] = False

    def _score(self, sample: Sample, output: Output) -> Score:
        if output.cost_usd is None:
            return self._unscored(sample, output, "price unknown")
        return self._value(sample, output, float(output.cost_usd))


@dataclass(frozen=True, kw_only=True)
class OutputTokens(BaseScorer):
    """Tokens the model wrote, as the provider counted them; neither direction is better."""

    name: str = "output_tokens"
    unit: ClassVar[str] = "tokens"
    higher_is_better: ClassVar[bool | None] = None

    def _score(self, sample: Sample, output: Output) -> Score:
        if output.usage.output_tokens is None:
            return self._unscored(sample, output, "no token count recorded")
        return self._value(sample, output, float(output.usage.output_tokens))
