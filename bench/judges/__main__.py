"""``python -m bench.judges [NAME …] [--write]``: the tables of recorded judges, and with --write into the docs.

With sources named, only their tables are made. ``live`` asks a model on this machine and is made only when named.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from bench.judges import (
    alpacaeval,
    dialogue,
    distilled,
    faithfulness,
    judgebench,
    live,
    llmbar,
    llmfao,
    pairs,
    refusals,
    summeval,
)
from bench.judges.files import data_folder
from bench.judges.page import PAGE, with_tables
from bench.judges.row import Row, table

SOURCES: dict[str, Callable[[Path], list[Row]]] = {
    "summeval": summeval.rows,
    "distilled": distilled.rows,
    "alpacaeval": alpacaeval.rows,
    "llmbar": llmbar.rows,
    "judgebench": judgebench.rows,
    "pandalm": pairs.pandalm,
    "autoj": pairs.autoj,
    "topical-chat": dialogue.rows,
    "llmfao": llmfao.rows,
    "xstest": refusals.xstest,
    "pyrit": refusals.pyrit,
    "qags": faithfulness.qags,
    "frank": faithfulness.frank,
    "refchecker": faithfulness.refchecker,
}

ON_REQUEST: dict[str, Callable[[Path], list[Row]]] = {"live": live.rows}


def main() -> None:
    chosen = [name for name in sys.argv[1:] if not name.startswith("-")] or list(SOURCES)
    known = SOURCES | ON_REQUEST
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise SystemExit(f"there is no source {', '.join(unknown)}; known: {', '.join(known)}")
    folder = data_folder()
    made = {}
    for name in chosen:
        made[name] = table(known[name](folder))
        print(f"\n## {name}\n", *made[name], sep="\n", flush=True)
    if "--write" in sys.argv:
        PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), made), encoding="utf-8")


if __name__ == "__main__":
    main()
