"""``python -m bench.cascade [SECTION …] [--short] [--write]``: the table of figures, and with --write the docs page.

``python -m bench.cascade --other FOLDER`` fits maps on the one part of SummEval and uses them on the part in FOLDER
(the files of ``judge/summeval``), and the other way round.
"""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from bench.cascade import alpaca, claim, judged, parts, rules
from bench.cascade.elsewhere import elsewhere
from bench.cascade.plot import frontier, svg
from bench.cascade.row import Section

SECTIONS: dict[str, Section] = {
    "cold": judged.cold,
    "map": judged.mapped,
    "optimal": judged.optimal,
    "bias": judged.biased,
    "cost": judged.cost,
    "system": parts.one_system,
    "pairs": parts.pairs,
    "new-inputs": parts.new_inputs,
    "width": rules.width,
    "gate": rules.gate,
    "mean": claim.mean,
    "ranks": claim.ranks,
    "planner": claim.planner,
    "alpaca": alpaca.wins,
}
PAGE = Path(__file__).parents[2] / "docs" / "cascade" / "figures.md"
PICTURE = PAGE.with_name("frontier.svg")
START, END = "<!-- table -->", "<!-- end of table -->"
HEAD = ("| figure | target | measured | met | a sloppy method |", "|---|---|---|---|---|")
LONG, SHORT = 10_000, 2_000


def main() -> None:
    parser = ArgumentParser(prog="python -m bench.cascade")
    parser.add_argument("sections", nargs="*", metavar="SECTION")
    parser.add_argument("--short", action="store_true", help="fewer replays")
    parser.add_argument("--write", action="store_true", help="put the rows into the docs")
    parser.add_argument(
        "--other", type=Path, metavar="FOLDER", help="another part of SummEval: maps from one to the other"
    )
    given = parser.parse_args()
    replays = SHORT if given.short else LONG
    print("\n".join(HEAD))
    if given.other is not None:
        for row in elsewhere(given.other, replays):
            print(row.line(), flush=True)
        return
    _sections(given.sections or [*SECTIONS, "frontier"], replays, write=given.write)


def _sections(chosen: Sequence[str], replays: int, *, write: bool) -> None:
    for name in chosen:
        began = time.perf_counter()
        if name == "frontier":
            drawing = svg(frontier(replays // 5))
            if write:
                PICTURE.write_text(drawing, encoding="utf-8")
        else:
            lines = []
            for row in SECTIONS[name](replays):
                lines.append(row.line())
                print(lines[-1], flush=True)
            if write:
                _write(name, lines, replays)
        print(f"[{name}: {time.perf_counter() - began:.0f} s]", file=sys.stderr, flush=True)


def _write(name: str, lines: list[str], replays: int) -> None:
    """Put a section's rows into the page, in place of those it had."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    table, _, after = rest.partition(END)
    held: dict[str, str] = {}
    for part in table.split("<!-- section ")[1:]:
        held[part.split(" ", 1)[0]] = "<!-- section " + part.strip()
    held[name] = "\n".join([f"<!-- section {name} -->", "", f"**{name}**, {replays:,} replays", "", *HEAD, *lines])
    made = "\n\n".join(held[one] for one in SECTIONS if one in held)
    PAGE.write_text(f"{before}{START}\n\n{made}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
