"""The files people write, from their schemas."""

from __future__ import annotations

import types
from importlib import import_module
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from docs.generators.text import code, page, table, words

MEANINGS = {
    "DatasetFields.id": "Key (or dotted path) of the sample's id; rows are numbered when the data has none.",
    "DatasetFields.input": "Key of the question: a text or a list of chat messages.",
    "DatasetFields.reference": "Key of the right answer, or of a list of acceptable ones.",
    "DatasetFields.choices": "Key of the options of a multiple-choice question.",
    "DatasetFields.cluster": "Key that names the source which samples share (document, customer).",
    "DatasetFields.critical": "Key of a truth value: such samples are never sampled away.",
    "GenerateFields.temperature": "Sampling temperature.",
    "GenerateFields.top_p": "Nucleus sampling.",
    "GenerateFields.max_tokens": "Longest reply.",
    "GenerateFields.seed": "Sent to providers that take one; epoch k sends seed + k.",
    "GenerateFields.stop": "Texts that end the reply.",
    "GenerateFields.logprobs": "Ask for the log-probabilities of the reply's tokens.",
    "GenerateFields.top_logprobs": "Ask for this many alternatives of each token.",
    "GenerateFields.json_schema": "Ask for a reply that fits this JSON Schema.",
    "LimitFields.concurrency": "Calls in flight.",
    "LimitFields.budget_usd": "The most the run may spend.",
    "TaskFile.task": "Name of the task.",
    "TaskFile.dataset": "A path, or where samples come from and which keys mean what.",
    "TaskFile.shots": "Examples in front of each question.",
    "TaskFile.shots_from": "Samples the examples are drawn from, by seed; never the sample itself.",
    "TaskFile.shot_template": "How one example is written; the prompt followed by the reference when not given.",
    "TaskFile.model": "`provider/name`, `replay:FILE` or `python:module:function`; `--model` takes precedence.",
    "TaskFile.models": "Several models, in a suite.",
    "TaskFile.generate": "Sampling parameters.",
    "TaskFile.epochs": "Times every sample is asked; averaged within the sample first.",
    "TaskFile.scorers": "Names, or `{use: NAME, as: COLUMN, OPTION: VALUE}`.",
    "TaskFile.primary": "Scorer whose estimate stands for the task; the first one when not given.",
    "TaskFile.segments": "Metadata keys along which results are also shown.",
    "TaskFile.limit": "A seeded random sample of this many.",
    "TaskFile.seed": "Of that sample and of the drawn examples.",
    "TaskFile.limits": "What the run may use.",
    "SuiteFile.suite": "Name of the suite.",
    "SuiteFile.tasks": "Names of benchmarks, paths of task files, or tasks written here.",
    "SuiteFile.models": "Every task is run with every model.",
    "SuiteFile.limits": "Shared by all runs of the suite.",
    "PriceFields.input": "Of prompt tokens.",
    "PriceFields.output": "Of reply tokens.",
    "PriceFields.cached_input": "Of prompt tokens the provider had in its own cache; `input` when not given.",
    "EndpointFields.base_url": "Address, with `/v1` where the server has it.",
    "EndpointFields.api_key_env": "Name of the environment variable that holds the key.",
    "EndpointFields.rpm": "Requests a minute.",
    "EndpointFields.tpm": "Tokens a minute.",
    "ModelFields.base_url": "Address, with `/v1` where the server has it.",
    "ModelFields.api_key_env": "Name of the environment variable that holds the key.",
    "ModelFields.rpm": "Requests a minute.",
    "ModelFields.tpm": "Tokens a minute.",
    "ModelFields.endpoints": "Servers of the same model: they share the load and stand in for each other.",
    "ModelFields.fallback_models": "Other models, asked in order when every endpoint is down; such replies are marked.",
    "ModelFields.price": "Takes precedence over the price table.",
    "SettingsFile.store": "Folder of the store.",
    "SettingsFile.cache": "File of a response table that several stores share.",
    "SettingsFile.data": "Folder where benchmark files are looked for.",
    "SettingsFile.metadata_url": "Reserved; this version refuses it.",
    "SettingsFile.results_url": "Reserved; this version refuses it.",
    "SettingsFile.objects_url": "Reserved; this version refuses it.",
    "SettingsFile.confirm_above_usd": "See [settings](settings.md).",
    "TierFields.tier": "Name of the tier; the first one is `programmatic`.",
    "TierFields.usd_per_label": "What one rater is paid for one label.",
    "SettingsFile.spending": "What all runs of the store may cost together.",
    "SpendingFields.usd_per_month": "Likewise for a calendar month.",
    "JudgeFile.kind": "What it does; see [judges](../how-to/judges.md).",
    "JudgeFile.scale": "Levels and what they mean; 1 to 5 when not given.",
    "JudgeFile.temperature": "Of every call; 0 when not given.",
    "JudgeFile.max_tokens": "Longest reply.",
    "RubricFields.name": "Of the criterion.",
    "RubricFields.weight": "What it counts beside the others.",
    "ScaleFields.low": "Lowest level.",
    "ScaleFields.high": "Highest level.",
    "ScaleFields.anchors": "What a level means, by level.",
    "QuestionFields.text": "Answered by yes or no; yes is good.",
    "QuestionFields.weight": "What it counts beside the others.",
    "PlanFile.budget_usd": "The most the run may spend.",
    "SettingsFile.models": "How models are reached, by `provider/name`.",
}
RECORDED = (
    ("id", "Sample the output belongs to; needed, unless an input is given."),
    ("output", "What was answered: a text, or any JSON value, which is then scored as its text. Needed."),
    ("epoch", "Repeat, counted from 0."),
    ("input", "Question, by which samples are found where ids are not known."),
    ("usage", "`{input_tokens, output_tokens, cached_tokens}`."),
    ("latency_s", "Seconds the call took."),
    ("finish_reason", "`stop`, `length` …"),
    ("tool_calls", "`[{id, name, arguments}]`."),
    ("logprobs", "Log-probabilities of the reply's tokens."),
    ("option_logprobs", "One total log-likelihood a choice."),
)
SAMPLE = (
    ("id", "Unique text or whole number; `<split>-<row>` where the data has none."),
    ("input", "A text, or a list of chat messages `{role, content}`. Needed."),
    ("reference", "The right answer, a list of acceptable ones, or `null`."),
    ("choices", "Options of a multiple-choice question."),
    ("cluster", "Name of the source the sample shares with others."),
    ("critical", "`true` keeps the sample in every `--limit`; critical samples are reported apart as well."),
    ("metadata", "Anything else; keys that are not listed here go there too."),
)
TITLES = {
    "DatasetFields": "dataset:",
    "GenerateFields": "generate:",
    "LimitFields": "limits:",
    "TaskFile": "a task",
    "ModelFields": "a model of models:",
    "EndpointFields": "an endpoint",
    "BatchFields": "batch:",
    "PriceFields": "price:",
    "TierFields": "a tier of cascade:",
    "GoldenFields": "golden:",
    "SpendingFields": "spending:",
    "ScaleFields": "scale:",
    "RubricFields": "a criterion of a rubric",
    "QuestionFields": "a question of a checklist",
    "DesignFields": "design:",
}
STARTS = (
    ("eval.yaml", "schema:TaskFile", "One task; `assay run eval.yaml`."),
    ("suite.yaml", "schema:SuiteFile", "Several tasks × several models; a file with `tasks:` is a suite."),
    ("assay.yaml", "schema:SettingsFile", "Settings of the working folder; never holds a key itself."),
    ("judges/NAME.yaml", "judge_file:JudgeFile", "A judge; `assay judge new NAME` writes one."),
    ("plan.yaml", "measurement_plan:PlanFile", "A measurement plan; `assay new plan NAME` writes one."),
)


