"""Judges' cards on the pages and in the API, and a run's links to them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from made_cards import make_card
from made_runs import make_items, make_run, open_app
from report_asking import get

import assay
from assay.app.wiring import App
from assay.core.cascade import Cascade, Tier
from assay.core.errors import NotFoundError
from assay.core.protocols import ModelClient
from assay.core.records import Output, Sample, Score
from assay.core.task import SampleList, Task
from assay.judges.base import BaseJudge
from assay.report.judges import judges_document
from assay.report.write import report_page
from assay.scorers import Length

pytestmark = pytest.mark.slow


@dataclass(frozen=True, kw_only=True)
class Reader(BaseJudge):
    """Reads the number in the output."""

    async def _judge(self, sample: Sample, output: Output, *, client: ModelClient) -> Score:
        return self._priced(self._value(sample, output, float(output.text)), 0.0)


READER = Reader(name="reader", model="replay:outputs.jsonl")


@pytest.fixture
def run_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run with a cascade whose tier asks the reader, in the store of ``app``."""
    rows = [{"id": f"q{i}", "output": "12345"[random.Random(i).randrange(5)]} for i in range(60)]
    (tmp_path / "outputs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.chdir(tmp_path)
    samples = [Sample(id=f"q{i}", input="?") for i in range(60)]
    task = Task(
        name="t",
        dataset=SampleList(name="data", content_hash="sha256:0", samples=samples),
        solver=assay.prompt("{{ input }}"),
        scorers=[Length()],
        cascade=Cascade(
            name="good", free=["length"], tiers=[Tier(name="only", asks=READER, share=0.5)], speaks_of="only"
        ),
    )
    return str(assay.run(task, model="replay:outputs.jsonl", store=str(tmp_path / "store")).run_id)


@pytest.fixture
def three(tmp_path: Path) -> Iterator[App]:
    """Three cards: with a ceiling, without one, and of a judge that guesses."""
    app = open_app(tmp_path / "judges")
    make_card(app, "v1", name="able")
    make_card(app, "v2", name="bare", people=1)
    make_card(app, "v3", name="guesses", noise=50.0)
    yield app
    app.close()


def test_judges_are_listed_with_agreement_ceiling_flags_and_age(three: App) -> None:
    fresh = judges_document(three, now=datetime(2026, 2, 1, tzinfo=UTC))
    able, bare, guesses = fresh["judges"]
    assert (able["agreement"]["measure"], bare["agreement"]["person"]) == ("spearman", None)
    assert able["agreement"]["person"]["value"] > able["agreement"]["judge"]["value"] > 0.4
    assert "no_agreement" in guesses["flags"]
    assert {row["stale"] for row in fresh["judges"]} == {None}
    old = judges_document(three, now=datetime(2026, 9, 1, tzinfo=UTC))
    assert "239 days ago" in old["judges"][0]["stale"]
    page = get(three, "/judges").text
    assert all(f'href="/judges/v{k}"' in page for k in (1, 2, 3))
    assert "no agreement with people is shown" in page
    assert f"{able['agreement']['judge']['value']:.2f}" in page


def test_pages_of_the_list_lead_on_by_cursors_and_in_links(three: App) -> None:
    seen, address = [], "/api/v1/judges?limit=2"
    for _ in range(2):
        page = get(three, address).json()
        seen += [row["version"] for row in page["judges"]]
        address = f"/api/v1/judges?limit=2&cursor={page['next_cursor']}"
    assert (seen, page["next_cursor"], page["total"]) == (["v1", "v2", "v3"], None, 3)
    assert "after=v1" in get(three, "/judges?limit=1").text
    rest = get(three, "/judges?limit=2&after=v2").text
    assert 'href="/judges/v3"' in rest
    assert 'href="/judges/v2"' not in rest
    with pytest.raises(NotFoundError):
        judges_document(three, after="v9")
    assert get(three, "/judges?after=v9").status == 404


def test_a_card_is_drawn_by_version_and_by_name(three: App) -> None:
    page = get(three, "/judges/v1")
    assert page.status == 200
    assert "Agreement with people" in page.text
    assert "The ceiling" in page.text
    assert "This card is stale" in page.text
    assert 'aria-current="page">able' in page.text
    assert get(three, "/api/v1/judges/able").json()["version"] == "v1"
    lost = get(three, "/api/v1/judges/abel")
    assert (lost.status, lost.json()["error"]["code"]) == (404, "judge.no_card")
    assert "able" in lost.json()["error"]["hint"]
    assert get(three, "/judges/nobody").status == 404


def test_a_store_without_cards_says_how_to_make_one(app: App) -> None:
    assert "assay judge card" in get(app, "/judges").text
    assert get(app, "/api/v1/judges").json()["judges"] == []
    run = make_run(app, make_items(3))
    assert "Judges' cards" not in get(app, f"/runs/{run}").text
    make_card(app, "v1")
    assert "Judges' cards" not in get(app, f"/runs/{run}").text, "a scorer of version v1 is no judge"


def test_a_run_links_its_tiers_to_their_cards_but_a_file_does_not(run_id: str, app: App) -> None:
    link = f'href="/judges/{READER.version}"'
    assert link not in get(app, f"/runs/{run_id}").text, "no card, no link"
    make_card(app, READER.version, name="reader")
    page = get(app, f"/runs/{run_id}").text
    assert page.count(link) == 2
    assert get(app, f"/api/v1/runs/{run_id}").json()["judge_cards"] == [{"name": "reader", "version": READER.version}]
    written = report_page(app, run_id).decode()
    assert READER.version in written
    assert link not in written
