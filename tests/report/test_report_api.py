"""The API against its own description: every operation with allowed and with hostile parameters, and its cursors."""

from __future__ import annotations

import re
import string
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from made_runs import MATCH, hostile_item, make_items, make_run
from report_asking import Answer, get

from assay.app.wiring import App

pytestmark = pytest.mark.slow

ROOT = "/api/v1"
HOSTILE = [
    *("", " ", "0", "-1", "1.5", "1e3", "٣", "9" * 40, "null", "NaN", "true", "[]", "last", "run_", "x" * 5_000),
    *("\x00", "\x1f", "'", "';--", '" OR 1=1', "%", "%s", "_", "\\", "{{7*7}}", "<script>", "é", "🜚", "\ufffd"),
    *("../..", "/", "//", "?", "#", "&"),
]


def description(app: App) -> dict[str, Any]:
    document: dict[str, Any] = get(app, f"{ROOT}/openapi.json").json()
    return document


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(path, methods["get"]) for path, methods in document["paths"].items()]


def checked(document: dict[str, Any], name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": document["components"]})


def schema_of(operation: dict[str, Any], status: str) -> str:
    reference: str = operation["responses"][status]["content"]["application/json"]["schema"]["$ref"]
    return reference.rpartition("/")[2]


def holds(document: dict[str, Any], operation: dict[str, Any], answered: Answer) -> None:
    """An answer is what the description says, and an error has the one shape."""
    assert answered.status in (200, 400, 404), (answered.status, answered.text)
    assert answered.headers["content-type"] == "application/json"
    schema = schema_of(operation, str(answered.status))
    assert (schema == "Error") is (answered.status != 200)
    problems = list(checked(document, schema).iter_errors(answered.json()))
    assert problems == []
    if schema == "Error":
        assert set(answered.json()) == {"error"}
        assert set(answered.json()["error"]) == {"code", "message", "hint", "details"}


def test_the_description_is_whole(shared: App) -> None:
    document = description(shared)
    assert document["openapi"] == "3.1.0"
    for name, schema in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema), name
    names = [operation["operationId"] for _, operation in operations(document)]
    assert sorted(names) == [
        *("compareRuns", "getJudge", "getRun", "getSample", "listJudges", "listRuns", "listSamples")
    ]
    for path, operation in operations(document):
        inside = [parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"]
        assert sorted(inside) == sorted(re.findall(r"{(\w+)}", path))
        everything = [parameter["name"] for parameter in operation["parameters"]]
        assert len(set(everything)) == len(everything)
        assert all(
            parameter["description"].endswith((".", "first page without it.")) for parameter in operation["parameters"]
        )
        assert set(operation["responses"]) == {"200", "400", "404", "default"}
        for status in operation["responses"]:
            assert schema_of(operation, status) in document["components"]["schemas"]


def test_lists_are_paged_by_cursors_and_nothing_else_is(shared: App) -> None:
    document = description(shared)
    paged = {
        operation["operationId"]
        for _, operation in operations(document)
        if {"limit", "cursor"} <= {parameter["name"] for parameter in operation["parameters"]}
    }
    having = {
        operation["operationId"]
        for _, operation in operations(document)
        if "next_cursor" in document["components"]["schemas"][schema_of(operation, "200")]["properties"]
    }
    assert paged == having == {"listRuns", "listSamples", "compareRuns", "listJudges"}


def run_ids(app: App) -> list[str]:
    return [record.run_id for record in app.store.metadata.runs()]


def allowed(app: App, parameter: dict[str, Any]) -> st.SearchStrategy[str]:
    """Values that the description allows."""
    schema, name = parameter["schema"], parameter["name"]
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema["type"] == "integer":
        return st.integers(schema["minimum"], schema["maximum"]).map(str)
    if name in ("run_id", "baseline", "candidate"):
        return st.sampled_from([*run_ids(app), "last", run_ids(app)[0][:-1], "run_nobody"])
    known = {
        "sample_id": ["ticket-0003", "ticket-0000", "ticket-0119", "nobody", "a/b c"],
        "scorer": ["exact_match", "overlap", "length", "nothing"],
        "task": ["support-tone", "other"],
        "model": ["openai/gpt-4o-mini", "other"],
        "version": ["v1", "v2", "v3", "helpful", "nobody"],
        "search": ["ticket", "TIMEOUT", "100%", "no such text"],
    }
    return st.sampled_from(known[name])


def fits(parameter: dict[str, Any], value: str) -> bool:
    """Whether the description allows a value that is not empty."""
    schema = parameter["schema"]
    if schema["type"] == "integer":
        return bool(re.fullmatch("[0-9]{1,10}", value)) and schema["minimum"] <= int(value) <= schema["maximum"]
    return "enum" not in schema or value in schema["enum"]


def asked(app: App, path: str, operation: dict[str, Any], values: dict[str, str], more: str = "") -> Answer:
    query = {}
    for parameter in operation["parameters"]:
        name = parameter["name"]
        if parameter["in"] == "path":
            path = path.replace(f"{{{name}}}", quote(values[name], safe=""))
        elif name in values:
            query[name] = values[name]
    return get(app, f"{path}?{urlencode(query)}{more}")


@st.composite
def requests(draw: st.DrawFn, app: App, document: dict[str, Any], *, hostile: bool) -> Any:
    path, operation = draw(st.sampled_from(operations(document)))
    values = {}
    for parameter in operation["parameters"]:
        wanted = parameter["required"] or draw(st.booleans())
        if parameter["name"] == "cursor" and not hostile:
            continue  # only a page before knows one
        if not hostile:
            if wanted:
                values[parameter["name"]] = draw(allowed(app, parameter))
        elif parameter["in"] == "path" or wanted:
            strange = st.sampled_from(HOSTILE) | st.text(st.characters(codec="utf-8"), max_size=20)
            usual = st.just("") if parameter["name"] == "cursor" else allowed(app, parameter)
            values[parameter["name"]] = draw(st.one_of(strange, usual))
    return path, operation, values


PLAIN = settings(
    max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@given(data=st.data())
@PLAIN
def test_what_the_description_allows_is_answered(shared: App, data: st.DataObject) -> None:
    document = description(shared)
    path, operation, values = data.draw(requests(shared, document, hostile=False))
    answered = asked(shared, path, operation, values)
    holds(document, operation, answered)
    assert answered.status != 400, answered.text


def test_odd_runs_are_answered_as_described(app: App) -> None:
    items = make_items(9)
    run_ids = [
        make_run(app, [], at=0),
        make_run(app, items, at=1, status="running", planned=20),
        make_run(app, items, at=2, status="killed", planned=20),
        make_run(app, [], at=3, status="killed", planned=20),
        make_run(app, [hostile_item(0)], at=4, scorers=[MATCH], model=None),
        make_run(app, [hostile_item(0, right=False)], at=5, scorers=[MATCH], status="failed"),
    ]
    document = description(app)
    by_name = {operation["operationId"]: (path, operation) for path, operation in operations(document)}
    sample = hostile_item(0).sample.id
    for run_id in run_ids:
        values = {"run_id": run_id, "sample_id": sample, "baseline": run_ids[4], "candidate": run_id, "version": "x"}
        for name, (path, operation) in by_name.items():
            answered = asked(app, path, operation, values)
            holds(document, operation, answered)
            assert name not in ("listRuns", "getRun", "listSamples") or answered.status == 200, answered.text
    path, operation = by_name["compareRuns"]
    compared = asked(app, path, operation, {"baseline": run_ids[4], "candidate": run_ids[5]})
    assert compared.status == 200
    path, operation = by_name["getSample"]
    assert asked(app, path, operation, {"run_id": run_ids[4], "sample_id": sample}).json()["sample"]["id"] == sample


@given(data=st.data())
@PLAIN
def test_hostile_parameters_are_refused_in_the_one_shape(shared: App, data: st.DataObject) -> None:
    document = description(shared)
    path, operation, values = data.draw(requests(shared, document, hostile=True))
    if any(not values[p["name"]].strip("/.") for p in operation["parameters"] if p["in"] == "path"):
        return  # such an address is another one
    answered = asked(shared, path, operation, values)
    holds(document, operation, answered)
    refused = [p["name"] for p in operation["parameters"] if values.get(p["name"]) and not fits(p, values[p["name"]])]
    assert not refused or answered.status in (400, 404), (refused, values)
    missing = [p["name"] for p in operation["parameters"] if p["required"] and not values.get(p["name"])]
    assert not missing or answered.status in (400, 404), (missing, values)


@given(address=st.text(string.printable + "é\x00", max_size=30))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_any_address_below_the_api_answers_in_the_one_shape(shared: App, address: str) -> None:
    answered = get(shared, f"{ROOT}/{quote(address)}")
    assert answered.status in (200, 307, 400, 404)
    if answered.status in (400, 404):
        assert set(answered.json()["error"]) == {"code", "message", "hint", "details"}


@pytest.mark.parametrize("name", ["limt", "offset", "before", "after", "id", ""])
def test_parameters_that_mean_nothing_are_refused_and_the_nearest_named(shared: App, name: str) -> None:
    for path, operation in operations(description(shared)):
        runs = dict.fromkeys(("run_id", "baseline", "candidate"), "last")
        values = {**runs, "sample_id": "ticket-0003", "version": "v1"}
        refused = asked(shared, path, operation, values, f"&{name}=1")
        assert refused.status == 400, path
        assert refused.json()["error"]["hint"]


def every(app: App, address: str, **parameters: Any) -> list[dict[str, Any]]:
    pages, cursor = [], ""
    while cursor is not None:
        pages.append(get(app, f"{address}?{urlencode({**parameters, 'cursor': cursor})}").json())
        cursor = pages[-1]["next_cursor"]
        assert len(pages) <= 120, "the cursors lead round in a circle"
    return pages


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_cursors_lead_through_all_runs_though_new_ones_come(app: App, limit: int) -> None:
    expected = [make_run(app, make_items(2), at=at) for at in range(5)][::-1]
    first = get(app, f"{ROOT}/runs?limit={limit}").json()
    make_run(app, make_items(2), at=6)  # an offset would now show one run twice
    seen, cursor = [row["run_id"] for row in first["runs"]], first["next_cursor"]
    while cursor is not None and len(seen) < 10:
        page = get(app, f"{ROOT}/runs?limit={limit}&cursor={cursor}").json()
        seen, cursor = seen + [row["run_id"] for row in page["runs"]], page["next_cursor"]
    assert seen == expected


@pytest.mark.parametrize("limit", [7, 50, 120, 500])
def test_cursors_lead_through_all_samples_and_flips(shared: App, limit: int) -> None:
    newest, older = run_ids(shared)[:2]
    pages = every(shared, f"{ROOT}/runs/{newest}/samples", limit=limit, show="below", sort="latency_s")
    ids = [row["sample_id"] for page in pages for row in page["rows"]]
    assert len(set(ids)) == len(ids) == pages[0]["total"] > 0
    pages = every(shared, f"{ROOT}/compare", baseline=older, candidate=newest, limit=min(limit, 100), flips="gained")
    ids = [row["sample_id"] for page in pages for row in page["flips_shown"]["rows"]]
    assert ids == pages[0]["flips"]["gained"]


def test_a_cursor_fits_only_the_list_it_came_from(shared: App) -> None:
    newest, older = run_ids(shared)[:2]
    table = f"{ROOT}/runs/{newest}/samples"
    cursor = get(shared, f"{table}?limit=5&show=below").json()["next_cursor"]
    assert get(shared, f"{table}?limit=9&show=below&sort=row&cursor={cursor}").json()["query"]["offset"] == 5
    others = [
        f"{table}?cursor={cursor}",
        f"{table}?show=below&sort=value&cursor={cursor}",
        f"{ROOT}/runs/{older}/samples?show=below&cursor={cursor}",
        f"{ROOT}/runs?cursor={cursor}",
        f"{table}?show=below&cursor={cursor[:-2]}",
        f"{table}?show=below&cursor={cursor}A",
    ]
    for address in others:
        refused = get(shared, address)
        assert refused.status == 400, address
        assert "next_cursor" in refused.json()["error"]["hint"]


def test_older_runs_are_reached_from_the_page(app: App) -> None:
    ids = [make_run(app, make_items(1), at=at) for at in range(3)]
    page = get(app, "/?limit=2").text
    assert f"before={ids[1]}" in page
    assert ids[0] not in page
    older = get(app, f"/?limit=2&before={ids[1]}").text
    assert ids[0] in older
    assert ids[2] not in older
    assert "older" not in older
