"""The files people write, checked: ``eval.yaml``, ``suite.yaml``, ``assay.yaml``. ``assay schema`` publishes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from assay.core.errors import ConfigError, NotFoundError, nearest


class Strict(BaseModel):
    """A file people write, or a part of one: what it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class DatasetFields(Strict):
    """Where samples come from and which of its fields mean what."""

    path: str = Field(description="A .jsonl, .csv or .parquet file (also .gz), or hf:owner/name?split=test")
    id: str | None = None
    input: str | None = None
    reference: str | None = None
    choices: str | None = None
    cluster: str | None = None
    critical: str | None = None


class GenerateFields(Strict):
    """Sampling parameters sent with every call."""

    temperature: float | None = Field(None, ge=0)
    top_p: float | None = Field(None, gt=0, le=1)
    max_tokens: int | None = Field(None, ge=1)
    seed: int | None = None
    stop: list[str] = []
    logprobs: bool = False
    top_logprobs: int | None = Field(None, ge=0)
    json_schema: dict[str, Any] | None = None
    extra: dict[str, Any] = Field({}, description="Sent to the provider as they are")

    @model_validator(mode="before")
    @classmethod
    def _one_completion(cls, given: Any) -> Any:
        if isinstance(given, dict) and "n" in given:
            from assay.gateway.checks import several_completions

            raise several_completions("generate.n asks for several completions")
        return given


class BatchFields(Strict):
    """How a model is asked through its provider's batch endpoint."""

    poll_s: float = Field(60, gt=0, description="Seconds between two looks at a batch, at most")
    max_requests: int = Field(10_000, ge=1, description="Of one batch, and waiting for answers at once in a run")


class LimitFields(Strict):
    """What a run may use."""

    concurrency: int = Field(100, ge=1)
    rpm: float | None = Field(None, gt=0, description="Requests a minute")
    tpm: float | None = Field(None, gt=0, description="Tokens a minute")
    budget_usd: float | None = Field(None, ge=0)
    timeout_s: float | None = Field(60, gt=0, description="Seconds one call may take")
    batch: bool | BatchFields = Field(
        False, description="Ask in batches every model whose provider has a batch endpoint: half the price, later"
    )


class TierFields(Strict):
    """A rung of a cascade: free scorers, a judge, or people."""

    tier: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    scorers: list[str | dict[str, Any]] = Field([], description="Of the programmatic tier: free, on every sample")
    judge: str | dict[str, Any] | None = Field(None, description="name@provider/model, a file, or a judge written out")
    model: str | None = Field(None, description="Of the judge, where its name does not say")
    labels: str | None = Field(None, description="A file of people's labels: id, label; labels/TASK.jsonl by default")
    share: float | None = Field(None, gt=0, le=1, description="Of all samples; 0.1, then 0.01; a budget may find it")
    usd_per_label: float = Field(0.0, ge=0)
    raters: int = Field(1, ge=1, description="People who label a sample")
    hours: float | None = Field(None, ge=0, description="Until a label is there")
    scale: tuple[float, float] | None = Field(None, description="Of people's labels: lowest and highest, e.g. [1, 5]")
    unit: Literal["score", "share"] | None = Field(None, description="Of people's labels; share: they lie in [0, 1]")


class GoldenFields(Strict):
    """Items with known answers on which the judges of a run are tried."""

    path: str = Field(description="A file of rows {id, input, output, answer[, reference, metadata]}")
    share: float = Field(0.05, gt=0, le=0.5, description="Of golden items among all a judge is asked about")
    tolerance: float = Field(0.5, ge=0, description="A verdict this near to the answer is right")


