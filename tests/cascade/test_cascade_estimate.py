"""The one estimate: equal in replays and live, honest about what is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assay.core.errors import InvalidInputError
from assay.engine.cascade.draw import Draw
from assay.engine.cascade.estimate import TieredEstimate, tiered_estimate
from assay.engine.cascade.policy import Policy, budget_optimal, fixed_shares
from assay.engine.cascade.simulate import draws, replay
from assay.engine.cascade.verdicts import Question, TierVerdicts, prepare
from assay.stats.prediction.twophase import two_phase_replays
from assay.stats.scalar import NEW_INPUTS
from assay.stats.special import t_quantile

N = 300
NAN = float("nan")


def recorded(seed: int = 1, *, fixed: bool = False, gaps: bool = False) -> list[TierVerdicts]:
    """Free metrics, a fast and a strong judge, people; all on every item."""
    rng = np.random.default_rng(seed)
    truth = np.clip(rng.normal(4.0, 0.8, size=N), 1.0, 5.0)
    free = np.column_stack([truth + rng.normal(size=N) * 2, rng.normal(size=N)])
    fast, strong = truth + 0.5 + rng.normal(size=N), truth + 0.2 + 0.5 * rng.normal(size=N)
    if gaps:
        fast[rng.permutation(N)[:20]] = NAN
    values = [free, fast, strong, truth]
    guesses = [4.0 + 0.1 * (free[:, 0] - 4.0), 0.5 * np.nan_to_num(fast, nan=4.5) + 1.75, 0.8 * strong + 0.64, None]
    return [
        TierVerdicts(
            name=name,
            values=one,
            asked=np.ones(N, dtype=bool),
            prediction=guess if fixed else None,
            prior_variance=0.3 if fixed and guess is not None else None,
            cost_usd=cost,
        )
        for name, one, guess, cost in zip(
            ("free", "fast", "strong", "human"), values, guesses, (0.0, 1.0, 2.0, 30.0), strict=True
        )
    ]


def live(tiers: list[TierVerdicts], *, seed: int = 3, rates: tuple = (0.6, 0.5, 0.4)) -> list[TierVerdicts]:
    """The same tiers as a run would have asked them."""
    draw = Draw([str(k) for k in range(N)], seed=seed)
    rung, found = draw.everything("free"), [tiers[0]]
    failed = np.zeros(N, dtype=bool)
    for tier, rate in zip(tiers[1:], rates, strict=True):
        rung = draw.above(rung, tier=tier.name, rate=rate, failed=failed)
        values = np.asarray(tier.values)
        failed = np.isnan(values)
        found.append(
            TierVerdicts.of(
                rung,
                np.where(rung.asked, values, NAN),
                cost_usd=tier.cost_usd,
                prediction=tier.prediction,
                prior_variance=tier.prior_variance,
            )
        )
    return found


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("policy", ["share", "budget"])
@pytest.mark.parametrize("estimand", ["these items", NEW_INPUTS])
def test_replays_and_a_live_run_give_the_same_estimate_from_the_same_verdicts(
    fixed: bool, policy: str, estimand: str
) -> None:
    tiers = recorded(fixed=fixed)
    clusters = np.arange(N) // 3
    question = Question(estimand=estimand, clusters=clusters if estimand == NEW_INPUTS else None)
    shares = (0.6, 0.3, 0.12)
    chosen: Policy = fixed_shares(3, shares)
    if policy == "budget":
        chosen = budget_optimal(shares, sizes=np.random.default_rng(1).uniform(0.2, 2.0, size=N))
    whole = replay(tiers, chosen, replays=4, seed=5, question=question)
    failed = [np.zeros(N, dtype=bool)] * 4
    asked, probability, _ = next(iter(draws(chosen, failed, n=N, replays=4, seed=5)))
    for turn in range(4):
        seen = [
            replace(
                tier,
                values=np.where(asked[turn, place], np.asarray(tier.values), NAN),
                asked=asked[turn, place],
                probability=probability[turn, place],
            )
            for place, tier in enumerate(tiers[1:])
        ]
        one = tiered_estimate([tiers[0], *seen], question=question).estimate
        assert (one.value, one.low, one.high) == pytest.approx(
            (whole.value[turn], whole.low[turn], whole.high[turn]), rel=1e-9
        )


def test_the_figure_comes_with_its_worth_and_its_cost() -> None:
    found = tiered_estimate(live(recorded()))
    assert [tier.asked for tier in found.tiers] == [300, 180, 90, 36]
    assert (found.start, found.speaks_of, found.degraded) == ("cold", "human", False)
    assert found.effective_n is not None and found.effective_n > 36
    assert found.cost_usd == pytest.approx(33.0)
    assert found.top_alone_usd == pytest.approx(found.effective_n * 30.0 / 36)
    assert found.to_dict()["tiers"][3] == {
        "tier": "human", "asked": 36, "answered": 36, "cost_usd": 30.0, "used": True
    }  # fmt: skip


def test_an_unknown_price_stays_unknown() -> None:
    tiers = live(recorded())
    found = tiered_estimate([*tiers[:-1], replace(tiers[-1], cost_usd=None)])
    assert (found.cost_usd, found.top_alone_usd) == (None, None)


def test_a_map_is_used_when_every_lower_tier_has_a_prediction() -> None:
    tiers = live(recorded(fixed=True))
    found = tiered_estimate(tiers)
    assert found.start == "map" and found.estimate.method == "two-phase-fixed-t"
    assert found.df == pytest.approx(35 + 20)  # the map's own residual variance is worth 20 labels
    without = tiered_estimate([replace(tier, prior_variance=None) for tier in tiers])
    assert without.df == pytest.approx(35)
    cold = tiered_estimate([*tiers[:2], replace(tiers[2], prediction=None), tiers[3]])
    assert cold.start == "cold"


@pytest.mark.parametrize("gone", [1, 2])
def test_a_missing_tier_is_left_out_and_the_interval_is_wider(gone: int) -> None:
    widths, names = [], ("fast", "strong")
    for seed in range(12):
        tiers = live(recorded(seed), seed=seed)
        whole = tiered_estimate(tiers)
        silent = np.full(N, NAN)
        tiers[gone] = replace(tiers[gone], values=silent)
        found = tiered_estimate(tiers, interrupted="provider down")
        assert found.degraded and found.reason == f"tier {names[gone - 1]} gave no verdict; provider down"
        assert not found.tiers[gone].used and found.speaks_of == "human"
        assert found.estimate.low <= found.estimate.value <= found.estimate.high
        widths.append(_width(found) / _width(whole))
    assert np.mean(widths) > 1.0


def _width(found: TieredEstimate) -> float:
    return found.estimate.high - found.estimate.low


def test_without_top_verdicts_the_figure_speaks_of_the_tier_below_and_says_so() -> None:
    tiers = live(recorded(fixed=True))
    tiers[3] = replace(tiers[3], values=np.full(N, NAN))
    found = tiered_estimate(tiers)
    assert found.speaks_of == "strong" and found.degraded and "0 verdicts of human" in found.reason
    strong = np.asarray(recorded(fixed=True)[2].values)
    assert found.estimate.low <= strong.mean() <= found.estimate.high
    nothing = [tiers[0], *(replace(tier, values=np.full(N, NAN)) for tier in tiers[1:])]
    empty = tiered_estimate(nothing)
    assert empty.estimate.value is None and empty.degraded and empty.estimate.reason
    assert empty.speaks_of is None and empty.to_dict()["speaks_of"] is None


def test_the_tier_below_answers_in_its_own_unit_and_on_its_own_scale() -> None:
    tiers = live(recorded())
    gone = np.asarray(tiers[2].values).copy()
    gone[np.flatnonzero(np.asarray(tiers[2].asked))[:4]] = NAN
    tiers[2] = replace(tiers[2], values=gone, unit="points", scale=(-2.0, 9.0))
    tiers[3] = replace(tiers[3], values=np.full(N, NAN), unit="share", share=True, scale=(0.0, 1.0))
    found = tiered_estimate(tiers)
    assert (found.speaks_of, found.estimate.unit) == ("strong", "points")
    bounds = found.estimate.bounds
    assert bounds is not None and bounds["low"] < found.estimate.low < found.estimate.high < bounds["high"]
    assert bounds["low"] < bounds["worst"] < found.estimate.value < bounds["best"] < bounds["high"]
    assert found.estimate.value > 1.0


@pytest.mark.parametrize(
    ("missing", "lost", "says"),
    [
        (6, {}, None),
        (6, {"provider_error": 6}, "tier human: 6 of 36 verdicts are missing (provider_error)"),
        (1, {"timeout": 1}, "tier human: 1 of 36 verdicts are missing (timeout)"),
        (18, {}, None),
        (19, {}, "tier human: 19 of 36 verdicts are missing"),
    ],
)
def test_verdicts_that_another_attempt_may_get_or_most_of_them_make_a_figure_degraded(
    missing: int, lost: dict[str, int], says: str | None
) -> None:
    tiers = live(recorded())
    values = np.array(tiers[3].values)
    values[np.flatnonzero(np.asarray(tiers[3].asked))[:missing]] = NAN
    tiers[3] = replace(tiers[3], values=values, lost=lost)
    found = tiered_estimate(tiers)
    assert (found.degraded, found.reason) == (says is not None, says)
    assert found.speaks_of == "human"


def test_verdicts_missing_among_certain_items_are_made_up_for_by_certain_ones() -> None:
    draw = Draw([str(k) for k in range(N)], seed=1, certain=np.arange(N) < 20)
    top = draw.above(draw.everything("free"), tier="human", rate=0.1)
    labels = np.where(top.asked, 3.0 + (np.arange(N) % 3), NAN)
    labels[:5] = NAN
    tiers = [TierVerdicts(name="free", values=np.zeros(N)), TierVerdicts.of(top, labels)]
    chance = prepare(tiers).probabilities[-1]
    drawn = np.flatnonzero(top.asked & ~top.certain)
    assert chance[10] == pytest.approx(15 / 20) and chance[drawn] == pytest.approx(28 / 280)
    blind = prepare([tiers[0], replace(tiers[1], certain=None)]).probabilities[-1]
    assert blind[10] == pytest.approx(43 / 48)  # nobody said who was certain: all are one kind
    parts = [tier.at(np.arange(40)) for tier in tiers]
    assert np.asarray(parts[1].certain).sum() == 20


def test_verdicts_that_never_came_are_counted_and_bounded() -> None:
    tiers = live(recorded())
    lost = np.flatnonzero(np.asarray(tiers[3].asked))[:6]
    values = np.array(tiers[3].values)
    values[lost] = NAN
    tiers[3] = replace(tiers[3], values=values)
    found = tiered_estimate([*tiers[:3], replace(tiers[3], scale=(1.0, 5.0))])
    assert (found.estimate.unscored, found.tiers[3].asked, found.tiers[3].answered) == (6, 36, 30)
    bounds = found.estimate.bounds
    assert bounds is not None
    assert bounds["low"] < found.estimate.low and bounds["high"] > found.estimate.high
    assert tiered_estimate(tiers).estimate.bounds is None  # nobody said where the scale ends
    ready = prepare(tiers)
    assert ready.probabilities[-1][lost[0]] == pytest.approx(0.12 * 30 / 36)


def test_a_verdict_that_could_not_be_read_is_a_column_and_not_a_gap_in_the_design() -> None:
    tiers = live(recorded(gaps=True))
    ready = prepare(tiers)
    gap = np.isnan(np.asarray(tiers[1].values)) & np.asarray(tiers[1].asked)
    assert gap.any()
    assert ready.proxies[1].shape[1] == 2
    assert (ready.proxies[1][:, 1][np.asarray(tiers[1].asked)] == gap[np.asarray(tiers[1].asked)]).all()
    assert np.asarray(tiers[2].asked)[gap].all()  # and they went up for certain
    assert tiered_estimate(tiers).estimate.low is not None


@pytest.mark.slow
def test_gaps_leave_no_bias_although_failures_go_up_for_certain() -> None:
    tiers = recorded(gaps=True)
    found = replay(tiers, fixed_shares(3, (0.6, 0.3, 0.12)), replays=4_000, seed=2)
    assert abs(found.bias_z) < 4.0
    assert found.coverage > 0.93
    ready = prepare(tiers)
    chosen = fixed_shares(3, (0.6, 0.3, 0.12))
    failed = [np.isnan(np.asarray(tier.values, dtype=float)).reshape(N, -1).any(axis=1) for tier in tiers]
    asked = np.concatenate([part for part, _, _ in draws(chosen, failed, n=N, replays=4_000, seed=2)])
    wrong = two_phase_replays(ready.labels, ready.proxies, asked=asked).value  # as if drawn like the others
    assert abs(wrong.mean() - ready.labels.mean()) / (wrong.std() / 63.2) > abs(found.bias_z)


def test_everything_asked_is_a_census() -> None:
    found = tiered_estimate(recorded())
    truth = np.asarray(recorded()[3].values).mean()
    assert (found.estimate.method, found.estimate.value) == ("census", pytest.approx(truth))
    assert found.estimate.low == found.estimate.high == pytest.approx(truth)


def test_people_alone_are_the_survey_interval() -> None:
    values = np.where(np.arange(20) < 5, np.arange(20.0), NAN)
    found = tiered_estimate(
        [
            TierVerdicts(name="free", values=np.zeros(20), prediction=np.zeros(20)),
            TierVerdicts(name="human", values=values),
        ]
    ).estimate
    error = np.sqrt(2.5 / 5 * (1 - 5 / 20))
    assert (found.value, found.high) == pytest.approx((2.0, 2.0 + t_quantile(0.975, 4) * error))


@pytest.mark.parametrize(
    ("tiers", "says"),
    [
        ([TierVerdicts(name="free", values=[1.0, 2.0])], "one tier"),
        ([TierVerdicts(name="a", values=[1.0, 2.0]), TierVerdicts(name="b", values=[1.0])], "shape"),
        ([TierVerdicts(name="a", values=[1.0, 2.0]), TierVerdicts(name="b", values=[1.0, 2.0], asked=[True])], "asked"),
        (
            [
                TierVerdicts(name="a", values=[1.0] * 6),
                TierVerdicts(name="b", values=[1.0, 2.0, NAN, NAN, 1.0, 3.0]),
                TierVerdicts(name="c", values=[1.0, 2.0, 3.0, NAN, NAN, 1.0]),
            ],
            "not nested",
        ),
    ],
)
def test_verdicts_that_do_not_fit_are_refused(tiers: list[TierVerdicts], says: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        tiered_estimate(tiers)
    assert says in f"{caught.value} {caught.value.hint}" or "tier below" in str(caught.value)