def files_page() -> str:
    """``reference/files.md``."""
    from assay.gateway.providers.replay import FIELDS

    blocks = [
        "Unknown keys are refused, with the nearest known one. `assay schema eval`, `assay schema suite`, "
        "`assay schema settings`, `assay schema judge` and `assay schema plan` print the JSON Schemas "
        "these tables are made from.",
    ]
    done: set[str] = set()
    for title, name, about in STARTS:
        module, _, kind = name.partition(":")
        blocks += [f"## {title}", about, *_models(getattr(import_module(f"assay.app.{module}"), kind), done)]
    assert [name for name, _ in RECORDED] == sorted(FIELDS, key=[name for name, _ in RECORDED].index)
    blocks += [
        "## A dataset",
        "JSONL, CSV or JSON (also with `.gz`), Parquet, or `hf:owner/name?split=test&config=main`. One sample a row; "
        "numbers in `id`, `reference`, `choices` and `cluster` become text.",
        table(["key", "meaning"], [[code(key), text] for key, text in SAMPLE]),
        "## Recorded outputs",
        "JSONL (also `.gz`), for `assay score` and `--model replay:FILE`. Another shape is mapped by dotted paths: "
        "`replay:FILE?input=question&output=answer.text`.",
        table(["key", "meaning"], [[code(key), text] for key, text in RECORDED]),
    ]
    return page("Files", *blocks)


def _models(kind: type[BaseModel], done: set[str]) -> list[str]:
    """The table of one record and of every record inside it that has not been shown yet."""
    if kind.__name__ in done:
        return []
    done.add(kind.__name__)
    blocks = [_table(kind)]
    for field in kind.model_fields.values():
        for inner in _inside(field.annotation):
            if inner.__name__ not in done:
                title = f"### {_title(inner)}"
                blocks += [title, words(inner.__doc__ or ""), *_models(inner, done)]
    return blocks


def _title(kind: type[BaseModel]) -> str:
    return TITLES[kind.__name__]


def _inside(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _inside(part)]


def _table(kind: type[BaseModel]) -> str:
    rows = [
        [code(name), _type(field.annotation), _default(field), _meaning(kind, name, field)]
        for name, field in kind.model_fields.items()
    ]
    return table(["key", "type", "default", "meaning"], rows)


def _meaning(kind: type[BaseModel], name: str, field: FieldInfo) -> str:
    if field.description:
        return words(field.description).rstrip(".") + "."
    return MEANINGS[f"{kind.__name__}.{name}"]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True)
    return "" if value in (None, [], {}) or isinstance(value, BaseModel) else code(str(value))


def _type(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return " or ".join(_type(part) for part in inner if part is not type(None))
    if origin is list:
        return f"list of {_type(inner[0])}"
    if origin is dict:
        return "mapping" if inner[1] is Any else f"mapping to {_type(inner[1])}"
    if origin is Literal:
        return " or ".join(code(str(part)) for part in inner)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _title(annotation).rstrip(":")
    return {str: "text", int: "whole number", float: "number", bool: "truth value", Any: "any"}.get(annotation, "any")
