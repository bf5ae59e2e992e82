"""What every judge shares: the model it asks, its scale, and how a verdict becomes a Score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from assay.core.errors import ConfigError
from assay.core.protocols import ModelClient
from assay.core.records import Output, Sample, Score
from assay.scorers.base import NO_REFERENCE, BaseScorer

MAX_TOKENS = 1024


@dataclass(frozen=True, kw_only=True)
class BaseJudge(BaseScorer):
    """A scorer that asks a model; subclasses write ``_judge``.

    Its version hashes the kind, its prompts, every option and the model: another version is another judge.

    Attributes:
        model: ``provider/name`` of the model asked.
        temperature: Of every call. At 0 too a judge may answer differently the next time.
        max_tokens: Longest reply.
        timeout_s: Seconds one call may take; the run's when ``None``.
    """

    model: str
    temperature: float = 0.0
    max_tokens: int = MAX_TOKENS
    timeout_s: float | None = None

    unit: ClassVar[str] = "levels"
    requires: ClassVar[frozenset[str]] = frozenset()

    def _check(self) -> None:
        super()._check()
        if not self.model:
            raise ConfigError(
                f"the judge {self.name} names no model",
                hint="name one: helpfulness@provider/model, or model: provider/model",
                code="judge.no_model",
            )
        self._must(self.temperature >= 0.0, "temperature", "0 or more")
        self._must(self.max_tokens >= 1, "max_tokens", "at least 1")
        self._must(self.timeout_s is None or self.timeout_s > 0.0, "timeout_s", "more than 0 seconds")

    def _versioned(self) -> Mapping[str, Any]:
        return {"texts": self._texts()}

    def _texts(self) -> Sequence[str]:
        """What the judge says to its model besides its options: part of its version."""
        return ()

    def score(self, sample: Sample, output: Output) -> Score:
        """A judge has to ask its model; it cannot score by itself.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(
            f"{self.name} is a judge and asks {self.model}", hint="it runs inside a run", code="judge.needs_a_model"
        )

    async def judge(self, sample: Sample, output: Output, *, client: ModelClient) -> Score:
        """One verdict; what cannot be had or read comes back unscored with its reason.

        Raises:
            BudgetExhaustedError: A call was not sent because it might not be payable.
            ProviderError: The key is refused.
        """
        if output.error is not None:
            return self._unscored(sample, output, output.error)
        if self._needs_reference and not sample.references():
            return self._unscored(sample, output, NO_REFERENCE)
        return await self._judge(sample, output, client=client)

    async def _judge(self, sample: Sample, output: Output, *, client: ModelClient) -> Score:
        raise NotImplementedError(f"{type(self).__name__} does not say how it judges")

    def _priced(self, score: Score, cost_usd: float | None) -> Score:
        return replace(score, tier="judge", cost_usd=cost_usd)
