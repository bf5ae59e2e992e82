"""The comparisons behind ``assay rank``: who met whom and who won, from the words and numbers that files use."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from assay.core.errors import DataError
from assay.datasets.columns import TableFile
from assay.stats.ratings.battles import Battles, style_difference
from assay.stats.ratings.likelihood import TieModel
from assay.stats.ratings.table import Scale

Floats = npt.NDArray[np.float64]
Side = Literal["a", "b", "tie"]
SCORE: Mapping[Side, float] = {"a": 1.0, "b": 0.0, "tie": 0.5}
WORDS: Mapping[str, Side] = {
    **dict.fromkeys(("a", "left", "first", "x", "model_a", "model_x", "answer_a", "response_a", "assistant_a"), "a"),
    **dict.fromkeys(("b", "right", "second", "y", "model_b", "model_y", "answer_b", "response_b", "assistant_b"), "b"),
    **dict.fromkeys(
        ("tie", "draw", "equal", "same", "both", "neither", "bothbad", "both bad", "both_bad", "tie (bothbad)",
         "tie (both bad)", "tie_bothbad"), "tie"
    ),
}  # fmt: skip
"""What people write for the winner, in lower case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankRequest:
    """What ``assay rank`` was asked.

    Attributes:
        a: Column of the model shown first (left).
        b: Column of the model shown second (right).
        winner: Column of the winner; not together with ``preference``.
        preference: Column of graded preferences.
        preference_scale: ``0-1``: chance that a wins; ``1-2``: 1 is all for a, 2 all for b, 0 a tie.
        words: What values of the winner column mean, beside ``WORDS``.
        covariates: A column (a minus b), or two with a comma between: (first - second) / (first + second), which may be
            given a name: ``length=tokens_a,tokens_b``.
        swap: Every pair was judged in both orders; ``cluster`` names what both verdicts share.
        bootstrap: Rounds; sandwich intervals without it.
    """

    path: str
    a: str = "model_a"
    b: str = "model_b"
    winner: str | None = "winner"
    preference: str | None = None
    preference_scale: Literal["auto", "0-1", "1-2"] = "auto"
    words: Mapping[str, Side] | None = None
    ties: TieModel = "half"
    covariates: Sequence[str] = ()
    rater: str | None = None
    cluster: str | None = None
    swap: bool = False
    scale: Scale = "elo"
    ridge: float = 0.0
    bootstrap: int | None = None
    seed: int = 0
    confidence: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BattleFile:
    """Comparisons of a file, a row each.

    Attributes:
        battles: For the models; a graded preference stands there as two battles that share its weight.
        a: Index of the model shown first, shape ``(n,)``.
        b: Of the other.
        score: Of the model shown first, in [0, 1].
        cluster: Group of each row; ``None`` without a cluster column.
        rater: Who judged; ``None`` without a rater column.
        graded: Whether some preference is neither a win nor a tie.
        mapping: Each word met in the winner column, what it was taken for and how often.
        missing: Rows without a verdict.
        note: How a column of preferences was read.
    """

    battles: Battles
    a: npt.NDArray[np.int64]
    b: npt.NDArray[np.int64]
    score: Floats
    cluster: Sequence[str] | None
    rater: Sequence[str] | None
    graded: bool
    mapping: Mapping[str, Mapping[str, str | int]]
    missing: int
    note: str | None


