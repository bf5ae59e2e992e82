"""The live judge of the table: rows from judges whose bias is known, and the small model itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from bench.judges import live
from bench.judges.row import Row

from assay.core.records import ModelRequest, Reply, Usage
from assay.judges.card import flags

ITEMS = [
    live.Item(str(n), better="good " * (n + 9), worse="bad " * (n + 3), graded="word " * (n + 1), people=1 + n % 5)
    for n in range(12)
]
ANSWER = re.compile(r"<(answer\w*) [0-9a-f]{16}>\n(.*?)\n</\1 [0-9a-f]{16}>", re.DOTALL)


class Judge:
    """Answers with what a rule makes of the texts shown, in their order."""

    def __init__(self, rule: Callable[[list[str]], str]) -> None:
        self.rule = rule

    def usage(self) -> live.Nothing:
        return live.Nothing()

    def capabilities(self, model: str) -> frozenset[str]:
        return frozenset({"chat", "logprobs"})

    async def generate(self, request: ModelRequest) -> Reply:
        assert request.messages is not None
        shown = [text for _, text in ANSWER.findall(request.messages[0]["content"])]
        return Reply(text=self.rule(shown), finish_reason="stop", usage=Usage())


def figures(pairs: Callable[[list[str]], str], grades: Callable[[list[str]], str]) -> Mapping[str, Row]:
    rows = live.judged(ITEMS, Judge(pairs), Judge(grades))
    return {row.what: row for row in rows if row.judge == live.MODEL}


def value(rows: Mapping[str, Row], what: str) -> float | None:
    return rows[what].estimate.value


BEST = "sides with the experts' best against their worst, both orders together"


def test_a_judge_that_always_takes_the_first_has_all_the_bias_there_is() -> None:
    rows = figures(lambda shown: '"A"', lambda shown: "3")
    assert value(rows, "the answer shown first is preferred") == 1.0
    assert value(rows, "position bias, first minus second") == 1.0
    assert value(rows, "the verdict turns with the order") == 1.0
    assert value(rows, BEST) == 0.5
    assert value(rows, "gives its commonest grade, 3") == 1.0
    spearman = rows["Spearman with the mean expert"].estimate
    assert spearman.reason is not None


def test_a_judge_that_reads_has_none() -> None:
    rows = figures(
        lambda shown: "A" if "good" in shown[0] else "B", lambda shown: str(1 + (len(shown[0].split()) - 1) % 5)
    )
    assert value(rows, "the answer shown first is preferred") == 0.5
    assert value(rows, "position bias, first minus second") == 0.0
    assert value(rows, "the verdict turns with the order") == 0.0
    assert value(rows, BEST) == 1.0
    assert value(rows, "Spearman with the mean expert") == pytest.approx(1.0)


def test_verdicts_that_cannot_be_read_are_left_out_and_said() -> None:
    rows = figures(lambda shown: "A" if "good" in shown[0] else "B", lambda shown: "?" if len(shown[0]) < 10 else "4")
    assert "; 1 grades could not be read" in rows["gives its commonest grade, 4"].note
    assert rows["gives its commonest grade, 4"].estimate.n == 11


def test_the_page_says_live_of_every_row_of_the_judge() -> None:
    rows = figures(lambda shown: "A", lambda shown: "3")
    assert all("live, local" in row.note for row in rows.values())


def test_the_card_of_a_judge_that_takes_the_first_says_so_and_that_of_one_that_reads_does_not() -> None:
    biased = live.card(ITEMS, Judge(lambda shown: '"A"'))
    assert {"position", "constant_verdicts"} <= set(flags(biased))
    reads = live.card(ITEMS, Judge(lambda shown: "A" if "good" in shown[0] else "B"))
    assert "position" not in flags(reads)


@pytest.mark.slow
@pytest.mark.skipif(live.missing() is not None, reason="a local chat model is not installed")
def test_the_card_of_the_smallest_model_says_that_it_is_biased(real_data: Path) -> None:
    chosen = live.items(real_data)
    assert len({item.document for item in chosen}) == len(chosen) == live.ITEMS
    found = live.card(chosen[:6], live.LocalClient(live.LETTERS))
    assert "position" in flags(found)
    bias = found["position_bias"].bias
    assert abs(bias.value) > 0.5
