"""The files of a sealed run, written all or nothing.

``runs/<run_id>/segment.json`` names the Parquet files that count. A new seal writes files of the next generation
beside the old ones, and only then replaces ``segment.json``: a crash at any point leaves the old state or the new.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import orjson

from assay.core.errors import StoreError
from assay.core.records import Item
from assay.stores.failures import failure, from_os
from assay.stores.objects import sync_directory, write_durably
from assay.stores.results.columns import OUTPUTS, SCORES, batches
from assay.stores.results.parquet import ParquetFile

_FORMAT = "assay.segment/1"
_NAME = "segment.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """What is in a sealed run and where.

    Attributes:
        generation: 1 for the first seal, one more each time it is replaced.
        token: Random letters and digits of this seal, never used again.
        items: How many items it holds.
        scorers: Names of the scorers that gave at least one score, sorted.
    """

    generation: int
    token: str
    outputs: Path
    scores: Path
    items: int
    scorers: tuple[str, ...]


def read_segment(directory: Path) -> Segment | None:
    """The segment in a run's directory; ``None`` when the run is not sealed.

    Raises:
        StoreError: ``store.corrupt``, ``store.newer``, or the file cannot be read.
    """
    try:
        data = (directory / _NAME).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise from_os(error, directory) from error
    try:
        plain = orjson.loads(data)
        if plain["format"] != _FORMAT:
            raise StoreError(
                f"sealed run {directory.name} has the format {plain['format']!r}; this Assay reads {_FORMAT}",
                hint="pip install --upgrade assay",
                code="store.newer",
            )
        return Segment(
            generation=plain["generation"],
            token=plain["token"],
            outputs=directory / plain["outputs"],
            scores=directory / plain["scores"],
            items=plain["items"],
            scorers=tuple(plain["scorers"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise failure(directory / _NAME, "store.corrupt", cause=error) from error


def write_segment(directory: Path, items: Iterable[Item]) -> Segment:
    """Write the items as the run's new segment; memory does not grow with their number.

    Raises:
        StoreError: The disk is full or not writable; the run is as it was before.
        InvalidInputError: The items are out of order.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        before = read_segment(directory)
        _clear(directory, keep=before)
        generation = 1 if before is None else before.generation + 1
        paths = [directory / f"{name}-{generation:04d}.parquet" for name in ("outputs", "scores")]
        token = secrets.token_hex(8)
        drafts = [path.with_name(f".{path.name}.{token}.tmp") for path in paths]
        try:
            count, scorers = _write_parquet_pair(drafts[0], drafts[1], items)
            for draft, path in zip(drafts, paths, strict=True):
                draft.replace(path)
            sync_directory(directory)
            segment = Segment(
                generation=generation,
                token=token,
                outputs=paths[0],
                scores=paths[1],
                items=count,
                scorers=tuple(sorted(scorers)),
            )
            _publish(directory, segment)
        except BaseException:
            _clear(directory, keep=before)
            raise
    except OSError as error:
        raise from_os(error, directory) from error
    _clear(directory, keep=segment)
    return segment


def _publish(directory: Path, segment: Segment) -> None:
    plain = {
        "format": _FORMAT,
        "generation": segment.generation,
        "token": segment.token,
        "outputs": segment.outputs.name,
        "scores": segment.scores.name,
        "items": segment.items,
        "scorers": segment.scorers,
    }
    draft = directory / f".{_NAME}.{segment.token}.tmp"
    write_durably(draft, orjson.dumps(plain, option=orjson.OPT_INDENT_2))
    draft.replace(directory / _NAME)
    sync_directory(directory)


def _clear(directory: Path, *, keep: Segment | None) -> None:
    """Remove what an interrupted or replaced seal left; readers that still have it open are not disturbed."""
    kept = {_NAME} if keep is None else {_NAME, keep.outputs.name, keep.scores.name}
    for path in directory.iterdir():
        if path.name not in kept:
            with suppress(OSError):
                path.unlink()


def _write_parquet_pair(outputs: Path, scores: Path, items: Iterable[Item]) -> tuple[int, set[str]]:
    count = 0
    scorers: set[str] = set()
    files: list[ParquetFile] = []
    try:
        for path, schema in ((outputs, OUTPUTS), (scores, SCORES)):
            files.append(ParquetFile(path, schema))
        for batch in batches(items):
            for file, part in zip(files, (batch.outputs, batch.scores), strict=True):
                file.add(part)
            count += batch.items
            scorers |= batch.scorers
    finally:
        for file in files:
            file.end()
    for file in files:
        file.check()
    return count, scorers
