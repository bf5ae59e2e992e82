"""Pages and API through the application itself, on ordinary, odd and hostile runs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from made_cards import make_card
from made_runs import HOSTILE, MATCH, hostile_item, make_items, make_run
from report_asking import get

from assay.app.wiring import App
from assay.core.records import Item, Output, Sample, Score


class Markup(HTMLParser):
    """Start tags with attributes, and text outside scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def pair(app: App) -> tuple[str, str]:
    newest, older = (record.run_id for record in app.store.metadata.runs(limit=2))
    return older, newest


def pages_of(app: App, run_id: str, sample_id: str) -> list[str]:
    from assay.report.render import url

    return [
        "/",
        f"/runs/{run_id}",
        url(f"/runs/{run_id}/sample", id=sample_id),
        f"/compare?baseline={run_id}&candidate={run_id}",
    ]


def test_every_page_answers_and_names_its_figures(shared: App) -> None:
    baseline, candidate = pair(shared)
    runs, run, sample, compare = (
        get(shared, address)
        for address in (
            "/",
            f"/runs/{candidate}",
            f"/runs/{candidate}/sample?id=ticket-0003",
            f"/compare?baseline={baseline}&candidate={candidate}",
        )
    )
    assert [page.status for page in (runs, run, sample, compare)] == [200] * 4
    assert "n = 118" in runs.text
    assert "cluster-wilson" in run.text
    assert "skill = refunds" in run.text
    assert "find_order" in sample.text
    assert "What broke" in compare.text
    assert "<ins>" in compare.text


def test_pages_and_api_carry_the_guarding_headers(shared: App) -> None:
    for address in ("/", "/api/v1/runs", "/static/assay.css", "/nowhere"):
        headers = get(shared, address).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "10.0.0.1:8000"]
)
def test_other_host_names_are_refused(shared: App, host: str) -> None:
    refused = get(shared, "/api/v1/runs", host=host)
    assert refused.status == 403
    assert refused.json()["error"]["code"] == "http.host"


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1:65535", "[::1]:80", "LOCALHOST:8000"])
def test_loopback_names_are_served(shared: App, host: str) -> None:
    assert get(shared, "/api/v1/runs", host=host).status == 200


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("/api/v1/nothing", 404, "http.not_found"),
        ("/api/v1/runs/run_nope", 404, "run.unknown"),
        ("/api/v1/runs/{run}/samples/nope", 404, "sample.unknown"),
        ("/api/v1/runs/{run}/samples?sort=colour", 400, "input.invalid"),
        ("/api/v1/runs/{run}/samples?scorer=exact_macth", 404, "scorer.unknown"),
        ("/api/v1/runs/{run}/samples?limit=0", 400, "input.invalid"),
        ("/api/v1/runs/{run}/samples?cursor=NTA", 400, "input.invalid"),
        ("/api/v1/runs/{run}/samples/ticket-0003?epoch=-1", 400, "input.invalid"),
        ("/api/v1/runs/{run}/samples/ticket-0003?at=99999999999999999999", 400, "input.invalid"),
        ("/api/v1/runs?limt=5", 400, "input.invalid"),
        ("/api/v1/runs?limit=x", 400, "input.invalid"),
        ("/api/v1/compare?baseline={run}", 400, "input.invalid"),
        ("/api/v1/compare?baseline={run}&candidate={run}&flips=sideways", 400, "input.invalid"),
    ],
)
def test_errors_have_one_shape(shared: App, address: str, status: int, code: str) -> None:
    run = pair(shared)[0]
    refused = get(shared, address.format(run=run))
    assert refused.status == status
    error = refused.json()["error"]
    assert set(error) == {"code", "message", "hint", "details"}
    assert error["code"] == code
    assert error["hint"]


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/nothing", 404),
        ("/runs/run_nope", 404),
        ("/runs/{run}/sample?id=nope", 404),
        ("/runs/{run}?sort=colour", 400),
        ("/runs/{run}?scorer=exact_macth", 404),
        ("/runs/{run}?offset=-1", 400),
        ("/runs/{run}?offset=99999999999999999999", 400),
        ("/?limit=x", 400),
        ("/?before=run_nope", 404),
        ("/compare?baseline={run}&candidate=", 400),
    ],
)
def test_errors_have_a_page(shared: App, address: str, status: int) -> None:
    page = get(shared, address.format(run=pair(shared)[0]))
    assert page.status == status
    assert "<h1>" in page.text


def test_other_methods_are_refused_in_the_same_shape(shared: App) -> None:
    refused = get(shared, "/api/v1/runs", method="POST")
    assert (refused.status, refused.json()["error"]["code"]) == (405, "http.method")
    assert "GET" in refused.headers["allow"]


def test_a_failure_is_answered_in_the_same_shape(shared: App, monkeypatch: pytest.MonkeyPatch) -> None:
    from assay.report import documents

    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(documents, "runs_document", broken)
    failed = get(shared, "/api/v1/runs")
    assert (failed.status, failed.json()["error"]["code"]) == (500, "server.failed")
    assert "content-security-policy" in failed.headers


