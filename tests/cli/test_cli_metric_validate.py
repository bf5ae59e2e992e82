"""``assay metric validate``: verdicts that follow their rules, figures of scipy, both forms of a file, bad files."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_shell import Shell
from metric_tables import made, summeval, write_csv
from scipy import stats as scipy_stats

from assay.app.metric_decisions import pairwise_decisions
from assay.app.metric_validate import judged_usable
from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats import holm

pytestmark = pytest.mark.slow

PEOPLE = ("--human", "ann", "--human", "ben", "--human", "cem")


def document(shell: Shell, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = shell.ok("metric", "validate", *arguments, "--json").json
    assert found["schema"] == "assay.metric_validation/1"
    return found


def columns(path: Path) -> dict[str, list[str]]:
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


def test_a_good_metric_a_poor_one_and_one_that_is_turned_round(shell: Shell) -> None:
    made(shell.directory / "made.csv")
    metrics = ("--metric", "good", "--metric", "poor", "--metric", "turned", "--lower-is-better", "turned")
    found = document(shell, "made.csv", *metrics, *PEOPLE)
    good, poor, turned = found["metrics"]
    assert (found["items"], found["raters"], found["systems"], found["clusters"]) == (320, 3, 8, 40)
    assert (good["verdict"]["guardrail"], good["verdict"]["stands_in"]) == ("yes", "yes")
    assert poor["verdict"]["guardrail"] != "yes"
    assert poor["ceiling"]["difference"]["high"] < 0.0
    assert turned["items"] == good["items"]
    assert turned["systems"]["decisions"] == good["systems"]["decisions"]
    by_pair = {(row["first"], row["second"]): row for row in found["comparisons"]}
    assert by_pair["good", "poor"]["better"] == "good"
    assert by_pair["poor", "turned"]["better"] == "turned"
    assert by_pair["good", "turned"]["better"] is None
    assert by_pair["good", "turned"]["p_adjusted"] is None
    assert good["corrected"]["value"] > good["items"]["pearson"]["value"]


def test_the_figures_are_those_of_scipy_on_the_mean_label(shell: Shell) -> None:
    table = columns(made(shell.directory / "made.csv"))
    people = np.mean([[float(x) for x in table[name]] for name in ("ann", "ben", "cem")], axis=0).round(9)
    metric = np.array([float(x) for x in table["good"]])
    (row,) = document(shell, "made.csv", "--metric", "good", *PEOPLE)["metrics"]
    for kind, oracle in (
        ("pearson", scipy_stats.pearsonr), ("spearman", scipy_stats.spearmanr), ("kendall", scipy_stats.kendalltau),
    ):  # fmt: skip
        estimate = row["items"][kind]
        assert estimate["value"] == pytest.approx(oracle(metric, people).statistic)
        assert estimate["low"] < estimate["value"] < estimate["high"]
        assert estimate["n_clusters"] == 40
        system = np.array(table["system"])
        means = [[side[system == one].mean() for one in sorted(set(system))] for side in (metric, people)]
        assert row["systems"][kind]["value"] == pytest.approx(oracle(*means).statistic)
    assert {one["system"]: one["people"] for one in row["systems"]["means"]}["s3"] == pytest.approx(means[1][3])


def test_one_row_a_label_is_one_row_an_item(shell: Shell) -> None:
    table = columns(made(shell.directory / "made.csv", documents=15))
    rows = [
        [table[name][row] for name in ("id", "document", "system", "good")] + [person, table[person][row]]
        for row in range(len(table["id"]))
        for person in ("ann", "ben", "cem")
    ]
    np.random.default_rng(3).shuffle(rows)
    write_csv(shell.directory / "long.csv", ["id", "document", "system", "good", "who", "score"], rows)
    wide = document(shell, "made.csv", "--metric", "good", *PEOPLE)
    long = document(shell, "long.csv", "--metric", "good", "--human", "score", "--rater", "who")
    assert (long["items"], long["raters"]) == (120, 3)
    for kind, estimate in wide["metrics"][0]["items"].items():
        assert long["metrics"][0]["items"][kind]["low"] == pytest.approx(estimate["low"])
    person = [found["metrics"][0]["ceiling"]["person"]["value"] for found in (wide, long)]
    assert person[0] == pytest.approx(person[1])
    decisions = [found["metrics"][0]["systems"]["decisions"] for found in (wide, long)]
    assert decisions[0]["same_order"] == decisions[1]["same_order"]


def test_decisions_are_those_of_t_tests_with_holm() -> None:
    rng = np.random.default_rng(5)
    quality, system = np.linspace(0.0, 1.2, 7), np.repeat(np.arange(7), 25)
    document = np.tile(np.arange(25), 7)
    people = quality[system] + rng.normal(scale=0.6, size=175)
    metric = people + rng.normal(scale=0.8, size=175)
    found = pairwise_decisions(metric, people, system, document)
    truth, call, gap = [], [], []
    for a, b in combinations(range(7), 2):
        human, proxy = (scipy_stats.ttest_rel(x[system == a], x[system == b]) for x in (people, metric))
        truth.append((human.pvalue, np.sign(human.statistic)))
        call.append(np.sign(proxy.statistic) if proxy.pvalue < 0.05 else 0.0)
        gap.append(np.sign(metric[system == a].mean() - metric[system == b].mean()))
    adjusted = holm([p for p, _ in truth])
    decided = np.array([side if p < 0.05 else 0.0 for p, (_, side) in zip(adjusted, truth, strict=True)])
    separated, called = decided != 0, np.array(call) != 0
    assert (found.pairs, found.separated, found.called) == (21, separated.sum(), called.sum())
    assert 0 < separated.sum() < 21
    assert found.same_order.value == pytest.approx(np.mean((np.array(gap) == decided)[separated]))
    assert found.alike.value == pytest.approx(np.mean((np.array(call) == decided)[separated]))
    assert found.unshared.value == pytest.approx(np.mean((np.array(call) != decided)[called]))
    opposite = pairwise_decisions(-people, people, system, document)
    assert (opposite.alike.value, opposite.same_order.value) == (0.0, 0.0)
    assert opposite.opposite.value == opposite.unshared.value == 1.0 or opposite.called > opposite.separated


def test_systems_without_shared_documents_are_compared_by_welch() -> None:
    rng = np.random.default_rng(6)
    system = np.repeat(np.arange(6), 30)
    people = 0.5 * system + rng.normal(size=180) * (1 + 0.2 * system)
    found = pairwise_decisions(people, people, system)
    p = [
        scipy_stats.ttest_ind(people[system == a], people[system == b], equal_var=False).pvalue
        for a, b in combinations(range(6), 2)
    ]
    assert found.separated == sum(one < 0.05 for one in holm(p))
    assert found.called == sum(one < 0.05 for one in p)
    assert (found.alike.value, found.opposite.value) == (1.0, 0.0)
    assert found.alike.high == 1.0
    assert found.alike.low > 0.4  # type: ignore[operator]
    few = pairwise_decisions(people[60:], people[60:], system[60:])
    assert few.same_order.low is None
    assert "4 systems" in str(few.same_order.reason)
    flat = pairwise_decisions(people, np.ones(180), system)
    assert flat.separated == 0
    assert flat.alike.value is None
    with pytest.raises(InvalidInputError, match="there is one"):
        pairwise_decisions(people, people, ["a"] * 180)


def found(value: float, low: float, high: float, n: int = 400) -> Estimate:
    return Estimate(value=value, low=low, high=high, n=n, method="delta", confidence=0.95)


@pytest.mark.parametrize(
    ("rho", "gap", "answers"),
    [
        ((0.5, 0.4, 0.6), (-0.01, -0.04, 0.02), ("yes", "yes")),
        ((0.5, 0.3, 0.6), (-0.04, -0.04, -0.01), ("yes", "yes")),  # worse, and by less than the margin
        ((0.5, 0.4, 0.6), (-0.2, -0.3, -0.1), ("yes", "no")),
        ((0.5, 0.4, 0.6), (-0.05, -0.15, 0.05), ("yes", "open")),
        ((0.35, 0.25, 0.45), (0.0, -0.01, 0.01), ("open", "open")),
        ((0.2, 0.11, 0.29), (0.1, 0.05, 0.15), ("no", "no")),
        ((0.5, 0.4, 0.6), None, ("yes", "not measured")),
    ],
)
def test_the_rules_of_the_verdict(rho: Any, gap: Any, answers: tuple[str, str]) -> None:
    verdict = judged_usable(found(*rho), None if gap is None else found(*gap), None, least=0.3, margin=0.05)
    assert (verdict.guardrail, verdict.stands_in) == answers


def test_numbers_beyond_reason_are_refused(shell: Shell) -> None:
    with (shell.directory / "huge.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("id", "same", "label"), *((f"i{k}", f"{k}e300", k % 5) for k in range(70))])
    said = shell("metric", "validate", "huge.csv", "--metric", "same", "--human", "label")
    assert said.status == 3
    assert "beyond 1e+50" in said.err


def test_a_perfect_metric_needs_no_interval() -> None:
    def exactly(value: float, n: int = 400, clusters: int | None = None) -> Estimate:
        return Estimate(
            value=value, low=None, high=None, n=n, n_clusters=clusters, method="delta-z", confidence=0.95,
            reason="the scores agree perfectly",
        )  # fmt: skip

    for rho, answer in (
        (exactly(1.0), "yes"), (exactly(-1.0), "no"), (exactly(1.0, clusters=3), "open"), (exactly(0.9), "open"),
    ):  # fmt: skip
        assert judged_usable(rho, None, None, least=0.3, margin=0.05).guardrail == answer


def test_a_metric_that_is_peoples_mean_is_usable_and_its_opposite_is_not(shell: Shell) -> None:
    rows = [(f"i{k}", k % 7, 6 - k % 7, k % 7) for k in range(70)]
    with (shell.directory / "exact.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("id", "same", "turned", "label"), *rows])
    found = shell.ok("metric", "validate", "exact.csv", "--metric", "same", "--metric", "turned", "--human", "label",
                     "--json").json  # fmt: skip
    assert [row["verdict"]["guardrail"] for row in found["metrics"]] == ["yes", "no"]
    said = " ".join(found["sentences"])
    assert "same is usable as a guardrail" in said
    assert "turned cannot replace people and is no guardrail: rho is -1.00" in said
    assert "below 0.3" in said


@pytest.mark.parametrize(
    "columns",
    [("--metric", "same", "--human", "same"), ("--metric", "same", "--human", "label", "--human", "label")],
)
def test_labels_are_no_metric_and_no_second_person(shell: Shell, columns: Sequence[str]) -> None:
    with (shell.directory / "exact.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("id", "same", "label"), *((f"i{k}", k % 7, k % 5) for k in range(70))])
    said = shell("metric", "validate", "exact.csv", *columns)
    assert said.status == 3
    assert "judge.label_as_feature" in said.err


def test_items_needed_scale_with_the_square_of_what_is_missing() -> None:
    verdict = judged_usable(found(0.35, 0.25, 0.45), None, None, least=0.3, margin=0.05)
    assert verdict.needed_guardrail == 1600  # the interval must be half as wide
    assert verdict.needed_half_width == 1593  # a little less than four times as many: t is smaller then
    few = Estimate(value=0.5, low=0.1, high=0.9, n=40, n_clusters=10, method="delta", confidence=0.95)
    needed = judged_usable(few, None, None, least=0.3, margin=0.05).needed_half_width
    assert needed is not None
    error = 0.4 / scipy_stats.t.ppf(0.975, 9) / math.sqrt(needed / 40)
    assert error * scipy_stats.t.ppf(0.975, needed / 4 - 1) == pytest.approx(0.05, rel=1e-3)
    assert needed < 40 * 64
    wide = judged_usable(found(0.5, 0.4, 0.6), found(0.0, -0.1, 0.1, n=300), None, least=0.3, margin=0.05)
    assert wide.needed_stands_in == 1200
    on_it = judged_usable(found(0.3, 0.2, 0.4), None, None, least=0.3, margin=0.05)
    assert (on_it.guardrail, on_it.needed_guardrail) == ("open", None)


def test_the_text_fits_and_begins_with_the_verdict(shell: Shell) -> None:
    made(shell.directory / "made.csv", documents=12)
    out = shell.ok("metric", "validate", "made.csv", "--metric", "good", "--metric", "poor", *PEOPLE,
                   "--segment", "system").out  # fmt: skip
    assert max(map(len, out.splitlines())) <= 80
    assert out.split("\n\n")[1].startswith("good is ")
    for part in ("rho, one person and the others", "ordered as people do", "difference of rho", "interval, all hold"):
        assert part in out


def test_one_label_an_item_leaves_the_person_open(shell: Shell) -> None:
    made(shell.directory / "made.csv")
    result = document(shell, "made.csv", "--metric", "good", "--human", "ann")
    (row,) = result["metrics"]
    assert row["ceiling"] is row["corrected"] is None
    assert (row["verdict"]["guardrail"], row["verdict"]["stands_in"]) == ("yes", "not measured")
    assert "one label each" in result["sentences"][0]


def test_gaps_are_left_out_and_counted_and_a_constant_metric_says_so(shell: Shell) -> None:
    rng = np.random.default_rng(2)
    rows = [
        ["", 1, x] if k < 5 else [x + rng.normal(), 1, "" if k < 9 else x] for k, x in enumerate(rng.normal(size=60))
    ]
    write_csv(shell.directory / "gaps.csv", ["m", "flat", "human"], rows)
    result = document(shell, "gaps.csv", "--metric", "m", "--metric", "flat")
    metric, flat = result["metrics"]
    assert (metric["n"], metric["left_out"], metric["systems"], metric["within_clusters"]) == (51, 9, None, None)
    assert flat["items"]["spearman"]["value"] is None
    assert flat["verdict"]["guardrail"] == "open"
    assert "cannot be held against people" in " ".join(result["sentences"])
    assert "cannot be told apart" in result["sentences"][-1]


def test_the_page_is_one_file_with_the_figures(shell: Shell) -> None:
    made(shell.directory / "made.csv", documents=12)
    arguments = ("made.csv", "--metric", "good", "--metric", "poor", *PEOPLE, "--report", "page.html")
    assert document(shell, *arguments)["report"] == "page.html"
    page = (shell.directory / "page.html").read_text(encoding="utf-8")
    for part in (
        "Metrics against people in made.csv",
        "Rules of the verdict",
        "Mean of each system",
        "against each other",
    ):
        assert part in page
    assert 'src="http' not in page


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--metric", "goood"), "data.no_column"),
        (("--metric", "good", "--metric", "good"), "metric.columns"),
        (("--metric", "good", "--lower-is-better", "poor"), "metric.columns"),
        (("--metric", "document"), "data.type"),
        (("--metric", "good", "--human", "none"), "data.no_column"),
        (("--metric", "good", "--human", "ann", "--human", "ben", "--rater", "system"), "metric.columns"),
        (("--metric", "good", "--rater", "system", "--id", "document"), "metric.item_differs"),
        (("--metric", "same", "--rater", "who", "--id", "thing"), "metric.repeated"),
        (("--metric", "good", "--segment", "id"), "metric.segments"),
        (("--metric", "rare"), "metric.few_labels"),
        (("--metric", "good", "--id", "empty"), "judge.no_id"),
        (("--metric", "good", "--id", "document"), "judge.duplicate_id"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(shell: Shell, arguments: tuple[str, ...], code: str) -> None:
    path = made(shell.directory / "made.csv", documents=15)
    table = columns(path)
    extra = {"same": "1", "who": "x", "thing": "y", "empty": ""}
    rows = [
        [*(table[name][row] for name in table), *extra.values(), "1" if row < 9 else ""]
        for row in range(len(table["id"]))
    ]
    header = [*table, *extra, "rare"]
    grouped = "thing" in arguments  # a file whose groups are the same in all rows of an item
    if grouped:
        header = [f"{name}_" if name in ("document", "system") else name for name in header]
    write_csv(path, header, rows)
    human = () if "--human" in arguments else ("--human", "ann")
    said = shell("metric", "validate", "made.csv", *arguments, *human)
    assert (said.status, said.code) == (3, code), said.out + said.err


def test_labels_and_metrics_must_be_named(shell: Shell) -> None:
    made(shell.directory / "made.csv", documents=3)
    assert shell("metric", "validate", "made.csv").status == 2
    assert shell("metric", "validate", "made.csv", "--metric", "good").code == "metric.columns"
    assert shell("metric", "validate", "none.csv", "--metric", "good").status == 3
    assert shell("metric", "valdate").status == 2


@pytest.mark.slow
def test_the_interval_of_a_share_of_pairs_covers_at_few_systems_and_at_many() -> None:
    rng = np.random.default_rng(7)

    def draw(systems: int, documents: int) -> tuple[Any, ...]:
        quality = rng.normal(size=systems)
        proxy = 0.5 * quality + 0.75**0.5 * rng.normal(size=systems)
        system, document = np.repeat(np.arange(systems), documents), np.tile(np.arange(documents), systems)
        noise = rng.normal(size=(2, system.size))
        return proxy[system] + noise[0], quality[system] + noise[1], system, document

    names = ("same_order", "alike", "opposite", "unshared")
    for systems in (8, 20):
        drawn = [pairwise_decisions(*draw(systems, 12)) for _ in range(400)]
        for name in names:
            found = [getattr(one, name) for one in drawn]
            worth = [(e.value or 0.0) * e.n for e in found]
            truth = sum(worth) / sum(e.n for e in found)  # of all pairs that ever count
            known = [e for e in found if e.low is not None]
            covered = sum(e.low <= truth <= e.high for e in known)
            assert len(known) > 300
            assert covered >= 0.93 * len(known), (systems, name, covered / len(known))
            if name == "same_order":
                naive = sum(
                    scipy_stats.binomtest(round(e.value * e.n), e.n).proportion_ci(method="wilson").low
                    <= truth
                    <= scipy_stats.binomtest(round(e.value * e.n), e.n).proportion_ci(method="wilson").high
                    for e in known
                )
                assert naive < 0.85 * len(known)  # pairs that share systems are not independent


@pytest.mark.slow
def test_summeval_judges_are_guardrails_and_no_people_and_rouge_is_less(real_data: Path, shell: Shell) -> None:
    summeval(real_data, shell.directory / "coherence.csv")
    metrics = ("--metric", "gpt4", "--metric", "gpt35", "--metric", "rouge_l")
    result = document(shell, "coherence.csv", *metrics, "--human", "e1", "--human", "e2", "--human", "e3")
    assert (result["items"], result["raters"], result["systems"], result["clusters"]) == (600, 3, 12, 50)
    gpt4, gpt35, rouge = result["metrics"]
    assert [round(row["items"]["spearman"]["value"], 3) for row in (gpt4, gpt35)] == [0.441, 0.455]
    assert [row["verdict"]["guardrail"] for row in (gpt4, gpt35, rouge)] == ["yes", "yes", "open"]
    assert [row["verdict"]["stands_in"] for row in (gpt4, gpt35)] == ["no", "no"]
    for row in (gpt4, gpt35, rouge):
        assert row["ceiling"]["person"]["value"] == pytest.approx(0.752, abs=5e-4)
        assert row["ceiling"]["difference"]["high"] < -0.2
        assert (row["systems"]["decisions"]["pairs"], row["systems"]["decisions"]["separated"]) == (66, 38)
    better = {(row["first"], row["second"]): row["better"] for row in result["comparisons"]}
    assert better == {("gpt4", "gpt35"): None, ("gpt4", "rouge_l"): "gpt4", ("gpt35", "rouge_l"): "gpt35"}


@pytest.mark.slow
def test_topical_chat_is_read_by_a_query(real_data: Path, shell: Shell) -> None:
    path = real_data / "judge" / "topical_chat_unieval.jsonl.gz"
    query = (
        "SELECT id, md5(source) AS document, system_id AS system, scores.overall AS human,"
        f" predict_scores.overall AS unieval FROM read_json('{path}', format = 'newline_delimited')"
    )
    (row,) = document(shell, query, "--metric", "unieval")["metrics"]
    from metric_tables import json_rows

    rows = json_rows(path)
    pairs = [[one["predict_scores"]["overall"], one["scores"]["overall"]] for one in rows]
    assert row["items"]["spearman"]["value"] == pytest.approx(scipy_stats.spearmanr(*np.array(pairs).T).statistic)
    assert row["verdict"]["guardrail"] == "yes"
    assert row["verdict"]["stands_in"] == "not measured"
    assert row["systems"]["n"] == len({one["system_id"] for one in rows})
    assert json.dumps(row)  # nothing that is no JSON
