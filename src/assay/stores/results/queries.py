"""All SQL over sealed runs, as named queries. ``twins.py`` says the same in plain Python.

Parameters: ``$outputs`` and ``$scores`` are paths of Parquet files; ``{outputs}`` and ``{scores}`` stand for those
files or for their narrow columns in memory. Lists never read the long columns: a page is picked on numbers first
(``page``), then its rows are fetched (``PAGE_ROWS``, ``PAGE_SCORES``).
"""

from __future__ import annotations

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

COPY_OUTPUTS = (
    "CREATE OR REPLACE TABLE {table} AS SELECT seq, row, sample_id, epoch, critical, error, latency_s, cost_usd, "
    "output_chars, input_preview, output_preview FROM read_parquet($outputs)"
)

COPY_SCORES = "CREATE OR REPLACE TABLE {table} AS SELECT seq, scorer, value FROM read_parquet($scores)"

PAGE_ROWS = (
    "SELECT seq, row, sample_id, epoch, input_preview, output_preview, latency_s, cost_usd, error "
    "FROM {outputs} WHERE seq IN (SELECT unnest($picked))"
)

PAGE_SCORES = "SELECT seq, scorer, value FROM {scores} WHERE seq IN (SELECT unnest($picked)) ORDER BY seq"

_SHOW_ONE = {"unscored": "v.value IS NULL", "zero": "v.value = 0", "below": "v.value < 1"}
_SHOW_ANY = {
    "unscored": "(seq IN (SELECT seq FROM {scores} WHERE value IS NULL) OR seq NOT IN (SELECT seq FROM {scores}))",
    "zero": "seq IN (SELECT seq FROM {scores} WHERE value = 0)",
    "below": "seq IN (SELECT seq FROM {scores} WHERE value < 1)",
}
_SHOW_EVERY = {"all": "true", "critical": "critical", "error": "error IS NOT NULL"}


def numbers(field: str) -> str:
    """Known values of one numeric column, in order."""
    return f"SELECT {field} FROM read_parquet($outputs) WHERE {field} IS NOT NULL ORDER BY seq"  # noqa: S608 - checked


def page_count(query: PageQuery) -> str:
    """How many rows a query finds."""
    return f"SELECT count(*) {_page_source(query)}"


def page(query: PageQuery) -> str:
    """Positions of the rows a page shows, in its order."""
    direction = "DESC" if query.descending else "ASC"
    keys = {"row": "seq", "value": "v.value"}
    order = f"{keys.get(query.sort, query.sort)} {direction} NULLS LAST, seq"
    if query.sort == "value" and query.scorer is None:
        order = "seq"
    return f"SELECT seq {_page_source(query)} ORDER BY {order} LIMIT $limit OFFSET $offset"


def _page_source(query: PageQuery) -> str:
    one = query.scorer is not None
    shows = {**_SHOW_EVERY, **(_SHOW_ONE if one else _SHOW_ANY)}
    joined = "LEFT JOIN (SELECT seq, value FROM {scores} WHERE scorer = $scorer) v USING (seq)" if one else ""
    search = "AND contains(search_text, $needle)" if query.search else ""
    return f"FROM {{outputs}} {joined} WHERE {shows[query.show]} {search}"