def test_the_api_says_what_the_pages_show(shared: App) -> None:
    baseline, candidate = pair(shared)
    runs = get(shared, "/api/v1/runs?task=support-tone").json()
    assert [row["run_id"] for row in runs["runs"]] == [candidate, baseline]
    assert {"value", "low", "high", "n", "confidence", "method"} <= set(runs["runs"][0]["estimate"])
    assert [point["run_id"] for point in runs["trends"][0]["points"]] == [baseline, candidate]
    assert get(shared, "/api/v1/runs?task=other").json()["runs"] == []
    run = get(shared, f"/api/v1/runs/{candidate}").json()
    assert run["schema"] == "assay.run/1"
    assert run["distributions"]["latency_s"]["n"] == 118
    compared = get(shared, f"/api/v1/compare?baseline={baseline}&candidate={candidate}&flips=gained&limit=3").json()
    assert compared["schema"] == "assay.compare/1"
    shown = compared["flips_shown"]
    assert [row["sample_id"] for row in shown["rows"]] == compared["flips"]["gained"][:3]
    first = shown["rows"][0]
    assert (first["baseline"]["value"], first["candidate"]["value"]) == (0.0, 1.0)
    before = "".join(part["text"] for part in first["diff"] if part["op"] != "added")
    after = "".join(part["text"] for part in first["diff"] if part["op"] != "removed")
    assert (before, after) == (first["baseline"]["text"], first["candidate"]["text"])


def test_paging_through_the_api_shows_every_sample_once(shared: App) -> None:
    run, seen, cursor = pair(shared)[1], [], ""
    while cursor is not None:
        page = get(shared, f"/api/v1/runs/{run}/samples?limit=50&cursor={cursor}&sort=value&order=desc").json()
        seen += page["rows"]
        cursor = page["next_cursor"]
    assert len({row["sample_id"] for row in seen}) == page["total"] == 120
    values = [row["scores"]["exact_match"] for row in seen]
    known = [value for value in values if value is not None]
    assert known == sorted(known, reverse=True)
    assert values[len(known) :] == [None] * (120 - len(known))


@pytest.mark.parametrize("show", ["all", "unscored", "zero", "below", "critical", "error"])
def test_filters_show_the_rows_they_name(shared: App, show: str) -> None:
    page = get(shared, f"/api/v1/runs/{pair(shared)[1]}/samples?show={show}&limit=200").json()
    fits = {
        "all": lambda row: True,
        "unscored": lambda row: row["scores"]["exact_match"] is None,
        "zero": lambda row: row["scores"]["exact_match"] == 0,
        "below": lambda row: (row["scores"]["exact_match"] or 0) < 1,
        "critical": lambda row: row["row"] % 37 == 5,
        "error": lambda row: row["error"] is not None,
    }[show]
    assert page["rows"]
    assert all(map(fits, page["rows"]))


def test_neighbours_follow_the_table_and_fall_back_to_plan_order(shared: App) -> None:
    run = pair(shared)[1]
    rows = get(shared, f"/api/v1/runs/{run}/samples?show=zero&sort=latency_s&limit=5").json()["rows"]
    page = get(shared, f"/runs/{run}/sample?id={rows[1]['sample_id']}&at=1&show=zero&sort=latency_s")
    links = {link["rel"]: link["href"] or "" for link in Markup(page.text).all("a") if link.get("rel")}
    assert f"id={rows[0]['sample_id']}&" in links["previous"]
    assert f"id={rows[2]['sample_id']}&" in links["next"]
    assert "show=zero" in links["next"]
    plain = get(shared, f"/api/v1/runs/{run}/samples/ticket-0003").json()
    assert (plain["previous"]["sample_id"], plain["next"]["sample_id"]) == ("ticket-0002", "ticket-0004")
    first = get(shared, f"/api/v1/runs/{run}/samples/ticket-0000").json()
    assert (first["previous"], first["next"]["at"]) == (None, 1)
    stale = get(shared, f"/runs/{run}/sample?id=ticket-0003&at=99")
    assert "ticket-0004" in stale.text


def test_htmx_gets_the_table_alone_and_history_the_whole_page(shared: App) -> None:
    run = pair(shared)[1]
    part = get(shared, f"/runs/{run}?show=zero", hx_request="true")
    assert part.text.lstrip().startswith('<div id="samples">')
    assert part.headers["vary"] == "HX-Request"
    whole = get(shared, f"/runs/{run}?show=zero", hx_request="true", hx_history_restore_request="true")
    assert whole.text.startswith("<!doctype html>")


def test_assets_are_kept_by_version_and_unknown_ones_are_not_found(shared: App) -> None:
    page = Markup(get(shared, "/").text)
    addresses = [tag["src"] for tag in page.all("script")] + [tag["href"] for tag in page.all("link")]
    for address in addresses:
        answer = get(shared, address or "")
        assert answer.status == 200
        assert "immutable" in answer.headers["cache-control"]
    assert get(shared, "/static/../render.py").status == 404
    assert get(shared, "/static/VENDORED.md").status == 404


