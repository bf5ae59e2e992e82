"""Parts by name: the built-in ones, plug-ins, and how a configuration line becomes a scorer or a metric.

Looking for plug-ins reads the metadata of every installed package, so nothing does it for a name that is built in.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from assay.core.errors import AssayError, ConfigError, NotFoundError, nearest
from assay.core.protocols import Metric, Scorer
from assay.core.registry import KINDS, OWN, Registry

if TYPE_CHECKING:
    from assay.gateway import Provider
    from assay.stores.open import OpenedStore

ENTRY_POINTS = "assay.plugins"
SHAPES: Mapping[str, Sequence[str]] = {
    "scorer": ("name", "version", "unit", "higher_is_better", "requires", "score"),
    "judge": ("name", "version", "unit", "higher_is_better", "requires", "score", "model", "judge"),
    "metric": ("name", "transform", "reduce"),
    "provider": ("capabilities", "call"),
    "store": ("journal", "metadata", "results", "objects", "close"),
}
"""What a part of each kind must have, so that a run does not find out half-way."""


def built_in() -> Registry:
    """The parts that come with Assay."""
    from assay.scorers import BUILTIN

    parts = Registry()
    for name, target in BUILTIN.items():
        parts.add("scorer", name, target)
    parts.add("scorer", "code_execution", "assay.sandbox:CodeExecution")
    parts.add("scorer", "distilled", "assay.judges.distilled:DistilledJudge")
    parts.add("metric", "pass@k", "assay.stats:PassAtK")
    parts.add("metric", "pass^k", "assay.stats:PassHatK")
    parts.add("metric", "perplexity", "assay.scorers:Perplexity")
    return parts


@cache
def registry() -> Registry:
    """Every built-in part, then every installed plug-in (entry points ``kind:package/name``)."""
    from importlib.metadata import entry_points

    parts = built_in()
    for point in entry_points(group=ENTRY_POINTS):
        kind, _, name = point.name.partition(":")
        origin = "an installed package" if point.dist is None else f"{point.dist.name} {point.dist.version}"
        parts.offer(kind, name, point.value, origin=origin)
        if kind == "provider":
            _refuse_hidden(parts, name, origin)
    return parts


def _refuse_hidden(parts: Registry, name: str, origin: str) -> None:
    """A provider whose package is called as a built-in prefix could never be reached."""
    from assay.gateway import known_providers

    package = name.partition("/")[0]
    if package in known_providers():
        error = ConfigError(
            f"{origin} brings a provider called {name!r}, but models {package}/… are those of the built-in provider",
            hint="its author should give it another package name",
            code="plugin.bad_name",
        )
        parts.refuse("provider", name, error)


def plug_ins(*kinds: str) -> list[dict[str, str]]:
    """The usable plug-ins of these kinds (of all by default): ``kind``, ``name`` and ``origin``."""
    parts = registry()
    found = [parts.part(kind, name) for kind in kinds or KINDS for name in parts.names(kind)]
    return [{"kind": part.kind, "name": part.name, "origin": part.origin} for part in found if part.origin != OWN]


def refused_plug_ins() -> list[dict[str, str]]:
    """The plug-ins that break a rule: ``kind``, ``name`` and the ``reason``."""
    refused = sorted(registry().refused.items())
    return [{"kind": kind, "name": name, "reason": str(error)} for (kind, name), error in refused]


def made_plug_in(kind: str, name: str, make: Callable[[Any], Any], *, hint: str = "") -> Any:
    """What ``make`` makes of a plug-in's class or function.

    Raises:
        NotFoundError: There is no plug-in of that name.
        ConfigError: It was refused, cannot be loaded, raised, or made something else than a part of that kind.
    """
    parts = registry()
    target, origin = parts.get(kind, name), parts.part(kind, name).origin
    try:
        made = make(target)
        missing = [word for word in SHAPES[kind] if not hasattr(made, word)]
    except AssayError:
        raise
    except Exception as error:  # a plug-in is somebody else's code: whatever it raises is its failure to be made
        raise ConfigError(
            f"{kind} {name!r} of {origin} cannot be made: {type(error).__name__}: {error}",
            hint=hint or f"see the documentation of {origin}",
            code="plugin.failed",
        ) from error
    if missing:
        raise ConfigError(
            f"{name!r} of {origin} is not a {kind}: it has no {', '.join(missing)}",
            hint=f"its author can hold it to assay.testing.check_{kind}",
            code="plugin.shape",
        )
    return made


def build_scorer(line: str | Mapping[str, Any], *, folder: str = ".") -> Scorer:
    """A scorer from ``exact_match``, ``{use: rouge_l, as: overlap, …options}``, or a judge.

    A judge is ``helpfulness@openai/gpt-4o-mini`` or ``{judge: …, as: …}``, see ``app.judge_file``; it is asked about
    every sample.

    Args:
        folder: Where files of judges are, beside the task file.

    Raises:
        NotFoundError: No scorer has that name.
        ConfigError: An option is unknown (the nearest is named) or does not fit.
    """
    if (isinstance(line, str) and "@" in line) or (isinstance(line, Mapping) and "judge" in line):
        from assay.app.judge_file import build_judge

        return build_judge(line, folder=folder)
    options: dict[str, Any] = {"use": line} if isinstance(line, str) else dict(line)
    kind = options.pop("use", None)
    if not isinstance(kind, str):
        raise ConfigError(f"scorer {line!r} does not say which one it is", hint="write {use: rouge_l, as: overlap}")
    own = built_in()
    try:
        target = (own if own.has("scorer", kind) else registry()).get("scorer", kind)
    except NotFoundError as error:
        from assay.app.judge_file import how_to_ask

        raise NotFoundError(str(error), hint=how_to_ask(kind, folder=folder) or error.hint, code=error.code) from error
    name = options.pop("as", None)
    if name is not None:
        options["name"] = name
    known = _parameters("scorer", kind, target, options)
    if kind == "distilled":
        from assay.app.judge_distill import distilled_options

        options = distilled_options(options, folder=folder)
    elif "encode" in known:
        from assay.app.embedding import token_encoder

        options["encode"] = token_encoder()
    hint = f"its options: {', '.join(known)}"
    if not own.has("scorer", kind):
        made: Scorer = made_plug_in("scorer", kind, lambda found: found(**options), hint=hint)
        return made
    try:
        scorer: Scorer = target(**options)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"scorer {kind}: {error}", hint=hint) from error
    return scorer


def _parameters(kind: str, name: str, target: Any, options: Mapping[str, Any]) -> Mapping[str, inspect.Parameter]:
    """What a part can be told; raises ConfigError for an option that is not among it."""
    known = inspect.signature(target).parameters
    for option in options:
        if option not in known:
            hint = nearest(option, [key for key in known if key not in ("name", "encode")])
            raise ConfigError(f"{kind} {name} has no option {option!r}", hint=hint, code=f"{kind}.unknown_option")
    return known


def build_metric(line: str | Mapping[str, Any]) -> Metric:
    """A metric from ``pass@5``, ``pass^3``, ``perplexity``, a plug-in's ``package/name``, or the latter with options.

    Options are written as a scorer's: ``{use: house/trimmed, as: middle, share: 0.2}``.

    Raises:
        NotFoundError: There is no metric of that name.
        ConfigError: It is a plug-in that cannot be used, or an option is unknown or does not fit.
    """
    options: dict[str, Any] = {"use": line} if isinstance(line, str) else dict(line)
    name = options.pop("use", None)
    if not isinstance(name, str):
        raise ConfigError(
            f"metric {line!r} does not say which one it is", hint="write pass@5, or {use: package/name, option: value}"
        )
    if "/" in name:
        return _plug_in_metric(name, options)
    metric = _own_metric(name)
    if options:
        raise ConfigError(
            f"metric {name} has no option {min(options)!r}",
            hint="it is asked for by its name alone; k stands in that of pass@k and pass^k",
            code="metric.unknown_option",
        )
    return metric


def _own_metric(name: str) -> Metric:
    from assay.scorers import Perplexity
    from assay.stats import PassAtK, PassHatK

    if match := re.fullmatch(r"pass([@^])([1-9]\d*)", name):
        k = int(match[2])
        return PassAtK(k=k) if match[1] == "@" else PassHatK(k=k)
    if name == "perplexity":
        return Perplexity()
    raise ConfigError(
        f"there is no metric called {name!r}",
        hint=nearest(name, ["pass@5", "pass^3", "perplexity", *(row["name"] for row in plug_ins("metric"))]),
        code="metric.unknown",
    )


def _plug_in_metric(name: str, options: dict[str, Any]) -> Metric:
    shown_as = options.pop("as", None)
    if shown_as is not None:
        options["name"] = shown_as
    known: Mapping[str, inspect.Parameter] = {}
    if options:
        known = _parameters("metric", name, registry().get("metric", name), options)
    hint = f"its options: {', '.join(known)}" if known else ""
    metric: Metric = made_plug_in("metric", name, lambda found: found(**options), hint=hint)
    if metric.name != (shown_as or name):
        raise ConfigError(
            f"metric {name!r} of {registry().part('metric', name).origin} calls itself {metric.name!r}",
            hint="its author should give it the name it is asked for by (as: comes as name=): results are shown so",
            code="plugin.shape",
        )
    return metric


def build_metrics(spec: Mapping[str, Sequence[str | Mapping[str, Any]]]) -> dict[str, Sequence[Metric]]:
    """Metrics by scorer name."""
    return {scorer: [build_metric(line) for line in lines] for scorer, lines in spec.items()}


class ProviderPlugIns(Mapping[str, "Callable[[], Provider]"]):
    """What makes the provider of a prefix ``package/name``; installed packages are looked at for such a prefix only."""

    def __getitem__(self, prefix: str) -> Callable[[], Provider]:
        if "/" not in prefix or not registry().has("provider", prefix):
            raise KeyError(prefix)

        def make() -> Provider:
            from assay.gateway.providers.guarded import GuardedProvider

            return GuardedProvider(made_plug_in("provider", prefix, lambda found: found()))

        return make

    def __iter__(self) -> Iterator[str]:
        return (row["name"] for row in plug_ins("provider"))

    def __len__(self) -> int:
        return len(plug_ins("provider"))


def open_plug_in_store(name: str, url: str, *, read_only: bool) -> OpenedStore:
    """The store at a URL ``package+name://…``, opened by the plug-in ``package/name``.

    Raises:
        ConfigError: No installed package brings it (``store.scheme_unknown``), or it cannot be used.
        StoreError: It cannot be opened.
    """
    parts = registry()
    if not parts.has("store", name):
        schemes = [f"{row['name'].replace('/', '+')}://" for row in plug_ins("store")]
        raise ConfigError(
            f"{url!r} does not name a store: no installed package brings a store called {name!r}",
            hint=nearest(url, schemes) if schemes else "use a directory: --store .assay",
            code="store.scheme_unknown",
        )
    opened: OpenedStore = made_plug_in("store", name, lambda found: found(url, read_only=read_only))
    return opened
