"""Scorers, metrics, benchmarks, providers and prices, from their registries."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from docs.generators.text import body, code, entries, page, sections, table, words

HIDDEN = ("name", "encode", "sandbox")
MEANINGS = {
    "IFEval.level": "`prompt` or `instruction`.",
    "IFEval.mode": "`strict` or `loose`.",
    "JsonSchema.schema_key": "Metadata key of each sample's own schema.",
}
REQUIRES = {
    "reference": "a reference",
    "choices": "choices",
    "option_logprobs": "likelihoods of the options",
    "logprobs": "log-probabilities of the reply's tokens",
    "isolation": "a sandbox",
}
CAPABILITIES = {
    "chat": "takes chat messages",
    "completion": "goes on from bare text",
    "options": "gives the likelihood of each option",
    "logprobs": "gives log-probabilities of the reply's tokens",
    "json_schema": "replies in the shape of a JSON Schema",
    "tools": "calls tools",
    "images": "takes images in messages",
}


def scorers_page() -> str:
    """``reference/scorers.md``."""
    from assay.app.parts import registry

    parts = registry()
    shown = [name for name in parts.names("scorer") if "/" not in name]
    blocks = [
        "A scorer gives one verdict an output: a value, or `None` with the reason. In a task file write its name, or "
        "`{use: NAME, as: COLUMN, OPTION: VALUE}`. In Python: `assay.scorers.ExactMatch(casefold=False)`. An output "
        "that carries an error is unscored with that reason by every scorer.",
        table(
            ["scorer", "unit", "better", "needs", "what it says"],
            [_scorer_row(name, parts.get("scorer", name)) for name in shown],
        ),
    ]
    for name in shown:
        blocks += [f"## {name}", *_scorer(parts.get("scorer", name))]
    return page("Scorers", *blocks)


def _scorer_row(name: str, target: Any) -> list[str]:
    unit = target.unit if isinstance(target.unit, str) else "by its options"
    better = {True: "higher", False: "lower", None: "neither"}.get(target.higher_is_better, "by its options")
    needs = target.requires if isinstance(target.requires, frozenset) else ()
    first = sections(target.__doc__ or "")[""].split("\n\n")[0]
    what = ", ".join(REQUIRES[word] for word in sorted(needs)) or "–"
    return [f"[{code(name)}](#{name})", unit, better, what, words(first)]


def _scorer(target: Any) -> list[str]:
    told: dict[str, str] = {}
    for base in reversed(target.__mro__):
        told |= entries(sections(base.__dict__.get("__doc__") or "").get("Attributes", ""))
    rows = []
    for name, parameter in inspect.signature(target).parameters.items():
        if name not in HIDDEN:
            needed = parameter.default is inspect.Parameter.empty
            rows.append(
                [code(name), "needed" if needed else code(repr(parameter.default)), told_of(target, told, name)]
            )
    class_name = f"Python: `{target.__module__.split('.')[0]}.{_home(target)}.{target.__name__}`"
    return [
        body(target.__doc__, attributes=False),
        *([table(["option", "default", "meaning"], rows)] if rows else []),
        class_name,
    ]


def told_of(target: Any, told: Mapping[str, str], name: str) -> str:
    """What an option means: its docstring's words, else ours; a KeyError names the option nobody has described."""
    return words(told[name]) if name in told else MEANINGS[f"{target.__name__}.{name}"]


def _home(target: Any) -> str:
    return str(target.__module__.split(".")[1])


def metrics_page() -> str:
    """``reference/metrics.md``."""
    from assay.scorers import Perplexity
    from assay.stats import Mean, PassAtK, PassHatK

    rows = (("mean", Mean), ("pass@k", PassAtK), ("pass^k", PassHatK), ("perplexity", Perplexity))
    blocks = [
        "A metric reduces the scores of one sample's epochs to one number; samples are then averaged, with an "
        "interval. Every scorer has its `mean`. Others are asked for in a task file:",
        "```yaml\ntask: drafts\ndataset: data.jsonl\nprompt: '{{ input }}'\nepochs: 5\nscorers: [exact_match]\n"
        "metrics: {exact_match: [pass@3, pass^5]}\n```",
        "Results show each by its name, as `scorer.metric` where two scorers have a metric of one name. Those of "
        "plug-ins may take options: `{use: package/name, as: NAME, option: value}`.",
    ]
    for name, kind in rows:
        blocks += [f"## {name}", body(kind.__doc__)]
    return page("Metrics", *blocks)


def benchmarks_page() -> str:
    """``reference/benchmarks.md``."""
    from assay.benchmarks import BENCHMARKS

    rows = [
        [f"[{code(name)}](#{name})", entry.title, ", ".join(map(code, entry.scorers)), ", ".join(entry.needs)]
        for name, entry in BENCHMARKS.items()
    ]
    blocks = [
        "Run one with `assay run NAME --model PROVIDER/NAME`; give options with `--option KEY=VALUE`. "
        "[How the data is found](../how-to/benchmarks.md).",
        table(["benchmark", "title", "scores", "needs"], rows),
    ]
    for name, entry in BENCHMARKS.items():
        blocks += [f"## {name}", *_benchmark(entry)]
    return page("Benchmarks", *blocks)


