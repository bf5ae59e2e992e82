"""Tables of labels and names, read as they are written: ``yes`` is no truth value, and ``007`` is not ``7``."""

from __future__ import annotations

from pathlib import Path

from assay.datasets.columns import TableFile, quoted
from assay.datasets.source import existing_file

_DELIMITERS = {".csv": ",", ".tsv": "\t"}


def written_table(where: str) -> TableFile:
    """The table of a file or query; of CSV and TSV every cell is text.

    Raises:
        NotFoundError: There is no such file.
        DataError: As ``TableFile``.
    """
    ending = Path(where.removesuffix(".gz")).suffix.lower()
    if ending not in _DELIMITERS:
        return TableFile(where)
    path = str(existing_file(where))
    escaped = "".join(f"[{char}]" if char in "*?[" else char for char in path).replace("'", "''")
    reader = f"read_csv('{escaped}', header = true, all_varchar = true, delim = '{_DELIMITERS[ending]}')"
    table = TableFile(f"SELECT * FROM {reader}")  # noqa: S608 - the path is escaped
    table.name = where
    return table


def holds_numbers(table: TableFile, column: str) -> bool:
    """Whether every cell that is not empty is a number; truth values are labels."""
    table.require(column)
    name = quoted(column)
    kinds = {row[0] for row in table.rows(f"SELECT DISTINCT typeof({name}) FROM data")}  # noqa: S608
    if "BOOLEAN" in kinds:
        return False
    odd = f"nullif(trim({name}::VARCHAR), '') IS NOT NULL AND try_cast({name} AS DOUBLE) IS NULL"
    return int(table.rows(f"SELECT count(*) FROM data WHERE {odd}")[0][0]) == 0  # noqa: S608
