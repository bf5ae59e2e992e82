"""All SQL over sealed runs, as named queries. ``twins.py`` says the same in plain Python.

Parameters: ``$outputs`` and ``$scores`` are paths of Parquet files; ``{outputs}`` and ``{scores}`` stand for those
files or for their narrow columns in memory. Lists never read the long columns: a page is picked on numbers first
(``page``), then its rows are fetched (``PAGE_ROWS``, ``PAGE_SCORES``).
"""

from __future__ import annotations

from collections.abc import Sequence

from assay.core.protocols import PageQuery

ITEMS = "SELECT item FROM read_parquet($outputs) WHERE seq >= $low AND seq < $high ORDER BY seq"

ITEM = "SELECT item FROM read_parquet($outputs) WHERE sample_id = $sample_id AND epoch = $epoch"

SAMPLE_IDS = "SELECT DISTINCT sample_id FROM read_parquet($outputs)"

COLUMN = (
    "SELECT sample_id, epoch, value, reason, cluster, critical FROM read_parquet($scores) "
    "WHERE scorer = $scorer ORDER BY seq"
)

SEGMENT = (
    "SELECT sample_id, metadata_values[list_position(metadata_keys, $key)] FROM read_parquet($outputs) "
    "WHERE list_contains(metadata_keys, $key) ORDER BY seq DESC"
)

COPY_OUTPUTS = "CREATE OR REPLACE TABLE {table} AS {narrow} ORDER BY seq"

COPY_SCORES = "CREATE OR REPLACE TABLE {table} AS SELECT seq, scorer, value FROM read_parquet($scores)"

PAGE_ROWS = (
    "SELECT seq, row, sample_id, epoch, input_preview, opening, latency_s, cost_usd, error "
    "FROM {outputs} WHERE seq IN (SELECT unnest($picked))"
)

PAGE_SCORES = "SELECT seq, scorer, value FROM {scores} WHERE seq IN (SELECT unnest($picked)) ORDER BY seq"

_SHOW_ONE = {"unscored": "{value} IS NULL", "zero": "{value} = 0", "below": "{value} < 1"}
_SHOW_ANY = {"unscored": "coalesce(some_missing, true)", "zero": "some_zero", "below": "least < 1"}
_SHOW_EVERY = {"all": "true", "critical": "critical", "error": "error IS NOT NULL"}


def outputs(fields: Sequence[str]) -> str:
    """Columns of the outputs, in order."""
    return f"SELECT {', '.join(fields)} FROM read_parquet($outputs) ORDER BY seq"  # noqa: S608 - checked names


def narrow(scorers: int, *, scores: str) -> str:
    """The narrow columns of the outputs, and the values each scorer gave beside them.

    Scorer names are any text, so the columns are numbered: ``v0`` holds the values of ``$scorers[1]``. A page that
    filters and sorts them needs no join.

    Args:
        scorers: How many names ``$scorers`` holds.
        scores: What to select the scores from.
    """
    values = "".join(f", any_value(value) FILTER (WHERE scorer = $scorers[{i + 1}]) AS v{i}" for i in range(scorers))
    return (
        "SELECT seq, row, sample_id, epoch, critical, error, latency_s, cost_usd, output_chars, input_preview, "  # noqa: S608
        "opening, v.* EXCLUDE (seq) FROM read_parquet($outputs) LEFT JOIN (SELECT seq, "
        "bool_or(value IS NULL) AS some_missing, bool_or(value = 0) AS some_zero, min(value) AS least"
        f"{values} FROM {scores} GROUP BY seq) v USING (seq)"
    )


def page_count(query: PageQuery, *, position: int | None) -> str:
    """How many rows a query finds; ``position`` is that of its scorer, if it names one."""
    return f"SELECT count(*) {_page_source(query, position)}"


def page(query: PageQuery, *, position: int | None) -> str:
    """Places of the rows a page shows, in its order."""
    direction = "DESC" if query.descending else "ASC"
    keys = {"row": "seq", "value": f"v{position}"}
    order = f"{keys.get(query.sort, query.sort)} {direction} NULLS LAST, seq"
    if query.sort == "value" and position is None:
        order = "seq"
    return f"SELECT seq {_page_source(query, position)} ORDER BY {order} LIMIT $limit OFFSET $offset"


def _page_source(query: PageQuery, position: int | None) -> str:
    shows = {**_SHOW_EVERY, **(_SHOW_ANY if position is None else _SHOW_ONE)}
    search = "AND seq IN (SELECT seq FROM read_parquet($outputs) WHERE contains(search_text, $needle))"
    show = shows[query.show].format(value=f"v{position}")
    return f"FROM {{outputs}} WHERE {show} {search if query.search else ''}"
