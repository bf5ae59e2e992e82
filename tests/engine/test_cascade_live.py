"""A run goes up its tiers: who is asked, what is recorded, and what becomes of it when something gives out."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graded_runs import FAST, STRONG, Grader, N, cascade, kept, run, task, tiers_of, verdicts

import assay
from assay.core.cascade import Cascade, People, Tier
from assay.core.errors import ConfigError, NotFoundError, ProviderError
from assay.core.records import Output, Sample, Score
from assay.core.stopping import parse_stopping
from assay.engine.cascade.estimate import tiered_estimate
from assay.scorers.base import BaseScorer
from assay.stores import open_store

pytestmark = pytest.mark.slow


def test_every_tier_is_asked_its_share_and_the_figure_is_the_strong_judges(folder: Path) -> None:
    found = run(cascade())
    assert found.status == "done"
    assert {name: tier["asked"] for name, tier in tiers_of(found).items()} == {
        "programmatic": N,
        "fast": 120,
        "strong": 30,
    }
    truth = np.mean([float("1234567"[random.Random(i).randrange(7)]) for i in range(N)])
    here = found.document["cascade"]["these_items"]
    assert here["low"] < truth < here["high"]
    assert found.metrics["help"].estimand == "new inputs like these"
    assert found.document["primary"] == "help"
    assert here["cost_usd"] == pytest.approx(0.15)


def test_a_verdict_is_recorded_with_its_tier_and_the_chance_of_being_asked(folder: Path) -> None:
    found = verdicts(run(cascade()).run_id)
    assert len(found) == 150
    assert {score.probability for (name, _), score in found.items() if name == "help.fast"} == {0.4}
    assert {round(score.probability, 12) for (name, _), score in found.items() if name == "help.strong"} == {0.1}
    strong = {sample_id for name, sample_id in found if name == "help.strong"}
    assert strong < {sample_id for name, sample_id in found if name == "help.fast"}


def test_what_the_fast_judge_cannot_tell_and_what_is_critical_goes_up_for_certain(folder: Path) -> None:
    asked = {sample_id for _, sample_id in verdicts(run(cascade()).run_id)}
    lost = frozenset(sorted(asked)[:5])
    tiers = cascade(fast=replace(FAST, unreadable=lost))
    found = run(tiers, critical=frozenset({"q0", "q299"}))
    scores = verdicts(found.run_id)
    for sample_id in lost & {sample_id for name, sample_id in scores if name == "help.fast"}:
        assert scores["help.fast", sample_id].reason == "no_verdict"
        assert scores["help.strong", sample_id].probability == scores["help.fast", sample_id].probability
    assert all(scores["help.strong", sample_id].probability == 1.0 for sample_id in ("q0", "q299"))
    assert tiers_of(found)["fast"]["certain"] == 2
    assert tiers_of(found)["fast"]["unscored"] == {
        "no_verdict": tiers_of(found)["fast"]["asked"] - tiers_of(found)["fast"]["answered"]
    }


@dataclass(frozen=True, kw_only=True)
class Squeamish(BaseScorer):
    """Scores every sample but two: one whose output it cannot bear, and one that lacks what it needs."""

    name: str = "squeamish"

    def _score(self, sample: Sample, output: Output) -> Score:
        reasons = {"q1": "output has no token log-probabilities", "q2": "sample has no choices"}
        reason = reasons.get(sample.id)
        return self._value(sample, output, 1.0) if reason is None else self._unscored(sample, output, reason)


def test_an_output_that_a_free_scorer_cannot_tell_goes_up_and_a_sample_that_lacks_something_does_not(
    folder: Path,
) -> None:
    made = replace(task(cascade(free=[])), scorers=[Squeamish()])
    made = replace(made, cascade=cascade(free=["squeamish"]))
    found = assay.run(made, model="replay:outputs.jsonl", store="store")
    assert tiers_of(found)["fast"]["certain"] == 1
    assert verdicts(found.run_id)["help.fast", "q1"].probability == 1.0
    assert found.document["cascade"]["notes"] == [
        "squeamish has no score of 1 of 300 samples (sample has no choices): they are drawn like all others"
    ]


def test_an_outage_sends_nobody_upstairs(folder: Path) -> None:
    everybody = frozenset(f"q{i}" for i in range(N))
    found = run(cascade(fast=replace(FAST, down=everybody)))
    assert tiers_of(found)["strong"]["asked"] == 30
    assert found.status == "degraded"
    assert "tier fast gave no verdict" in found.document["cascade"]["these_items"]["degraded_reason"]
    assert found.metrics["help"].value is not None


def test_an_output_that_failed_sends_nobody_upstairs_for_certain(folder: Path) -> None:
    lines = (folder / "outputs.jsonl").read_text().splitlines(keepends=True)
    (folder / "outputs.jsonl").write_text("".join(lines[60:]))  # the others have no recorded output
    found = run(cascade())
    assert tiers_of(found)["fast"]["certain"] == 0
    assert tiers_of(found)["strong"]["certain"] == 0
    assert tiers_of(found)["strong"]["asked"] == 30
    assert tiers_of(found)["fast"]["answered"] < tiers_of(found)["fast"]["asked"]


def test_the_same_seed_asks_the_same_samples_and_another_seed_others(folder: Path) -> None:
    first, again, other = (set(verdicts(run(cascade(seed=seed)).run_id)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_resumed_run_asks_only_what_was_not_answered(folder: Path) -> None:
    Grader.broke_after = 130
    found = run(cascade())
    assert found.status == "budget"
    assert tiers_of(found)["strong"]["answered"] == 10
    here = found.document["cascade"]["these_items"]
    assert here["degraded"]
    assert "budget" in here["degraded_reason"]
    assert here["n"] == 10
    before = list(Grader.calls)
    Grader.broke_after = None
    whole = assay.run(task(cascade()), model="replay:outputs.jsonl", store="store", resume=found.run_id)
    assert whole.status == "done"
    assert len(Grader.calls) == 150
    assert len(set(Grader.calls)) == 150
    assert Grader.calls[:130] == before
    fresh = run(cascade(), use_cache=False)
    assert fresh.metrics == whole.metrics
    assert verdicts(fresh.run_id) == verdicts(whole.run_id)


def test_a_refused_key_stops_the_run_and_keeps_what_was_said(folder: Path) -> None:
    Grader.broke_after, Grader.error = 50, ProviderError("refused", status=401)
    with pytest.raises(ProviderError, match="was stopped, what it has is kept"):
        run(cascade())
    store = open_store("store", read_only=True)
    try:
        record = store.metadata.run("last")
    finally:
        store.close()
    assert record.status == "failed"
    assert record.summary["cascade"]["these_items"]["tiers"][1]["answered"] == 50


def test_a_width_rule_stops_when_the_interval_is_narrow_enough(folder: Path) -> None:
    whole = run(cascade(tiers=[Tier(name="strong", asks=STRONG, share=1.0)]))
    early = run(cascade(tiers=[Tier(name="strong", asks=STRONG, share=1.0)], until=parse_stopping("half_width <= 0.5")))
    asked = tiers_of(early)["strong"]["asked"]
    assert 20 <= asked < 150
    here = early.document["cascade"]["these_items"]
    assert max(here["high"] - here["value"], here["value"] - here["low"]) <= 0.5
    assert tiers_of(early)["strong"]["probability"] == pytest.approx(asked / N)
    assert set(verdicts(early.run_id)) < set(verdicts(whole.run_id))


def test_uncertainty_asks_rather_what_the_lower_tiers_disagree_on_and_stays_unbiased(folder: Path) -> None:
    shares = [Tier(name="fast", asks=FAST, share=1.0), Tier(name="strong", asks=STRONG, share=0.3)]
    truth = np.mean([float("1234567"[random.Random(i).randrange(7)]) for i in range(N)])
    covered, chances = 0, set()
    for seed in range(12):
        found = run(cascade(tiers=shares, policy="uncertainty", seed=seed))
        here = found.document["cascade"]["these_items"]
        covered += here["low"] <= truth <= here["high"]
        chances |= {s.probability for (name, _), s in verdicts(found.run_id).items() if name == "help.strong"}
    assert covered >= 9
    assert min(chances) >= 0.75 * 0.3 - 1e-9
    assert len(chances) > 20


def test_people_are_asked_by_file_and_the_figure_waits_for_them(folder: Path) -> None:
    def tiers(labels: Mapping[str, float]) -> Cascade:
        return cascade(strong=People(labels=labels, content_hash=str(len(labels)), usd_per_label=0.3, raters=3))

    first = run(tiers({}))
    assert first.status == "degraded"
    assert first.document["cascade"]["waiting"] == 30
    assert first.document["cascade"]["these_items"]["speaks_of"] == "fast"
    waiting = kept(first.run_id).waiting
    labels = {sample_id: 3.0 + i % 3 for i, sample_id in enumerate(waiting)}
    whole = assay.run(task(tiers(labels)), model="replay:outputs.jsonl", store="store", resume=first.run_id)
    assert whole.status == "done"
    assert whole.document["cascade"]["waiting"] == 0
    assert whole.document["cascade"]["these_items"]["speaks_of"] == "strong"
    assert tiers_of(whole)["strong"]["cost_usd"] == pytest.approx(30 * 0.9)
    assert len(Grader.calls) == 120


def test_one_estimator_serves_the_run_and_whoever_reads_its_verdicts(folder: Path) -> None:
    found = run(cascade())
    tiers = kept(found.run_id)
    assert tiered_estimate(tiers.tiers, question=tiers.question()).estimate == found.metrics["help"]


def test_epochs_of_a_sample_go_up_together(folder: Path) -> None:
    rows = [{"id": f"q{i}", "epoch": epoch, "output": str(1 + (i + epoch) % 5)} for i in range(N) for epoch in (0, 1)]
    (folder / "outputs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = run(cascade(), epochs=2)
    assert tiers_of(found)["strong"]["asked"] == 30
    assert len(Grader.calls) == 2 * 150


def test_segments_comparisons_and_gates_use_the_tiered_figure(folder: Path) -> None:
    before = run(cascade())
    rows = [json.loads(line) for line in (folder / "outputs.jsonl").read_text().splitlines()]
    better = [{**row, "output": str(int(row["output"]) + (int(row["id"][1:]) % 2))} for row in rows]
    (folder / "outputs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in better))
    after = run(cascade())
    compared = assay.compare(before, after, store="store")["help"]
    assert compared.verdict == "better"
    assert compared.difference.low is not None
    assert compared.difference.low < 0.5 < (compared.difference.high or 0.0)
    assert "verdicts of the top tier" in compared.sentence
    rules = ["superior(help, margin=0)", "help.low >= 1", "help.low >= 1 segment=lang:de"]
    decision = assay.gate(after, rules=rules, baseline=before, store="store")
    assert [rule.verdict for rule in decision.rules] == ["pass", "pass", "pass"]
    assert [rule.rule for rule in decision.rules] == rules
    assert assay.gate(after, rules=["help.low >= 6"], store="store").verdict == "fail"
    segments = {row["value"]: row["metrics"]["help"] for row in after.document["segments"]}
    assert segments.keys() == {"de", "en"}
    assert segments["de"]["n"] + segments["en"]["n"] == 30


def test_a_gate_never_contradicts_the_interval_beside_it(folder: Path) -> None:
    found = run(cascade())
    low = found.metrics["help"].low
    assert low is not None
    assert assay.gate(found, rules=[f"help.low >= {low - 1e-6}"], store="store").verdict == "pass"
    assert assay.gate(found, rules=[f"help.low >= {low + 1e-6}"], store="store").verdict == "inconclusive"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"speaks_of": "stron"}, "cascade.tiers"),
        ({"tiers": []}, "cascade.tiers"),
        ({"tiers": [Tier(name="a", asks=FAST, share=0.1), Tier(name="a", asks=STRONG, share=0.1)]}, "cascade.tiers"),
        (
            {"tiers": [Tier(name="a", asks=FAST, share=0.1), Tier(name="strong", asks=STRONG, share=0.2)]},
            "cascade.order",
        ),
        ({"tiers": [Tier(name="a", asks=FAST, share=0.0)], "speaks_of": "a"}, "cascade.order"),
        ({"free": ["lenght"]}, "cascade.tiers"),
        ({"name": "length"}, "cascade.name_taken"),
        ({"policy": "uncertain"}, "cascade.policy"),
        (
            {"policy": "uncertainty", "free": [], "tiers": [Tier(name="strong", asks=STRONG, share=0.1)]},
            "cascade.policy",
        ),
    ],
)
def test_tiers_that_do_not_fit_are_refused(folder: Path, changes: Mapping[str, Any], code: str) -> None:
    with pytest.raises(ConfigError) as caught:
        task(cascade(**changes))
    assert caught.value.code == code


def test_people_stand_above_every_judge() -> None:
    people = People(labels={}, content_hash="0")
    tiers = [Tier(name="human", asks=people, share=0.2), Tier(name="strong", asks=STRONG, share=0.1)]
    with pytest.raises(ConfigError) as caught:
        cascade(tiers=tiers)
    assert caught.value.code == "cascade.order"


def test_a_run_without_a_cascade_has_no_tiers(folder: Path) -> None:
    plain = replace(task(cascade()), cascade=None)
    found = assay.run(plain, model="replay:outputs.jsonl", store="store")
    assert "cascade" not in found.document
    with pytest.raises(NotFoundError):
        kept(found.run_id)
