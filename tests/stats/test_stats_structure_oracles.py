"""Rankings against choix, exact bounds, promoter scores, cycles, shortlists and proxies on known cases."""

from __future__ import annotations

import choix
import numpy as np
import pytest

from assay.core.errors import InvalidInputError
from assay.stats.ratings.battles import PairCounts
from assay.stats.structure.hodge import hodge_rank
from assay.stats.structure.plackett_luce import plackett_luce
from assay.stats.structure.promoters import net_promoter_score, promoter_counts
from assay.stats.structure.proxy import proxy_validity
from assay.stats.structure.rare import allowed_harms, exposures_for_bound, rare_harm_bound, rule_of_three
from assay.stats.structure.screening import Limit, screen_candidates


def test_partial_rankings_equal_choix() -> None:
    rng, rows = np.random.default_rng(1), []
    for _ in range(200):
        shown = rng.permutation(6)[: rng.integers(2, 7)]
        rows.append(shown[np.argsort(-(0.2 * shown + rng.gumbel(size=shown.size)))].tolist())
    expected = choix.ilsr_rankings(6, rows)
    found = plackett_luce([[str(item) for item in row] for row in rows]).log_odds
    assert found == pytest.approx(expected - expected.mean(), abs=1e-6)


def test_top_choices_equal_choix_top1() -> None:
    picks = [(0, [1, 2]), (1, [0, 2]), (2, [0, 1]), (0, [1]), (1, [2]), (0, [2])]
    expected = choix.ilsr_top1(3, picks)
    found = plackett_luce([[str(w)] for w, _ in picks], behind=[[str(x) for x in rest] for _, rest in picks])
    assert found.log_odds == pytest.approx(expected - expected.mean(), abs=1e-6)


def test_an_item_always_first_has_no_finite_rating_and_groups_that_never_met_are_refused() -> None:
    table = plackett_luce([["a", "b", "c"], ["a", "c", "b"], ["a", "b", "c"]])
    assert table.rating("a").value is None
    assert table.rating("b").value == pytest.approx(np.log(2) / 2)
    with pytest.raises(InvalidInputError, match="never met"):
        plackett_luce([["a", "b"], ["c", "d"]])
    with pytest.raises(InvalidInputError, match="repeats"):
        plackett_luce([["a", "a"]])


def test_rare_harms_both_ways() -> None:
    assert rare_harm_bound(0, 1_000).high == pytest.approx(1 - 0.05 ** (1 / 1_000))
    assert rule_of_three(1_000) == pytest.approx(0.0029957, abs=1e-7)
    n = exposures_for_bound(0.001)
    assert rare_harm_bound(0, n).high <= 0.001 < rare_harm_bound(0, n - 1).high
    assert allowed_harms(10_000, 0.001) == 4
    assert rare_harm_bound(4, 10_000).high <= 0.001 < rare_harm_bound(5, 10_000).high
    with pytest.raises(InvalidInputError):
        rare_harm_bound(2, 1)


def test_promoter_scores_and_silence() -> None:
    found = net_promoter_score(*promoter_counts([10] * 5 + [8] * 3 + [2] * 2), invited=20)
    assert found.score.value == pytest.approx(30.0)
    assert found.score.std_error == pytest.approx(100 * np.sqrt((0.7 - 0.09) / 10))
    assert found.invited is not None
    assert (found.invited.low, found.invited.high) == pytest.approx((-35.0, 65.0))
    with pytest.raises(InvalidInputError):
        promoter_counts([11])


def test_a_ranking_leaves_nothing_and_a_long_cycle_is_harmonic() -> None:
    ring = PairCounts.of("abcd", "bcda", wins_a=[80] * 4, wins_b=[20] * 4)
    found = hodge_rank(ring, rng=np.random.default_rng(1), repeats=199)
    assert (found.curl_share, found.harmonic_share) == pytest.approx((0.0, 1.0))
    path = PairCounts.of("ab", "bc", wins_a=[8, 7], wins_b=[2, 3])
    assert hodge_rank(path, rng=np.random.default_rng(1)).cyclic.value is None


def test_a_clear_winner_is_left_alone_and_a_limit_drops() -> None:
    limit = Limit(name="latency_s", values=[1.0, 1.0, 9.0], at_most=2.0)
    found = screen_candidates("abc", [9, 1, 99], [1, 1, 1], k=1, rng=np.random.default_rng(1), limits=[limit])
    winner = found.selected[0]
    assert (winner.name, found.dropped) == ("a", {"c": ("latency_s",)})
    assert winner.corrected.value == pytest.approx(9.0, abs=1e-3)


def test_twenty_models_at_85() -> None:
    rng = np.random.default_rng(3)
    x, noise = rng.normal(size=(2, 20))
    x -= x.mean()
    noise -= noise.mean() + x * (noise @ x) / (x @ x)
    y = 0.85 * x / np.linalg.norm(x) + np.sqrt(1 - 0.85**2) * noise / np.linalg.norm(noise)
    found = proxy_validity(x, y).correlation
    assert (found.value, found.low, found.high) == pytest.approx((0.85, 0.65, 0.94), abs=0.006)
