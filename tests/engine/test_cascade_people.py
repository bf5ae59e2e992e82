"""People as the top tier of a run: labels that come, change and go, what they cost, and when no more are wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from graded_runs import N, cascade, run, task, tiers_of, verdicts

import assay
from assay.core.cascade import Cascade, People, Tier
from assay.core.errors import ConfigError
from assay.core.stopping import parse_stopping

pytestmark = pytest.mark.slow

LEVELS = {f"q{i}": float(1 + i % 5) for i in range(N)}


def people(labels: Mapping[str, float | None], **options: Any) -> People:
    return People(labels=labels, content_hash=str(hash(tuple(sorted(labels.items(), key=str)))), **options)


def labelled(labels: Mapping[str, float | None], *, until: str | None = None, **options: Any) -> Cascade:
    rule = None if until is None else parse_stopping(until)
    return cascade(strong=people(labels, **options), until=rule)


def alone(labels: Mapping[str, float | None], until: str, **options: Any) -> Cascade:
    tiers = [Tier(name="human", asks=people(labels, **options), share=1.0)]
    return cascade(tiers=tiers, speaks_of="human", until=parse_stopping(until))


def resume(found: Any, tiers: Cascade) -> Any:
    return assay.run(task(tiers), model="replay:outputs.jsonl", store="store", resume=found.run_id)


def waiting(found: Any) -> int:
    return int(found.document["cascade"]["waiting"])


def test_labels_that_were_corrected_added_or_taken_out_are_those_of_the_next_resume(folder: Path) -> None:
    found = run(labelled(LEVELS))
    said = {name: score for (scorer, name), score in verdicts(found.run_id).items() if scorer == "help.strong"}
    first, second = sorted(said)[:2]
    corrected = {**LEVELS, first: 7.0}
    del corrected[second]
    resumed = resume(found, labelled(corrected))
    now = {name: score for (scorer, name), score in verdicts(found.run_id).items() if scorer == "help.strong"}
    assert now[first].value == 7.0
    assert second not in now
    assert waiting(resumed) == 1
    whole = run(labelled(corrected), use_cache=False)
    assert verdicts(whole.run_id) == verdicts(found.run_id)
    assert whole.metrics == resumed.metrics


def test_a_resume_with_the_same_labels_changes_nothing(folder: Path) -> None:
    found = run(labelled(LEVELS, usd_per_label=1.0))
    before = verdicts(found.run_id)
    assert resume(found, labelled(LEVELS, usd_per_label=1.0)).metrics == found.metrics
    assert verdicts(found.run_id) == before


def test_who_could_not_tell_is_waited_for_no_more(folder: Path) -> None:
    asked = [name for scorer, name in verdicts(run(labelled(LEVELS)).run_id) if scorer == "help.strong"]
    found = run(labelled({**LEVELS, asked[0]: None}))
    assert (found.status, waiting(found)) == ("done", 0)
    assert tiers_of(found)["strong"]["unscored"] == {"no_verdict": 1}
    assert verdicts(found.run_id)["help.strong", asked[0]].reason == "no_verdict"


def test_people_cost_what_the_raters_that_answered_are_paid(folder: Path) -> None:
    found = run(labelled(LEVELS, usd_per_label=0.2, raters=3, answered=dict.fromkeys(LEVELS, 1)))
    assert tiers_of(found)["strong"]["cost_usd"] == pytest.approx(30 * 0.2)


def test_labels_on_a_share_get_the_interval_and_the_bounds_of_one(folder: Path) -> None:
    rare = {name: float(i == 3) for i, name in enumerate(LEVELS)}
    options: dict[str, Any] = {"unit": "share", "scale": (0.0, 1.0)}
    asked = [name for scorer, name in verdicts(run(labelled(rare, **options)).run_id) if scorer == "help.strong"]
    here = run(labelled({**rare, asked[0]: None}, **options)).document["cascade"]["these_items"]
    assert here["unit"] == "share"
    assert "wilson" in here["method"]
    assert here["low"] >= 0.0
    assert here["bounds"] is not None
    plain = run(labelled(rare)).document["cascade"]["these_items"]
    assert "wilson" not in plain["method"]


def test_a_width_rule_asks_people_in_batches_and_every_resume_looks_again(folder: Path) -> None:
    found = run(alone({}, "half_width <= 0.35"))
    sizes = [waiting(found)]
    have: dict[str, float | None] = {}
    for _ in range(20):
        owed = _owed(found.run_id)
        have |= {name: LEVELS[name] for name in owed}
        found = resume(found, alone(have, "half_width <= 0.35"))
        if not waiting(found):
            break
        sizes.append(waiting(found))
    assert sizes[:3] == [20, 10, 10]
    assert found.status == "done"
    stopping = found.document["cascade"]["stopping"]
    assert stopping["stopped"]
    assert stopping["labels"] == len(have) < N
    at_once = run(alone(LEVELS, "half_width <= 0.35"), use_cache=False)
    assert verdicts_of_people(at_once.run_id) == verdicts_of_people(found.run_id)


def _owed(run_id: str) -> list[str]:
    from graded_runs import kept

    return list(kept(run_id).waiting)


def verdicts_of_people(run_id: str) -> dict[tuple[str, str], tuple[float | None, float]]:
    from assay.stores import open_store

    store = open_store("store", read_only=True)
    try:
        return {
            (score.scorer, item.sample.id): (score.value, score.probability)
            for item in store.results.items(run_id)
            for score in item.scores
            if score.tier == "human"
        }
    finally:
        store.close()


def test_a_batch_whose_labels_are_not_all_there_is_waited_for(folder: Path) -> None:
    found = run(alone({}, "half_width <= 0.35"))
    some = {name: LEVELS[name] for name in _owed(found.run_id)[:12]}
    again = resume(found, alone(some, "half_width <= 0.35"))
    assert waiting(again) == 8
    assert not again.document["cascade"]["stopping"]["stopped"]


def test_people_label_one_answer_a_sample(folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        task(labelled(LEVELS), epochs=2)
    assert caught.value.code == "cascade.epochs"
    below = replace(labelled(LEVELS), speaks_of="fast")
    assert task(below, epochs=2).epochs == 2
