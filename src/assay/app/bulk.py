"""Scores for millions of recorded outputs: JSON lines in, one Parquet table and Moments out, in constant memory."""

from __future__ import annotations

import io
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from assay.app.parts import build_scorer
from assay.core.errors import DataError, StoreError
from assay.core.protocols import Scorer
from assay.core.records import Output, Sample
from assay.datasets.source import existing_file
from assay.stats.moments import Moments
from assay.stats.scalar import mean_estimate

CHUNK_BYTES = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Whole lines of a file: bytes ``start`` to ``end``."""

    path: str
    start: int
    end: int
    scorers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkScores:
    """One chunk scored: an Arrow stream of its table, and the moments of each scorer."""

    table: bytes
    moments: tuple[Moments, ...]
    rows: int
    bad_at: int | None = None
    problem: str = ""


def score_to_table(outputs: str, *, scorers: Sequence[str], path: Path, workers: int | None = None) -> dict[str, Any]:
    """Score recorded outputs into ``path`` and return the ``assay.run/1`` document without a run.

    The table has one row a line: ``id`` and a column a scorer, null where it is unscored. Ids are not checked for
    repeats, which would need memory for all of them.

    Args:
        outputs: JSONL with ``id``, ``output`` and ``reference`` (text or list).
        workers: Processes; as many as there are cores when ``None``.

    Raises:
        NotFoundError: No such file or scorer.
        DataError: A line is malformed; nothing is written.
        StoreError: The table cannot be written.
    """
    file = existing_file(outputs)
    built = [build_scorer(name) for name in scorers]
    started = time.monotonic()
    totals = [Moments() for _ in built]
    rows = 0
    bad: ChunkScores | None = None
    chunks = list(_chunks(str(file), tuple(scorers)))
    draft = path.with_name(f".{path.name}.part")
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(workers or os.cpu_count() or 1, len(chunks))) as pool:

        def tables() -> Iterator[Any]:
            nonlocal rows, totals, bad
            for done in pool.imap(score_one, chunks):
                if done.bad_at is not None:
                    bad = done
                    return
                rows += done.rows
                totals = [total + moments for total, moments in zip(totals, done.moments, strict=True)]
                yield from _batches(done.table)

        _write(draft, [scorer.name for scorer in built], tables())
    if bad is not None:
        draft.unlink()
        raise _malformed(file, bad)
    draft.replace(path)
    return _document(file, built, totals, rows=rows, seconds=time.monotonic() - started, table=path)


def _chunks(path: str, scorers: tuple[str, ...]) -> Iterator[Chunk]:
    size = Path(path).stat().st_size
    if size == 0:
        raise DataError(f"{path} holds no outputs", hint="it needs at least one line", code="data.empty")
    with Path(path).open("rb") as stream:
        start = 0
        while start < size:
            stream.seek(min(start + CHUNK_BYTES, size))
            stream.readline()
            end = stream.tell()
            yield Chunk(path=path, start=start, end=end, scorers=scorers)
            start = end


def score_one(chunk: Chunk) -> ChunkScores:
    """Score one chunk; runs in a process of its own."""
    from assay.scorers.bulk import score_chunk

    scorers = [build_scorer(name) for name in chunk.scorers]
    with Path(chunk.path).open("rb") as stream:
        stream.seek(chunk.start)
        data = stream.read(chunk.end - chunk.start)
    ids: list[str] = []
    texts: list[str] = []
    references: list[Sequence[str]] = []
    position = chunk.start
    for line in data.split(b"\n"):
        if line and not line.isspace():
            try:
                row = orjson.loads(line)
                text = row["output"]
                reference = row.get("reference")
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                return ChunkScores(
                    table=b"", moments=(), rows=0, bad_at=position, problem=f"{type(error).__name__}: {error}"
                )
            ids.append(str(row.get("id", f"{chunk.start}+{len(ids)}")))
            texts.append(text if isinstance(text, str) else "")
            references.append(() if reference is None else (reference,) if isinstance(reference, str) else reference)
        position += len(line) + 1
    columns = score_chunk(scorers, texts, references)
    values = [
        column if column is not None else _one_by_one(scorer, ids, texts, references)
        for scorer, column in zip(scorers, columns, strict=True)
    ]
    moments = tuple(_moments(column) for column in values)
    return ChunkScores(table=_table(scorers, ids, values), moments=moments, rows=len(ids))


def _one_by_one(
    scorer: Scorer, ids: Sequence[str], texts: Sequence[str], references: Sequence[Sequence[str]]
) -> list[float | None]:
    return [
        scorer.score(
            Sample(id=sample_id, input="", reference=accepted or None), Output(sample_id=sample_id, text=text)
        ).value
        for sample_id, text, accepted in zip(ids, texts, references, strict=True)
    ]


def _moments(column: Sequence[float | None]) -> Moments:
    known = [value for value in column if value is not None]
    return Moments.of(known, unscored=len(column) - len(known))


def _schema(names: Sequence[str]) -> Any:
    from arro3.core import DataType, Field, Schema

    return Schema([Field("id", DataType.utf8()), *(Field(name, DataType.float64()) for name in names)])


def _table(scorers: Sequence[Scorer], ids: Sequence[str], values: Sequence[Sequence[float | None]]) -> bytes:
    from arro3.core import Array, DataType, RecordBatch
    from arro3.io import write_ipc_stream

    number = DataType.float64()
    columns = [Array(ids, DataType.utf8()), *(Array(column, number) for column in values)]
    batch = RecordBatch.from_arrays(columns, schema=_schema([scorer.name for scorer in scorers]))
    sink = io.BytesIO()
    write_ipc_stream(batch, sink, compression=None)
    return sink.getvalue()


def _batches(table: bytes) -> Iterator[Any]:
    from arro3.io import read_ipc_stream

    yield from read_ipc_stream(io.BytesIO(table))


def _write(path: Path, names: Sequence[str], batches: Iterator[Any]) -> None:
    from arro3.core import RecordBatchReader
    from arro3.io import write_parquet

    try:
        write_parquet(RecordBatchReader.from_batches(_schema(names), batches), path, compression="zstd(1)")
    except OSError as error:
        path.unlink(missing_ok=True)
        raise StoreError(
            f"{path.name} cannot be written: {error}", hint="choose another place with --to", code="store.unwritable"
        ) from error
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _malformed(file: Path, done: ChunkScores) -> DataError:
    assert done.bad_at is not None
    with file.open("rb") as stream:
        line = stream.read(done.bad_at).count(b"\n") + 1
    return DataError(
        f"{file}, line {line}: {done.problem}",
        hint='every line is an object with "id" and "output"; nothing was written',
        code="data.malformed",
    )


def _document(
    file: Path, scorers: Sequence[Scorer], totals: Sequence[Moments], *, rows: int, seconds: float, table: Path
) -> dict[str, Any]:
    estimates = {
        scorer.name: mean_estimate(moments, unit=scorer.unit) for scorer, moments in zip(scorers, totals, strict=True)
    }
    scored = totals[0].count
    return {
        "run_id": None,
        "task": f"score-{file.stem}",
        "model": None,
        "schema": "assay.run/1",
        "status": "done",
        "primary": scorers[0].name,
        "samples": {"planned": rows, "scored": scored, "unscored": rows - scored, "by_reason": {}},
        "metrics": {name: estimate.to_dict() for name, estimate in estimates.items()},
        "usage": {
            "requests": 0,
            "cached": 0,
            "input_tokens": 0,
            "output_tokens": 0,
            "cost_usd": 0.0,
            "unpriced_requests": 0,
        },
        "seconds": round(seconds, 3),
        "table": str(table),
    }