def item(row: int, value: float | None, *, error: str | None = None) -> Item:
    sample = Sample(id=f"s{row}", input=[{"role": "user", "content": [{"type": "text", "text": "look"}]}])
    score = Score(
        sample_id=sample.id,
        scorer="exact_match",
        scorer_version="v1",
        value=value,
        reason=None if value is not None else "parse",
    )
    return Item(row=row, sample=sample, output=Output(sample_id=sample.id, text="out", error=error), scores=[score])


@pytest.mark.parametrize(
    "items",
    [
        [],
        [item(0, None)],
        [item(0, 1.0)],
        [item(0, None, error="timeout"), item(1, None)],
        [item(0, 0.0), item(1, 0.0)],
    ],
    ids=["nothing", "unscored only", "one sample", "failed", "all wrong"],
)
def test_odd_runs_have_pages(app: App, items: list[Item]) -> None:
    run_id = make_run(app, items, scorers=[MATCH])
    for address in pages_of(app, run_id, "s0")[: 3 if items else 2]:
        assert get(app, address).status == 200, address


def test_bounds_that_are_not_known_say_why(app: App) -> None:
    run_id = make_run(app, [replace(item(0, None)), item(1, None)], scorers=[MATCH])
    estimate = get(app, f"/api/v1/runs/{run_id}").json()["metrics"]["exact_match"]
    assert estimate["value"] is None
    assert estimate["reason"] in get(app, f"/runs/{run_id}").text


def test_a_running_run_shows_how_far_it_is_and_its_samples(app: App) -> None:
    run_id = make_run(app, make_items(9), status="running", planned=20)
    page = get(app, f"/runs/{run_id}")
    assert "9 of 20 finished" in page.text
    assert "ticket-0008" in page.text
    assert 'hx-trigger="every 3s"' in get(app, "/").text
    assert "9 of 20" in get(app, f"/runs/{run_id}/live").text
    assert get(app, f"/api/v1/runs/{run_id}").json()["live"]["estimate"]["n"] == 9
    before = get(app, f"/api/v1/runs/{run_id}/samples/ticket-0004").json()
    assert before["next"]["sample_id"] == "ticket-0005"
    app.store.metadata.update_run(run_id, status="done")
    ended = get(app, f"/runs/{run_id}/live")
    assert (ended.status, ended.headers["hx-refresh"]) == (204, "true")
    assert "hx-trigger" not in get(app, "/").text


def test_epochs_are_told_apart(app: App) -> None:
    one = item(0, 1.0)
    again = replace(
        item(0, 0.0),
        output=replace(one.output, epoch=1, text="second"),
        scores=[replace(item(0, 0.0).scores[0], epoch=1)],
    )
    run_id = make_run(app, [one, again], scorers=[MATCH])
    assert "epoch 1" in get(app, f"/runs/{run_id}").text
    assert "second" in get(app, f"/runs/{run_id}/sample?id=s0&epoch=1").text


def harmless(html: str) -> None:
    """No tag, attribute or script stems from the hostile text."""
    page = Markup(html)
    assert [tag for tag in page.all("img") if (tag.get("src") or "").startswith("x")] == []
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
        if tag == "script":
            assert attributes.get("src") or attributes.get("type") == "application/json", attributes
    for data in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', html, re.DOTALL):
        json.loads(data)


def test_hostile_texts_stay_texts(app: App) -> None:
    first = make_run(
        app,
        [hostile_item(0), hostile_item(1, right=False)],
        task=HOSTILE,
        model=HOSTILE,
        scorers=[MATCH],
        notes=[HOSTILE],
    )
    second = make_run(
        app, [hostile_item(0, right=False), hostile_item(1)], task=HOSTILE, model=HOSTILE, scorers=[MATCH], at=1
    )
    make_card(app, "v1", name=HOSTILE, mark=HOSTILE)
    addresses = [
        *("/judges", "/judges/v1"),
        *pages_of(app, first, hostile_item(0).sample.id),
        f"/compare?baseline={first}&candidate={second}",
        "/compare?baseline=<b>&candidate=x",
    ]
    for address in addresses:
        answer = get(app, address)
        assert answer.status == (404 if "<b>" in address else 200), address
        assert "window.hacked" in answer.text or "<b>" in address
        assert "{{7*7}}" in answer.text or "<b>" in address
        harmless(answer.text)
    listed = get(app, f"/api/v1/runs/{first}/samples").json()["rows"]
    assert listed[0]["sample_id"] == hostile_item(0).sample.id


def test_texts_that_utf8_does_not_have_are_shown(app: App) -> None:
    odd = item(0, 1.0)
    odd = replace(odd, output=replace(odd.output, text="half \ud800 pair \x00 end"))
    run_id = make_run(app, [odd], scorers=[MATCH])
    assert "half ? pair" in get(app, f"/runs/{run_id}/sample?id=s0").text
    assert get(app, f"/runs/{run_id}").status == 200
    assert get(app, f"/api/v1/runs/{run_id}/samples/s0").json()["output"]["text"] == "half \ud800 pair \x00 end"
