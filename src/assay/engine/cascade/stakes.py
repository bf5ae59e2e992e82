"""Samples that every tier is asked about, whatever is drawn: critical ones, and those a metadata key marks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from assay.core.errors import ConfigError, nearest
from assay.core.records import Sample
from assay.core.task import Task

_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": False}


def is_certain(sample: Sample, key: str | None) -> bool:
    """Whether a sample goes up every tier.

    Args:
        key: Of the metadata that says so (``stakes``); ``None`` without one.

    Raises:
        ConfigError: The key's value is neither yes nor no (``cascade.stakes``).
    """
    return sample.critical or (key is not None and _marked(sample, key))


def _marked(sample: Sample, key: str) -> bool:
    value: Any = sample.metadata.get(key)
    if value is None:
        return False
    word = str(int(value)) if isinstance(value, float) and value in (0.0, 1.0) else str(value).strip().casefold()
    if word not in _WORDS:
        raise ConfigError(
            f"stakes: {key} of sample {sample.id} is {value!r}, which says neither yes nor no",
            hint="write true or false, yes or no, 1 or 0; a sample without it counts as no",
            code="cascade.stakes",
        )
    return _WORDS[word]


def count_certain(task: Task, rows: Sequence[int]) -> int:
    """Of these rows of a task with a cascade, those that every tier is asked about.

    Raises:
        ConfigError: A value says neither yes nor no, or no sample has the key (``cascade.stakes``).
    """
    assert task.cascade is not None
    key, count, found = task.cascade.certain, 0, False
    for row in rows:
        sample = task.dataset[row]
        count += is_certain(sample, key)
        found = found or key is None or key in sample.metadata
    if key is not None and not found:
        _check_known(key, (task.dataset[row] for row in range(len(task.dataset))), task.dataset.name)
    return count


def _check_known(key: str, samples: Iterable[Sample], name: str) -> None:
    keys: set[str] = set()
    for sample in samples:
        keys.update(sample.metadata)
        if key in keys:
            return
    raise ConfigError(
        f"stakes: no sample of {name} has {key!r}",
        hint=nearest(key, keys) if keys else "samples have no metadata: add the column, or leave stakes: out",
        code="cascade.stakes",
    )
