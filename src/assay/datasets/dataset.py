"""``assay.Dataset``: datasets as Python users open them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from assay.core.records import Sample
from assay.core.task import SampleList
from assay.datasets.fields import FieldMap
from assay.datasets.index import JsonlSamples
from assay.datasets.jsonl import open_jsonl
from assay.datasets.opening import samples_from_list
from assay.datasets.source import HUB_SCHEME
from assay.datasets.table import open_csv, open_parquet


class Dataset:
    """Ways to samples; everything returned implements ``Samples`` and can be a task's ``dataset``.

    Field names say which key (or dotted path) holds what, e.g. ``input="question"``; other keys become metadata.

    Examples:
        >>> data = Dataset.from_list([{"id": "q1", "input": "Capital of France?", "reference": "Paris"}])
        >>> data[0].reference, len(data)
        ('Paris', 1)
    """

    @staticmethod
    def from_jsonl(path: str | Path, *, skip_bad: bool = False, **fields: str) -> JsonlSamples:
        """A ``.jsonl`` or ``.jsonl.gz`` file; see ``open_jsonl`` for what is refused."""
        return open_jsonl(path, fields=FieldMap.of(fields), skip_bad=skip_bad)

    @staticmethod
    def from_csv(path: str | Path, *, skip_bad: bool = False, **fields: str) -> JsonlSamples:
        """A CSV file with a header, plain or gzip."""
        return open_csv(path, fields=FieldMap.of(fields), skip_bad=skip_bad)

    @staticmethod
    def from_parquet(path: str | Path, *, skip_bad: bool = False, **fields: str) -> JsonlSamples:
        """A Parquet file."""
        return open_parquet(path, fields=FieldMap.of(fields), skip_bad=skip_bad)

    @staticmethod
    def from_hub(name: str, *, split: str = "test", config: str | None = None, **fields: str) -> JsonlSamples:
        """A dataset of the Hugging Face hub (extra ``[hub]``), kept as a local copy."""
        from assay.datasets.hub import open_hub

        address = f"{HUB_SCHEME}{name}?split={split}" + (f"&config={config}" if config else "")
        return open_hub(address, fields=FieldMap.of(fields))

    @staticmethod
    def from_list(rows: Iterable[Sample | Mapping[str, Any]], *, name: str = "samples") -> SampleList:
        """Samples, or mappings with the same keys, held in memory."""
        return samples_from_list(rows, name=name)
