"""A run whose process died is shown as interrupted, with the way on, everywhere a status is shown."""

from __future__ import annotations

import pytest
from made_runs import make_items, make_run
from report_asking import get

from assay.app.results import list_runs, run_row, show_run, standing
from assay.app.wiring import App
from assay.core.protocols import Holder
from assay.report.write import report_page


def test_a_killed_run_is_interrupted_in_lists_pages_and_api(app: App) -> None:
    run_id = make_run(app, make_items(9), status="killed", planned=20)
    assert app.store.metadata.run(run_id).status == "running"  # nobody was there to write another
    (row,) = list_runs(app)
    assert (row["status"], row["hint"]) == ("interrupted", f'assay.run(task, model=…, resume="{run_id}")')

    listed = get(app, "/api/v1/runs").json()
    assert (listed["runs"][0]["status"], listed["running"]) == ("interrupted", False)
    runs = get(app, "/").text
    assert ">interrupted</span>" in runs
    assert "1 interrupted. To go on with the newest of them" in runs
    assert "hx-trigger" not in runs  # nothing will change by itself

    document = get(app, f"/api/v1/runs/{run_id}").json()
    assert (document["status"], document["holder"], document["live"]["finished"]) == ("interrupted", None, 9)
    page = get(app, f"/runs/{run_id}").text
    assert "9 of 20 finished" in page
    assert "To go on with this run" in page
    assert 'hx-get="/runs/' + run_id + '/live"' not in page
    assert "the run was stopped before its end" in page
    assert "ticket-0008" in page
    followed = get(app, f"/runs/{run_id}/live")
    assert (followed.status, followed.headers["hx-refresh"]) == (204, "true")
    assert b"interrupted" in report_page(app, run_id)


def test_a_running_run_is_running_and_names_its_process(app: App) -> None:
    run_id = make_run(app, make_items(9), status="running", planned=20)
    document = show_run(app, run_id)
    holder = app.store.metadata.holder(run_id)
    assert holder is not None
    assert (document["status"], document["hint"], document["holder"]) == ("running", None, holder._asdict())
    assert (document["samples"]["planned"], document["samples"]["scored"]) == (20, None)  # not counted, so not 0
    assert list_runs(app)[0]["status"] == "running"


@pytest.mark.parametrize(
    ("status", "goes_on"), [("done", False), ("partial", True), ("interrupted", True), ("failed", True)]
)
def test_a_run_that_ended_keeps_its_status_and_says_what_goes_on_with_it(app: App, status: str, goes_on: bool) -> None:
    run_id = make_run(app, make_items(9), status=status)
    row = run_row(app, app.store.metadata.run(run_id))
    assert (row["status"], row["hint"] is not None) == (status, goes_on)
    assert show_run(app, run_id)["live"] is None
    assert ("To go on with this run" in get(app, f"/runs/{run_id}").text) is goes_on


def test_a_run_that_can_be_resumed_says_how(app: App) -> None:
    record = app.store.metadata.run(make_run(app, make_items(2), status="killed"))
    manifest = {**record.manifest, "source": {"kind": "benchmark", "name": "gsm8k"}}
    from dataclasses import replace

    other = replace(record, run_id="run_other", manifest=manifest)
    app.store.metadata.create_run(other)
    assert standing(app, other).hint == "assay resume run_other"


def test_a_run_that_ends_while_it_is_looked_at_is_not_called_interrupted(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = make_run(app, make_items(9), status="running")
    seen = app.store.metadata.run(run_id)

    def ends(run_id: str) -> Holder | None:
        app.store.metadata.update_run(run_id, status="done", summary={"metrics": {"exact_match": {"value": 1.0}}})
        return None

    monkeypatch.setattr(app.store.metadata, "holder", ends)
    row = run_row(app, seen)
    assert (row["status"], row["metrics"]["exact_match"]["value"]) == ("done", 1.0)


def test_a_run_killed_while_it_was_continued_shows_the_figures_from_before(app: App) -> None:
    items = make_items(9)
    run_id = make_run(app, items, status="partial", planned=20)
    first = get(app, f"/api/v1/runs/{run_id}").json()
    app.store.metadata.update_run(run_id, status="running")
    again = get(app, f"/api/v1/runs/{run_id}").json()
    assert (again["status"], again["metrics"]) == ("interrupted", first["metrics"])
    assert again["live"]["finished"] == 9  # sealed before, not yet brought back
    page = get(app, f"/runs/{run_id}").text
    assert "The run was stopped while it was continued" in page


def test_distributions_of_a_killed_run_are_not_remembered(app: App) -> None:
    """It may go on and be killed again: its status and summary are the same then, its rows are not."""
    items = make_items(9)
    run_id = make_run(app, items[:4], status="killed", planned=9)
    from assay.report.documents import run_document
    from assay.report.remember import Memory

    memory = Memory()
    assert run_document(app, run_id, memory=memory)["distributions"]["latency_s"]["n"] == 4
    for item in items[4:]:
        app.store.journal.append_item(run_id, item)
    app.store.journal.flush()
    assert run_document(app, run_id, memory=memory)["distributions"]["latency_s"]["n"] == 9
