"""Opens what the settings name: the store, the gateway."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assay.app.settings import Settings, load_settings
from assay.core.errors import ConfigError

if TYPE_CHECKING:
    from assay.app.schema import BatchFields, LimitFields, ModelFields
    from assay.gateway import GatewayConfig
    from assay.stores import Store


class App:
    """What every use case needs: settings, and the store once it is asked for.

    Args:
        read_only: Only look: a store that is not there is not made, one that is there need not be writable.
    """

    def __init__(self, settings: Settings, *, read_only: bool = False) -> None:
        self.settings = settings
        self._read_only = read_only
        self._store: Store | None = None

    @classmethod
    def create(cls, *, flags: Mapping[str, Any] | None = None, read_only: bool = False) -> App:
        """An app for this process's environment and directory."""
        return cls(load_settings(environ=os.environ, flags=flags), read_only=read_only)

    @property
    def data(self) -> str | None:
        """Where the settings file says that benchmarks' files are; the environment is looked at by benchmarks."""
        setting = self.settings.resolved["data"]
        return None if setting.source == "ASSAY_DATA" else setting.value

    @property
    def store(self) -> Store:
        """The store, opened on first use.

        Raises:
            StoreError: It cannot be opened.
            ConfigError: A server URL is set, which this version cannot open.
        """
        if self._store is None:
            from assay.app.parts import open_plug_in_store
            from assay.stores import open_store

            for key in ("metadata_url", "results_url", "objects_url"):
                if self.settings[key]:
                    raise ConfigError(
                        f"{key} is {self.settings[key]!r} (from {self.settings.resolved[key].source}); "
                        "this version keeps everything in a directory",
                        hint=f"unset {key} and choose a directory with --store",
                        code="config.no_servers",
                    )
            cache = None if self._read_only else self.settings["cache"]
            self._store = open_store(
                self.settings["store"], cache=cache, read_only=self._read_only, plug_in=open_plug_in_store
            )
        return self._store

    def close(self) -> None:
        """Flush and close what was opened."""
        if self._store is not None:
            self._store.close()
            self._store = None


def gateway_config(
    settings: Settings,
    limits: LimitFields | None = None,
    *,
    concurrency: int | None = None,
    folders: Sequence[str] = (),
    batches: bool = True,
) -> GatewayConfig:
    """How models are reached, from the settings file and a task's limits (which bind every model it uses).

    Args:
        concurrency: Requests in flight at most; the limits' when ``None``.
        folders: Where modules of ``python:`` models are, besides the working directory: beside the task file.
        batches: Models may be asked in batches; not where somebody waits for one answer.
    """
    from assay.app.parts import ProviderPlugIns
    from assay.gateway import GatewayConfig

    models = {name: _model_config(fields, batches=batches) for name, fields in settings.models.items()}
    shared: dict[str, Any] = {"models": models, "folders": folders, "providers": ProviderPlugIns()}
    if limits is None:
        return GatewayConfig(**shared, concurrency=concurrency or 100)
    return GatewayConfig(
        **shared,
        rpm=limits.rpm,
        tpm=limits.tpm,
        timeout_s=limits.timeout_s or 60.0,
        concurrency=concurrency or limits.concurrency,
        batch=_batch_config(limits.batch) or None,
    )


def _model_config(fields: ModelFields, *, batches: bool) -> Any:
    from assay.gateway import EndpointConfig, ModelConfig, Price

    price = fields.price
    return ModelConfig(
        base_url=fields.base_url,
        api_key_env=fields.api_key_env,
        rpm=fields.rpm,
        tpm=fields.tpm,
        endpoints=[EndpointConfig(**endpoint.model_dump()) for endpoint in fields.endpoints],
        fallback_models=fields.fallback_models,
        price=None if price is None else Price(**price.model_dump()),
        batch=_batch_config(fields.batch) if batches else None,
    )


def _batch_config(fields: BatchFields | bool | None) -> Any:
    """``None`` and ``False`` as they are."""
    from assay.gateway import BatchConfig

    if fields is True:
        return BatchConfig()
    return BatchConfig(**fields.model_dump()) if fields else fields
