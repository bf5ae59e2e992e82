"""The table of recorded judges: figures on hand examples, and the Markdown they become; no data is needed."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np
import pytest
from bench.judges.__main__ import SOURCES, main
from bench.judges.alpacaeval import shown_second
from bench.judges.figures import cross_threshold, f1, kappa, share
from bench.judges.files import VARIABLE, csv_rows, data_folder, json_rows
from bench.judges.llmbar import correct, verdicts
from bench.judges.llmfao import same_among
from bench.judges.page import PAGE, marks, with_tables
from bench.judges.refusals import confusion, refuses
from bench.judges.row import HEAD, Row, table

from assay import stats
from assay.core.records import Estimate


def estimate(value: float | None = 0.5, low: float | None = 0.4, high: float | None = 0.6, **more: object) -> Estimate:
    return Estimate(value=value, low=low, high=high, n=1200, method="wilson", **more)  # type: ignore[arg-type]


def row(**more: object) -> Row:
    given = {"judge": "a judge", "data": "a set", "what": "accuracy", "estimate": estimate()} | more
    return Row(**given)  # type: ignore[arg-type]


def test_a_row_shows_figure_interval_n_method_published_and_note() -> None:
    assert row(published=0.45, note="half of it").line() == (
        "| a judge | a set: accuracy | 0.500 | 0.400 – 0.600 | 1,200 | wilson | 0.450 | half of it |"
    )
    assert row(percent=True, published=0.97, data="").line() == (
        "| a judge | accuracy | 50.0 % | 40.0 % – 60.0 % | 1,200 | wilson | 97.0 % * |  |"
    )


def test_clusters_and_what_was_left_out_are_said() -> None:
    line = row(estimate=estimate(n_clusters=50, unscored=3)).line()
    assert "| 1,200 in 50 groups |" in line
    assert line.endswith("| 3 left out |")
    assert "groups" not in row(estimate=estimate(n_clusters=1200)).line()


def test_what_is_undefined_is_a_dash_with_its_reason() -> None:
    line = row(estimate=estimate(None, None, None, reason="all scores are equal")).line()
    assert line == "| a judge | a set: accuracy | – | – | 1,200 | wilson | – | all scores are equal |"


@pytest.mark.parametrize(
    ("published", "apart"), [(None, False), (0.4, False), (0.3996, False), (0.39, True), (0.6004, False), (0.61, True)]
)
def test_a_published_figure_outside_the_interval_is_marked(published: float | None, apart: bool) -> None:
    assert row(published=published).apart is apart
    assert not row(published=published, estimate=estimate(0.5, None, None, reason="one cluster")).apart


def test_the_table_counts_the_published_figures_that_hold_and_names_the_others() -> None:
    lines = table([row(published=0.5, source="paper"), row(published=0.9, source="paper", judge="b"), row()])
    assert tuple(lines[:2]) == HEAD
    assert lines[-3:] == [
        "1 of 2 published figures lie in the interval. Outside (*): b, a set: accuracy.",
        "",
        "Published in: paper.",
    ]
    assert table([row()]) == [*HEAD, row().line()]


def test_a_page_keeps_all_but_the_tables_that_were_made() -> None:
    page = "intro\n<!-- table: one -->\nold\n<!-- end: one -->\nmiddle\n<!-- table: two -->\n<!-- end: two -->\nlast\n"
    once = with_tables(page, {"one": ["| new |"]})
    assert once == page.replace("\nold\n", "\n\n| new |\n\n")
    assert with_tables(once, {"one": ["| new |"]}) == once
    with pytest.raises(ValueError, match="table: three"):
        with_tables(page, {"three": ["x"]})


def test_the_page_has_a_place_with_a_table_for_every_source() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in SOURCES:
        start, end = marks(name)
        assert text.partition(start)[2].partition(end)[0].startswith(f"\n\n{HEAD[0]}\n"), name
    assert text.count("<!-- table: ") == text.count("<!-- end: ")


def test_kappa_compares_labels_as_they_are_written() -> None:
    first, second = np.array([1, 1, 0, 0, 1, 0]), [1, 1, 0, 1, 1, 0]
    plain = stats.cohen_kappa(stats.Ratings.from_matrix(np.column_stack([first, second])))
    assert kappa(first, second) == plain
    assert kappa(first == 1, [one == 1 for one in second], list("aabbcc")).n_clusters == 3


def test_f1_is_that_of_the_counts() -> None:
    said, truth = [1] * 6 + [1] * 2 + [0] * 3 + [0] * 9, [1] * 6 + [0] * 2 + [1] * 3 + [0] * 9
    assert f1(said, truth).value == pytest.approx(2 * 6 / (2 * 6 + 2 + 3))


def test_no_item_helps_to_choose_the_threshold_it_meets() -> None:
    groups = ["a", "b", "a", "b"]
    assert cross_threshold([0.1, 0.6, 0.3, 0.8], [0, 0, 1, 1], groups).tolist() == [False, True, False, True]


def test_scores_that_tell_the_classes_apart_in_every_half_are_all_right() -> None:
    groups, truth = [str(index // 2) for index in range(40)], [index % 2 == 0 for index in range(40)]
    scores = [0.7 + 0.005 * (index % 7) if right else 0.2 for index, right in enumerate(truth)]
    assert cross_threshold(scores, truth, groups).tolist() == truth


def test_a_share_is_wilsons_and_clusters_widen_it() -> None:
    found = share([1, 0, 1, 1])
    assert (found.low, found.high) == pytest.approx(stats.wilson(3, 4))
    hits = np.repeat([1, 0, 1, 1, 0, 1, 1, 0], 5)
    assert share(hits, np.repeat(np.arange(8), 5)).low < share(hits).low  # type: ignore[operator]


@pytest.mark.parametrize(
    ("preference", "tokens", "second"),
    [
        (1.9, {"m": math.log(0.1), "M": math.log(0.9)}, True),
        (1.9, {"m": math.log(0.9), "M": math.log(0.1)}, False),
        (1.5, {"m": math.log(0.5), "M": math.log(0.5)}, None),
        (1.3, {"m": math.log(0.9), "M": math.log(0.1)}, None),
        (1.9, {"M": 0.0}, None),
        (None, {"m": 0.0, "M": -9.0}, None),
        (1.9, None, None),
    ],
)
def test_the_order_shown_is_told_from_the_token_that_carries_the_preference(
    preference: float | None, tokens: dict[str, float] | None, second: bool | None
) -> None:
    assert shown_second({"preference": preference, "top_logprobs": tokens}) is second


def test_counts_come_back_from_the_rates_they_gave() -> None:
    hits, false, missed, rest = 60, 5, 10, 30
    metrics = {
        "num_responses": 105,
        "accuracy": (hits + rest) / 105,
        "precision": hits / (hits + false),
        "recall": hits / (hits + missed),
    }
    assert confusion(metrics) == (hits, false, missed, rest)


def test_a_missing_verdict_is_wrong_in_llmbar(tmp_path: Path) -> None:
    folder = tmp_path / "judge" / "llmbar"
    folder.mkdir(parents=True)
    head = "subset,n,evaluator,prompt,winner,winner_swapped,score_1,score_2,label\n"
    lines = "Natural,1,GPT-4,Vanilla,1,,,,1\nNatural,2,GPT-4,Vanilla,2,2,,,2\nNatural,3,GPT-4,Vanilla,,,,,2\n"
    (folder / "judgments.csv.gz").write_bytes(gzip.compress((head + lines).encode()))
    table = np.array(verdicts(tmp_path)["GPT-4", "Vanilla", "Natural"])
    assert correct(table).tolist() == [0.5, 1.0, 0.0]


def test_workers_agree_with_the_others_of_their_pair_not_with_themselves() -> None:
    votes = [{"id": "1", "prompt": "p", "winner": side} for side in ("left", "left", "right")]
    alone = {"id": "2", "prompt": "q", "winner": "tie"}
    both = [{"id": "3", "prompt": "q", "winner": "tie"}] * 2
    found = same_among([*votes, alone, *[dict(vote) for vote in both]])
    assert (found.value, found.n) == (pytest.approx((0.5 + 0.5 + 0.0 + 1.0 + 1.0) / 5), 5)


def test_the_free_detector_reads_an_opening_refusal() -> None:
    assert refuses("I'm sorry, but I can't help with that.")
    assert not refuses("Sure: first, open the file.")


def test_rows_are_read_from_plain_and_packed_files(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.csv", tmp_path / "b.jsonl.gz"
    plain.write_bytes(b'x,y\n1,"two\r\nlines"\n')
    packed.write_bytes(gzip.compress('{"x": "a\u2028b"}\n{"x": 2}\n'.encode()))
    assert csv_rows(plain) == [{"x": "1", "y": "two\r\nlines"}]
    assert json_rows(packed) == [{"x": "a\u2028b"}, {"x": 2}]


def test_without_data_and_without_a_known_source_the_command_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(SystemExit, match=VARIABLE):
        data_folder()
    monkeypatch.setattr("sys.argv", ["bench.judges", "nothing"])
    with pytest.raises(SystemExit, match="there is no source nothing; known: summeval"):
        main()
