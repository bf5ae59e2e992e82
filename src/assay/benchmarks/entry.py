"""What a built-in benchmark is made of: a description, options, where its data is found, and how its task is built."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from assay.core.errors import ConfigError, DataError, nearest
from assay.core.records import Sample
from assay.core.task import SampleList, Samples, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of a benchmark.

    Attributes:
        default: Its value when not given; its type is the option's type (a list of texts for a tuple).
        help: What it does, one sentence.
        values: Allowed values; any when empty.
        low: Least number allowed.
        high: Greatest number allowed.
    """

    default: int | float | bool | str | tuple[str, ...]
    help: str
    values: Sequence[Any] = ()
    low: float | None = None
    high: float | None = None

    def check(self, name: str, given: Any) -> Any:
        """The value in the option's type; texts from the command line are converted.

        Raises:
            ConfigError: It does not fit.

        Examples:
            >>> Option(default=8, help="examples", low=0, high=8).check("shots", "5")
            5
        """
        value = self._converted(name, given)
        if self.values and value not in self.values:
            raise ConfigError(
                f"option {name} is {given!r}",
                hint=nearest(str(given), [str(known) for known in self.values]),
                code="benchmark.option",
            )
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            raise ConfigError(
                f"option {name} is {given!r}",
                hint=f"it is a number from {self.low} to {self.high if self.high is not None else 'any'}",
                code="benchmark.option",
            )
        return value

    def _converted(self, name: str, given: Any) -> Any:
        kind = type(self.default)
        try:
            if kind is bool:
                return given if isinstance(given, bool) else {"true": True, "false": False}[str(given).lower()]
            if kind is tuple:
                parts = given.split(",") if isinstance(given, str) else given
                return tuple(str(part).strip() for part in parts if str(part).strip())
            if kind is int and (isinstance(given, bool) or int(given) != float(given)):
                raise ValueError
            return kind(given)
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(
                f"option {name} is {given!r}, not {'a list' if kind is tuple else kind.__name__}",
                hint=f"e.g. {name}={self.default}",
                code="benchmark.option",
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One part of a benchmark's data.

    Attributes:
        names: File names to look for, the first one there is taken: a stem (any known ending), a whole name, or a
            pattern with ``*``.
        original: Names of the published distribution that say too little on their own (``test.jsonl``): looked for
            only in a folder that is named after the benchmark or given for it.
        hub: ``hf:`` address, when the hub has it.
        required: Whether the benchmark can do without.
    """

    names: Sequence[str]
    original: Sequence[str] = ()
    hub: str | None = None
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Where the data was found: files by role (absent roles are empty)."""

    place: str
    files: Mapping[str, Sequence[Path]]

    def rows(self, role: str) -> Iterator[dict[str, Any]]:
        """Rows of a role's files, one file after the other, as they are."""
        from assay.datasets import read_rows

        for path in self.files.get(role, ()):
            yield from read_rows(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """An entry of the catalog.

    Attributes:
        name: What is typed after ``assay run``.
        description: What is asked and how it is scored, in a sentence or two.
        source: Where the data was published.
        licence: Of the data, as stated by its publishers.
        paper: Citation.
        scorers: Names of the scores a run gives.
        metrics: Further aggregates.
        needs: What the model or the machine must offer, by default options: ``chat``, ``options`` (likelihoods),
            ``tools``, ``isolation`` (a sandbox).
        options: By name.
        roles: The parts of its data; empty when the data ships with Assay.
        build: Makes the task from the data and all options.
    """

    name: str
    title: str
    description: str
    source: str
    licence: str
    paper: str
    scorers: Sequence[str]
    metrics: Sequence[str] = ()
    needs: Sequence[str] = ("chat",)
    options: Mapping[str, Option] = field(default_factory=dict)
    roles: Mapping[str, Role] = field(default_factory=dict)
    build: Callable[[Found, Mapping[str, Any]], Task]

    def checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All options with their values; raises ConfigError for an unknown one or a value that does not fit."""
        for name in given:
            if name not in self.options:
                hint = nearest(name, self.options) if self.options else f"{self.name} has no options"
                raise ConfigError(f"{self.name} has no option {name!r}", hint=hint, code="benchmark.unknown_option")
        return {
            name: option.check(name, given[name]) if name in given else option.default
            for name, option in self.options.items()
        }


def sample_list(name: str, samples: Sequence[Sample]) -> Samples:
    """Samples with the hash of their content.

    Raises:
        DataError: There are none.
    """
    import orjson

    if not samples:
        raise DataError(f"no samples of {name} are left", hint="loosen its options", code="data.empty")
    digest = hashlib.sha256(orjson.dumps(samples, option=orjson.OPT_SORT_KEYS))
    return cast(Samples, SampleList(name=name, content_hash=f"sha256:{digest.hexdigest()}", samples=samples))


def wrong_shape(benchmark: str, row: Mapping[str, Any], number: int) -> DataError:
    """The error for a row that is in none of the known forms."""
    return DataError(
        f"row {number} of the data for {benchmark} is in none of the known forms; it has: {', '.join(row)}",
        hint=f"assay tasks {benchmark} says where its data comes from",
        code="benchmark.data_shape",
    )
