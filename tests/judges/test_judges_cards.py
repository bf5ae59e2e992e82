"""Cards: everything the columns allow, "not measured" for the rest, flags, and when a card is stale."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

from assay.core.errors import InvalidInputError
from assay.judges.card import MEASURES, JudgeCard, flags, judge_card, moment, stale
from assay.judges.judged import Judged

MADE = "2026-01-05T10:00:00+00:00"


def card(judged: Judged, **options: Any) -> JudgeCard:
    known = {"name": "j", "judge_version": "v1", "model": "m/x", "made_at": MADE, "rng": np.random.default_rng(1)}
    return judge_card(judged, **{**known, **options})


def everything(n: int = 120) -> Judged:
    rng = np.random.default_rng(1)
    quality = rng.integers(1, 6, size=n)
    people = np.clip(quality[:, None] + rng.choice([-1, 0, 0, 1], size=(n, 2)), 1, 5).astype(float)
    return Judged(
        ids=[str(k) for k in range(n)],
        verdicts=people.mean(axis=1).round(),
        raters=people,
        systems=["own" if k % 3 else "other" for k in range(n)],
        clusters=[str(k // 4) for k in range(n)],
        lengths=rng.integers(50, 900, size=n),
        answers=[f"answer {k}" for k in range(n)],
        repeats=people.mean(axis=1).round(),
        cost_usd=rng.random(n) * 0.01,
        latency_s=rng.random(n),
        scale=(1, 5),
    )


def test_nothing_but_verdicts_leaves_everything_else_not_measured() -> None:
    found = card(Judged(ids=["a", "b"], verdicts=[1, 2])).to_dict()
    for name in set(MEASURES) - {"scale_use", "missing"}:
        assert set(found[name]) == {"not_measured"}, name
        assert found[name]["not_measured"], name
    assert found["schema"] == "assay.judge_card/1"
    assert found["labels_hash"] is None
    json.dumps(found, allow_nan=False)


def test_a_full_file_measures_all_but_pairs_and_reports() -> None:
    made = card(everything(), own={"own"}, temperature=0.0, injection={"moved": 0.1})
    assert set(made.not_measured) == {"position_bias", "prefers_longer", "golden", "calibration"}
    found = made.to_dict()
    assert found["injection"] == {"moved": 0.1}
    assert found["constant_answers"] == []
    assert found["retest"]["same"]["value"] == 1.0
    assert found["cost"]["p95"]["value"] > found["cost"]["p50"]["value"]
    assert found["latency"]["mean"]["unit"] == "s"
    assert (found["n"], found["n_documents"], found["temperature"]) == (120, 30, 0.0)
    assert found["labels_hash"] == everything().labels_hash()
    json.dumps(found, allow_nan=False)


def test_a_measure_that_does_not_exist_is_no_measure() -> None:
    made = card(everything())
    assert made["position_bias"] is None
    with pytest.raises(KeyError):
        made["charm"]


def test_reasons_name_what_is_missing() -> None:
    plain = everything()
    for options, changed, expected in (
        ({}, {}, "nobody said which systems"),
        ({"own": {"x"}}, {}, "no answer is by"),
        ({"own": {"own"}}, {"systems": None}, "not known who"),
        ({"own": {"own"}}, {"raters": None, "human": None}, "no item has people's labels"),
        ({"own": {"own", "other"}}, {}, "both its own family and others"),
    ):
        made = card(replace(plain, **changed), **options)
        assert expected in made.not_measured["self_preference"]


def test_one_order_only_is_a_reason_and_no_crash() -> None:
    judged = Judged(ids=list("ab"), verdicts=[1, 0], a_first=[1, 1], scale=(0, 1))
    assert "cannot be told apart" in card(judged).not_measured["position_bias"]


def test_flags_say_what_speaks_against_a_judge() -> None:
    rng = np.random.default_rng(2)
    assert flags(card(everything(), own={"own"})) in ([], ["below_people"])
    constant = replace(everything(), verdicts=np.full(120, 5.0), repeats=np.where(rng.random(120) < 0.5, 5.0, 4.0))
    found = flags(card(constant))
    assert {"constant_verdicts", "no_agreement", "not_repeatable"} <= set(found)
    silent = everything().verdicts.copy()
    silent[:12] = np.nan
    assert "missing" in flags(card(replace(everything(), verdicts=silent)))
    judged = everything()
    swayed = judged.verdicts + np.log2(judged.lengths)
    assert "length" in flags(card(replace(judged, verdicts=swayed, scale=None)))
    to_first = Judged(ids=[str(k) for k in range(40)], verdicts=[1] * 40, swapped=[0] * 30 + [1] * 10, scale=(0, 1))
    assert "position" in flags(card(to_first))
    null = replace(
        everything(), systems=["null"] * 40 + ["real"] * 80, answers=["best"] * 40 + [str(k) for k in range(80)],
        verdicts=np.r_[np.full(40, 5.0), everything().verdicts[40:]],
    )  # fmt: skip
    assert "rewards_constant_answer" in flags(card(null))


def test_a_judge_that_says_the_opposite_of_people_is_flagged_as_such() -> None:
    judged = everything()
    turned = replace(judged, verdicts=6.0 - judged.verdicts, repeats=None)
    assert {"opposite"} == {"opposite", "no_agreement"} & set(flags(card(turned)))
    exact = Judged(ids=[str(k) for k in range(40)], verdicts=np.arange(40.0), human=-np.arange(40.0))
    assert "opposite" in flags(card(exact))
    same = Judged(ids=[str(k) for k in range(40)], verdicts=np.arange(40.0), human=np.arange(40.0))
    assert not {"opposite", "no_agreement"} & set(flags(card(same)))


def test_a_judge_whose_levels_are_off_does_not_agree() -> None:
    """It orders items as people do, three levels too high: alpha is below 0 for certain."""
    people = np.tile([1.0, 2.0], 40)
    judged = Judged(ids=[str(k) for k in range(80)], verdicts=people + 3.0, human=people, scale=(1, 5))
    assert "no_agreement" in flags(card(judged))


def test_labels_on_another_coding_are_no_lack_of_agreement() -> None:
    people = np.tile([0.0, 1.0], 40)
    judged = Judged(ids=[str(k) for k in range(80)], verdicts=people + 1.0, human=people)
    assert flags(card(judged)) == []


def test_quantiles_of_costs_have_no_bounds_where_items_share_documents() -> None:
    judged = everything()
    for clusters, bounded in ((judged.clusters, False), (judged.ids, True), (None, True)):
        spend = card(replace(judged, clusters=clusters))["cost"]
        assert (spend.p50.low is not None) is bounded
        assert bounded or "share documents" in spend.p50.reason


def test_a_card_says_whether_it_is_about_pairs() -> None:
    judged = Judged(ids=list("ab"), verdicts=[1, 0], a_first=[1, 0], scale=(0, 1))
    assert card(judged).to_dict()["pairs"] is True
    assert card(everything()).to_dict()["pairs"] is False


def test_a_card_is_stale_for_another_version_or_after_a_while() -> None:
    made = {"version": "v1", "made_at": MADE}
    now = datetime(2026, 1, 6, tzinfo=UTC)
    assert stale(made, version="v1", now=now) is None
    assert "v2" in (stale(made, version="v2", now=now) or "")
    assert "100 days ago" in (stale(made, version="v1", now=now + timedelta(days=100)) or "")
    assert stale(made, version="v1", now=now + timedelta(days=100), max_age_days=365) is None
    elsewhere = now.astimezone(timezone(timedelta(hours=9)))
    assert stale(made, version="v1", now=elsewhere) is None


def test_a_date_is_a_date() -> None:
    assert moment("2026-01-05").tzinfo is UTC
    for bad in ("yesterday", "", None):
        with pytest.raises(InvalidInputError):
            moment(bad)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError):
        card(everything(), made_at="soon")