def read_battles(request: RankRequest) -> BattleFile:
    """The comparisons of a file.

    Raises:
        NotFoundError: There is no such file.
        DataError: A column is missing (``data.no_column``), a model, rater or cluster has no name (``rank.no_name``),
            a winner is neither a model nor a known word (``rank.winner``) or could be both (``rank.ambiguous``), a
            preference is on no known scale (``rank.preference``), no row has a verdict (``rank.no_battles``), a
            covariate is empty or not finite (``rank.covariate``), a model meets itself (``rank.self``).
    """
    table = TableFile(request.path)
    try:
        verdict = request.preference or request.winner or ""
        table.require(*(name for name in (request.a, request.b, verdict, request.rater, request.cluster) if name))
        first, second = table.texts(request.a), table.texts(request.b)
        note: str | None = None
        mapping: dict[str, dict[str, str | int]] = {}
        if request.preference is None:
            score, mapping = _winners(first, second, table.texts(verdict), request)
        else:
            score, note = _preferences(table.numbers(verdict), request)
        style, covariates = _covariates(table, request)
        rater = None if request.rater is None else table.texts(request.rater)
        cluster = None if request.cluster is None else table.texts(request.cluster)
    finally:
        table.close()
    kept = np.flatnonzero(np.isfinite(score))
    if not kept.size:
        raise DataError(
            f"{table.name}: no row of {verdict} holds a verdict", hint="name another column", code="rank.no_battles"
        )
    left, right = _named(first, kept, request.a), _named(second, kept, request.b)
    _two_models(left, right, kept)
    judges = None if rater is None else _named(rater, kept, request.rater)
    groups = None if cluster is None else _named(cluster, kept, request.cluster)
    names = sorted({*left, *right})
    index = {name: place for place, name in enumerate(names)}
    a, b = (np.array([index[name] for name in column], dtype=np.int64) for column in (left, right))
    held, graded = score[kept], bool((~np.isin(score[kept], (0.0, 0.5, 1.0))).any())
    parts = None if covariates is None else _finite(covariates, kept, style)
    battles = _battles(names, a, b, held, judges, groups, style, parts, graded=graded)
    return BattleFile(
        battles=battles, a=a, b=b, score=held, cluster=groups, rater=judges, graded=graded, mapping=mapping,
        missing=len(score) - int(kept.size), note=note,
    )  # fmt: skip


def _winners(
    first: Sequence[str | None], second: Sequence[str | None], winner: Sequence[str | None], request: RankRequest
) -> tuple[Floats, dict[str, dict[str, str | int]]]:
    words: dict[str, Side] = {request.a.casefold(): "a", request.b.casefold(): "b"}
    score = np.full(len(winner), np.nan)
    mapping: dict[str, dict[str, str | int]] = {}
    for row, (one, other, said) in enumerate(zip(first, second, winner, strict=True)):
        if said is None or not said.strip():
            continue
        if one is None or other is None:
            raise _nameless(row, request.a if one is None else request.b)
        side, by_word = _side(said.strip(), one, other, words, request, row)
        score[row] = SCORE[side]
        if by_word:
            met = mapping.setdefault(said.strip(), {"means": side, "n": 0})
            met["n"] = int(met["n"]) + 1
    return score, mapping


def _side(
    said: str, one: str, other: str, columns: Mapping[str, Side], request: RankRequest, row: int
) -> tuple[Side, bool]:
    """Which side a cell names, and whether by a word rather than by the model's name."""
    if request.words and said in request.words:
        return request.words[said], True
    named: Side | None = "a" if said == one else "b" if said == other else None
    word = columns.get(said.casefold()) or WORDS.get(said.casefold())
    if named is not None and word is not None and named != word:
        raise DataError(
            f"row {row + 1}: the winner {said!r} is a model's name, and also a word for {word}",
            hint=f"--map {said}={named} or --map {said}={word} says which",
            code="rank.ambiguous",
        )
    side = named or word
    if side is None:
        raise DataError(
            f"row {row + 1}: the winner {said[:40]!r} is neither {one} nor {other}, and no word for a side or a tie",
            hint=f"--map '{said[:40]}=a' (or b, or tie); known words are a, b, left, right, tie, both, neither",
            code="rank.winner",
        )
    return side, named is None


def _preferences(numbers: Floats, request: RankRequest) -> tuple[Floats, str]:
    """The first model's score from numbers on either scale."""
    held = numbers[~np.isnan(numbers)]
    scale = request.preference_scale
    inside = {"0-1": ((held >= 0) & (held <= 1)).all(), "1-2": ((held >= 1) & (held <= 2)).all()}
    if scale == "auto" and held.size:
        if inside["0-1"] and inside["1-2"]:
            raise DataError(
                f"every preference in {request.preference} is 1, which means opposite things on 0..1 and 1..2",
                hint="--preference-scale 0-1 or 1-2",
                code="rank.preference",
            )
        scale = "0-1" if inside["0-1"] else "1-2"
    if scale == "1-2":
        tied = held == 0.0
        if not (tied | ((held >= 1) & (held <= 2))).all() or (request.preference_scale == "auto" and tied.any()):
            raise _off_scale(held, request)
        read = np.where(numbers == 0.0, 1.5, numbers)
        return 2.0 - read, f"{request.preference} is read as 1 for {request.a}, 2 for {request.b}" + (
            f", 0 ({int(tied.sum()):,} rows) as a tie" if tied.any() else ""
        )
    if not inside["0-1"]:
        raise _off_scale(held, request)
    return numbers, f"{request.preference} is read as the chance that {request.a} wins"


