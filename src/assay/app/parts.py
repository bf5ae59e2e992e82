"""Parts by name: the built-in ones, plug-ins, and how a configuration line becomes a scorer or a metric."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from assay.core.errors import ConfigError, nearest
from assay.core.protocols import Metric, Scorer
from assay.core.registry import Registry

ENTRY_POINTS = "assay.plugins"


def built_in() -> Registry:
    """The parts that come with Assay."""
    from assay.scorers import BUILTIN

    parts = Registry()
    for name, target in BUILTIN.items():
        parts.add("scorer", name, target)
    parts.add("scorer", "code_execution", "assay.sandbox:CodeExecution")
    return parts


@cache
def registry() -> Registry:
    """Every built-in part, then every installed plug-in (entry points ``kind:package/name``)."""
    from importlib.metadata import entry_points

    parts = built_in()
    for point in entry_points(group=ENTRY_POINTS):
        kind, _, name = point.name.partition(":")
        parts.add(kind, name, point.value)
    return parts


def build_scorer(line: str | Mapping[str, Any]) -> Scorer:
    """A scorer from ``exact_match`` or ``{use: rouge_l, as: overlap, …options}``.

    Raises:
        NotFoundError: No scorer has that name.
        ConfigError: An option is unknown (the nearest is named) or does not fit.
    """
    options: dict[str, Any] = {"use": line} if isinstance(line, str) else dict(line)
    kind = options.pop("use", None)
    if not isinstance(kind, str):
        raise ConfigError(f"scorer {line!r} does not say which one it is", hint="write {use: rouge_l, as: overlap}")
    # Looking for plug-ins reads the metadata of every installed package: only a name with a slash can be one.
    parts = built_in()
    target = (parts if kind in parts.names("scorer") else registry()).get("scorer", kind)
    name = options.pop("as", None)
    if name is not None:
        options["name"] = name
    known = inspect.signature(target).parameters
    for option in options:
        if option not in known:
            hint = nearest(option, [key for key in known if key not in ("name", "encode")])
            raise ConfigError(f"scorer {kind} has no option {option!r}", hint=hint, code="scorer.unknown_option")
    if "encode" in known:
        from assay.app.embedding import token_encoder

        options["encode"] = token_encoder()
    try:
        scorer: Scorer = target(**options)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"scorer {kind}: {error}", hint=f"its options: {', '.join(known)}") from error
    return scorer


def build_metric(name: str) -> Metric:
    """A metric from its name: ``pass@5``, ``pass^3``, ``perplexity``.

    Raises:
        ConfigError: The name is not one of these.
    """
    from assay.scorers import Perplexity
    from assay.stats import PassAtK, PassHatK

    if match := re.fullmatch(r"pass([@^])([1-9]\d*)", name):
        k = int(match[2])
        return PassAtK(k=k) if match[1] == "@" else PassHatK(k=k)
    if name == "perplexity":
        return Perplexity()
    raise ConfigError(
        f"there is no metric called {name!r}",
        hint=nearest(name, ["pass@5", "pass^3", "perplexity"]),
        code="metric.unknown",
    )


def build_metrics(spec: Mapping[str, Sequence[str]]) -> dict[str, Sequence[Metric]]:
    """Metrics by scorer name."""
    return {scorer: [build_metric(name) for name in names] for scorer, names in spec.items()}
