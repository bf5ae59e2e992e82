"""Providers and everything that guards them; ``gateway.gateway`` documents the order of the stack.

Names are imported on first use: nothing here is paid for by a command that calls no model.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.gateway.checks import check_model, check_params
    from assay.gateway.client import RunClient
    from assay.gateway.config import BatchConfig, EndpointConfig, GatewayConfig, ModelConfig
    from assay.gateway.gateway import Gateway
    from assay.gateway.ledger import UsageSummary
    from assay.gateway.models import (
        capabilities_of,
        known_providers,
        model_identity,
        parse_model,
    )
    from assay.gateway.prices import Price
    from assay.gateway.provider import Endpoint, Provider
    from assay.gateway.terms import batching_of, no_batches, open_requests, price_of
    from assay.gateway.transport import HttpReply, Transport, open_transport

_WHERE = {
    "BatchConfig": "config",
    "Endpoint": "provider",
    "EndpointConfig": "config",
    "Gateway": "gateway",
    "GatewayConfig": "config",
    "HttpReply": "transport",
    "ModelConfig": "config",
    "Price": "prices",
    "Provider": "provider",
    "RunClient": "client",
    "Transport": "transport",
    "UsageSummary": "ledger",
    "batching_of": "terms",
    "capabilities_of": "models",
    "check_model": "checks",
    "check_params": "checks",
    "known_providers": "models",
    "model_identity": "models",
    "no_batches": "terms",
    "open_requests": "terms",
    "open_transport": "transport",
    "parse_model": "models",
    "price_of": "terms",
}

__all__ = [
    "BatchConfig",
    "Endpoint",
    "EndpointConfig",
    "Gateway",
    "GatewayConfig",
    "HttpReply",
    "ModelConfig",
    "Price",
    "Provider",
    "RunClient",
    "Transport",
    "UsageSummary",
    "batching_of",
    "capabilities_of",
    "check_model",
    "check_params",
    "known_providers",
    "model_identity",
    "no_batches",
    "open_requests",
    "open_transport",
    "parse_model",
    "price_of",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
