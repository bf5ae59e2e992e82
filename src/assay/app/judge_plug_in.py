"""Judges of installed packages (entry points ``judge:package/name``), made as built-in ones are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assay.core.errors import ConfigError

if TYPE_CHECKING:
    from assay.core.protocols import Judge


def plug_in_judge(kind: str, *, name: str, options: Mapping[str, Any], known: Sequence[str]) -> Judge:
    """A judge made by a plug-in's class or function, which is given ``name`` and the options.

    Args:
        kind: ``package/name``.
        name: The column it fills.
        known: Options it takes.

    Raises:
        NotFoundError: There is no plug-in of that name.
        ConfigError: It cannot be used, made something else than a judge, or one of another name; or no model is named.
    """
    from assay.app.parts import made_plug_in, registry

    if "model" in known and not options.get("model"):
        raise ConfigError(
            f"the judge {name} names no model",
            hint=f"name one: {kind}@provider/model, or model: provider/model",
            code="judge.no_model",
        )
    made: Judge = made_plug_in(
        "judge", kind, lambda make: make(name=name, **options), hint=f"its options: {', '.join(known)}"
    )
    if made.name != name:
        raise ConfigError(
            f"judge {kind!r} of {registry().part('judge', kind).origin} calls itself {made.name!r}",
            hint="its author should give it the name it is made with (name=): results are shown so",
            code="plugin.shape",
        )
    return made