class TaskFile(Strict):
    """One task (``eval.yaml``), or one entry of a suite."""

    task: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    use: str | None = Field(None, description="A built-in benchmark; its data, prompt and scorers")
    options: dict[str, Any] = Field({}, description="Options of the benchmark")
    dataset: str | DatasetFields | None = None
    prompt: str | None = Field(None, description="Jinja2 template")
    messages: list[dict[str, Any]] | None = Field(None, description="Chat messages whose contents are templates")
    turns: list[str] | None = Field(None, description="User turns of one conversation, each a template")
    system: str | None = Field(None, description="System message, with turns")
    completion: bool = Field(False, description="Send as a completion (base models)")
    option_template: str | None = Field(None, description="Score every choice by likelihood, written like this")
    shots: int = Field(0, ge=0)
    shots_from: str | DatasetFields | None = None
    shot_template: str | None = None
    model: str | None = None
    models: list[str] = []
    generate: GenerateFields = GenerateFields()
    epochs: int = Field(1, ge=1)
    scorers: list[str | dict[str, Any]] = []
    metrics: dict[str, list[str | dict[str, Any]]] = Field(
        {}, description="Extra aggregates by scorer, e.g. pass@5, pass^3, {use: package/name, option: value}"
    )
    primary: str | None = None
    segments: list[str] = []
    cascade: list[TierFields] = Field([], description="Tiers, cheapest first; the first is programmatic")
    estimate: str | None = Field(None, description="Tier whose verdict the cascade's figure speaks of; the last one")
    estimate_as: str | None = Field(None, description="Name of that figure; the judge's name by default")
    until: str | None = Field(None, description="Stop asking the top tier: half_width <= 0.02, or FIGURE > 3.5")
    policy: str = Field(
        "share",
        description="share: all alike; budget: rather where a map is further off; uncertainty: where tiers differ",
    )
    stakes: str | None = Field(None, description="Metadata key; samples where it is true (yes, 1) go up every tier")
    calibration: str | None = Field(None, description="A map that assay judge calibrate wrote; else a cold start")
    golden: GoldenFields | None = Field(None, description="Try the judges on known answers while the run goes on")
    budget_usd: float | None = Field(None, ge=0, description="The same as limits.budget_usd")
    limit: int | None = Field(None, ge=1)
    seed: int = 0
    limits: LimitFields = LimitFields()
    needs: list[str] = Field([], description="Tasks of the suite that must have ended well before this one starts")

    @model_validator(mode="before")
    @classmethod
    def _one_budget(cls, given: Any) -> Any:
        """``budget_usd:`` beside a cascade is the run's limit."""
        if not isinstance(given, dict) or given.get("budget_usd") is None:
            return given
        limits = given.get("limits") or {}
        if isinstance(limits, dict) and limits.get("budget_usd") in (None, given["budget_usd"]):
            return {**given, "budget_usd": None, "limits": {**limits, "budget_usd": given["budget_usd"]}}
        raise ValueError("budget_usd: and limits.budget_usd: differ; give one of them")

    @model_validator(mode="after")
    def _whole(self) -> TaskFile:
        if self.use is None:
            if self.dataset is None:
                raise ValueError("a task needs dataset: (or use: with a built-in benchmark)")
            given = [name for name in ("prompt", "messages", "turns") if getattr(self, name) is not None]
            if len(given) != 1:
                raise ValueError(f"give exactly one of prompt:, messages:, turns: (got {', '.join(given) or 'none'})")
            if not self.scorers and not self.cascade:
                raise ValueError("a task needs scorers:")
        tied = (self.estimate, self.estimate_as, self.until, self.stakes, self.calibration)
        if not self.cascade and (any(tied) or self.policy != "share"):
            raise ValueError("estimate:, estimate_as:, until:, policy:, stakes: and calibration: belong to a cascade:")
        return self


class SuiteFile(Strict):
    """Several tasks × several models."""

    suite: str = "suite"
    tasks: list[str | TaskFile] = Field(min_length=1)
    models: list[str] = []
    limits: LimitFields = LimitFields()


