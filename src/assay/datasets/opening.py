"""One way in: samples from a path, an address or a mapping that also says which field is which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.core.canonical import content_hash
from assay.core.codec import to_plain
from assay.core.errors import ConfigError, DataError, nearest
from assay.core.records import Sample
from assay.core.task import SampleList, Samples
from assay.datasets.fields import AS_NAMED, FIELDS, FieldMap, RowReader
from assay.datasets.jsonl import open_jsonl, read_jsonl
from assay.datasets.source import HUB_SCHEME, existing_file
from assay.datasets.table import open_csv, open_json, open_parquet, read_csv, read_json, read_parquet

_OPENERS = {
    ".jsonl": open_jsonl,
    ".ndjson": open_jsonl,
    ".csv": open_csv,
    ".parquet": open_parquet,
    ".json": open_json,
}
_READERS = {
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".csv": read_csv,
    ".parquet": read_parquet,
    ".json": read_json,
}


def open_samples(spec: str | Path | Mapping[str, Any], *, skip_bad: bool = False) -> Samples:
    """Samples by file ending (``.jsonl .ndjson .csv .json``, also with ``.gz``; ``.parquet``) or ``hf:`` address.

    Args:
        spec: A path, an ``hf:owner/name?split=…&config=…`` address, or a mapping with ``path``, any of the field
            names (``id input reference choices cluster critical``: the key or dotted path that holds it) and ``split``
            (first word of default ids).
        skip_bad: Leave bad rows out; ``.skipped`` counts them and ``.bad_rows`` names the first hundred.

    Raises:
        ConfigError: The mapping has an unknown key, or the ending is not known.
        NotFoundError: There is no such file.
        DataError: The data cannot be used; see ``open_jsonl``.
    """
    given: dict[str, Any] = dict(spec) if isinstance(spec, Mapping) else {"path": spec}
    for key in given:
        if key not in ("path", "split", *FIELDS):
            raise ConfigError(
                f"a dataset has no option {key!r}",
                hint=nearest(key, ("path", "split", *FIELDS)),
                code="config.unknown_key",
            )
    path = given.pop("path", None)
    if path is None:
        raise ConfigError("the dataset names no path", hint="dataset: {path: tickets.jsonl}", code="config.no_path")
    split = given.pop("split", None)
    fields = FieldMap.of(given)
    if str(path).startswith(HUB_SCHEME):
        from assay.datasets.hub import open_hub

        return open_hub(str(path), fields=fields, skip_bad=skip_bad)
    return _OPENERS[_ending(existing_file(path))](path, fields=fields, skip_bad=skip_bad, split=split)


def read_rows(path: str | Path) -> Iterator[dict[str, Any]]:
    """The rows of a file as they are, whatever its format; raises as ``open_samples`` at the first bad row."""
    file = existing_file(path)
    for line, row in _READERS[_ending(file)](file):
        if isinstance(row, DataError):
            raise DataError(f"{file}, line {line}: {row}", hint=row.hint, code=row.code)
        yield row


def _ending(path: Path) -> str:
    ending = Path(path.name.removesuffix(".gz")).suffix.lower()
    if ending not in _OPENERS or (ending == ".parquet" and path.suffix == ".gz"):
        known = ", ".join(_OPENERS)
        raise ConfigError(
            f"{path}: the ending says nothing about the format",
            hint=f"known endings: {known}",
            code="data.unknown_format",
        )
    return ending


def samples_from_list(rows: Iterable[Sample | Mapping[str, Any]], *, name: str = "samples") -> SampleList:
    """Samples from records or plain mappings, held in memory.

    Raises:
        DataError: A row is bad, two share an id, or there are none.

    Examples:
        >>> samples_from_list([{"input": "2 + 2", "reference": 4}])[0].reference
        '4'
    """
    reader = RowReader(AS_NAMED)
    samples: list[Sample] = []
    first: dict[str, int] = {}
    for number, row in enumerate(rows):
        sample = row if isinstance(row, Sample) else _sample(reader, row, number, name)
        if sample.id in first:
            raise DataError(
                f"{name}: rows {first[sample.id]} and {number} have the same id {sample.id!r}",
                hint="make ids unique, or leave them out to have rows numbered",
                code="data.duplicate_id",
            )
        first[sample.id] = number
        samples.append(sample)
    if not samples:
        raise DataError(f"{name} holds no samples", hint="it needs at least one row", code="data.empty")
    return SampleList(name=name, content_hash=hash_of(samples), samples=samples)


def _sample(reader: RowReader, row: Mapping[str, Any], number: int, name: str) -> Sample:
    try:
        reader.refuse_nan(row)
        return reader.sample(row, default_id=f"row-{number}")
    except DataError as error:
        raise DataError(f"{name}, row {number}: {error}", hint=error.hint, code=error.code) from error


def hash_of(samples: Sequence[Sample]) -> str:
    """Content hash of samples in memory."""
    return content_hash([to_plain(sample) for sample in samples])
