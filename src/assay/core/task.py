"""A Task is Dataset + Solver + Scorers; here as data, so that it can be hashed, planned and shown before it runs.

Solvers are specifications (``Prompt``, ``Choices``, ``Turns``, ``Agent``); ``engine`` carries them out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from assay.core.cascade import Cascade, People
from assay.core.errors import ConfigError, nearest
from assay.core.golden import Golden
from assay.core.protocols import Metric, Scorer
from assay.core.records import GenerateParams, Message, Sample


class Samples(Protocol):
    """A dataset as the engine reads it: random access, nothing kept in memory that need not be."""

    @property
    def name(self) -> str: ...
    @property
    def content_hash(self) -> str: ...

    def __len__(self) -> int: ...

    def __getitem__(self, row: int) -> Sample: ...

    def ids(self) -> Sequence[str]:
        """Sample ids in row order; unique."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleList:
    """Samples held in memory."""

    name: str
    content_hash: str
    samples: Sequence[Sample]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, row: int) -> Sample:
        return self.samples[row]

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)

    def ids(self) -> Sequence[str]:
        return [sample.id for sample in self.samples]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One call to the model.

    Attributes:
        template: Jinja2 template of the prompt; variables are the sample's fields (``input``, ``choices``,
            ``metadata`` and its keys) and ``shots`` (rendered examples, joined).
        messages: Instead of ``template``: chat messages whose contents are templates.
        completion: Send as a completion (base models) instead of a chat.
        shot_template: How one example is rendered; defaults to ``template`` followed by the reference.
        shots: Number of examples in front of the question.
        shots_from: Samples the examples are drawn from (seeded, never the sample itself).
        fixed_shots: Take the first ``shots`` of ``shots_from`` in order instead of drawing.
        shot_group: Metadata key that example and sample must share (MMLU: subject).
    """

    template: str | None = None
    messages: Sequence[Message] | None = None
    completion: bool = False
    shot_template: str | None = None
    shots: int = 0
    shots_from: Samples | None = None
    fixed_shots: bool = False
    shot_group: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if (self.template is None) == (self.messages is None):
            raise ConfigError("a prompt is either a template or a list of messages", hint="give exactly one of the two")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Multiple choice by likelihood: the model scores every choice as the continuation of one prompt.

    Attributes:
        option_template: How a choice is written after the prompt, e.g. ``" {{ choice }}"`` or ``" {{ letter }}"``.
    """

    prompt: Prompt
    option_template: str = " {{ choice }}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """Several user turns in one conversation; each template may use ``input`` and ``metadata``."""

    system: str | None = None
    turns: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function the model may call.

    Attributes:
        parameters: JSON Schema of the arguments; calls that break it get an error message back, not a crash.
        run: Called with the parsed arguments; raising is reported to the model as the tool's failure.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    run: Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """Model → tool → model until the model answers or ``max_steps`` model calls were made."""

    prompt: Prompt
    tools: Sequence[Tool]
    max_steps: int = 10


SolverSpec = Prompt | Choices | Turns | Agent


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is evaluated and how.

    Attributes:
        metrics: Extra aggregates by scorer name (``pass@k`` …); every scorer has its mean already. Results show them
            by name, as ``scorer.metric`` where several have one name.
        primary: Metric whose estimate stands for the task; the cascade's, else the first scorer's, when ``None``.
        segments: Metadata keys along which results are also shown.
        notes: Sentences every report of this task must carry, e.g. which MMLU subjects are missing.
        cascade: Tiers that are asked on a part of the samples after all of them are scored.
        golden: Items with known answers that its judges also meet; no estimate counts them.
    """

    name: str
    dataset: Samples
    solver: SolverSpec
    scorers: Sequence[Scorer]
    generate: GenerateParams = GenerateParams()
    epochs: int = 1
    metrics: Mapping[str, Sequence[Metric]] = field(default_factory=dict)
    primary: str | None = None
    segments: Sequence[str] = ()
    notes: Sequence[str] = ()
    cascade: Cascade | None = None
    golden: Golden | None = None

    def __post_init__(self) -> None:
        names = [scorer.name for scorer in self.scorers]
        if len(set(names)) != len(names):
            raise ConfigError(
                f"task {self.name} has two scorers of one name: {', '.join(names)}", hint="name one of them with 'as:'"
            )
        if not names:
            raise ConfigError(
                f"task {self.name} has no scorer", hint="add one under 'scorers:'; see: assay tasks --scorers"
            )
        for scorer, metrics in self.metrics.items():
            named = [metric.name for metric in metrics]
            if len(set(named)) != len(named):
                raise ConfigError(
                    f"scorer {scorer} of task {self.name} has two metrics of one name: {', '.join(named)}",
                    hint="leave one of them out, or name a plug-in's with 'as:'",
                    code="metric.duplicate",
                )
        if self.epochs < 1:
            raise ConfigError(f"epochs is {self.epochs}; it must be at least 1", hint="epochs: 1")
        if self.cascade is not None:
            _check_cascade(self.cascade, names, self.epochs)


def _check_cascade(cascade: Cascade, scorers: Sequence[str], epochs: int) -> None:
    people = [tier.name for tier in cascade.used if isinstance(tier.asks, People)]
    if people and epochs > 1:
        raise ConfigError(
            f"the task asks for {epochs} answers a sample, and people (tier {people[0]}) label one",
            hint="epochs: 1, or estimate: with the judge below them",
            code="cascade.epochs",
        )
    for name in cascade.free:
        if name not in scorers:
            raise ConfigError(
                f"the programmatic tier names {name!r}, which is no scorer of the task",
                hint=nearest(name, scorers),
                code="cascade.tiers",
            )
    taken = {cascade.name, *(cascade.column(tier) for tier in cascade.tiers)}.intersection(scorers)
    if taken:
        raise ConfigError(
            f"the cascade and a scorer are both called {min(taken)!r}",
            hint="name the figure of the cascade with 'estimate_as:'",
            code="cascade.name_taken",
        )
