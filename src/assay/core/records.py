"""The records every room passes around: frozen, keyword-only, free of behaviour beyond their invariants.

Messages are plain JSON mappings in the chat form (``role``, ``content``, and where they apply
``tool_calls``, ``tool_call_id``, ``name``): they cross the wire, the journal and the page unchanged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.core.errors import InvalidInputError

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One item of a dataset.

    Attributes:
        id: The data's own id, else ``<split>-<row>``; unique in its dataset.
        input: A question or a list of chat messages.
        reference: The right answer, several acceptable ones, or ``None`` when nobody wrote one.
        choices: Options of a multiple-choice question, in the order shown.
        cluster: Name of the source shared with other samples (document, customer); ``None`` when independent.
        critical: Never sampled away; reported as a stratum of its own.
        metadata: Everything else the data holds.
    """

    id: str
    input: str | Sequence[Message]
    reference: str | Sequence[str] | None = None
    choices: Sequence[str] | None = None
    cluster: str | None = None
    critical: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def references(self) -> Sequence[str]:
        """All acceptable answers; empty when there is no reference."""
        if self.reference is None:
            return ()
        return (self.reference,) if isinstance(self.reference, str) else self.reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call or the sum of several; ``None`` where the provider did not say."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            input_tokens=_add(self.input_tokens, other.input_tokens),
            output_tokens=_add(self.output_tokens, other.output_tokens),
            cached_tokens=_add(self.cached_tokens, other.cached_tokens),
        )


