"""``python -m bench.cascade.table FILE.csv [FOLDER]``: SummEval as a table that every command reads.

One row a summary: free metrics, what gpt-3.5 (``rts`` prompt) and gpt-4 said, the mean of three experts. FOLDER holds
the files of ``judge/summeval``; without it those under ``ASSAY_TEST_DATA``.
"""

from __future__ import annotations

import csv
from argparse import ArgumentParser
from pathlib import Path

from bench.cascade.summeval import DIMENSIONS, OVERALL, load

FREE = ("rouge_l", "copied", "words")


def write_table(path: Path, folder: Path | None = None) -> int:
    """Write the table and return its number of rows."""
    data = load(folder)
    names = (*DIMENSIONS, OVERALL)
    columns = {
        "doc_id": data.documents,
        "system": data.systems,
        **dict(zip(FREE, data.free.T, strict=True)),
        **{f"gpt35_{name}": data.small["rts", name] for name in names},
        **{f"gpt4_{name}": data.strong[name] for name in names},
        **{f"experts_{name}": data.experts[name] for name in names},
    }
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["id", *columns])
        for cells in zip(*columns.values(), strict=True):
            rows.writerow([f"{cells[0]} {cells[1]}", *cells])
    return len(data)


if __name__ == "__main__":
    parser = ArgumentParser(prog="python -m bench.cascade.table")
    parser.add_argument("table", type=Path)
    parser.add_argument("folder", type=Path, nargs="?")
    given = parser.parse_args()
    print(f"{write_table(given.table, given.folder)} rows in {given.table}")
