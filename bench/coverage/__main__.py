"""``python -m bench.coverage [FAMILY …] [--short] [--write]``: the coverage table, and with --write into the docs."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.coverage.table import all_cases, line

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"
START, END = "<!-- table -->", "<!-- end of table -->"


def main() -> None:
    families = [name for name in sys.argv[1:] if not name.startswith("-")]
    lines = [
        "| family | method | on | promised | measured | the wrong method | trials | holds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines))
    for case in all_cases():
        if not families or case.family in families:
            lines.append(line(case, case.short if "--short" in sys.argv else case.long))
            print(lines[-1], flush=True)
    if "--write" in sys.argv:
        before, _, rest = PAGE.read_text().partition(START)
        PAGE.write_text(before + "\n".join([START, "", *lines, "", END]) + rest.partition(END)[2])


if __name__ == "__main__":
    main()