def _add(first: int | None, second: int | None) -> int | None:
    if first is None or second is None:
        return first if second is None else second
    return first + second


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a Solver made of one Sample, with its whole trajectory.

    Attributes:
        text: The final answer; ``""`` when the model said nothing.
        messages: The conversation as sent and received, tool calls and results included.
        tool_calls: ``{"name", "arguments", "result" | "error", "seconds"}`` of each call, in order.
        finish_reason: ``stop``, ``length``, ``tool_calls``, ``content_filter``, ``step_limit`` or the provider's word.
        latency_s: Seconds from the first request to the last reply, as the calls were answered the first time.
        model: The model asked for (``provider/name``).
        model_served: What the provider said it served, when it said.
        cost_usd: US dollars; ``None`` when a price is unknown.
        logprobs: Token log-probabilities where asked for: ``[{"token", "logprob", "top": [...]}, …]``.
        option_logprobs: Total log-likelihood of each of the sample's choices, where the task scores options.
        error: Why there is no answer (``provider_error``, ``budget``, …); ``None`` when there is one.
        degraded: Another model than the one asked for answered.
        calls: Model calls that were answered.
        cached_calls: Those of them that cost the run nothing: another run, or another call of this one, had paid.
    """

    sample_id: str
    epoch: int = 0
    text: str = ""
    messages: Sequence[Message] = ()
    tool_calls: Sequence[Mapping[str, Any]] = ()
    finish_reason: str | None = None
    usage: Usage = Usage()
    latency_s: float | None = None
    model: str | None = None
    model_served: str | None = None
    cost_usd: float | None = None
    logprobs: Sequence[Mapping[str, Any]] | None = None
    option_logprobs: Sequence[float] | None = None
    error: str | None = None
    degraded: bool = False
    calls: int = 1
    cached_calls: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One verdict on one output: a value, or the reason there is none; never both, never neither.

    Attributes:
        label: The verdict in words or the parsed answer, for people.
        tier: Rung of the cascade that gave the verdict.
        probability: Known probability with which this item was sent to that rung, in (0, 1].
        cached_calls: Of a judge, by model: calls that cost the run nothing, as their replies had been paid for before.
    """

    sample_id: str
    epoch: int = 0
    scorer: str
    scorer_version: str
    value: float | None
    label: str | None = None
    reason: str | None = None
    explanation: str | None = None
    tier: str = "programmatic"
    probability: float = 1.0
    cost_usd: float | None = None
    cached_calls: Mapping[str, int] | None = None

    def __post_init__(self) -> None:
        if (self.value is None) == (self.reason is None):
            raise InvalidInputError(
                f"score of {self.scorer} on {self.sample_id} needs a value or a reason, exactly one of them",
                hint="give value=None together with the reason, or a finite value and no reason",
            )
        if self.value is not None and not math.isfinite(self.value):
            raise InvalidInputError(
                f"score of {self.scorer} on {self.sample_id} is {self.value}, which is not a finite number",
                hint="return value=None with a reason when a score cannot be computed",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """An aggregate with its doubt.

    Attributes:
        value: Point estimate, ``None`` only with a reason; likewise the bounds.
        low: Lower bound at ``confidence``.
        high: Upper bound at ``confidence``.
        n: Samples it rests on (not scores: epochs are reduced within the sample first).
        method: Name of the interval's method, e.g. ``wilson``, ``t``, ``cluster-t``, ``bca``.
        unit: ``share``, ``points``, ``s``, ``usd``, ``tokens`` … as the scorer names it.
        estimand: ``new inputs like these`` (default) or ``these items``.
        n_clusters: Groups, where the variance is cluster-robust.
        unscored: Samples left out because they have no score.
        bounds: Where samples without a score are known to lie within a scale: ``worst`` and ``best``, the value if all
            of them were at its lower or upper end, and ``low`` and ``high``, an interval of the range between the two.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    method: str
    confidence: float = 0.95
    unit: str = "score"
    estimand: str = "new inputs like these"
    reason: str | None = None
    n_clusters: int | None = None
    std_error: float | None = None
    unscored: int = 0
    bounds: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if (self.value is None or self.low is None or self.high is None) and not self.reason:
            raise InvalidInputError(
                f"an estimate by {self.method} lacks a value or a bound and gives no reason",
                hint="name the reason, e.g. reason='fewer than two samples'",
            )

    def to_dict(self) -> dict[str, Any]:
        """The JSON form every command prints."""
        row: dict[str, Any] = {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "n": self.n,
            "confidence": self.confidence,
            "method": self.method,
            "unit": self.unit,
            "estimand": self.estimand,
            "unscored": self.unscored,
        }
        for key in ("reason", "n_clusters", "std_error", "bounds"):
            if getattr(self, key) is not None:
                row[key] = getattr(self, key)
        return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer of one gate rule: ``pass``, ``fail`` or ``inconclusive``, with its evidence.

    Attributes:
        needed_n: Further samples that would settle an inconclusive rule; ``None`` when settled or not computable.
    """

    rule: str
    verdict: str
    estimate: Estimate
    sentence: str
    p_value: float | None = None
    p_adjusted: float | None = None
    needed_n: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a Gate decided: the worst of its rules' verdicts, with every Estimate it rests on."""

    verdict: str
    rules: Sequence[Verdict]

    def __post_init__(self) -> None:
        if not self.rules:
            raise InvalidInputError("a decision without rules has no evidence", hint="give at least one --rule")


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateParams:
    """Sampling parameters sent with every call; ``None`` leaves the provider's default."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: Sequence[str] = ()
    logprobs: bool = False
    top_logprobs: int | None = None
    json_schema: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One call to a model.

    Attributes:
        model: ``provider/name``.
        messages: Chat form; exactly one of ``messages`` and ``prompt`` is given.
        prompt: Completion form (base models).
        options: When given, the total log-likelihood of each continuation is wanted instead of text.
        tools: Tool definitions in the OpenAI function form.
        replicate: Index that keeps repeats (epochs, votes) apart in the response table.
        sample_id: For replay providers and error messages; not part of the call's identity.
    """

    model: str
    messages: Sequence[Message] | None = None
    prompt: str | None = None
    options: Sequence[str] | None = None
    tools: Sequence[Mapping[str, Any]] = ()
    params: GenerateParams = GenerateParams()
    replicate: int = 0
    sample_id: str | None = None
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a provider answered.

    Attributes:
        text: Assistant text; ``""`` when it only called tools.
        tool_calls: As on the wire: ``{"id", "name", "arguments"}`` with ``arguments`` the raw JSON string.
        logprobs: Tokens of the reply, ``{"token", "logprob", "top": [{"token", "logprob"}, …]}``.
        option_logprobs: One total log-likelihood for each of the request's options.
        model_served: The model named in the provider's reply.
        latency_s: Seconds the call took when it was answered, kept when it is replayed; ``None`` when nobody knows.
        cost_usd: From the price table; ``None`` when unknown.
        cached: It cost the run nothing: another run, or another call of this one, had paid for it.
        degraded: Another model than the one asked for answered (fail-over).
        retries: Attempts after the first that it took.
    """

    text: str
    finish_reason: str | None = None
    tool_calls: Sequence[Mapping[str, Any]] = ()
    logprobs: Sequence[Mapping[str, Any]] | None = None
    option_logprobs: Sequence[float] | None = None
    usage: Usage = Usage()
    model_served: str | None = None
    latency_s: float | None = None
    cost_usd: float | None = None
    cached: bool = False
    degraded: bool = False
    retries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One finished sample of a run: the sample as shown, its output and every score; the unit of the journal.

    Attributes:
        row: Position in the run's plan (stable across resumes); pages sort by it.
    """

    row: int
    sample: Sample
    output: Output
    scores: Sequence[Score]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A run as metadata knows it.

    Attributes:
        status: ``running``, ``done``, ``partial``, ``degraded``, ``budget``, ``interrupted`` or ``failed``.
        summary: The ``--json`` document of the run once it has ended (``assay.run/1``); ``{}`` before.
        created_at: ISO 8601, UTC.
    """

    run_id: str
    task: str
    model: str | None
    status: str
    manifest: Mapping[str, Any]
    manifest_hash: str
    created_at: str
    summary: Mapping[str, Any] = field(default_factory=dict)
    suite_id: str | None = None
