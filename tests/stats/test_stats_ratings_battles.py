"""Battles: what is accepted, how it is counted, and which models can be compared."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats.ratings.battles import Battles, PairCounts, style_difference
from assay.stats.ratings.graph import (
    finite_ratings,
    is_one_group,
    mutual_groups,
    require_connected,
    ties_are_identified,
)

battle_lists = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.sampled_from(["a", "b", "tie"])).filter(lambda t: t[0] != t[1]),
    min_size=1,
    max_size=40,
)


def _battles(rows: list[tuple[int, int, str]], **more: object) -> Battles:
    a, b, outcome = zip(*rows, strict=True)
    return Battles.of(np.array(a), np.array(b), outcome, names=list("vwxyz"), **more)  # type: ignore[arg-type]


def _by_pair(counts: PairCounts) -> dict[tuple[str, str], list[float]]:
    rows = zip(counts.a.tolist(), counts.b.tolist(), counts.sums.T.tolist(), strict=True)
    return {(counts.names[a], counts.names[b]): sums for a, b, sums in rows}


def test_counts_by_hand() -> None:
    counts = Battles.of(["x", "y", "x", "x"], ["y", "x", "y", "z"], ["a", "a", "tie", "b"]).counts()
    assert _by_pair(counts) == {("x", "y"): [1, 0, 1], ("y", "x"): [1, 0, 0], ("x", "z"): [0, 1, 0]}
    assert _by_pair(counts.unordered()) == {("x", "y"): [1, 1, 1], ("x", "z"): [0, 1, 0]}
    assert counts.battles_of().tolist() == [4, 3, 1]


def test_labels_and_indices_and_scores_and_words_are_the_same_battles() -> None:
    words = Battles.of(["x", "y"], ["y", "z"], ["b", "tie"])
    codes = Battles.of(np.array([0, 1]), np.array([1, 2]), np.array([0.0, 0.5]), names=["x", "y", "z"])
    assert words.names == codes.names
    for name in ("a", "b", "outcome"):
        assert getattr(words, name).tolist() == getattr(codes, name).tolist()


@given(battle_lists)
@settings(max_examples=40, deadline=None)
def test_counting_equals_counting_one_by_one(rows: list[tuple[int, int, str]]) -> None:
    expected: dict[tuple[str, str], list[float]] = {}
    for a, b, outcome in rows:
        cell = expected.setdefault(("vwxyz"[a], "vwxyz"[b]), [0, 0, 0])
        cell[["a", "b", "tie"].index(outcome)] += 1
    assert _by_pair(_battles(rows).counts()) == expected


@given(battle_lists, battle_lists)
@settings(max_examples=30, deadline=None)
def test_tables_add_like_the_battles_behind_them(
    first: list[tuple[int, int, str]], second: list[tuple[int, int, str]]
) -> None:
    together = _battles(first).counts() + _battles(second).counts()
    assert _by_pair(together) == _by_pair(_battles(first + second).counts())


def test_many_models_are_counted_by_sorting_with_the_same_result() -> None:
    rng = np.random.default_rng(4)
    a = rng.integers(5, size=300)
    b = (a + rng.integers(1, 5, size=300)) % 5
    score, weight = rng.choice([0.0, 0.5, 1.0], size=300), rng.uniform(0.5, 2, size=300)
    few = Battles.of(a, b, score, names=list("vwxyz"), weight=weight).counts()
    names = [*"vwxyz", *(f"idle {i}" for i in range(1_500))]
    many = Battles.of(a, b, score, names=names, weight=weight).counts()
    assert _by_pair(few).keys() == _by_pair(many).keys()
    for name in ("sums", "squares", "n_of"):
        assert np.allclose(getattr(few, name), getattr(many, name))


def test_a_table_of_weighted_and_unweighted_battles_keeps_the_squares() -> None:
    plain = Battles.of(["x"], ["y"], ["a"]).counts()
    heavy = Battles.of(["x"], ["y"], ["a"], weight=[3.0]).counts()
    both = plain + heavy
    assert both.squares is not None
    assert (both.sums[0, 0], both.squares[0, 0], both.n) == (4.0, 10.0, 2)


def test_some_models_are_picked_with_their_battles() -> None:
    battles = Battles.of(
        ["x", "y", "z"], ["y", "z", "x"], ["a", "a", "b"], cluster=["p", "q", "r"], rater=["k", "l", "k"],
        weight=[1, 2, 3], covariates=[[1.0], [2.0], [3.0]],
    ).among(np.array([1, 2]))  # fmt: skip
    assert (battles.names, battles.n, battles.n_clusters) == (("y", "z"), 1, 1)
    assert battles.weight is not None and battles.weight.tolist() == [2.0]
    assert battles.covariates is not None and battles.covariates.tolist() == [[2.0]]


@pytest.mark.parametrize(
    ("a", "b", "outcome", "more", "says"),
    [
        ([], [], [], {}, "no battles"),
        (["x"], ["y", "z"], ["a"], {}, "1 rows and b has 2"),
        (["x"], ["x"], ["a"], {}, "against itself"),
        (["x"], ["y"], ["won"], {}, "unknown"),
        (["x"], ["y"], [0.7], {}, "none of 1, 0.5 and 0"),
        (["x"], ["y"], [float("nan")], {}, "none of 1, 0.5 and 0"),
        (["x"], ["y"], ["a"], {"weight": [0.0]}, "above 0"),
        (["x"], ["y"], ["a"], {"weight": [float("inf")]}, "above 0"),
        (["x"], ["y"], ["a"], {"covariates": [[float("nan")]]}, "finite table"),
        (["x"], ["y"], ["a"], {"covariates": [[1.0, 2.0]], "covariate_names": ["only"]}, "1 covariate names"),
        (["x"], ["y"], ["a"], {"cluster": ["p", "q"]}, "cluster has 2"),
        (["x"], [None], ["a"], {}, "missing"),
        (["x"], ["y"], ["a"], {"rater": [float("nan")]}, "missing"),
        ([0.5], [1.0], ["a"], {"names": ["x", "y"]}, "whole numbers"),
        ([0], [2], ["a"], {"names": ["x", "y"]}, "outside 0 to 1"),
        ([0], [1], ["a"], {"names": ["x", "x"]}, "same name"),
    ],
)
def test_bad_columns_are_refused(a: list, b: list, outcome: list, more: dict, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        Battles.of(a, b, outcome, **more)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"a": ["x"], "b": ["y"], "wins_a": [-1], "wins_b": [2]}, "whole numbers"),
        ({"a": ["x"], "b": ["y"], "wins_a": [0.5], "wins_b": [2]}, "whole numbers"),
        ({"a": ["x"], "b": ["y"], "wins_a": [1, 2], "wins_b": [2]}, "different lengths"),
        ({"a": ["x"], "b": ["x"], "wins_a": [1], "wins_b": [2]}, "against itself"),
        ({"a": ["x"], "b": ["y"], "wins_a": [0], "wins_b": [0]}, "no battles"),
    ],
)
def test_bad_tables_are_refused(table: dict, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        PairCounts.of(**table)


def test_a_disconnected_graph_names_its_components() -> None:
    counts = Battles.of(["x", "v", "z"], ["y", "w", "y"], ["a", "b", "tie"]).counts()
    with pytest.raises(InvalidInputError, match=r"2 groups.*\{x, y, z\}; \{v, w\}") as caught:
        require_connected(counts)
    assert caught.value.details["components"] == [["x", "y", "z"], ["v", "w"]]


@given(battle_lists)
@settings(max_examples=60, deadline=None)
def test_the_fast_search_agrees_with_the_components(rows: list[tuple[int, int, str]]) -> None:
    counts = _battles(rows).counts().unordered()
    up, down = counts.sums[0] + counts.sums[2] > 0, counts.sums[1] + counts.sums[2] > 0
    assert is_one_group(counts.a, counts.b, up, down, 5) == (mutual_groups(counts).max() == 0)


def test_who_stands_above_and_below_is_said() -> None:
    rows = [
        ("top", "p", "a"),
        ("p", "q", "a"),
        ("q", "r", "a"),
        ("r", "p", "a"),
        ("q", "low", "a"),
        ("top", "aside", "a"),
    ]
    counts = Battles.of(*zip(*rows, strict=True)).counts()
    rated, reasons = finite_ratings(counts, has_tie_parameter=False, ridge=0.0)
    assert [counts.names[i] for i in rated] == ["p", "q", "r"]
    said = {counts.names[i]: reason.split(":")[0] for i, reason in reasons.items()}
    assert said["top"] == "no chain of results puts it below the rated models"
    assert said["low"] == "no chain of results puts it above the rated models"
    assert said["aside"] == "no chain of results compares it with the rated models"


@pytest.mark.parametrize(
    ("rows", "finite"),
    [
        ([("x", "y", "a"), ("x", "y", "tie")], False),  # ν and the distance grow together
        ([("x", "y", "a"), ("x", "y", "b"), ("x", "y", "tie")], True),
        ([("x", "y", "tie"), ("y", "z", "tie"), ("z", "x", "tie")], False),  # nothing but ties
        ([("x", "y", "a"), ("y", "z", "a"), ("z", "x", "a"), ("x", "y", "tie")], True),  # a cycle of wins
        ([("x", "y", "a"), ("y", "z", "a"), ("x", "z", "tie")], True),  # two wins cannot span less than one tie
        ([("x", "y", "a"), ("y", "z", "a"), ("z", "x", "tie")], True),
        ([("x", "y", "a"), ("y", "z", "tie"), ("x", "z", "tie")], False),
    ],
)
def test_when_a_tie_parameter_has_a_maximum(rows: list[tuple[str, str, str]], finite: bool) -> None:
    assert ties_are_identified(Battles.of(*zip(*rows, strict=True)).counts()) is finite


def test_style_difference_by_hand_and_its_limits() -> None:
    assert style_difference([3, 0, 0], [1, 0, 5]).tolist() == [0.5, 0.0, -1.0]
    for bad in ([-1.0], [float("nan")], [1.0, 2.0]):
        with pytest.raises(InvalidInputError):
            style_difference(bad, [1.0])
