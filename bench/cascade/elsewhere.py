"""A map fitted on one part of SummEval and used on another: both ways, what 50 documents say of 50 others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from assay.app.cascade_map import MapPredictions, applied_map, fitted_map, named_columns
from assay.engine.cascade.policy import Policy, budget_optimal, fixed_shares
from assay.engine.cascade.simulate import Replays
from bench.cascade.maps import TIERS, columns
from bench.cascade.row import Row, both, map_tiers, seeded
from bench.cascade.summeval import DIMENSIONS, OVERALL, Summaries, halves, load

PLACES = (OVERALL, *DIMENSIONS)
LEAST = {OVERALL: 0.33, "coherence": 0.20, "consistency": 0.20, "fluency": 0.16, "relevance": 0.20}


def elsewhere(folder: Path, replays: int) -> Iterator[Row]:
    """The map's figures on documents that it has not seen.

    Args:
        folder: Holds the other part, in the files of ``judge/summeval``.
        replays: For each figure and way.
    """
    parts = {"there": load(folder), "here": load()}
    for fitted, used in (("here", "there"), ("there", "here")):
        yield from _one_way(parts[fitted], parts[used], f"fitted {fitted}, used {used}", replays)


def _one_way(there: Summaries, here: Summaries, way: str, replays: int) -> Iterator[Row]:
    for name in PLACES:
        for known in (True, False):
            found = predicted_elsewhere(name, there, here, known=known)
            least = LEAST[name] if known else 0.24 if name == OVERALL else None
            got = seeded(map_tiers(name, found, blend=True, data=here), sixty_eighteen(here), replays=replays)
            covers = 0.94 <= got.coverage <= 0.97 or name != OVERALL
            yield Row(
                figure=f"{way}, {'known systems' if known else 'left-out system'}, 60/18, {name}",
                target="shown" if least is None else f"≥ {100 * least:.0f} %" + (", 94 to 97" * (name == OVERALL)),
                measured=both(got),
                met=None if least is None else got.narrowing >= least and covers,
            )
        left = predicted_elsewhere(name, there, here, known=False)
        plain, blended = (map_tiers(name, left, blend=blend, data=here) for blend in (False, True))
        best = seeded(plain, budget_optimal((1.0, 1.0, 60 / len(here)), sizes=left.sizes), replays=replays)
        yield Row(
            figure=f"{way}, 60 experts, gpt-4 on all, budget-optimal (left-out system), {name}",
            target="≥ 30 %, ≥ 93.5" if name == OVERALL else "shown",
            measured=both(best),
            met=best.narrowing >= 0.30 and best.coverage >= 0.935 if name == OVERALL else None,
        )
        few = seeded(blended, fixed_shares(3, (1.0, 1.0, 20 / len(here))), replays=replays)
        yield Row(
            figure=f"{way}, 20 experts, gpt-4 on all, blended variance, {name}",
            target="covers ≥ 94",
            measured=both(few),
            met=few.coverage >= 0.94,
        )


def one_by_one(*, known: bool, splits: int, replays: int) -> list[Replays]:
    """The overall score of 25 documents by the map of 25 others, each way of each split for itself."""
    found = []
    for seed in range(splits):
        parts = halves(load(), seed=seed)
        for there, here in (parts, parts[::-1]):
            predicted = predicted_elsewhere(OVERALL, there, here, known=known)
            tiers = map_tiers(OVERALL, predicted, blend=True, data=here)
            found.append(seeded(tiers, sixty_eighteen(here), replays=replays))
    return found


def sixty_eighteen(data: Summaries) -> Policy:
    """60 verdicts of gpt-4 and 18 of experts: 10 and 3 % of 600."""
    return fixed_shares(3, (1.0, 60 / len(data), 18 / len(data)))


def predicted_elsewhere(dimension: str, there: Summaries, here: Summaries, *, known: bool) -> MapPredictions:
    """Every summary here predicted by the map of all summaries there."""
    features = [named_columns([columns(data)[name] for name in TIERS]) for data in (there, here)]
    found = fitted_map(
        features[0],
        there.experts[dimension],
        documents=there.documents.tolist(),
        systems=there.systems.tolist(),
    )
    return applied_map(found, features[1], here.systems.tolist(), known=known)
