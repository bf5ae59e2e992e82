"""What a run has used: requests, tokens, dollars, by model. Nothing unknown is counted as 0."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.core.records import Reply, Usage


@dataclass(slots=True)
class Counts:
    """Counts of one model, or of all together.

    Attributes:
        requests: Answered calls this run paid for.
        cached: Calls answered from the table at no cost to this run.
        cost_usd: Sum of the known costs.
        unpriced: Answered calls whose cost is unknown.
        retries: Attempts after the first; of earlier parts of the run those that led to an answer.
    """

    requests: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0
    retries: int = 0

    def add(self, usage: Usage, cost_usd: float | None, *, requests: int = 1) -> None:
        """Count answered calls by what they used and cost together."""
        self.requests += requests
        self.input_tokens += usage.input_tokens or 0
        self.output_tokens += usage.output_tokens or 0
        self.cached_tokens += usage.cached_tokens or 0
        if cost_usd is None:
            self.unpriced += requests
        else:
            self.cost_usd += cost_usd

    def merge(self, other: Counts) -> None:
        for name in Counts.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def known_cost_usd(self) -> float | None:
        """The cost; ``None`` when any of it is unknown."""
        return None if self.unpriced else round(self.cost_usd, 12)

    def to_dict(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "cached": self.cached,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cached_tokens": self.cached_tokens,
            "cost_usd": self.known_cost_usd,
            "unpriced_requests": self.unpriced,
            "retries": self.retries,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageSummary:
    """A run's usage at one moment; a core ``Spending``.

    Attributes:
        cost_usd: Dollars this run has paid; ``None`` when the price of any answered call is unknown.
        by_model: The same counts by ``provider/name``.
    """

    requests: int
    cached: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cost_usd: float | None
    unpriced_requests: int
    retries: int
    by_model: Mapping[str, Mapping[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """The ``usage`` object of every command's JSON; ``by_model`` only where there are several."""
        row: dict[str, Any] = {name: getattr(self, name) for name in UsageSummary.__slots__ if name != "by_model"}
        if len(self.by_model) > 1:
            row["by_model"] = {model: dict(counts) for model, counts in self.by_model.items()}
        return row


@dataclass(slots=True)
class Ledger:
    """The books of one run."""

    models: dict[str, Counts] = field(default_factory=dict)
    served: Counter[str] = field(default_factory=Counter)

    def of(self, model: str) -> Counts:
        """The counts of one model."""
        tally = self.models.get(model)
        if tally is None:
            tally = self.models[model] = Counts()
        return tally

    def paid(self, model: str, reply: Reply) -> None:
        """Count an answered call."""
        self.of(model).add(reply.usage, reply.cost_usd)
        self.served[reply.model_served or model] += 1

    def recalled(self, model: str, reply: Reply) -> None:
        """Count a call that an earlier part of the run has paid for."""
        self.paid(model, reply)
        self.of(model).retries += reply.retries

    def summary(self) -> UsageSummary:
        """Everything so far."""
        total = Counts()
        for tally in self.models.values():
            total.merge(tally)
        by_model = {model: self.models[model].to_dict() for model in sorted(self.models)}
        return UsageSummary(**total.to_dict(), by_model=by_model)
