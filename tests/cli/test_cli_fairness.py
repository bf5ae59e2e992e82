"""``assay fairness``: a table of people in, one document, a table of 80 columns or a page out; a gate; errors."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from cli_shell import Shell

pytestmark = pytest.mark.slow

RATES = {"north": 0.35, "south": 0.55, "a region with quite a long name": 0.45}


def people(shell: Shell, n: int = 1_200, *, name: str = "people.csv", tiny: str = "tiny") -> Path:
    rng = np.random.default_rng(6)
    lines = ["region,sex,level,score,repaid,granted"]
    for i in range(n):
        region = list(RATES)[int(rng.integers(3))] if i >= 8 else tiny
        repaid = int(rng.random() < RATES.get(region, 0.5))
        score = round(float(rng.normal(5.0 + repaid + (region == "south"), 1.0)), 2)
        sex, level = str(rng.choice(["f", "m"])), str(rng.choice(["low", "high"]))
        lines.append(f"{region},{sex},{level},{score},{repaid},{score >= 5.5:d}")
    return shell.write(name, "\n".join(lines) + "\n")


SCORES = ("--prediction", "score", "--label", "repaid", "--threshold", 5.5)


def test_predictions_by_group_and_intersection(shell: Shell) -> None:
    document = shell.ok(
        "fairness", people(shell), "--group", "region", "--group", "sex", "--intersect", *SCORES, "--json"
    ).json
    assert document["schema"] == "assay.fairness/1"
    names = {(one["metric"], one["grouping"]) for one in document["results"]}
    assert {("fpr", "region"), ("ppv", "sex"), ("tpr", "region × sex")} <= names
    fpr = next(one for one in document["results"] if (one["metric"], one["grouping"]) == ("fpr", "region"))
    south = next(row for row in fpr["groups"] if row["group"] == "south")
    assert south["verdict"] == "higher"
    assert south["difference"]["low"] > 0
    assert south["p_adjusted"] >= south["p_value"]
    assert fpr["highest"] == "south"
    assert 0 < fpr["gap"]["low"] < fpr["gap"]["value"] < fpr["gap"]["high"]
    assert document["impossibility"][0]["sentence"].startswith("Base rates differ by region")


def test_a_table_of_80_columns_says_the_same(shell: Shell) -> None:
    said = shell.ok(
        "fairness",
        people(shell),
        "--group",
        "region",
        "--group",
        "sex",
        "--intersect",
        *SCORES,
        "--confounder",
        "level",
    ).out
    assert max(len(line) for line in said.splitlines()) <= 80
    assert "fpr by region: predicted positive among the negative (FPR)" in said
    assert re.search(r"^tiny +\d .*too small; about \d", said, re.MULTILINE)
    assert "at equal level" in said
    assert "Base rates differ" in said


def test_an_outcome_may_be_a_number_and_the_rest_a_reference(shell: Shell) -> None:
    path = people(shell)
    arguments = ("fairness", path, "--group", "region", "--outcome", "score", "--reference", "north")
    document = shell.ok(*arguments, "--json").json
    (result,) = document["results"]
    assert (result["unit"], result["against"], result["ratio"]) == ("score", "north", None)
    assert [row["verdict"] for row in result["groups"] if row["group"] == "north"] == ["reference"]
    said = shell.ok(*arguments).out
    assert "− north (interval)" in said
    assert max(len(line) for line in said.splitlines()) <= 80


@pytest.mark.parametrize(
    ("limit", "verdict", "status"), [(0.05, "fail", 1), (0.6, "pass", 0), (0.4, "inconclusive", 1)]
)
def test_the_gate_decides_the_exit_status(shell: Shell, limit: float, verdict: str, status: int) -> None:
    arguments = ("fairness", people(shell), "--group", "region", *SCORES, "--metric", "fpr", "--max-gap", limit)
    said = shell(*arguments)
    assert said.status == status, said.out
    assert f"gate: {verdict}" in said.out
    document = shell(*arguments, "--json").json
    assert document["decision"]["verdict"] == verdict
    assert document["decision"]["rules"][0]["rule"] == f"gap(fpr by region) <= {limit:g}"


def test_a_query_is_a_table_too(shell: Shell) -> None:
    people(shell)
    query = "SELECT *, score > 6 AS high FROM 'people.csv' WHERE sex = 'f'"
    document = shell.ok("fairness", query, "--group", "region", "--outcome", "high", "--json").json
    assert document["results"][0]["unit"] == "share"
    assert document["rows"] < 700
    assert "query · " in shell.ok("fairness", query, "--group", "region", "--outcome", "high").out


def test_the_same_file_gives_the_same_document(shell: Shell) -> None:
    arguments = ("fairness", people(shell), "--group", "region", *SCORES, "--confounder", "level", "--json")
    assert shell.ok(*arguments).out == shell.ok(*arguments).out


def test_a_report_is_one_file_whose_texts_cannot_run(shell: Shell) -> None:
    path = people(shell, tiny="<script>alert(1)</script>")
    said = shell(
        "fairness", path, "--group", "region", *SCORES, "--confounder", "level", "--max-gap", 0.05,
        "--report", "page.html",
    )  # fmt: skip
    assert (said.status, "report: page.html" in said.err) == (1, True)
    page = (shell.directory / "page.html").read_text()
    assert "<script>alert" not in page
    assert 'src="http' not in page
    specs = re.findall(r'<script type="application/json" id="[^"]+">(.*?)</script>', page)
    assert len(specs) == 7 + 5  # levels of seven metrics, differences of those with a better side
    assert all(json.loads(spec)["$schema"].endswith("v5.json") for spec in specs)
    forest = next(json.loads(spec) for spec in specs if "fpr against the rest" in spec)
    south = next(row for row in forest["data"]["values"] if row["name"] == "south")
    assert (south["verdict"], south["low"] > 0.0) == ("worse", True)
    for part in ("Gaps", "Gate", "fpr by region", "Base rates differ", "at equal level"):
        assert part in page
    missing = shell("fairness", path, "--group", "region", "--outcome", "repaid", "--report", "no/such/page.html")
    assert (missing.status, missing.code) == (3, "report.unwritable")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--group", "regin", "--outcome", "repaid"), "data.no_column"),
        (("--group", "region", "--outcome", "repayd"), "data.no_column"),
        (("--group", "score", "--outcome", "repaid"), "fairness.too_many_groups"),
        (("--group", "region", "--outcome", "level"), "fairness.not_a_number"),
        (("--group", "region", "--prediction", "score", "--label", "repaid"), "fairness.not_binary"),
        (("--group", "region", "--prediction", "granted", "--label", "score"), "fairness.not_binary"),
        (("--group", "region", "--outcome", "repaid", "--min-group", "5000"), "fairness.small_groups"),
        (("--group", "region", "--outcome", "repaid", "--reference", "nort"), "fairness.no_reference"),
        (("--group", "region", "--outcome", "repaid", "--intersect"), "fairness.question"),
        (("--group", "region", *SCORES, "--metric", "fprr"), "fairness.question"),
        (("--group", "region", *SCORES, "--metric", "base_rate", "--max-gap", "0.1"), "fairness.question"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_used_ends_with_a_code(
    shell: Shell, arguments: tuple[str | float, ...], code: str
) -> None:
    said = shell("fairness", people(shell, 600), *arguments, "--json")
    assert (said.status, said.code) == (3, code)
    assert said.json["error"]["hint"]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--group", "region"),
        ("--group", "region", "--outcome", "repaid", "--prediction", "score"),
        ("--group", "region", "--prediction", "score"),
        ("--group", "region", "--label", "repaid"),
        ("--outcome", "repaid"),
        ("--group", "region", "--outcome", "repaid", "--min-group", "1"),
        ("--group", "region", "--outcome", "repaid", "--confidence", "1"),
        ("--group", "region", "--outcome", "repaid", "--max-gap", "-1"),
    ],
)
def test_options_that_do_not_fit_are_usage_errors(shell: Shell, arguments: tuple[str, ...]) -> None:
    assert shell("fairness", people(shell, 100), *arguments).status == 2
