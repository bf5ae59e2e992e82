"""What a call costs: a dated table of published prices, which users override; unknown is ``None``, never 0."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from assay.core.records import Usage

FREE_PROVIDERS = frozenset({"local", "replay", "python"})
"""Nothing is billed for these."""
_SNAPSHOT = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8}|latest)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars per million tokens.

    Attributes:
        cached_input: Prompt tokens the provider had in its own cache; ``input`` when ``None``.
        max_output_tokens: The longest reply of the model, for the worst case of calls without ``max_tokens``.
        as_of: Day the price is believed to hold for, ``YYYY-MM-DD``; ``None`` for a user's own.
        source: The vendor's page to compare it with.
        batch: What a token costs in a batch, as a share of the above; ``None`` when unknown.
        batched: The figures are those of a batch already.
    """

    input: float
    output: float
    cached_input: float | None = None
    max_output_tokens: int | None = None
    as_of: str | None = None
    source: str | None = None
    batch: float | None = None
    batched: bool = False

    def in_batch(self) -> Price:
        """The price of the same tokens in a batch; unchanged where nothing says that it is lower.

        Examples:
            >>> Price(input=2.0, output=10.0, batch=0.5).in_batch().output
            5.0
        """
        share = 1.0 if self.batch is None else self.batch
        cached = None if self.cached_input is None else self.cached_input * share
        return replace(self, input=self.input * share, output=self.output * share, cached_input=cached, batched=True)

    @property
    def free(self) -> bool:
        """Nothing is charged, however many tokens."""
        return self.input == 0.0 and self.output == 0.0

    def to_dict(self) -> dict[str, Any]:
        """As recorded in manifests; that it is a batch's is said where it is."""
        row = {
            "input": self.input,
            "output": self.output,
            "cached_input": self.cached_input,
            "as_of": self.as_of,
            "source": self.source,
        }
        return {**row, "batch": self.batch} if self.batched else row

    def cost_usd(self, usage: Usage) -> float | None:
        """Cost of one call; ``None`` when the provider did not count its tokens and tokens cost anything.

        Examples:
            >>> Price(input=2.0, output=10.0).cost_usd(Usage(input_tokens=1000, output_tokens=100))
            0.003
        """
        if self.free:
            return 0.0
        if usage.input_tokens is None or usage.output_tokens is None:
            return None
        cached = min(usage.cached_tokens or 0, usage.input_tokens)
        rate = self.input if self.cached_input is None else self.cached_input
        dollars = (usage.input_tokens - cached) * self.input + cached * rate + usage.output_tokens * self.output
        return dollars / 1e6


FREE = Price(input=0.0, output=0.0)


def listed_price(provider: str, name: str) -> Price | None:
    """The table's price of a model; a dated snapshot without its own entry has the price of its family.

    Examples:
        >>> listed_price("openai", "no-such-model") is None
        True
    """
    if provider in FREE_PROVIDERS:
        return FREE
    prices = _table().get(provider)
    if prices is None:
        return None
    return prices.get(name) or prices.get(_SNAPSHOT.sub("", name))


def listed_batch_share(provider: str) -> float | None:
    """What a provider takes for a token in a batch, as a share of its list price; ``None`` when unknown.

    Examples:
        >>> listed_batch_share("anthropic")
        0.5
    """
    return next((price.batch for price in _table().get(provider, {}).values()), None)


@cache
def _table() -> Mapping[str, Mapping[str, Price]]:
    document = json.loads(Path(__file__).with_name("prices.json").read_text(encoding="utf-8"))
    return {
        provider: {
            name: Price(
                input=entry["input"],
                output=entry["output"],
                cached_input=entry.get("cached_input"),
                max_output_tokens=entry.get("max_output"),
                as_of=entry.get("as_of", section["as_of"]),
                source=entry.get("source", section["source"]),
                batch=entry.get("batch", section.get("batch")),
            )
            for name, entry in section["models"].items()
        }
        for provider, section in document["providers"].items()
    }
