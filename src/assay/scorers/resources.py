"""What an answer took: characters, words, seconds, dollars, tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from assay.core.records import Output
from assay.scorers.base import Measurement


@dataclass(frozen=True, kw_only=True)
class Length(Measurement):
    """How long the answer is; neither direction is better.

    Attributes:
        of: ``chars`` (Unicode code points), ``words`` (split at whitespace) or ``lines``.

    Examples:
        >>> from assay.core.records import Sample
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

    def measure(self, output: Output) -> float:
        """The count, as a float."""
        text = output.text
        if self.of == "chars":
            return float(len(text))
        return float(len(text.split() if self.of == "words" else text.splitlines()))


@dataclass(frozen=True, kw_only=True)
class Latency(Measurement):
    """Seconds from the first request to the last reply, as the calls were answered the first time."""

    name: str = "latency"
    unit: ClassVar[str] = "s"
    higher_is_better: ClassVar[bool | None] = False
    absent: ClassVar[str] = "no latency recorded"

    def measure(self, output: Output) -> float | None:
        """As recorded."""
        return output.latency_s


@dataclass(frozen=True, kw_only=True)
class Cost(Measurement):
    """US dollars the answer cost; unscored where a price is unknown."""

    name: str = "cost"
    unit: ClassVar[str] = "usd"
    higher_is_better: ClassVar[bool | None] = False
    absent: ClassVar[str] = "price unknown"

    def measure(self, output: Output) -> float | None:
        """As recorded."""
        return output.cost_usd


@dataclass(frozen=True, kw_only=True)
class OutputTokens(Measurement):
    """Tokens the model wrote, as the provider counted them; neither direction is better."""

    name: str = "output_tokens"
    unit: ClassVar[str] = "tokens"
    higher_is_better: ClassVar[bool | None] = None
    absent: ClassVar[str] = "no token count recorded"

    def measure(self, output: Output) -> float | None:
        """As counted."""
        return output.usage.output_tokens
