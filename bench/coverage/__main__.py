"""``python -m bench.coverage [FAMILY …] [--short] [--write]``: the coverage table, and with --write into the docs.

With families named, only their rows of the page are written anew: all of it takes half an hour on one core.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from bench.coverage.table import all_cases, line

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"
START, END = "<!-- table -->", "<!-- end of table -->"
HEAD = (
    "| family | method | on | promised | measured | the wrong method | trials | holds |",
    "|---|---|---|---|---|---|---|---|",
)


def main() -> None:
    parser = ArgumentParser(prog="python -m bench.coverage")
    parser.add_argument("families", nargs="*", metavar="FAMILY", help="of these alone")
    parser.add_argument("--short", action="store_true", help="fewer trials")
    parser.add_argument("--write", action="store_true", help="put the rows into the docs")
    given = parser.parse_args()
    cases = [case for case in all_cases() if not given.families or case.family in given.families]
    print("\n".join(HEAD))
    made: dict[str, list[str]] = {case.family: [] for case in cases}
    for case in cases:
        made[case.family].append(line(case, case.short if given.short else case.long))
        print(made[case.family][-1], flush=True)
    if given.write:
        write(made)


def write(made: dict[str, list[str]]) -> None:
    """Put the rows into the page, in place of those of the same families."""
    before, _, rest = PAGE.read_text().partition(START)
    table, _, after = rest.partition(END)
    for row in table.splitlines():
        family = row.strip("| ").partition(" |")[0]
        if row.startswith("| ") and row not in HEAD and family not in made:
            made.setdefault(f"\0{family}", []).append(row)
    rows = [row for family in sorted(made, key=lambda name: name.strip("\0")) for row in made[family]]
    PAGE.write_text(before + "\n".join([START, "", *HEAD, *rows, "", END]) + after)


if __name__ == "__main__":
    main()
