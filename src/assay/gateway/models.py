"""From ``provider/name`` to a provider, its endpoints and what it can do.

A plug-in's model is written ``package/name:MODEL``: two words and a colon, so that it can be told from the built-in
providers, whose prefix is one word. Built-in prefixes come first, so ``ollama/llama3:8b`` is Ollama's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from assay.core.errors import ConfigError, NotFoundError, nearest
from assay.gateway.config import EndpointConfig, GatewayConfig, ModelConfig
from assay.gateway.provider import Endpoint, Identified, Provider
from assay.gateway.providers.anthropic import BASE_URL as ANTHROPIC_URL
from assay.gateway.providers.presets import PRESETS, Preset
from assay.gateway.transport import Transport

IN_PROCESS: Mapping[str, str] = {
    "local": "assay.gateway.providers.local:LocalProvider",
    "replay": "assay.gateway.providers.replay:ReplayProvider",
    "python": "assay.gateway.providers.python:PythonProvider",
}
COLON = ("replay", "python")
"""Providers written with a colon: what follows is a file or a function."""
_PLUG_IN = re.compile(r"([^/:\s]+/[^/:\s]+)(?::(.*))?", re.DOTALL)
ANTHROPIC = Preset(
    name="anthropic", base_url=ANTHROPIC_URL, base_url_env="ANTHROPIC_BASE_URL", key_env="ANTHROPIC_API_KEY"
)
SERVICES: Mapping[str, Preset] = {**PRESETS, "anthropic": ANTHROPIC}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelName:
    """A model's name taken apart."""

    provider: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedEndpoint:
    """An endpoint with its limits, ready to be called."""

    endpoint: Endpoint
    rpm: float | None
    tpm: float | None


def is_recording(model: str) -> bool:
    """Whether a model's replies are recorded already, so that the response table does not hold them again."""
    return model.startswith("replay:")


def known_providers(config: GatewayConfig | None = None) -> list[str]:
    """Prefixes of model names, plug-ins of the configuration included, sorted."""
    return sorted({*SERVICES, *IN_PROCESS, *(config.providers if config else ())})


def parse_model(model: str, config: GatewayConfig | None = None) -> ModelName:
    """Provider and name of ``openai/gpt-4o-mini``, ``replay:FILE``, ``python:module:function``, ``acme/echo:small``.

    Raises:
        NotFoundError: There is no such provider, or no name after it.
        ConfigError: It is a plug-in's that cannot be used.

    Examples:
        >>> parse_model("openrouter/meta-llama/llama-3-8b")
        ModelName(provider='openrouter', name='meta-llama/llama-3-8b')
    """
    plugged = config.providers if config is not None else {}
    match = re.match(rf"({'|'.join(COLON)}):(.*)", model, re.DOTALL)
    provider, mark, name = (match[1], ":", match[2]) if match else model.partition("/")
    if not match and (provider in COLON or not any(provider in kind for kind in (SERVICES, IN_PROCESS, plugged))):
        match = _PLUG_IN.fullmatch(model)
        if match is None or match[1] not in plugged:
            raise _no_provider(model, provider, config)
        provider, mark, name = match[1], ":", match[2]
    if not name:
        raise NotFoundError(
            f"model {model!r} does not name a model", hint=f"write {provider}{mark or '/'}NAME", code="model.unknown"
        )
    return ModelName(provider=provider, name=name)


def _no_provider(model: str, provider: str, config: GatewayConfig | None) -> NotFoundError:
    if provider in COLON:
        written = "write replay:FILE or python:module:function"
    else:
        match = _PLUG_IN.fullmatch(model)
        known = known_providers(config)
        plugged = any("/" in name for name in known)
        written = nearest(match[1] if match and plugged else provider, known)
    return NotFoundError(f"there is no provider for model {model!r}", hint=written, code="model.unknown")


def make_provider(provider: str, config: GatewayConfig, transport: Callable[[], Transport]) -> Provider:
    """A provider by its prefix; ``transport`` is only called for those that need one."""
    if provider in config.providers:
        return config.providers[provider]()
    if provider == "python":
        from assay.gateway.providers.python import PythonProvider

        return PythonProvider(folders=config.folders)
    if provider in IN_PROCESS:
        return _in_process(provider)
    if provider == "anthropic":
        from assay.gateway.providers.anthropic import AnthropicProvider

        return AnthropicProvider(transport())
    from assay.gateway.providers.openai import OpenAIProvider

    return OpenAIProvider(PRESETS[provider], transport())


