"""Names of parts (scorers, providers, tasks …) and where their code is; resolved on first use."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from assay.core.errors import ConfigError, NotFoundError, nearest

KINDS = ("scorer", "metric", "judge", "provider", "store", "executor", "attack", "detector", "task")


class Registry:
    """Part names by kind. A target is ``"module:attribute"`` (imported when asked for) or the object itself."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, str], Any] = {}

    def add(self, kind: str, name: str, target: str | Callable[..., Any]) -> None:
        """Register a part.

        Raises:
            ConfigError: The kind is unknown or the name is taken.
        """
        if kind not in KINDS:
            raise ConfigError(f"there is no kind of part called {kind!r}", hint=nearest(kind, KINDS))
        if (kind, name) in self._parts:
            raise ConfigError(f"two parts are called {kind} {name!r}", hint="uninstall one of the two packages")
        self._parts[kind, name] = target

    def get(self, kind: str, name: str) -> Any:
        """The part of that name; raises NotFoundError naming the nearest one."""
        target = self._parts.get((kind, name))
        if target is None:
            raise NotFoundError(
                f"there is no {kind} called {name!r}", hint=nearest(name, self.names(kind)), code=f"{kind}.unknown"
            )
        if not isinstance(target, str):
            return target
        module, _, attribute = target.partition(":")
        return getattr(import_module(module), attribute)

    def names(self, kind: str) -> list[str]:
        """Registered names of a kind, sorted."""
        return sorted(name for known, name in self._parts if known == kind)
