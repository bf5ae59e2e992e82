"""Everything that can be refused before a model is called."""

from __future__ import annotations

from assay.core.errors import ConfigError
from assay.core.records import GenerateParams
from assay.gateway.config import GatewayConfig
from assay.gateway.models import SERVICES, capabilities_of, parse_model, resolve_endpoints
from assay.gateway.terms import batching_of, price_of


def check_model(model: str, config: GatewayConfig, *, budget_usd: float | None = None) -> None:
    """Everything that can be found wrong with a model, and with those that may stand in for it, before any call.

    Raises:
        NotFoundError: The provider, the replay file or the function does not exist.
        ConfigError: A key is missing, its price is unknown and there is a budget (``budget.unpriced``), or it is to be
            asked in batches and cannot (``batch.unsupported``).
        DataError: The replay file has a malformed line.
    """
    for name in (model, *config.model(model).fallback_models):
        parsed = parse_model(name, config)
        resolve_endpoints(name, config)
        batching_of(name, config)
        capabilities_of(name, config)
        if parsed.provider == "replay":
            from assay.gateway.providers.replay import load_recording

            load_recording(parsed.name)
        if budget_usd is not None and price_of(name, config) is None:
            raise unpriced(name)


def check_params(model: str, params: GenerateParams, config: GatewayConfig) -> None:
    """What parameters ask for must be what a call gives, also of models that may stand in.

    Raises:
        ConfigError: They ask a service for several completions (``generate.several``).
    """
    services = [
        parse_model(name, config).provider in SERVICES for name in (model, *config.model(model).fallback_models)
    ]
    if params.extra.get("n", 1) != 1 and any(services):
        raise several_completions("generate.extra asks for several completions with n")


def several_completions(what: str) -> ConfigError:
    """Only the first of several completions of one call could be used, and all would be paid for."""
    return ConfigError(
        f"{what}, and a call gives one",
        hint="use epochs: k; each is a reply of its own, stored, scored and counted (pass@k and the like reduce them)",
        code="generate.several",
    )


def unpriced(model: str) -> ConfigError:
    """A budget cannot be kept to without a price."""
    return ConfigError(
        f"the price of {model} is unknown, so a budget cannot be kept to",
        hint=f"set it in assay.yaml (models: {{{model}: {{price: {{input: …, output: …}}}}}}), or leave the budget out",
        code="budget.unpriced",
    )