def _in_process(provider: str) -> Provider:
    module, _, attribute = IN_PROCESS[provider].partition(":")
    made: Provider = getattr(import_module(module), attribute)()
    return made


def resolve_endpoints(model: str, config: GatewayConfig) -> list[ResolvedEndpoint]:
    """Where a model is called, in the order given; keys looked up.

    Raises:
        NotFoundError: The provider is unknown.
        ConfigError: A key or a base URL is missing (``provider.key_missing``, ``provider.no_base_url``).
    """
    parsed, settings = parse_model(model, config), config.model(model)
    preset = None if parsed.provider in config.providers else SERVICES.get(parsed.provider)
    if parsed.provider in IN_PROCESS and parsed.provider not in config.providers:
        limits = (
            (None, None) if parsed.provider == "replay" else (settings.rpm or config.rpm, settings.tpm or config.tpm)
        )
        endpoint = Endpoint(base_url=settings.base_url or "", timeout_s=config.timeout_s)
        return [ResolvedEndpoint(endpoint=endpoint, rpm=limits[0], tpm=limits[1])]
    places = list(settings.endpoints)
    if settings.base_url is not None or not places:
        base_url = settings.base_url or ("" if preset is None else _base_url(preset, model, config))
        places.insert(0, EndpointConfig(base_url=base_url))
    return [
        ResolvedEndpoint(
            endpoint=Endpoint(
                base_url=place.base_url if preset is None else _checked_url(place.base_url, model),
                api_key=_api_key(preset, place, settings, config, model),
                timeout_s=config.timeout_s,
            ),
            rpm=place.rpm or settings.rpm or config.rpm,
            tpm=place.tpm or settings.tpm or config.tpm,
        )
        for place in places
    ]


def _base_url(preset: Preset, model: str, config: GatewayConfig) -> str:
    own = f"ASSAY_{preset.name.upper()}_BASE_URL"
    for variable in (own, preset.base_url_env):
        if variable and config.environ.get(variable):
            return config.environ[variable]
    if preset.base_url is None:
        raise ConfigError(
            f"nothing says where {model} is served",
            hint=f"export {preset.base_url_env or own}=https://…, or set base_url for it in assay.yaml",
            code="provider.no_base_url",
        )
    return preset.base_url


def _checked_url(url: str, model: str) -> str:
    if not re.match(r"https?://[^/\s]+", url):
        raise ConfigError(
            f"the base URL of {model} is {url!r}, which is not http(s)://…",
            hint="correct base_url",
            code="provider.bad_url",
        )
    return url


def _api_key(
    preset: Preset | None, place: EndpointConfig, settings: ModelConfig, config: GatewayConfig, model: str
) -> str | None:
    """The key of a place; a plug-in (no preset) gets one only where ``api_key_env`` names its variable."""
    chosen = place.api_key_env or settings.api_key_env
    if preset is None and not chosen:
        return None
    variables = [chosen] if chosen or preset is None else [preset.key_env, f"ASSAY_{preset.name.upper()}_API_KEY"]
    for variable in variables:
        if variable and config.environ.get(variable):
            return config.environ[variable]
    at_home = preset is not None and (preset.base_url is None or place.base_url == preset.base_url)
    if chosen or (preset is not None and preset.needs_key and at_home):
        raise ConfigError(
            f"{model} needs an API key, and {variables[0]} is not set in the environment",
            hint=f"export {variables[0]}=… (or name another variable as api_key_env in assay.yaml)",
            code="provider.key_missing",
        )
    return None


@cache
def unconnected(provider: str) -> Provider:
    """A provider that is only asked what it can do."""
    return make_provider(provider, GatewayConfig(), _no_transport)


def _no_transport() -> Any:
    return None


def silent_provider(provider: str, config: GatewayConfig) -> Provider:
    """A provider that calls nobody; for plug-ins and functions a new one."""
    if provider == "python" or provider in config.providers:
        return make_provider(provider, config, _no_transport)
    return unconnected(provider)


def capabilities_of(model: str, config: GatewayConfig) -> frozenset[str]:
    """Of ``chat, completion, options, logprobs, json_schema, tools, images``.

    Raises:
        NotFoundError: The provider, file or function does not exist.
    """
    parsed = parse_model(model, config)
    return silent_provider(parsed.provider, config).capabilities(parsed.name)


def model_identity(model: str, config: GatewayConfig) -> str | None:
    """Hash of the weights, file or function a model is; ``None`` for models behind a service."""
    parsed = parse_model(model, config)
    provider = silent_provider(parsed.provider, config)
    return provider.identity(parsed.name) if isinstance(provider, Identified) else None
