"""How likely the model found its own tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from assay.core.records import Output, Sample, Score
from assay.scorers.base import BaseScorer


@dataclass(frozen=True, kw_only=True)
class LogLoss(BaseScorer):
    """Mean negative log-likelihood of the output's tokens, in nats a token; lower is better.

    With the metric ``perplexity`` the mean and its bounds are shown as ``exp`` of it. Every sample weighs the same,
    however many tokens it has.

    Examples:
        >>> tokens = [{"token": "a", "logprob": -0.5}, {"token": "b", "logprob": -1.5}]
        >>> LogLoss().score(Sample(id="1", input=""), Output(sample_id="1", logprobs=tokens)).value
        1.0
    """

    name: str = "log_loss"
    unit: ClassVar[str] = "nats"
    higher_is_better: ClassVar[bool | None] = False
    requires: ClassVar[frozenset[str]] = frozenset({"logprobs"})

    def _score(self, sample: Sample, output: Output) -> Score:
        if not output.logprobs:
            return self._unscored(sample, output, "output has no token log-probabilities")
        total = math.fsum(token["logprob"] for token in output.logprobs)
        if not math.isfinite(total):
            return self._unscored(sample, output, "a token log-probability is not finite")
        return self._value(sample, output, -total / len(output.logprobs))


@dataclass(frozen=True, slots=True, kw_only=True)
class Perplexity:
    """Metric over ``log_loss``: the mean over a sample's epochs, shown as ``exp`` of mean and bounds.

    Examples:
        >>> Perplexity().reduce([1.0, 2.0])
        1.5
    """

    name: str = "perplexity"
    transform: str = "exp"

    def reduce(self, values: Sequence[float]) -> float | None:
        """Mean of the epochs' log losses; ``None`` when there is none."""
        return math.fsum(values) / len(values) if values else None
