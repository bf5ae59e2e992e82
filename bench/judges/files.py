"""Reading the recorded data: gzip or plain, JSON lines or CSV."""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

VARIABLE = "ASSAY_TEST_DATA"


def data_folder() -> Path:
    """The folder of public evaluation data.

    Raises:
        SystemExit: The variable names no folder.
    """
    named = os.environ.get(VARIABLE)
    if not named or not Path(named).is_dir():
        raise SystemExit(f"{VARIABLE} names no folder of real data; set it and run the command again")
    return Path(named)


@contextmanager
def _text(path: Path) -> Iterator[IO[str]]:
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            yield file
    else:
        with path.open(encoding="utf-8", newline="") as file:
            yield file


def json_rows(path: Path) -> list[dict[str, Any]]:
    """Every line of a JSON-lines file; lines end at ``\\n`` alone."""
    with _text(path) as file:
        return [json.loads(line) for line in file.read().split("\n") if line]


def csv_rows(path: Path) -> list[dict[str, str]]:
    """Every row of a CSV file with a head."""
    with _text(path) as file:
        return list(csv.DictReader(file))
