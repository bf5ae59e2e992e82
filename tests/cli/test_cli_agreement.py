"""``assay agreement``: coefficients that suit the labels, raters apart, consensus files, pages, bad files."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_shell import Shell

pytestmark = pytest.mark.slow

Row = tuple[Any, ...]


def crowd(units: int = 60, raters: int = 5, *, right: float = 0.85, seed: int = 1) -> list[Row]:
    """Item, worker, label, gold, language; worker 4 guesses."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    for unit in range(units):
        true = int(rng.integers(2))
        for rater in range(raters):
            good = rng.random() < (right if rater < 4 else 0.5)
            label = ("no", "yes")[true if good else 1 - true]
            rows.append((f"u{unit}", f"w{rater}", label, ("no", "yes")[true], "en" if unit % 2 else "de"))
    return rows


HEAD = ("item", "worker", "label", "gold", "lang")


def write(shell: Shell, rows: Sequence[Row], header: Sequence[str] = HEAD, name: str = "labels.csv") -> str:
    with (shell.directory / name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return name


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def document(shell: Shell, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = shell.ok("agreement", *arguments, "--json").json
    assert found["schema"] == "assay.agreement/1"
    return found


def test_words_by_many_raters(shell: Shell) -> None:
    path = write(shell, crowd())
    found = document(shell, path, "--gold", "gold")
    assert (found["units"], found["raters"], found["labels"], found["level"]) == (60, 5, 300, "nominal")
    assert list(found["coefficients"]) == ["percent_agreement", "krippendorff_alpha", "fleiss_kappa", "gwet_ac1"]
    alpha = found["coefficients"]["krippendorff_alpha"]
    assert alpha["low"] < alpha["value"] < alpha["high"]
    assert alpha["method"] == "alpha-nominal-bootstrap-t"
    assert len(found["pairs"]) == 10
    assert found["rater_table"][0]["rater"] == "w4"
    assert found["rater_table"][0]["p_adjusted"] < 0.05
    assert found["rater_table"][0]["against_gold"]["method"] == "wilson"
    assert found["consensus"]["method"] == "dawid-skene"
    assert found["consensus"]["accuracy"]["value"] > 0.9
    assert any("w4" in sentence for sentence in found["sentences"])
    assert any("usual bound" in sentence for sentence in found["sentences"])


def test_the_text_fits_a_terminal(shell: Shell) -> None:
    said = shell.ok("agreement", write(shell, crowd()), "--gold", "gold", "--by", "lang").out
    assert max(map(len, said.splitlines())) <= 80
    for part in ("Krippendorff's alpha", "segment", "rater", "1 is perfect"):
        assert part in said


def test_labels_and_names_stay_as_they_are_written(shell: Shell) -> None:
    rows = [(f"00{i}", rater, ("no", "yes")[i % 2], "", "") for i in range(3) for rater in ("1", "01")]
    found = document(shell, write(shell, rows), "-o", "out.csv")
    assert (found["units"], found["raters"]) == (3, 2)
    assert [(row["item"], row["label"]) for row in read(shell.directory / "out.csv")] == [
        ("000", "no"), ("001", "yes"), ("002", "no")
    ]  # fmt: skip
    tabs = "item\tworker\tlabel\n" + "".join(f"{i}\t{w}\tt\n{i}b\t{w}\tf\n" for i in "ab" for w in "xy")
    shell.write("labels.tsv", tabs)
    assert list(document(shell, "labels.tsv")["label_shares"]) == ["f", "t"]
    shell.rows("labels.jsonl", [{"item": i, "worker": w, "label": i > 1} for i in range(4) for w in "xy"])
    assert list(document(shell, "labels.jsonl")["label_shares"]) == ["false", "true"]


def test_two_raters_get_cohen_and_no_pairs(shell: Shell) -> None:
    rows = [row for row in crowd() if row[1] in ("w0", "w1")]
    found = document(shell, write(shell, rows))
    assert "cohen_kappa" in found["coefficients"]
    assert "fleiss_kappa" not in found["coefficients"]
    assert found["consensus"]["method"] == "majority"
    assert found["consensus"]["undecided"] > 0
    assert "two raters" in found["consensus"]["reason"]
    assert found["rater_table"][0]["excess"]["reason"] == "no unit has labels of three raters"
    assert "rater" in shell.ok("agreement", "labels.csv").out


def test_numbers_choose_their_scale_and_say_why(shell: Shell) -> None:
    rng = np.random.default_rng(4)
    truth = rng.integers(1, 6, size=50)
    stars = [(i, w, int(np.clip(truth[i] + rng.integers(-1, 2), 1, 5))) for i in range(50) for w in "xy"]
    found = document(shell, write(shell, stars, ("item", "worker", "label")))
    assert found["level"] == "ordinal"
    assert "5 whole numbers" in found["level_reason"]
    assert list(found["coefficients"])[2:] == ["cohen_kappa_quadratic", "gwet_ac2"]
    assert found["rater_table"][0]["excess"]["unit"] == "squared levels"
    codes = document(shell, "labels.csv", "--level", "nominal")
    assert "cohen_kappa" in codes["coefficients"]
    assert codes["level_reason"] is None
    exact = [(i, w, round(float(truth[i] + rng.normal()), 3)) for i in range(50) for w in "xyz"]
    found = document(shell, write(shell, exact, ("item", "worker", "label")))
    assert found["level"] == "interval"
    assert list(found["coefficients"])[2:] == ["icc_2_1", "icc_2_k"]
    assert found["consensus"]["method"] == "mean"
    assert found["label_shares"] is None
    positive = [(*row[:2], abs(row[2])) for row in exact]
    ratio = document(shell, write(shell, positive, ("item", "worker", "label")), "--level", "ratio")
    assert ratio["coefficients"]["krippendorff_alpha"]["method"].startswith("alpha-ratio")


def test_words_in_order(shell: Shell) -> None:
    rng = np.random.default_rng(2)
    rows = [(i, w, ("bad", "fair", "good")[int(np.clip(i % 3 + rng.integers(-1, 2), 0, 2))])
            for i in range(45) for w in "xyz"]  # fmt: skip
    path = write(shell, rows, ("item", "worker", "label"))
    assert document(shell, path, "--levels", "bad,fair,good")["level"] == "ordinal"
    alpha = [
        document(shell, path, "--levels", order, "--level", "ordinal")["coefficients"]["krippendorff_alpha"]["value"]
        for order in ("bad,fair,good", "good,fair,bad", "fair,bad,good")
    ]
    assert alpha[0] == pytest.approx(alpha[1])
    assert alpha[2] < alpha[0] - 0.1


def test_skewed_labels_are_explained(shell: Shell) -> None:
    rows = [(i, w, "rare" if (i + 3 * "xy".index(w)) % 20 == 0 else "common") for i in range(100) for w in "xy"]
    found = document(shell, write(shell, rows, ("item", "worker", "label")))
    said = " ".join(found["sentences"])
    assert "'common'" in said
    assert "90% of the time, yet alpha is low" in said
    assert found["coefficients"]["krippendorff_alpha"]["value"] < 0.0 < found["coefficients"]["gwet_ac1"]["value"]


def test_segments_have_intervals_that_hold_together(shell: Shell) -> None:
    rng = np.random.default_rng(8)
    rows = [
        (f"u{i}", w, "ab"[(i // 2 + (rng.random() < (0.05 if i % 2 else 0.45))) % 2], "", "en" if i % 2 else "")
        for i in range(200)
        for w in "xyz"
    ]
    found = document(shell, write(shell, rows), "--by", "lang")
    assert [row["segment"] for row in found["segments"]] == ["(empty)", "en"]
    assert all(row["krippendorff_alpha"]["confidence"] == pytest.approx(0.975) for row in found["segments"])
    assert any("en over (empty)" in sentence for sentence in found["sentences"])


@pytest.mark.parametrize("method", ["majority", "dawid-skene", "one-coin", "glad", "mace", "weighted"])
def test_every_consensus_is_written_and_judged(shell: Shell, method: str) -> None:
    path = write(shell, crowd(80))
    found = document(shell, path, "--gold", "gold", "--consensus", method, "-o", "consensus.csv")
    assert found["consensus"]["method"] == method
    assert found["consensus"]["accuracy"]["value"] > 0.8
    assert (found["consensus"]["majority_accuracy"] is None) == (method == "majority")
    rows = read(shell.directory / "consensus.csv")
    assert len(rows) == 80
    assert set(rows[0]) == {"item", "label", "probability", "labels"}
    assert all(0.5 <= float(row["probability"]) <= 1.0 for row in rows if row["label"])
    assert found["output"] == "consensus.csv"


def test_a_weighted_vote_is_judged_on_gold_it_has_not_seen(shell: Shell) -> None:
    rng = np.random.default_rng(3)
    rows = [(f"u{i}", f"w{r}", "ab"[rng.integers(2)], "ab"[rng.integers(2)]) for i in range(100) for r in range(3)]
    rows = [(*row[:3], "ab"[int(row[0][1:]) % 2]) for row in rows]
    found = document(shell, write(shell, rows, HEAD[:4]), "--gold", "gold", "--consensus", "weighted")
    assert found["consensus"]["accuracy"]["value"] < 0.7, "labels are noise; golden units must not vouch for themselves"
    assert found["consensus"]["accuracy"]["n"] == 100


def test_numbers_are_averaged_and_miss_by_so_much(shell: Shell) -> None:
    rng = np.random.default_rng(3)
    rows = [(f"u{i}", f"w{r}", round(10 * i + rng.normal(), 3), 10 * i) for i in range(40) for r in range(4)]
    path = write(shell, rows, HEAD[:4])
    found = document(shell, path, "--gold", "gold", "-o", "means.csv")
    accuracy = found["consensus"]["accuracy"]
    assert (accuracy["unit"], found["rater_table"][0]["against_gold"]["unit"]) == ("error", "error")
    assert 0.2 < accuracy["value"] < 0.6
    means = read(shell.directory / "means.csv")
    assert float(means[3]["label"]) == pytest.approx(np.mean([row[2] for row in rows if row[0] == "u3"]))
    assert means[3]["probability"] == ""
    assert document(shell, path, "--consensus", "median")["consensus"]["method"] == "median"


def test_the_same_seed_gives_the_same_document(shell: Shell) -> None:
    path = write(shell, crowd())
    first = shell.ok("agreement", path, "--json").out
    assert shell.ok("agreement", path, "--json").out == first
    assert shell.ok("agreement", path, "--json", "--seed", "1").out != first


def test_rows_without_labels_and_second_labels_are_counted(shell: Shell) -> None:
    rows = [*crowd(), ("u0", "w0", "yes", "", ""), ("u1", "w9", "", "", "")]
    path = write(shell, rows)
    assert shell("agreement", path).code == "agreement.repeated"
    found = document(shell, path, "--repeated", "first")
    assert (found["missing"], found["dropped"], found["labels"]) == (1, 1, 300)
    said = shell.ok("agreement", path, "--repeated", "first").out
    assert "1 rows have no label" in said
    assert "1 second labels" in said


def test_parquet_and_queries(shell: Shell) -> None:
    import duckdb

    path = write(shell, crowd())
    duckdb.sql("COPY (SELECT * FROM 'labels.csv') TO 'labels.parquet'")
    plain = document(shell, path)["coefficients"]
    assert document(shell, "labels.parquet")["coefficients"] == plain
    query = "SELECT item AS unit, worker AS who, label FROM 'labels.csv'"
    assert document(shell, query, "--unit", "unit", "--rater", "who")["coefficients"] == plain


def test_the_page_is_one_file_whose_texts_cannot_run(shell: Shell) -> None:
    rows = [(item, "<script>alert(1)</script>" if rater == "w0" else rater, *rest) for item, rater, *rest in crowd()]
    said = shell.ok("agreement", write(shell, rows), "--by", "lang", "--report", "page.html")
    assert "report page.html" in said.out
    page = (shell.directory / "page.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "Krippendorff" in page
    specs = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert len([spec for spec in specs if "vega-lite" in spec]) == 3
    assert all(json.loads(spec) for spec in specs)
    assert shell("agreement", "labels.csv", "--report", "no/such.html").code == "report.unwritable"


def changed(rows: list[Row], place: int, column: int, value: Any) -> list[Row]:
    row = list(rows[place])
    row[column] = value
    return [*rows[:place], tuple(row), *rows[place + 1 :]]


@pytest.mark.parametrize(
    ("change", "arguments", "code", "says"),
    [
        (lambda rows: rows, ("--label", "lable"), "data.no_column", "did you mean 'label'"),
        (lambda rows: [(*r[:2], "", *r[3:]) for r in rows], (), "agreement.no_labels", "label"),
        (lambda rows: [], (), "agreement.no_labels", "label"),
        (lambda rows: changed(rows, 6, 1, ""), (), "agreement.no_name", "row 7"),
        (lambda rows: changed(rows, 6, 0, ""), (), "agreement.no_name", "row 7"),
        (lambda rows: [r for r in rows if r[1] == "w0"], (), "agreement.one_rater", "w0"),
        (lambda rows: [r for i, r in enumerate(rows) if i % 5 == i // 5 % 5], (), "agreement.no_overlap", "units"),
        (lambda rows: rows, ("--level", "ordinal"), "agreement.no_order", "--levels"),
        (lambda rows: rows, ("--levels", "yes,maybe"), "agreement.unknown_level", "'no'"),
        (lambda rows: rows, ("--level", "interval"), "data.type", "not a number"),
        (lambda rows: changed(rows, 1, 3, "yes" if rows[0][3] == "no" else "no"), ("--gold", "gold"),
         "agreement.gold", "row 2"),
        (lambda rows: [(*r[:3], "", r[4]) for r in rows], ("--gold", "gold"), "agreement.gold", "true label"),
        (lambda rows: rows, ("--consensus", "weighted"), "agreement.consensus", "--gold"),
        (lambda rows: rows, ("--consensus", "mean"), "agreement.consensus", "majority"),
        (lambda rows: [(*r[:2], i / 7, *r[3:]) for i, r in enumerate(rows)], ("--consensus", "glad"),
         "agreement.consensus", "median"),
        (lambda rows: [(*r[:4], f"s{i}") for i, r in enumerate(rows)], ("--by", "lang"), "agreement.segments", "300"),
        (lambda rows: [(*r[:2], "inf" if i == 3 else i / 7, *r[3:]) for i, r in enumerate(rows)], (),
         "input.invalid", "infinite"),
        (lambda rows: rows, ("-o", "no/such/place.csv"), "agreement.unwritable", "--output"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_ends_with_a_code(
    shell: Shell, change: Any, arguments: tuple[str, ...], code: str, says: str
) -> None:
    said = shell("agreement", write(shell, change(crowd())), *arguments, "--json")
    assert (said.status, said.code) == (3, code)
    assert says in said.json["error"]["message"] + said.json["error"]["hint"]
    assert said.json["error"]["hint"]


def test_options_that_do_not_fit_are_usage_errors(shell: Shell) -> None:
    path = write(shell, crowd())
    assert shell("agreement", path, "--level", "ratio", "--levels", "1,2").status == 2
    assert shell("agreement", path, "--level", "cardinal").status == 2
    assert shell("agreement", "labls.csv").code == "data.not_found"


def test_labels_that_never_vary_have_reasons_instead_of_figures(shell: Shell) -> None:
    rows = [(f"u{i}", f"w{r}", "same") for i in range(20) for r in range(3)]
    found = document(shell, write(shell, rows, HEAD[:3]))
    assert found["coefficients"]["krippendorff_alpha"]["value"] is None
    assert "undefined" in found["sentences"][0]
    assert found["coefficients"]["percent_agreement"]["value"] == 1.0
    shell.ok("agreement", "labels.csv", "--report", "page.html")


DATA = Path(os.environ.get("ASSAY_TEST_DATA", "/nowhere"))


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="ASSAY_TEST_DATA is not set")
def test_textual_entailment_by_crowd_workers_gives_the_published_figures(shell: Shell) -> None:
    found = document(shell, str(DATA / "annotation" / "rte.csv"), "--gold", "gold", "-o", "consensus.csv")
    assert (found["units"], found["raters"], found["labels"]) == (800, 164, 8000)
    assert found["consensus"]["accuracy"]["value"] == pytest.approx(0.9275)
    assert found["consensus"]["majority_accuracy"]["value"] == pytest.approx(0.897, abs=0.0005)
    rows = read(shell.directory / "consensus.csv")
    gold = {row["item"]: row["gold"] for row in read(DATA / "annotation" / "rte.csv")}
    assert sum(row["label"] == gold[row["item"]] for row in rows) == 742
    one = document(shell, str(DATA / "annotation" / "rte.csv"), "--gold", "gold", "--consensus", "weighted")
    assert 0.85 < one["consensus"]["accuracy"]["value"] < 0.95


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="ASSAY_TEST_DATA is not set")
def test_emotion_intensities_by_crowd_workers_are_averaged(shell: Shell) -> None:
    labels, gold = (DATA / "annotation" / f"emotion_numeric_{name}.csv" for name in ("labels", "gold"))
    query = f"SELECT * FROM '{labels}' LEFT JOIN '{gold}' USING (item)"
    found = document(shell, query, "--gold", "gold")
    assert found["level"] == "interval"
    assert found["consensus"]["accuracy"]["value"] == pytest.approx(11.36, abs=0.01)
