"""On what terms a model is asked: one by one or in batches, and at which price."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from assay.core.errors import ConfigError
from assay.gateway.config import BatchConfig, GatewayConfig
from assay.gateway.models import SERVICES, parse_model, silent_provider, unconnected
from assay.gateway.prices import Price, listed_batch_share, listed_price
from assay.gateway.provider import Batching, BatchService


def batch_service(model: str, config: GatewayConfig) -> BatchService | None:
    """The batch endpoint of a model's provider, to be asked what it can do; ``None`` where there is none."""
    provider = silent_provider(parse_model(model, config).provider, config)
    return provider.batches() if isinstance(provider, Batching) else None


def batching_of(model: str, config: GatewayConfig) -> BatchConfig | None:
    """How a model is asked in batches; ``None`` when it is asked one by one.

    Raises:
        ConfigError: Its own settings want batches, and its provider has no batch endpoint (``batch.unsupported``).
    """
    own = config.model(model).batch
    wanted = config.batch if own is None else own
    if not wanted:
        return None
    service = batch_service(model, config)
    if service is not None:
        return replace(wanted, max_requests=min(wanted.max_requests, service.max_requests))
    if own is None:
        return None
    raise no_batches(f"{model} cannot be asked in batches: its provider has no batch endpoint that Assay knows")


def no_batches(what: str) -> ConfigError:
    """Batches are wanted where there are none."""
    return ConfigError(
        what,
        hint=f"leave batch: out; batch endpoints: {', '.join(name for name in sorted(SERVICES) if _has_batches(name))}",
        code="batch.unsupported",
    )


def _has_batches(provider: str) -> bool:
    made = unconnected(provider)
    return isinstance(made, Batching) and made.batches() is not None


def open_requests(models: Iterable[str], config: GatewayConfig) -> int:
    """How many requests a run keeps open at once, so that batches fill.

    Raises:
        ConfigError: The run wants batches and none of its models can be asked so (``batch.unsupported``).
    """
    batched = [batching.max_requests for model in models if (batching := batching_of(model, config)) is not None]
    if config.batch is not None and not batched:
        raise no_batches("limits.batch wants batches, and no model of the run can be asked so")
    return max([config.concurrency, *batched])


def price_of(model: str, config: GatewayConfig) -> Price | None:
    """The user's price, else the table's; ``None`` when unknown, 0 by definition for models in this process.

    Of a model that is asked in batches it is the batch price. Where the user's price does not say what share of it a
    batch costs, that is the provider's usual one.
    """
    parsed = parse_model(model, config)
    price = config.model(model).price or listed_price(parsed.provider, parsed.name)
    if price is None or batching_of(model, config) is None:
        return price
    if price.batch is None:
        price = replace(price, batch=listed_batch_share(parsed.provider))
    return price.in_batch()
