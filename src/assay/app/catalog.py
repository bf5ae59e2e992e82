"""What there is: benchmarks, scorers, providers, file schemas."""

from __future__ import annotations

import inspect
from dataclasses import asdict
from typing import Any

from assay.app.wiring import App, gateway_config
from assay.core.errors import ConfigError, NotFoundError, nearest

FILES = {
    "eval": "assay.app.schema:TaskFile",
    "suite": "assay.app.schema:SuiteFile",
    "settings": "assay.app.schema:SettingsFile",
    "plan": "assay.app.measurement_plan:PlanFile",
    "experiment": "assay.app.experiment_file:ExperimentFile",
    "judge": "assay.app.judge_file:JudgeFile",
}
"""Where the schema of each file is; they load only when asked for."""

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
    """Every scorer with the first sentence of its description, its options, and who brings it."""
    from assay.app.parts import registry

    rows = []
    for name in registry().names("scorer"):
        try:
            target = registry().get("scorer", name)
        except ConfigError as error:  # a plug-in that cannot be loaded must not hide the others
            summary, options = str(error), list[str]()
        else:
            summary = (inspect.getdoc(target) or "").split("\n")[0]
            options = [option for option in inspect.signature(target).parameters if option not in ("name", "encode")]
        origin = registry().part("scorer", name).origin
        rows.append({"name": name, "summary": summary, "options": options, "origin": origin})
    return {"scorers": rows}


def plug_ins() -> dict[str, Any]:
    """Plug-ins of every kind with who brings them, and those that cannot be used with the reason."""
    from assay.app import parts

    return {"plugins": parts.plug_ins(), "refused": parts.refused_plug_ins()}


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
    from assay.app.parts import plug_ins as installed
    from assay.core.registry import OWN
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
        example = EXAMPLES.get(provider, f"{provider}/NAME")
        rows.append({"provider": provider, "key_env": key, "example": example, "origin": OWN})
    plugged = [(row["name"], row["origin"]) for row in installed("provider")]
    return rows + [
        {"provider": name, "key_env": None, "example": f"{name}:NAME", "origin": origin} for name, origin in plugged
    ]


def schema(file: str) -> dict[str, Any]:
    """JSON Schema of a file that people write; ``FILES`` names them."""
    from importlib import import_module

    module, _, name = FILES[file].partition(":")
    found: dict[str, Any] = getattr(import_module(module), name).model_json_schema()
    return found