def _off_scale(held: Floats, request: RankRequest) -> DataError:
    return DataError(
        f"{request.preference} runs from {held.min():g} to {held.max():g}, which is neither 0..1 nor 1..2",
        hint="give a's chance to win in 0..1, or 1 (a) to 2 (b); --preference-scale 1-2 also reads 0 as a tie",
        code="rank.preference",
    )


def _covariates(table: TableFile, request: RankRequest) -> tuple[list[str], Floats | None]:
    """Names and columns, NaN where a cell is empty."""
    names, columns = [], []
    for given in request.covariates:
        name, first, second = given, given, ""
        if given not in table.columns:
            name, _, pair = given.rpartition("=")
            first, _, second = (part.strip() for part in pair.partition(","))
        names.append(name or given)
        columns.append(_compared(table.numbers(first), table.numbers(second)) if second else table.numbers(first))
    return names, np.column_stack(columns) if columns else None


def _compared(first: Floats, second: Floats) -> Floats:
    """Lengths of two answers as a share of their sum; NaN where one is not known or negative."""
    known = np.isfinite(first) & np.isfinite(second) & (first >= 0.0) & (second >= 0.0)
    made = np.full(first.size, np.nan)
    made[known] = style_difference(first[known], second[known])
    return made


def _two_models(left: Sequence[str], right: Sequence[str], kept: npt.NDArray[np.intp]) -> None:
    for row, one, other in zip(kept.tolist(), left, right, strict=True):
        if one == other:
            raise DataError(
                f"row {row + 1}: {one} is set against itself",
                hint="leave battles of a model with itself out with a query",
                code="rank.self",
            )


def _finite(covariates: Floats, kept: npt.NDArray[np.intp], names: Sequence[str]) -> Floats:
    bad = np.argwhere(~np.isfinite(covariates[kept]))
    if bad.size:
        row, column = bad[0].tolist()
        raise DataError(
            f"row {int(kept[row]) + 1}: the covariate {names[column]} is empty, not finite or a negative length",
            hint="fill it, or leave such rows out with a query",
            code="rank.covariate",
        )
    return covariates[kept]


def _named(column: Sequence[str | None], kept: npt.NDArray[np.intp], name: str | None) -> list[str]:
    found = []
    for row in kept.tolist():
        cell = column[row]
        if cell is None:
            raise _nameless(row, name)
        found.append(cell)
    return found


def _nameless(row: int, column: str | None) -> DataError:
    return DataError(
        f"row {row + 1}: {column} is empty beside a verdict",
        hint="name both models (and the rater and cluster asked for) of every battle",
        code="rank.no_name",
    )


def _battles(
    names: Sequence[str],
    a: npt.NDArray[np.int64],
    b: npt.NDArray[np.int64],
    score: Floats,
    rater: Sequence[str] | None,
    cluster: Sequence[str] | None,
    style: Sequence[str],
    covariates: Floats | None,
    *,
    graded: bool,
) -> Battles:
    """A preference of .7 is a win of weight .7 and a loss of weight .3; its two halves are one cluster."""
    row, outcome, weight = np.arange(score.size), score, None
    if graded:
        tie = score == 0.5
        won, lost, tied = (np.flatnonzero(part) for part in (~tie & (score > 0.0), ~tie & (score < 1.0), tie))
        row = np.concatenate([won, lost, tied])
        outcome = np.concatenate([np.ones(won.size), np.zeros(lost.size), np.full(tied.size, 0.5)])
        weight = np.concatenate([score[won], 1.0 - score[lost], np.ones(tied.size)])
        order = np.argsort(row, kind="stable")
        row, outcome, weight = row[order], outcome[order], weight[order]
    picked = row.tolist()
    groups: Sequence[Hashable] | None = picked if graded else None
    if cluster is not None:
        groups = [cluster[place] for place in picked]
    return Battles.of(
        a[row],
        b[row],
        outcome,
        names=names,
        weight=weight,
        covariates=None if covariates is None else covariates[row],
        covariate_names=style,
        rater=None if rater is None else [rater[place] for place in picked],
        cluster=groups,
    )
