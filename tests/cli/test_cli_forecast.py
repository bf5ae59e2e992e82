"""``assay forecast``: a file of states in, one document, a table of 80 columns or a page out; errors with codes."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from cli_shell import Shell


def weather(days: int = 400, *, seed: int = 1, start: date = date(2024, 1, 1)) -> list[tuple[str, float, str]]:
    """Date, millimetres, word: a chain with .2 and .7."""
    rows, rain = [], False
    for day, (u, amount) in enumerate(np.random.default_rng(seed).random((days, 2))):
        rain = bool(u < (0.7 if rain else 0.2))
        rows.append(
            (str(start + timedelta(days=day)), round(10 * amount + 0.1, 1) if rain else 0.0, "wet" if rain else "dry")
        )
    return rows


def write(shell: Shell, rows: list[tuple[str, float, str]], name: str = "weather.csv") -> Path:
    lines = ["day,mm,state", *(f"{day},{mm},{state}" for day, mm, state in rows)]
    return shell.write(name, "\n".join(lines) + "\n")


def test_a_column_of_states_is_forecast_and_judged(shell: Shell) -> None:
    document = shell.ok("forecast", write(shell, weather()), "--state", "state", "--json").json
    assert (document["schema"], document["states"]) == ("assay.forecast/1", ["dry", "wet"])
    first = document["forecasts"][0]["probabilities"]
    assert first["dry"]["value"] + first["wet"]["value"] == pytest.approx(1.0)
    assert first["wet"]["low"] < first["wet"]["value"] < first["wet"]["high"]
    assert document["order"]["used"] == document["order"]["by_bic"]
    after = {tuple(row["after"]): row["probabilities"]["wet"] for row in document["transitions"]}
    assert after[("wet",)]["low"] < 0.7 < after[("wet",)]["high"]
    assert document["backtest"][0]["skill_over_persistence"]["value"] > 0
    assert sum(document["counts"][1]["probabilities"]) == pytest.approx(1.0)
    assert "Brier score" in document["sentence"]


def test_seattle_has_the_published_chances(shell: Shell, real_data: Path) -> None:
    path = real_data / "timeseries" / "seattle_weather.csv"
    document = shell.ok(
        "forecast", path, "--value", "precipitation", "--threshold", 0, "--date", "date", "--order", 1, "--json"
    ).json
    rain = [row["probabilities"]["> 0"]["value"] for row in document["transitions"]]
    assert [round(value, 4) for value in rain] == [0.2437, 0.6726]
    assert document["stationarity"]["months"]["p_value"] < 1e-6 < document["stationarity"]["stretches"]["p_value"]
    assert document["forecasts"][0]["date"] == "2016-01-01"


def test_a_table_of_80_columns_says_the_same(shell: Shell) -> None:
    path = write(shell, weather())
    said = shell.ok("forecast", path, "--value", "mm", "--threshold", 0, "--date", "day", "--season", "month").out
    assert max(len(line) for line in said.splitlines()) <= 80
    assert re.search(r"^ *7 +2025-02-\d\d +> 0", said, re.MULTILINE)
    assert "season month" in said
    many = [(day, mm, f"a long name of state {int(mm) % 5}") for day, mm, _ in weather()]
    wide = shell.ok("forecast", write(shell, many), "--state", "state", "--order", 2, "--horizon", "1,10000000000").out
    assert max(len(line) for line in wide.splitlines()) <= 80


def test_the_same_file_gives_the_same_document(shell: Shell) -> None:
    arguments = ("forecast", write(shell, weather()), "--state", "state", "--horizon", "1,365", "--json")
    assert shell.ok(*arguments).out == shell.ok(*arguments).out


def test_parquet_dates_and_seasons_by_waves(shell: Shell) -> None:
    import duckdb

    write(shell, weather(800))
    duckdb.sql("COPY (SELECT * FROM 'weather.csv') TO 'weather.parquet'")
    document = shell.ok(
        "forecast", "weather.parquet", "--state", "state", "--date", "day", "--season", "fourier", "--json"
    ).json
    assert (document["season"], document["order"]["used"]) == ("fourier", 1)
    assert document["forecasts"][-1]["date"] == str(date(2024, 1, 1) + timedelta(days=829))
    assert document["long_run"] is None


def test_a_report_is_one_file_whose_texts_cannot_run(shell: Shell) -> None:
    rows = [(day, mm, "<script>alert(1)</script>" if state == "wet" else "dry") for day, mm, state in weather()]
    said = shell.ok("forecast", write(shell, rows), "--state", "state", "--report", "page.html")
    assert "report page.html" in said.out
    page = (shell.directory / "page.html").read_text()
    assert "<script>alert" not in page
    specs = re.findall(r'<script type="application/json" id="spec-(\w+)">(.*?)</script>', page)
    assert [name for name, _ in specs] == ["path", "counts", "transitions", "reliability"]
    assert all(json.loads(spec)["$schema"].endswith("v5.json") for _, spec in specs)
    assert 'src="http' not in page
    missing = shell("forecast", "weather.csv", "--state", "state", "--report", "no/such/page.html")
    assert (missing.status, missing.code) == (3, "report.unwritable")


def test_a_cycle_is_reported_and_not_smoothed_away(shell: Shell) -> None:
    rows = [(day, mm, "abc"[i % 3]) for i, (day, mm, _) in enumerate(weather(90))]
    document = shell.ok(
        "forecast", write(shell, rows), "--state", "state", "--order", 1, "--horizon", "1,3000000", "--json"
    ).json
    assert document["structure"]["classes"][0]["period"] == 3
    assert "period 3" in document["structure"]["reason"]
    assert [row["probabilities"]["a"]["value"] for row in document["forecasts"]] == [1.0, 0.0]
    assert document["long_run"]["shares"] is None
    assert "period 3" in shell.ok("forecast", "weather.csv", "--state", "state").out


def test_a_forecast_may_start_elsewhere(shell: Shell) -> None:
    path = write(shell, weather())
    wet = shell.ok("forecast", path, "--state", "state", "--order", 2, "--from", "wet", "--json").json
    assert wet["from"][1] == "wet"
    said = shell("forecast", path, "--state", "state", "--from", "wett")
    assert (said.status, said.code) == (3, "forecast.unknown_state")
    assert "did you mean 'wet'" in said.err


def test_gaps_end_the_command_or_are_bridged(shell: Shell) -> None:
    rows = weather()
    del rows[100:103]
    path = write(shell, rows)
    said = shell("forecast", path, "--state", "state", "--date", "day", "--json")
    assert (said.status, said.code) == (3, "forecast.date_gap")
    assert "3 dates are missing, the first after 2024-04-09" in said.json["error"]["message"]
    bridged = shell.ok(
        "forecast", path, "--state", "state", "--date", "day", "--order", 1, "--gaps", "bridge", "--json"
    ).json
    assert bridged["observations"]["transitions"] == 395
    assert "3 dates are missing" in bridged["notes"][0]


def test_rows_out_of_order_are_sorted_and_months_are_steps(shell: Shell) -> None:
    rows = weather(120)
    shuffled = [rows[place] for place in np.random.default_rng(2).permutation(120)]
    ordered = shell.ok("forecast", write(shell, rows), "--state", "state", "--date", "day", "--json").json
    same = shell.ok("forecast", write(shell, shuffled), "--state", "state", "--date", "day", "--json").json
    assert same["transitions"] == ordered["transitions"]
    months = [(f"{2000 + i // 12}-{i % 12 + 1:02}-01", mm, state) for i, (_, mm, state) in enumerate(rows)]
    document = shell.ok("forecast", write(shell, months), "--state", "state", "--date", "day", "--json").json
    assert document["forecasts"][0]["date"] == "2010-01-01"


NOON = ("2026-01-01T12:00", 0.0, "dry")


def with_holes(rows: list[tuple[str, float, str]]) -> list[tuple[str, float, str]]:
    return [(day, mm, state if i % 3 else "") for i, (day, mm, state) in enumerate(rows[:60])]


@pytest.mark.parametrize(
    ("change", "arguments", "code"),
    [
        (lambda rows: rows, ("--state", "stat"), "forecast.no_column"),
        (lambda rows: rows, ("--state", "state", "--date", "when"), "forecast.no_column"),
        (lambda rows: rows[:20], ("--state", "state"), "forecast.too_few_rows"),
        (lambda rows: [], ("--state", "state"), "forecast.too_few_rows"),
        (with_holes, ("--state", "state"), "forecast.too_few_rows"),
        (lambda rows: [(d, m, "dry") for d, m, _ in rows], ("--state", "state"), "forecast.one_state"),
        (lambda rows: [(d, m, "") for d, m, _ in rows], ("--state", "state"), "forecast.one_state"),
        (lambda rows: rows, ("--value", "mm", "--threshold", "99"), "forecast.one_state"),
        (lambda rows: rows, ("--value", "state", "--threshold", "1"), "forecast.not_a_number"),
        (lambda rows: rows, ("--state", "day"), "forecast.too_many_states"),
        (lambda rows: rows, ("--state", "state", "--states", "dry,snow"), "forecast.unknown_state"),
        (lambda rows: rows, ("--state", "state", "--season", "month"), "forecast.no_date"),
        (lambda rows: rows, ("--state", "state", "--date", "mm"), "forecast.bad_date"),
        (lambda rows: [*rows, rows[-1]], ("--state", "state", "--date", "day"), "forecast.repeated_date"),
        (lambda rows: [*rows, NOON], ("--state", "state", "--date", "day"), "forecast.uneven_dates"),
        (lambda rows: rows, ("--state", "state", "--order", "12"), "forecast.order"),
        (lambda rows: rows, ("--state", "state", "--horizon", "9" * 14), "forecast.horizon"),
        (lambda rows: [*rows, ("2027-01-01", 0.0, "")], ("--state", "state"), "forecast.no_start"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_ends_with_a_code(
    shell: Shell, change: object, arguments: tuple[str, ...], code: str
) -> None:
    path = write(shell, change(weather()))  # type: ignore[operator]
    said = shell("forecast", path, *arguments, "--json")
    assert (said.status, said.code) == (3, code)
    assert said.json["error"]["hint"]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--state", "a", "--value", "b"),
        ("--value", "mm"),
        ("--state", "state", "--threshold", "1"),
        ("--state", "state", "--horizon", "0"),
        ("--state", "state", "--horizon", "a week"),
        ("--state", "state", "--horizon", ","),
        ("--state", "state", "--order", "two"),
    ],
)
def test_options_that_do_not_fit_are_usage_errors(shell: Shell, arguments: tuple[str, ...]) -> None:
    assert shell("forecast", write(shell, weather(50)), *arguments).status == 2


def test_a_file_that_is_not_there_names_its_neighbour(shell: Shell) -> None:
    write(shell, weather(50))
    said = shell("forecast", "wether.csv", "--state", "state")
    assert (said.status, said.code) == (3, "data.not_found")
    assert "weather.csv" in said.err
