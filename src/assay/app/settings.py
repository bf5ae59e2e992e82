"""Settings and where each came from: flag over environment over file over default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.app.schema import ModelFields, SpendingFields

FILE = "assay.yaml"
DEFAULTS: Mapping[str, Any] = {
    "store": ".assay",
    "cache": None,
    "data": None,
    "metadata_url": None,
    "results_url": None,
    "objects_url": None,
    "confirm_above_usd": 5.0,
    "project": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One resolved setting. ``source`` is ``flag --x``, ``environment ASSAY_X``, the file's path or ``default``."""

    key: str
    value: Any
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Resolved settings by key, how models are reached, and what may be spent."""

    resolved: Mapping[str, Setting]
    models: Mapping[str, ModelFields]
    spending: SpendingFields | None = None

    def __getitem__(self, key: str) -> Any:
        return self.resolved[key].value


def load_settings(
    *, environ: Mapping[str, str], flags: Mapping[str, Any] | None = None, directory: str = "."
) -> Settings:
    """Resolve every setting.

    Args:
        environ: The environment; ``ASSAY_CONFIG`` names another file than ``assay.yaml``.
        flags: Values given on the command line; ``None`` means not given.

    Raises:
        ConfigError: The file is not valid, or a number in the environment is not one.
        NotFoundError: ``ASSAY_CONFIG`` names no file.
    """
    path = environ.get("ASSAY_CONFIG") or str(Path(directory) / FILE)
    from_file: Mapping[str, Any] = {}
    models: Mapping[str, ModelFields] = {}
    spending: SpendingFields | None = None
    if environ.get("ASSAY_CONFIG") or Path(path).exists():
        from assay.app.schema import SettingsFile, check, read_yaml

        parsed = check(SettingsFile, read_yaml(path), where=path)
        from_file = parsed.model_dump(exclude={"models", "spending"}, exclude_none=True)
        models, spending = parsed.models, parsed.spending
    resolved = {key: _resolve(key, default, environ, flags or {}, from_file, path) for key, default in DEFAULTS.items()}
    return Settings(resolved=resolved, models=models, spending=spending)


def _resolve(
    key: str,
    default: Any,
    environ: Mapping[str, str],
    flags: Mapping[str, Any],
    from_file: Mapping[str, Any],
    path: str,
) -> Setting:
    variable = f"ASSAY_{key.upper()}"
    if flags.get(key) is not None:
        return Setting(key=key, value=flags[key], source=f"flag --{key.replace('_', '-')}")
    if environ.get(variable):
        value: Any = environ[variable]
        return Setting(
            key=key, value=_number(variable, value) if isinstance(default, float) else value, source=variable
        )
    if key in from_file:
        return Setting(key=key, value=from_file[key], source=path)
    return Setting(key=key, value=default, source="default")


def _number(variable: str, text: str) -> float:
    from assay.core.errors import ConfigError

    try:
        return float(text)
    except ValueError as error:
        raise ConfigError(f"{variable} is {text!r}, which is not a number", hint=f"unset {variable}") from error