def _benchmark(entry: Any) -> list[str]:
    facts = [
        ("scores", ", ".join(map(code, (*entry.scorers, *entry.metrics)))),
        ("source", entry.source),
        ("licence of the data", entry.licence),
        ("paper", entry.paper),
    ]
    for role, spec in entry.roles.items():
        names = ", ".join(map(code, (*spec.names, *spec.original)))
        hub = f"; hub: {code(spec.hub)}" if spec.hub else ""
        facts.append((f"files ({role})", f"{names}{hub}{'' if spec.required else '; may be missing'}"))
    blocks = [entry.description, table(["", ""], facts)]
    if entry.options:
        rows = []
        for name, option in entry.options.items():
            allowed = ", ".join(map(code, map(str, option.values))) or _range(option)
            rows.append([code(name), code(_plain(option.default)), allowed, option.help])
        blocks.append(table(["option", "default", "allowed", "meaning"], rows))
    return blocks


def _plain(value: Any) -> str:
    return (
        ",".join(value) if isinstance(value, tuple) else str(value).lower() if isinstance(value, bool) else str(value)
    )


def _range(option: Any) -> str:
    if option.low is None:
        return "any"
    return f"{option.low:g} to {option.high:g}" if option.high is not None else f"at least {option.low:g}"


def providers_page() -> str:
    """``reference/providers.md``."""
    from assay.gateway.providers.anthropic import AnthropicProvider
    from assay.gateway.providers.local import LocalProvider
    from assay.gateway.providers.presets import PRESETS
    from assay.gateway.providers.python import PythonProvider
    from assay.gateway.providers.replay import ReplayProvider

    rows = []
    for name, preset in PRESETS.items():
        key = (
            f"{code(preset.key_env)}{'' if preset.needs_key else ' (if the server wants one)'}"
            if preset.key_env
            else "–"
        )
        own = f"ASSAY_{name.upper()}_BASE_URL"
        variables = ", ".join(code(v) for v in (own, preset.base_url_env) if v)
        rows.append(
            [code(f"{name}/NAME"), preset.base_url or "given by you", variables, key, _can(preset.capabilities)]
        )
    batching = ", ".join(
        code(f"{name}/") for name in sorted(["anthropic", *(p.name for p in PRESETS.values() if p.batches)])
    )
    rows.append(
        [
            "`anthropic/NAME`",
            "https://api.anthropic.com/v1",
            "`ASSAY_ANTHROPIC_BASE_URL`, `ANTHROPIC_BASE_URL`",
            "`ANTHROPIC_API_KEY`",
            _can(frozenset({"chat", "tools", "images", "json_schema"})),
        ]
    )
    return page(
        "Providers",
        "A model is written `provider/name`. Services speak the OpenAI wire format, except Anthropic's, which speaks "
        "its own. `assay models` lists providers, `assay models PROVIDER/NAME` shows a price and what it can do.",
        "The base URL is the model's `base_url` in `assay.yaml`, else the first variable that is set, else the "
        "service's own address. The key is looked up under the model's `api_key_env`, else the variable below, else "
        "`ASSAY_<PROVIDER>_API_KEY`; keys are never written to a file.",
        table(["model", "address", "address from", "key from", "can"], rows),
        f"[Batches](../how-to/batches.md) can be asked of {batching}.",
        "What a model must be able to do depends on the task; a task that needs more is refused before the first call.",
        table(["word", "meaning"], [[code(word), meaning] for word, meaning in CAPABILITIES.items()]),
        "## anthropic/",
        body(AnthropicProvider.__doc__),
        "## local/",
        body(LocalProvider.__doc__),
        "## python:module:function",
        body(PythonProvider.__doc__),
        "## replay:FILE",
        body(ReplayProvider.__doc__),
        "Its keys are listed under [files](files.md#recorded-outputs).",
    )


def _can(capabilities: frozenset[str]) -> str:
    return ", ".join(sorted(capabilities))


def prices_page() -> str:
    """``reference/prices.md``."""
    document = json.loads(files("assay.gateway").joinpath("prices.json").read_text(encoding="utf-8"))
    blocks = [
        f"{document['unit']}. {document['note']} A model that is not listed has an unknown price: its cost is "
        "`null` with a warning, never 0, and a budget is refused for it until you give a price. "
        "[How to set one](../how-to/endpoints.md#prices).",
    ]
    for provider, section in document["providers"].items():
        rows = [
            [
                code(f"{provider}/{name}"),
                f"{entry['input']:g}",
                f"{entry['cached_input']:g}" if "cached_input" in entry else "–",
                f"{entry['output']:g}",
                f"{entry['max_output']:,}" if "max_output" in entry else "–",
                entry.get("as_of", section["as_of"]),
            ]
            for name, entry in section["models"].items()
        ]
        batch = f" In a batch a token costs {section['batch']:.0%} of it." if "batch" in section else ""
        blocks += [f"## {provider}", f"As of {section['as_of']}, unchecked; compare with {section['source']}.{batch}"]
        blocks.append(table(["model", "input", "cached input", "output", "longest reply, tokens", "as of"], rows))
    return page("Prices", *blocks)
