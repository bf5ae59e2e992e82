"""A run whose top tier is asked rather where the map is further off: chances, one estimate, resume, batches."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import assay
from assay.core.cascade import Cascade, Tier
from assay.core.errors import BudgetExhaustedError, ConfigError
from assay.core.protocols import ModelClient
from assay.core.records import Output, Sample, Score
from assay.core.stopping import parse_stopping
from assay.core.task import SampleList, Task
from assay.engine.cascade.board import read_board
from assay.engine.cascade.draw import choose, draw_keys
from assay.engine.cascade.kept import KeptTiers, object_name
from assay.engine.cascade.policy import budget_optimal
from assay.engine.cascade.verdicts import prepare
from assay.judges.base import BaseJudge
from assay.judges.calibrate import calibrate
from assay.judges.calibration_map import CalibrationMap
from assay.judges.judged import Judged
from assay.scorers import Length
from assay.stats.prediction.twophase import two_phase_replays
from assay.stores import open_store

pytestmark = pytest.mark.slow

N = 300
SHARE = 0.2


def level(number: int) -> int:
    return 1 + random.Random(number).randrange(7)


def strong_says(number: int) -> float:
    """Near the level where it is low, anywhere above it where it is high."""
    return level(number) + (0.1 + 0.3 * (level(number) > 4) * level(number)) * random.Random(f"s{number}").random()


@dataclass(frozen=True, kw_only=True)
class Reader(BaseJudge):
    """Reads the level in the output; the strong one knows more. Told where it gives no reply, and when money ends."""

    strong: bool = False
    down: frozenset[str] = frozenset()
    calls: ClassVar[list[tuple[str, str]]] = []
    broke_after: ClassVar[int | None] = None

    async def _judge(self, sample: Sample, output: Output, *, client: ModelClient) -> Score:
        if output.text.strip("x"):  # a plan tries what judges would ask, with words
            return self._unscored(sample, output, "no_verdict")
        if self.broke_after is not None and len(self.calls) >= self.broke_after:
            raise BudgetExhaustedError("nothing is left")
        self.calls.append((self.name, sample.id))
        if sample.id in self.down:
            return self._unscored(sample, output, "unavailable")
        number = int(sample.id[1:])
        return self._priced(self._value(sample, output, strong_says(number) if self.strong else level(number)), 0.001)


FAST = Reader(name="fast judge", model="replay:outputs.jsonl")
STRONG = Reader(name="strong judge", model="replay:outputs.jsonl", strong=True)


@cache
def fitted() -> CalibrationMap:
    numbers = range(1_000, 1_400)
    judged = Judged(
        ids=[str(n) for n in numbers],
        verdicts=[float(level(n)) for n in numbers],
        human=[strong_says(n) for n in numbers],
        features={"fast": [float(level(n)) for n in numbers], "length": [float(n % 3) for n in numbers]},
    )
    tiers = {"programmatic": ["length"], "fast": ["fast"]}
    return calibrate(judged, features=tiers, rng=np.random.default_rng(1))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    Reader.calls.clear()
    Reader.broke_after = None
    rows = [{"id": f"q{n}", "output": "x" * (n % 3)} for n in range(N)]
    (tmp_path / "outputs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def cascade(fast: Reader = FAST, fast_share: float = 1.0, **changes: Any) -> Cascade:
    tiers = [Tier(name="fast", asks=fast, share=fast_share), Tier(name="strong", asks=STRONG, share=SHARE)]
    fields: dict[str, Any] = {"policy": "budget", "calibration": fitted(), **changes}
    return Cascade(**{"name": "help", "free": ["length"], "tiers": tiers, "speaks_of": "strong", **fields})


def task(tiers: Cascade, *, critical: frozenset[str] = frozenset()) -> Task:
    samples = [Sample(id=f"q{n}", input="?", critical=f"q{n}" in critical) for n in range(N)]
    return Task(
        name="t",
        dataset=SampleList(name="data", content_hash="sha256:0", samples=samples),
        solver=assay.prompt("{{ input }}"),
        scorers=[Length()],
        cascade=tiers,
    )


def run(tiers: Cascade, *, critical: frozenset[str] = frozenset(), **options: Any) -> Any:
    return assay.run(task(tiers, critical=critical), model="replay:outputs.jsonl", store="store", **options)


def kept(run_id: str) -> KeptTiers:
    store = open_store("store", read_only=True)
    try:
        return KeptTiers.from_bytes(store.objects.get(object_name(run_id)))
    finally:
        store.close()


def asked(found: KeptTiers) -> set[str]:
    return {sample_id for sample_id, drawn in zip(found.ids, np.asarray(found.tiers[-1].asked), strict=True) if drawn}


def test_chances_follow_the_map_add_up_and_keep_the_floor() -> None:
    found = run(cascade(), critical=frozenset({"q7"}))
    top = kept(found.run_id).tiers[-1]
    chance, levels = np.asarray(top.probability), np.array([level(n) for n in range(N)])
    lots = np.arange(N) != 7
    assert chance[7] == 1.0
    assert chance[lots].sum() == pytest.approx(SHARE * (N - 1))
    assert chance[lots].min() >= 0.75 * SHARE * (1 - 1e-9)
    assert chance[lots & (levels > 5)].min() > 1.5 * chance[lots & (levels < 4)].max()
    here = found.document["cascade"]["these_items"]
    assert here["low"] <= np.mean([strong_says(n) for n in range(N)]) <= here["high"]
    assert here["start"] == "map"
    assert found.document["cascade"]["policy"] == "budget"


def test_below_a_share_of_the_tier_in_between_the_chances_add_up_too() -> None:
    tiers = kept(run(cascade(fast_share=0.5)).run_id).tiers
    reached = np.asarray(tiers[1].asked)
    chance = np.asarray(tiers[2].probability)[reached]
    assert reached.sum() == N / 2
    assert chance.sum() / 0.5 == pytest.approx(SHARE / 0.5 * reached.sum())
    assert chance.min() >= 0.75 * SHARE * (1 - 1e-9)


def test_the_run_and_a_replay_of_its_draw_give_one_estimate() -> None:
    found = run(cascade(seed=4))
    tiers, ids = kept(found.run_id).tiers, [f"q{n}" for n in range(N)]
    verdicts = np.array([strong_says(n) for n in range(N)])
    levels = np.array([float(level(n)) for n in range(N)])
    sizes = fitted().residual_sizes({"length": [n % 3 for n in range(N)], "fast": levels})
    everyone, nobody = np.ones(N, dtype=bool), np.zeros(N, dtype=bool)
    drawn, chance = choose(
        draw_keys(ids, seed=4, tier="strong"),
        reached=everyone,
        certain=nobody,
        rate=budget_optimal((1.0, SHARE), sizes=sizes).rate(1, reached=everyone),
    )
    ready = prepare(tiers)
    again = two_phase_replays(
        np.where(drawn, verdicts, np.nan),
        ready.proxies,
        asked=np.stack([everyone, drawn])[None],
        probabilities=[1.0, chance],
        weights=ready.weights,
        prior_variances=ready.prior_variances,
    )
    here = found.document["cascade"]["these_items"]
    assert (here["value"], here["low"], here["high"]) == pytest.approx(
        (again.value[0], again.low[0], again.high[0]), abs=1e-9
    )


def test_a_resume_asks_the_same_samples() -> None:
    Reader.broke_after = N + 15
    broken = run(cascade())
    assert broken.status == "budget"
    Reader.broke_after = None
    whole = assay.run(task(cascade()), model="replay:outputs.jsonl", store="store", resume=broken.run_id)
    assert whole.status == "done"
    assert len(set(Reader.calls)) == len(Reader.calls)
    fresh = run(cascade(), use_cache=False)
    assert asked(kept(fresh.run_id)) == asked(kept(whole.run_id))
    assert fresh.metrics == whole.metrics


def test_a_judge_below_that_was_down_leaves_a_known_chance_for_all() -> None:
    lost = frozenset(f"q{n}" for n in range(0, N, 10))
    found = run(cascade(fast=replace(FAST, down=lost)))
    chance = np.asarray(kept(found.run_id).tiers[-1].probability)
    assert np.isfinite(chance).all()
    assert chance.sum() == pytest.approx(SHARE * N)


def test_batches_stop_when_the_interval_is_narrow_enough() -> None:
    whole, early = run(cascade()), run(cascade(until=parse_stopping("half_width <= 0.12")))
    first, rest = asked(kept(early.run_id)), asked(kept(whole.run_id))
    assert 20 <= len(first) < len(rest)
    assert first < rest
    here = early.document["cascade"]["these_items"]
    assert max(here["high"] - here["value"], here["value"] - here["low"]) <= 0.12
    chance = np.asarray(kept(early.run_id).tiers[-1].probability)
    assert chance.sum() == pytest.approx(len(first) * SHARE * N / len(rest))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (lambda: {"calibration": None}, "calibration: map.json"),
        (lambda: {"open": True}, "share of every tier"),
        (lambda: {"policy": "share", "open": True, "tiers": [Tier(name="strong", asks=STRONG, share=1.0)]}, "open"),
    ],
)
def test_what_the_policy_cannot_do_without_is_asked_for(changes: Any, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        cascade(**changes())
    assert caught.value.code == "cascade.policy"
    assert says in f"{caught.value} {caught.value.hint}"


def test_nothing_is_drawn_before_a_budget_has_given_the_shares() -> None:
    tiers = [Tier(name="fast", asks=FAST, share=1.0), Tier(name="strong", asks=STRONG, share=1.0)]
    waiting = cascade(tiers=tiers, open=True)
    with pytest.raises(ConfigError) as caught:
        read_board(waiting, [])
    assert caught.value.code == "cascade.policy"
    shares: Mapping[str, float] = {"fast": 1.0, "strong": 0.1}
    given = waiting.with_shares(shares, why={"strong": "dear"}, because="it is all there is")
    assert [(tier.share, tier.why) for tier in given.tiers] == [(1.0, None), (0.1, "dear")]
    assert read_board(given, []).cascade.because == "it is all there is"