class PriceFields(Strict):
    """USD per million tokens."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached_input: float | None = Field(None, ge=0)
    batch: float | None = Field(None, gt=0, le=1, description="What a batch costs as a share of this")


class EndpointFields(Strict):
    """One place where a model is served."""

    base_url: str
    api_key_env: str | None = None
    rpm: float | None = Field(None, gt=0)
    tpm: float | None = Field(None, gt=0)


class ModelFields(Strict):
    """How one model is reached."""

    base_url: str | None = None
    api_key_env: str | None = None
    rpm: float | None = Field(None, gt=0)
    tpm: float | None = Field(None, gt=0)
    endpoints: list[EndpointFields] = []
    fallback_models: list[str] = []
    price: PriceFields | None = None
    batch: bool | BatchFields | None = Field(None, description="Ask in batches; false: not even where the run does")


class SpendingFields(Strict):
    """What all runs of a store may cost together; no run is started, and none goes on, beyond it."""

    usd_per_day: float | None = Field(None, gt=0, description="A run counts on the day (UTC) it was started")
    usd_per_month: float | None = Field(None, gt=0)
    alert_at: float = Field(0.8, gt=0, le=1, description="Share of a limit from which assay cost ends with status 1")


class SettingsFile(Strict):
    """``assay.yaml`` beside your evaluations."""

    store: str | None = None
    cache: str | None = None
    data: str | None = None
    metadata_url: str | None = None
    results_url: str | None = None
    objects_url: str | None = None
    confirm_above_usd: float | None = Field(None, ge=0)
    project: str | None = Field(None, description="What runs are booked on; see assay cost")
    spending: SpendingFields | None = None
    models: dict[str, ModelFields] = {}


FileModel = TypeVar("FileModel", bound=BaseModel)


def read_yaml(path: str | Path) -> dict[str, Any]:
    """A YAML file that holds a mapping.

    Raises:
        NotFoundError: There is no such file (a near name is offered).
        ConfigError: It is not YAML, or not a mapping.
    """
    import yaml

    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        near = nearest(file.name, [entry.name for entry in _siblings(file)])
        raise NotFoundError(f"there is no file {file}", hint=near, code="file.not_found") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}", hint="it must be a readable UTF-8 text file") from error
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(
            f"{file} is not valid YAML: {error}", hint="check indentation and quotes", code="config.yaml"
        ) from error
    if not isinstance(content, dict):
        raise ConfigError(f"{file} must hold keys and values", hint="see: assay schema eval", code="config.shape")
    return content


def _siblings(file: Path) -> list[Path]:
    return sorted(file.parent.glob("*")) if file.parent.is_dir() else []


def check(kind: type[FileModel], content: dict[str, Any], *, where: str) -> FileModel:
    """The content as a checked record.

    Raises:
        ConfigError: The first thing wrong with it; unknown keys with the nearest known one.
    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = _most_telling(error)
        place = ".".join(str(part) for part in first["loc"] if not _is_branch(part)) or "the file"
        if first["type"] == "extra_forbidden":
            hint = nearest(str(first["loc"][-1]), _known_keys(kind, first["loc"][:-1]))
            raise ConfigError(f"{where}: unknown key {place}", hint=hint, code="config.unknown_key") from error
        message = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{where}: {place}: {message}", hint="see: assay schema", code="config.invalid") from error


def _most_telling(error: ValidationError) -> Mapping[str, Any]:
    """The error to show: where something may be text or a mapping, what is wrong with the mapping that was given."""
    errors = error.errors()
    unknown = [each for each in errors if each["type"] == "extra_forbidden"]
    in_mapping = [each for each in errors if any(_is_branch(part) and part not in _SCALARS for part in each["loc"])]
    of_mapping = [each for each in in_mapping if each["type"] != "model_type"]
    return cast(Mapping[str, Any], (unknown or of_mapping or errors)[0])


_SCALARS = ("str", "dict[str,any]")


def _is_branch(part: int | str) -> bool:
    """Whether a step of a place names a branch of a union, which nobody wrote."""
    return part in (*_SCALARS, "DatasetFields") or str(part).endswith(("TaskFile", "TaskFile]"))


def _known_keys(kind: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    current: type[BaseModel] = kind
    for part in path:
        models = _models_in(current.model_fields[part].annotation) if part in current.model_fields else []
        named = [model for model in models if model.__name__ == part] or models
        current = named[0] if named else current
    return list(current.model_fields)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models_in(part)]
