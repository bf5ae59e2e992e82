"""Golden items in a run: judges are tried on known answers among the real items, and no estimate counts them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from assay.core.canonical import canonical_json, short_hash
from assay.core.errors import BudgetExhaustedError, ProviderError
from assay.core.golden import Golden, GoldenItem
from assay.core.outages import OUTAGES
from assay.core.protocols import Judge, ModelClient, Objects, Spending
from assay.core.records import ModelRequest, Output, Reply, Score
from assay.engine.scoring import ItemScorer

Row = Mapping[str, Any]
_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def golden_folder(version: str) -> str:
    """Where the golden verdicts of a judge's version are: an object for each run, which that run alone writes."""
    return f"golden/{version if _SAFE.fullmatch(version) else short_hash(version)}"


def golden_rows(objects: Objects, version: str) -> list[Row]:
    """Golden verdicts of a version from all runs, oldest first.

    Returns:
        ``{"at", "run", "judge", "version", "item", "verdict", "answer", "tolerance", "reason", "cached_calls"}``; the
        verdict is ``None`` with a reason.
    """
    rows = [row for name in objects.names(golden_folder(version)) for row in _rows(objects, name)]
    return sorted(rows, key=lambda row: str(row["at"]))


def _rows(objects: Objects, name: str) -> list[Row]:
    return [json.loads(line) for line in objects.get(name).splitlines()] if objects.exists(name) else []


def is_right(row: Row) -> bool:
    """Whether a verdict that is there lies near enough to the answer."""
    return abs(float(row["verdict"]) - float(row["answer"])) <= float(row["tolerance"])


class _Afresh:
    """A way to the models on which a reply of another run is never taken: the judge is to show how it is now."""

    def __init__(self, client: ModelClient, run_id: str) -> None:
        self._client = client
        self._replicate = 1 + int.from_bytes(sha256(run_id.encode()).digest()[:5], "big")

    def usage(self) -> Spending:
        return self._client.usage()

    def capabilities(self, model: str) -> frozenset[str]:
        return self._client.capabilities(model)

    async def generate(self, request: ModelRequest) -> Reply:
        return await self._client.generate(replace(request, replicate=self._replicate + request.replicate))


@dataclass(slots=True, kw_only=True)
class GoldenWatch:
    """The judges of one execution of a run on their golden items.

    Attributes:
        golden: The task's.
        begun_at: When the execution began, ISO 8601: the time of its verdicts.
        halt: Told what makes further calls pointless: no money, or a refused key.
        fresh: Verdicts that are not kept yet, by the judge's version.
        left: Items that a judge has not met in this run, in the order drawn, by its version.
    """

    golden: Golden
    run_id: str
    begun_at: str
    client: ModelClient
    objects: Objects
    halt: Callable[[BudgetExhaustedError | ProviderError], None]
    fresh: dict[str, list[Row]] = field(default_factory=dict)
    left: dict[str, list[GoldenItem]] = field(default_factory=dict)

    async def after(self, judge: Judge, output: Output) -> None:
        """Ask about a golden item, if one is due after the judge was asked about an output and one is left."""
        version = judge.version
        if output.error is not None or not self.golden.due(
            run_id=self.run_id, judge=version, sample_id=output.sample_id, epoch=output.epoch
        ):
            return
        left = self._left_for(version)
        if not left:
            return
        item = left.pop(0)
        scorer = ItemScorer([judge], client=_Afresh(self.client, self.run_id))
        try:
            (score,) = await scorer.score(item.sample, item.output)
        except (BudgetExhaustedError, ProviderError) as error:
            self.halt(error)
            return
        if score.reason not in OUTAGES:
            self.fresh.setdefault(version, []).append(self._row(judge, item, score))

    def _row(self, judge: Judge, item: GoldenItem, score: Score) -> Row:
        return {"at": self.begun_at, "run": self.run_id, "judge": judge.name, "version": judge.version,
                "item": item.sample.id, "verdict": score.value, "answer": item.answer,
                "tolerance": self.golden.tolerance, "reason": score.reason,
                "cached_calls": dict(score.cached_calls or {})}  # fmt: skip

    def recalled(self, judges: Sequence[Judge]) -> list[Score]:
        """The golden verdicts that earlier executions of the run have kept, for its books."""
        versions = {judge.version for judge in judges}
        return [
            Score(
                sample_id=row["item"],
                scorer=row["judge"],
                scorer_version=version,
                value=row["verdict"],
                reason=row["reason"],
                cached_calls=row["cached_calls"],
            )
            for version in versions
            for row in self._kept(version)
        ]

    def _left_for(self, version: str) -> list[GoldenItem]:
        if version not in self.left:
            met = {row["item"] for row in self._kept(version)}
            drawn = self.golden.drawn(run_id=self.run_id, judge=version)
            self.left[version] = [item for item in drawn if item.sample.id not in met]
        return self.left[version]

    def conclude(self, judges: Sequence[Judge]) -> list[dict[str, Any]]:
        """Keep what was said, and say how the judges did in this run and whether accuracy has fallen over all runs.

        Returns:
            ``{"judge", "version", "asked", "right", "unscored", "expected", "alarm"}`` of each judge.
        """
        from assay.stats.drift.accuracy import watch_accuracy

        found = []
        for version, name in {judge.version: judge.name for judge in judges}.items():
            self._keep(version)
            rows = golden_rows(self.objects, version)
            mine = [row for row in rows if row["run"] == self.run_id]
            watch = watch_accuracy([is_right(row) for row in rows if row["verdict"] is not None])
            found.append(
                {
                    "judge": name,
                    "version": version,
                    "asked": len(mine),
                    "right": sum(row["verdict"] is not None and is_right(row) for row in mine),
                    "unscored": sum(row["verdict"] is None for row in mine),
                    "expected": watch.expected,
                    "alarm": watch.alarm_after is not None,
                }
            )
        return found

    def _object(self, version: str) -> str:
        return f"{golden_folder(version)}/{self.run_id}.jsonl"

    def _kept(self, version: str) -> list[Row]:
        """What this run has kept of a version."""
        return _rows(self.objects, self._object(version))

    def _keep(self, version: str) -> None:
        """Put what is new behind what the run has kept; the run is held by one process, so nobody else writes there."""
        fresh = self.fresh.pop(version, [])
        if fresh:
            rows = [*self._kept(version), *fresh]
            self.objects.put(self._object(version), b"".join(canonical_json(row) + b"\n" for row in rows))
