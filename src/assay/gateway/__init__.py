"""Providers and everything that guards them; ``gateway.gateway`` documents the order of the stack.

Names are imported on first use: nothing here is paid for by a command that calls no model.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.gateway.client import RunClient
    from assay.gateway.config import EndpointConfig, GatewayConfig, ModelConfig
    from assay.gateway.gateway import Gateway
    from assay.gateway.ledger import UsageSummary
    from assay.gateway.models import (
        capabilities_of,
        check_model,
        check_params,
        known_providers,
        model_identity,
        parse_model,
        price_of,
    )
    from assay.gateway.prices import Price
    from assay.gateway.provider import Endpoint, Provider
    from assay.gateway.transport import HttpReply, Transport, open_transport

_WHERE = {
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
    "capabilities_of": "models",
    "check_model": "models",
    "check_params": "models",
    "known_providers": "models",
    "model_identity": "models",
    "open_transport": "transport",
    "parse_model": "models",
    "price_of": "models",
}

__all__ = [
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
    "capabilities_of",
    "check_model",
    "check_params",
    "known_providers",
    "model_identity",
    "open_transport",
    "parse_model",
    "price_of",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
