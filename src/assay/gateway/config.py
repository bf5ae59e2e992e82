"""How models are reached: base URLs, keys by the name of their environment variable, limits, fall-backs, prices."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from assay.gateway.prices import Price
from assay.gateway.provider import Provider


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointConfig:
    """One place where a model is served.

    Attributes:
        api_key_env: Environment variable that holds the key; the provider's own when ``None``.
        rpm: Requests a minute; the model's when ``None``.
        tpm: Tokens a minute, prompt and reply together; the model's when ``None``.
    """

    base_url: str
    api_key_env: str | None = None
    rpm: float | None = None
    tpm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchConfig:
    """How a model is asked through its provider's batch endpoint.

    Attributes:
        poll_s: Seconds between two looks at a batch, at most; the first looks come sooner.
        max_requests: Of one batch, and waiting for answers at once in a run; a provider's own limit holds too.
    """

    poll_s: float = 60.0
    max_requests: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """How one model (``provider/name``) is reached.

    Attributes:
        endpoints: Servers of the *same* model: they share the load and stand in for each other.
        fallback_models: *Other* models, asked in order when every endpoint is down; their replies are ``degraded``.
        price: Takes precedence over the price table.
        batch: Ask in batches, or (``False``) do not; ``None``: as the run says.
    """

    base_url: str | None = None
    api_key_env: str | None = None
    rpm: float | None = None
    tpm: float | None = None
    endpoints: Sequence[EndpointConfig] = ()
    fallback_models: Sequence[str] = ()
    price: Price | None = None
    batch: BatchConfig | Literal[False] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """Everything the gateway can be told.

    Attributes:
        models: By ``provider/name``; models not named here take the defaults.
        rpm: Requests a minute of every endpoint that does not say otherwise; ``None`` is unlimited.
        tpm: Tokens a minute, likewise.
        timeout_s: One attempt of one call may take this long.
        max_retries: Attempts after the first.
        concurrency: Requests in flight at most, over all models.
        outage_patience_s: With every endpoint of a model down for longer than this, calls fail instead of waiting.
        max_retry_after_s: A Retry-After beyond this ends the call instead of being waited for.
        batch: Ask every model in batches whose provider has a batch endpoint.
        transport: ``pyreqwest`` or ``aiohttp``.
        ca_file: PEM file of certificate authorities to trust besides the system's.
        providers: Plug-ins by prefix (``package/name``, or a word without a slash); making one must cost little.
        folders: Where modules of ``python:`` models are looked for after the working directory.
        environ: Where keys and base URLs are looked up.
    """

    models: Mapping[str, ModelConfig] = field(default_factory=dict)
    rpm: float | None = None
    tpm: float | None = None
    timeout_s: float = 60.0
    max_retries: int = 5
    concurrency: int = 100
    outage_patience_s: float = 60.0
    max_retry_after_s: float = 300.0
    batch: BatchConfig | None = None
    transport: str = "pyreqwest"
    ca_file: str | None = None
    providers: Mapping[str, Callable[[], Provider]] = field(default_factory=dict)
    folders: Sequence[str] = ()
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    @property
    def batches(self) -> bool:
        """Whether anything may be asked in batches."""
        return self.batch is not None or any(model.batch for model in self.models.values())

    def model(self, name: str) -> ModelConfig:
        """The configuration of a model; defaults when none was given."""
        return self.models.get(name, _DEFAULT)


_DEFAULT = ModelConfig()
