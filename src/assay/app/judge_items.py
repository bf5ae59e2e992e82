"""Answers that a judge is tried on: from a file, from a query, or from a recorded run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assay.app.wiring import App
from assay.core.errors import ConfigError, DataError
from assay.core.records import Item, Output, Sample
from assay.engine.selection import select

Pair = tuple[Sample, Output]
_INPUT_KEYS = ("input", "messages", "question", "prompt")


def answers_of(
    app: App, items: str | None, *, run: str | None = None, limit: int | None = None, seed: int = 0
) -> list[Pair]:
    """Samples and their recorded outputs, or a seeded random part of them.

    Args:
        items: A file, or a query that DuckDB can answer.
        run: Instead: id of a run, or ``last``.

    Raises:
        NotFoundError: There is no such file or run.
        ConfigError: Neither is named, or both are (``judge.items``).
        DataError: A row has no ``output``, or there are none.
    """
    if (items is None) == (run is None):
        raise ConfigError(
            "the answers to be judged come from a file or from a run, one of them",
            hint="--items FILE, or --run RUN",
            code="judge.items",
        )
    if run is not None:
        pairs = _run_answers(app, run)
    else:
        from assay.datasets.columns import is_query

        assert items is not None
        pairs = _query_answers(items) if is_query(items) else _file_answers(items)
    if limit is None or limit >= len(pairs):
        return pairs
    return [pairs[place] for place in _drawn(pairs, limit=limit, seed=seed)]


def _drawn(pairs: Sequence[Pair], *, limit: int, seed: int) -> Sequence[int]:
    """Places of the pairs drawn by their ids; epochs of one sample are told apart."""
    from assay.datasets import samples_from_list

    named = [
        Sample(id=sample.id if output.epoch == 0 else f"{sample.id}@{output.epoch}", input="", critical=sample.critical)
        for sample, output in pairs
    ]
    return select(samples_from_list(named), limit=limit, seed=seed).rows


def _run_answers(app: App, run: str) -> list[Pair]:
    run_id = app.store.metadata.run(run).run_id
    pairs = [(item.sample, item.output) for item in _recorded(app, run_id) if item.output.error is None]
    if not pairs:
        raise DataError(
            f"run {run_id} holds no output that a judge could be asked about",
            hint="let it go on: assay resume; or name another run",
            code="data.empty",
        )
    return pairs


def _recorded(app: App, run_id: str) -> Iterator[Item]:
    sealed = app.store.results.sealed(run_id)
    return app.store.results.items(run_id) if sealed else app.store.journal.items(run_id)


def _file_answers(path: str) -> list[Pair]:
    from assay.datasets import open_samples
    from assay.datasets.opening import read_rows

    first = next(iter(read_rows(path)), {})
    samples = open_samples({"path": path, "input": _input_key(first)})
    texts = [_text(row, number, path) for number, row in enumerate(read_rows(path), start=1)]
    return [(samples[row], Output(sample_id=samples[row].id, text=text)) for row, text in enumerate(texts)]


def _query_answers(query: str) -> list[Pair]:
    from assay.datasets import samples_from_list
    from assay.datasets.columns import TableFile

    table = TableFile(query)
    try:
        cells = table.rows(query)  # and not of ``data``, whose texts have lost the spaces around them
        found = [dict(zip(table.columns, row, strict=True)) for row in cells]
    finally:
        table.close()
    rows = [{key: _plain(value) for key, value in row.items() if value is not None} for row in found]
    texts = [_text(row, number, "the query") for number, row in enumerate(rows, start=1)]
    key = _input_key(dict.fromkeys(table.columns))
    samples = samples_from_list([{**row, "input": row.get(key, "")} for row in rows], name="query")
    return [(sample, Output(sample_id=sample.id, text=text)) for sample, text in zip(samples, texts, strict=True)]


def _plain(value: Any) -> Any:
    """A cell as JSON holds it; a date as its text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value if isinstance(value, str | int | float) or value is None else str(value)


def _input_key(row: Mapping[str, Any]) -> str:
    return next((key for key in _INPUT_KEYS if key in row), "id")


def _text(row: Mapping[str, Any], number: int, where: str) -> str:
    text = row.get("output")
    if not isinstance(text, str):
        raise DataError(
            f"{where}, row {number}: there is no output, or it is no text",
            hint='{"id": "q1", "input": "…", "output": "…"}, one a line',
            code="data.bad_line",
        )
    return text
