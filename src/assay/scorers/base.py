"""What every scorer without a model shares: its version, its Scores, and what counts as not scorable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from typing import Any, ClassVar

from assay.core.canonical import short_hash
from assay.core.errors import ConfigError, nearest
from assay.core.protocols import Judge
from assay.core.records import Output, Sample, Score

NO_REFERENCE = "sample has no reference"


@dataclass(frozen=True, kw_only=True)
class BaseScorer:
    """A frozen record of options; subclasses add fields and ``_score``, and check their options in ``_check``.

    An output that carries an error is unscored with that reason by every scorer, never 0; so is a sample without a
    reference where the scorer needs one. The version hashes the kind, its ``revision`` and every option but ``name``.

    Attributes:
        name: The column the scorer fills; ``as:`` in a task file.
        revision: Of the kind's code; raised when the same options would give other values.
    """

    name: str
    unit: ClassVar[str] = "score"
    higher_is_better: ClassVar[bool | None] = True
    requires: ClassVar[frozenset[str]] = frozenset()
    revision: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if not self.name:
            raise ConfigError(
                f"a {type(self).__name__} scorer has an empty name", hint="leave 'as:' out or give a word"
            )
        self._check()

    def _check(self) -> None:
        """Raise ConfigError when an option does not fit."""

    @cached_property
    def version(self) -> str:
        """Twelve hex digits; another version is another scorer."""
        options = {
            spec.name: _plain(getattr(self, spec.name))
            for spec in fields(self)
            if spec.name != "name" and spec.metadata.get("versioned", True)
        }
        told = {"kind": type(self).__name__, "revision": self.revision, "options": options}
        return short_hash({**told, **self._versioned()})

    def _versioned(self) -> Mapping[str, Any]:
        """What belongs to the version besides the options."""
        return {}

    @cached_property
    def _needs_reference(self) -> bool:
        return "reference" in self.requires

    def score(self, sample: Sample, output: Output) -> Score:
        """Score one output; what cannot be scored comes back unscored with its reason."""
        if output.error is not None:
            return self._unscored(sample, output, output.error)
        if self._needs_reference and not sample.references():
            return self._unscored(sample, output, NO_REFERENCE)
        return self._score(sample, output)

    def _score(self, sample: Sample, output: Output) -> Score:
        raise NotImplementedError(f"{type(self).__name__} does not say how it scores")

    def _value(
        self, sample: Sample, output: Output, value: float, *, label: str | None = None, explanation: str | None = None
    ) -> Score:
        return Score(
            sample_id=sample.id,
            epoch=output.epoch,
            scorer=self.name,
            scorer_version=self.version,
            value=value,
            label=label,
            explanation=explanation,
        )

    def _unscored(
        self, sample: Sample, output: Output, reason: str, *, label: str | None = None, explanation: str | None = None
    ) -> Score:
        return Score(
            sample_id=sample.id,
            epoch=output.epoch,
            scorer=self.name,
            scorer_version=self.version,
            value=None,
            reason=reason,
            label=label,
            explanation=explanation,
        )

    def _one_of(self, option: str, allowed: Sequence[str]) -> None:
        """Raise ConfigError unless the option's value is one of those allowed."""
        value = getattr(self, option)
        if value not in allowed:
            raise ConfigError(
                f"scorer {self.name}: {option} is {value!r}",
                hint=nearest(str(value), allowed),
                code="scorer.bad_option",
            )

    def _must(self, holds: bool, option: str, rule: str) -> None:
        """Raise ConfigError naming the option and its rule unless the rule holds."""
        if not holds:
            raise ConfigError(
                f"scorer {self.name}: {option} is {getattr(self, option)!r}", hint=rule, code="scorer.bad_option"
            )


@dataclass(frozen=True, kw_only=True)
class TextScorer(BaseScorer):
    """A scorer whose value depends on the answer's text and the reference texts alone."""

    requires: ClassVar[frozenset[str]] = frozenset({"reference"})

    def value_of(self, text: str, references: Sequence[str]) -> float:
        """The value of one answer against its acceptable answers (at least one)."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it compares texts")

    def _score(self, sample: Sample, output: Output) -> Score:
        return self._value(sample, output, self.value_of(output.text, sample.references()))

    def score_many(self, outputs: Sequence[str], references: Sequence[Sequence[str]]) -> list[float | None]:
        """Values of many answers in order; ``None`` where there is no reference."""
        value_of = self.value_of
        return [
            value_of(text, accepted) if accepted else None for text, accepted in zip(outputs, references, strict=True)
        ]


@dataclass(frozen=True, kw_only=True)
class Measurement(BaseScorer):
    """A scorer that reads one number off the output, whatever the sample."""

    absent: ClassVar[str] = "not recorded"

    def measure(self, output: Output) -> float | None:
        """The number; ``None`` where it was not recorded, and then ``absent`` is the reason."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it measures")

    def _score(self, sample: Sample, output: Output) -> Score:
        number = self.measure(output)
        return (
            self._unscored(sample, output, self.absent)
            if number is None
            else self._value(sample, output, float(number))
        )


def _plain(value: Any) -> Any:
    """An option as JSON: tuples and sets as lists, so that a task file and Python give one version.

    A record goes in by its fields, a scorer by its version.
    """
    if isinstance(value, BaseScorer | Judge):
        return value.version
    if is_dataclass(value) and not isinstance(value, type):
        return {spec.name: _plain(getattr(value, spec.name)) for spec in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(_plain(entry) for entry in value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(entry) for entry in value]
    return value
