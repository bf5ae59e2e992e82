"""What is kept of a run's tiers, and how two runs that kept theirs are compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assay.engine.cascade.draw import Draw
from assay.engine.cascade.kept import KeptTiers, difference
from assay.engine.cascade.verdicts import TierVerdicts
from assay.engine.cascade.versus import compare_tiers, difference_evidence

pytestmark = pytest.mark.slow

N = 200
IDS = [f"q{k}" for k in range(N)]
TRUTH = np.random.default_rng(1).integers(1, 6, size=N).astype(float)


def kept(shift: float = 0.0, *, middle: bool = True, seed: int = 3, columns: int = 1) -> KeptTiers:
    draw = Draw(IDS, seed=seed, certain=np.arange(N) < 8)
    below = draw.everything()
    free = TierVerdicts(name="programmatic", values=np.column_stack([TRUTH] * columns), asked=below.asked)
    tiers = [free]
    if middle:
        below = draw.above(below, tier="fast", rate=0.5)
        tiers.append(TierVerdicts.of(below, np.where(below.asked, TRUTH, np.nan), unit="points", scale=(1.0, 5.0)))
    top = draw.above(below, tier="strong", rate=0.4)
    noise = np.random.default_rng(round(10 * shift)).normal(size=N)
    values = np.where(top.asked, TRUTH + shift + 0.3 * noise, np.nan)
    tiers.append(TierVerdicts.of(top, values, lost={"provider_error": 2}, scale=(1.0, 5.0)))
    return KeptTiers(
        metric="helpfulness",
        ids=IDS,
        tiers=tiers,
        clusters=None,
        waiting=[],
        seed=seed,
        speaks_of="strong",
    )


def test_everything_about_a_tier_comes_back() -> None:
    first = kept()
    again = KeptTiers.from_bytes(first.to_bytes())
    for tier, back in zip(first.tiers, again.tiers, strict=True):
        for name in ("name", "unit", "share", "scale", "lost", "cost_usd", "prior_variance"):
            assert getattr(back, name) == getattr(tier, name)
        assert (back.certain is None) == (tier.certain is None)
        if tier.certain is not None:
            assert (np.asarray(back.certain) == np.asarray(tier.certain)).all()
    assert np.asarray(again.tiers[2].certain).sum() == 8
    assert difference(first, again) == difference(again, first)


@pytest.mark.parametrize(
    ("after", "method"),
    [
        (kept(0.4, middle=False), "unpaired-two-phase-t"),
        (kept(0.4, columns=2), "paired-two-phase-fit-t"),
        (kept(0.4, seed=5), "unpaired-two-phase-t"),
    ],
)
def test_runs_that_went_up_differently_are_compared_all_the_same(after: KeptTiers, method: str) -> None:
    found = compare_tiers(kept(), after, higher_is_better=True, confidence=0.95, margin=0.0)
    assert found.test == method
    assert found.difference.low is not None and found.difference.low < 0.4 < found.difference.high
    assert found.p_value is not None


def test_a_run_that_fell_to_a_lower_tier_has_no_difference_and_the_reason() -> None:
    after = kept()
    fallen = replace(after, tiers=[*after.tiers[:2], replace(after.tiers[2], values=np.full(N, np.nan))])
    found = difference_evidence(after, fallen).estimate(0.95)
    assert found.value is None and "speaks of fast" in str(found.reason)
