"""The verdicts of a run's tiers as one object beside the run: what comparisons, gates and queues read."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from assay.core.errors import InvalidInputError, StoreError
from assay.core.records import Estimate
from assay.engine.cascade.board import Board
from assay.engine.cascade.compare import tiered_difference
from assay.engine.cascade.figure import question_of, tier_verdicts
from assay.engine.cascade.verdicts import Question, TierVerdicts, matrix
from assay.stats.scalar import NEW_INPUTS

_PLAIN = ("name", "cost_usd", "prior_variance", "unit", "share", "scale", "lost")
"""What is kept of a tier in words; its arrays have entries of their own."""


SCHEMA = 2
"""Of what is kept; another one is of another version of assay."""


def object_name(run_id: str) -> str:
    """Where a run's tiers are kept among the objects."""
    return f"runs/{run_id}/tiers.npz"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTiers:
    """Who was asked what in a run.

    Attributes:
        metric: Name of the figure.
        ids: Of the samples.
        tiers: What every tier said, lowest first.
        clusters: Document of each sample; ``None`` where none has one.
        waiting: Samples drawn for people that have no label yet.
        seed: Of the draws.
        speaks_of: Tier whose verdict the figure is meant to estimate.
    """

    metric: str
    ids: Sequence[str]
    tiers: Sequence[TierVerdicts]
    clusters: Sequence[str] | None
    waiting: Sequence[str]
    seed: int
    speaks_of: str

    @classmethod
    def of(cls, board: Board) -> KeptTiers:
        """As a run ends."""
        question = question_of(board, estimand=NEW_INPUTS)
        clusters = None if question.clusters is None else [str(name) for name in np.asarray(question.clusters)]
        return cls(
            metric=board.cascade.name,
            ids=board.ids,
            tiers=tier_verdicts(board),
            clusters=clusters,
            waiting=board.waiting(),
            seed=board.cascade.seed,
            speaks_of=board.cascade.speaks_of,
        )

    def question(self) -> Question:
        """What a decision asks: new inputs like these."""
        return Question(estimand=NEW_INPUTS, clusters=self.clusters)

    def to_bytes(self) -> bytes:
        """As an archive of arrays."""
        words = {
            "schema": SCHEMA,
            "metric": self.metric,
            "ids": list(self.ids),
            "clusters": None if self.clusters is None else list(self.clusters),
            "waiting": list(self.waiting),
            "seed": self.seed,
            "speaks_of": self.speaks_of,
            "tiers": [{name: getattr(tier, name) for name in _PLAIN} for tier in self.tiers],
        }
        arrays: dict[str, Any] = {"words": np.frombuffer(json.dumps(words).encode(), dtype=np.uint8)}
        for place, tier in enumerate(self.tiers):
            whole = matrix(tier).shape[0]
            arrays[f"values{place}"] = matrix(tier)
            arrays[f"asked{place}"] = np.ones(whole, dtype=bool) if tier.asked is None else np.asarray(tier.asked)
            if tier.prediction is not None:
                arrays[f"prediction{place}"] = np.asarray(tier.prediction)
            arrays[f"chance{place}"] = np.ones(whole) if tier.probability is None else np.asarray(tier.probability)
            if tier.certain is not None:
                arrays[f"certain{place}"] = np.asarray(tier.certain)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> KeptTiers:
        """Inverse of ``to_bytes``.

        Raises:
            StoreError: Another version of assay has kept them (``cascade.kept``).
        """
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            words = json.loads(arrays["words"].tobytes())
            schema = words.pop("schema", 1)
            if schema != SCHEMA:
                raise StoreError(
                    f"the run's tiers were kept by another version of assay (schema {schema}; this one reads {SCHEMA})",
                    hint="keep them anew, which asks nobody: assay resume RUN",
                    code="cascade.kept",
                )
            tiers = [
                TierVerdicts(
                    **{**tier, "scale": None if tier["scale"] is None else tuple(tier["scale"])},
                    values=arrays[f"values{place}"],
                    asked=arrays[f"asked{place}"],
                    probability=arrays[f"chance{place}"],
                    certain=arrays.get(f"certain{place}"),
                    prediction=arrays.get(f"prediction{place}"),
                )
                for place, tier in enumerate(words.pop("tiers"))
            ]
        return cls(tiers=tiers, **words)


def difference(before: KeptTiers, after: KeptTiers, *, confidence: float = 0.95) -> Estimate:
    """The figure of the second run less that of the first, on the samples both have.

    Raises:
        InvalidInputError: They share no sample, or differ in tiers.
    """
    rows = {sample_id: row for row, sample_id in enumerate(before.ids)}
    pairs = [(rows[sample_id], row) for row, sample_id in enumerate(after.ids) if sample_id in rows]
    if not pairs:
        raise InvalidInputError("the runs share no sample", hint="compare runs of one task", code="compare.no_sample")
    first, second = (np.array(side) for side in zip(*pairs, strict=True))
    question = replace(after.question(), confidence=confidence)
    if after.clusters is not None:
        question = replace(question, clusters=[after.clusters[row] for row in second])
    same_draw = before.seed == after.seed and [t.name for t in before.tiers] == [t.name for t in after.tiers]
    return tiered_difference(
        [tier.at(first) for tier in before.tiers],
        [tier.at(second) for tier in after.tiers],
        coordinated=same_draw,
        question=question,
    )
