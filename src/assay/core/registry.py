"""Names of parts (scorers, judges, providers …), who brings them and where their code is; loaded when used."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from assay.core.errors import ConfigError, NotFoundError, nearest

KINDS = ("scorer", "judge", "metric", "provider", "store")
PLANNED = ("executor", "attack", "detector")
"""Kinds that only a later version may have."""
OWN = "Assay"
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*/[a-z0-9][a-z0-9_.-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A registered part.

    Attributes:
        target: ``"module:attribute"``, imported when asked for, or the object itself.
        origin: Who brings it: ``Assay``, else a distribution and its version.
    """

    kind: str
    name: str
    target: str | Callable[..., Any]
    origin: str = OWN


class Registry:
    """Parts by kind and name."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, str], Part] = {}
        self._origins: dict[tuple[str, str], list[str]] = {}
        self._refused: dict[tuple[str, str], ConfigError] = {}

    def add(self, kind: str, name: str, target: str | Callable[..., Any], *, origin: str = OWN) -> None:
        """Register a part.

        Raises:
            ConfigError: There is no such kind, or the name is taken (everybody who brings it is named).
        """
        if kind not in KINDS:
            raise ConfigError(
                f"{origin} brings {name!r} as a part of kind {kind!r}, which does not exist in this version of Assay",
                hint=f"this version has: {', '.join(KINDS)}" if kind in PLANNED else nearest(kind, KINDS),
                code="plugin.kind_unknown",
            )
        origins = self._origins.setdefault((kind, name), [])
        origins.append(origin)
        if len(origins) > 1:
            raise ConfigError(
                f"{kind} {name!r} is brought by {' and by '.join(origins)}; nobody can tell which one is meant",
                hint="uninstall all but one of them",
                code="plugin.duplicate",
            )
        self._parts[kind, name] = Part(kind=kind, name=name, target=target, origin=origin)

    def offer(self, kind: str, name: str, target: str, *, origin: str) -> None:
        """Register a plug-in's part. One that breaks a rule is refused to whoever asks for it; others stay usable."""
        try:
            if kind in KINDS and not _NAME.fullmatch(name):
                raise ConfigError(
                    f"{origin} brings a {kind} called {name!r}; the name of a plug-in is package/name",
                    hint="lower-case letters, digits and . _ - on both sides of one slash",
                    code="plugin.bad_name",
                )
            self.add(kind, name, target, origin=origin)
        except ConfigError as error:
            self.refuse(kind, name, error)

    def refuse(self, kind: str, name: str, error: ConfigError) -> None:
        """Whoever asks for the part gets the error instead."""
        self._refused[kind, name] = error
        self._parts.pop((kind, name), None)

    def part(self, kind: str, name: str) -> Part:
        """The part of that name, its code not loaded yet.

        Raises:
            NotFoundError: There is none; the nearest name is offered.
            ConfigError: A plug-in of that name was refused.
        """
        if (kind, name) in self._refused:
            raise self._refused[kind, name].with_traceback(None)
        part = self._parts.get((kind, name))
        if part is None:
            raise NotFoundError(
                f"there is no {kind} called {name!r}", hint=self._instead(kind, name), code=f"{kind}.unknown"
            )
        return part

    def _instead(self, kind: str, name: str) -> str:
        for other, known in (*self._refused, *self._parts):
            if known == name and other != kind:
                refusal = self._refused.get((other, name))
                return str(refusal) if refusal else f"{name} is a {other}, not a {kind}"
        return nearest(name, self.names(kind))

    def get(self, kind: str, name: str) -> Any:
        """The part itself.

        Raises:
            NotFoundError: There is none of that name.
            ConfigError: A plug-in was refused or cannot be loaded (``plugin.broken``).
        """
        part = self.part(kind, name)
        return _loaded(part, part.target) if isinstance(part.target, str) else part.target

    def has(self, kind: str, name: str) -> bool:
        """Whether somebody brings a part of that name, be it refused."""
        return (kind, name) in self._parts or (kind, name) in self._refused

    def names(self, kind: str) -> list[str]:
        """Usable names of a kind, sorted."""
        return sorted(name for known, name in self._parts if known == kind)

    @property
    def refused(self) -> Mapping[tuple[str, str], ConfigError]:
        """(kind, name) of the plug-ins that cannot be used, and why."""
        return self._refused


def _loaded(part: Part, target: str) -> Any:
    module, _, attribute = target.partition(":")
    try:
        found: Any = import_module(module.strip())
        for word in attribute.partition("[")[0].strip().split("."):  # an entry point may end in [extras]
            found = getattr(found, word)
    except Exception as error:  # a plug-in is somebody else's code: whatever its module raises is its fault alone
        if part.origin == OWN:
            raise
        raise _broken(part, f"{target} cannot be loaded: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise _broken(part, f"{target} is not a class or a function but of type {type(found).__name__}")
    return found


def _broken(part: Part, what: str) -> ConfigError:
    return ConfigError(
        f"{part.kind} {part.name!r} of {part.origin} cannot be used: {what}",
        hint=f"install what {part.origin} needs, or upgrade or uninstall it",
        code="plugin.broken",
    )
