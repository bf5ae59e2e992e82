"""What there is: benchmarks, scorers, providers, file schemas."""

from __future__ import annotations

import inspect
from dataclasses import asdict
from typing import Any

from assay.app.wiring import App, gateway_config
from assay.core.errors import NotFoundError, nearest

EXAMPLES = {
    "anthropic": "anthropic/claude-sonnet-4-5",
    "local": "local/gemma3-270m",
    "openai": "openai/gpt-4o-mini",
    "python": "python:my_module:answer",
    "replay": "replay:outputs.jsonl",
}


def tasks(name: str | None = None) -> dict[str, Any]:
    """All benchmarks, or one with its options, source, licence and paper.

    Raises:
        NotFoundError: There is no benchmark of that name.
    """
    from assay.benchmarks import BENCHMARKS

    if name is None:
        return {"tasks": [{"name": key, "title": entry.title} for key, entry in BENCHMARKS.items()]}
    if name not in BENCHMARKS:
        raise NotFoundError(f"there is no task called {name!r}", hint=nearest(name, BENCHMARKS), code="task.unknown")
    entry = {key: value for key, value in asdict(BENCHMARKS[name]).items() if not callable(value)}
    return {**entry, "name": name}


def scorers() -> dict[str, Any]:
    """Every scorer with the first sentence of its description and its options."""
    from assay.app.parts import registry

    rows = []
    for name in registry().names("scorer"):
        target = registry().get("scorer", name)
        options = [option for option in inspect.signature(target).parameters if option not in ("name", "encode")]
        rows.append({"name": name, "summary": (inspect.getdoc(target) or "").split("\n")[0], "options": options})
    return {"scorers": rows}


def models(app: App, name: str | None = None) -> dict[str, Any]:
    """Providers, or one model's price and capabilities."""
    from assay.gateway import capabilities_of, price_of

    if name is None:
        return {"providers": _providers()}
    config = gateway_config(app.settings)
    price = price_of(name, config)
    return {
        "model": name,
        "capabilities": sorted(capabilities_of(name, config)),
        "price": None if price is None else price.to_dict(),
    }


def _providers() -> list[dict[str, Any]]:
    from assay.gateway import known_providers
    from assay.gateway.providers.presets import PRESETS

    rows = []
    for provider in known_providers():
        preset = PRESETS.get(provider)
        key = (
            "ANTHROPIC_API_KEY"
            if provider == "anthropic"
            else (preset.key_env if preset and preset.needs_key else None)
        )
        rows.append({"provider": provider, "key_env": key, "example": EXAMPLES.get(provider, f"{provider}/NAME")})
    return rows


def schema(file: str) -> dict[str, Any]:
    """JSON Schema of ``eval``, ``suite`` or ``settings``."""
    from assay.app.schema import FILES

    return FILES[file].model_json_schema()
