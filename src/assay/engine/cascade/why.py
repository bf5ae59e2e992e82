"""Why a tier was asked what it was asked: in a word for documents, in a few for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.cascade import PROGRAMMATIC
from assay.core.records import Sample
from assay.engine.cascade.draw import Bools, Floats
from assay.engine.cascade.stakes import is_certain

if TYPE_CHECKING:
    from assay.engine.cascade.board import Board
    from assay.engine.cascade.kept import KeptTiers

CRITICAL, STAKES, COULD_NOT_TELL, DRAWN = "critical", "stakes", "could_not_tell", "draw"
LEANING = {
    "uncertainty": ("the tiers below disagree more", "the tiers below disagree less"),
    "budget": ("the map expects to be further off", "the map expects to be less far off"),
}
"""By policy with unequal chances: where the top tier is asked rather, and where less."""
EQUAL = 1e-9
"""Difference from the mean chance, as a share of it, that still counts as an equal chance."""


def certain_by(board: Board, place: int) -> dict[str, int]:
    """Samples a tier was asked on for certain, by the first reason that holds."""
    rung = board.rungs[place + 1]
    sure: Bools = rung.asked & rung.certain
    critical, always = np.asarray(board.critical, dtype=bool), np.asarray(board.certain, dtype=bool)
    return {
        CRITICAL: int((sure & critical).sum()),
        STAKES: int((sure & always & ~critical).sum()),
        COULD_NOT_TELL: int((sure & ~always).sum()),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasons:
    """Why the tiers of a run were asked on its samples.

    Attributes:
        terms: The cascade in the run's manifest.
        kept: What the run kept of its tiers; ``None`` where it kept nothing that can be read.
        rows: Of the samples in it, by id.
        relative: Chance of each at the tier the figure speaks of, given the tier below, as a share of the mean one;
            ``None`` where all chances are equal.
    """

    terms: Mapping[str, Any]
    kept: KeptTiers | None
    rows: Mapping[str, int]
    relative: Floats | None

    @classmethod
    def of(cls, terms: Mapping[str, Any], kept: KeptTiers | None) -> Reasons:
        """From what a run kept."""
        ids = [] if kept is None else kept.ids
        rows = {sample_id: row for row, sample_id in enumerate(ids)}
        return cls(terms=terms, kept=kept, rows=rows, relative=None if kept is None else _relative(terms, kept))

    def __call__(self, sample: Sample) -> dict[str, dict[str, Any] | None]:
        """By tier: ``{"by", "chance", "why"}``, or ``None`` where it was not asked or nobody knows why."""
        found: dict[str, dict[str, Any] | None] = {tier["tier"]: None for tier in self.terms["tiers"]}
        row = self.rows.get(sample.id)
        if self.kept is not None and row is not None:
            for place in range(1, len(self.kept.tiers)):
                found[self.kept.tiers[place].name] = self._asked(self.kept, place, row, sample)
        return found

    def _asked(self, kept: KeptTiers, place: int, row: int, sample: Sample) -> dict[str, Any] | None:
        tier, key = kept.tiers[place], self.terms["certain"]
        if tier.probability is None or tier.asked is None or not np.asarray(tier.asked)[row]:
            return None
        chance = float(np.asarray(tier.probability)[row])
        if tier.certain is None or not np.asarray(tier.certain)[row]:
            return {
                "by": DRAWN,
                "chance": chance,
                "why": f"drawn, chance {_percent(chance)}{self._lean(tier.name, row)}",
            }
        by = CRITICAL if sample.critical else STAKES if is_certain(sample, key) else COULD_NOT_TELL
        way = "" if chance >= 1.0 else f" (chance of coming that far: {_percent(chance)})"
        return {"by": by, "chance": chance, "why": f"certain: {_reason(by, key)}{way}"}

    def _lean(self, tier: str, row: int) -> str:
        """Whether an unequal chance is above or below the mean one, and what that means."""
        if self.relative is None or tier != self.terms["speaks_of"] or abs(self.relative[row] - 1.0) <= EQUAL:
            return ""
        more, less = LEANING[self.terms["policy"]]
        return f" ({more if self.relative[row] > 1.0 else less} here)"


def _relative(terms: Mapping[str, Any], kept: KeptTiers) -> Floats | None:
    names = [tier.name for tier in kept.tiers]
    if terms["policy"] not in LEANING or terms["speaks_of"] not in names:
        return None
    place = names.index(terms["speaks_of"])
    tier, below = kept.tiers[place], kept.tiers[place - 1]
    given = np.asarray(tier.probability, dtype=np.float64) / np.asarray(below.probability, dtype=np.float64)
    drawn = np.isfinite(given) if tier.certain is None else np.isfinite(given) & ~np.asarray(tier.certain, dtype=bool)
    return np.asarray(given / given[drawn].mean()) if drawn.any() else None


def _reason(by: str, key: str | None) -> str:
    return {CRITICAL: "critical", STAKES: f"stakes {key}", COULD_NOT_TELL: "the tier below could not tell"}[by]


def certain_parts(tier: Mapping[str, Any], key: str | None) -> list[str]:
    """How many samples a tier was asked on for which certain reason.

    Examples:
        >>> certain_parts({"certain_by": {"critical": 0, "stakes": 8, "could_not_tell": 1}}, "vip")
        ['8 stakes vip', '1 the tier below could not tell']
    """
    found = tier.get("certain_by") or {}
    return [f"{count:,} {_reason(by, key)}" for by, count in found.items() if count]


def tier_sentences(cascade: Mapping[str, Any]) -> list[str]:
    """Why each tier above the programmatic one was asked on so many samples.

    Args:
        cascade: The ``cascade`` part of a run's document.
    """
    rows = cascade["these_items"]["tiers"]
    above = [row for row in rows if row["tier"] != PROGRAMMATIC]
    return [
        f"{row['tier']} was asked on {row['asked']:,} of {rows[0]['asked']:,}: {_parts(row, cascade)}" for row in above
    ]


def _parts(row: Mapping[str, Any], cascade: Mapping[str, Any]) -> str:
    rule = cascade.get("stopping") if row["tier"] == cascade["speaks_of"] else None
    of = "the others" if row["certain"] else "all samples"
    share = f"a share of {_percent(row['share'])} of {of}"
    if rule:
        share = f"batch by batch until {rule['rule']}, at most {share}"
    parts = [f"{row['drawn']:,} drawn {_how(row, cascade)} ({share})"]
    if row["certain"]:
        why = ", ".join(certain_parts(row, cascade.get("stakes")))
        parts.append(f"{row['certain']:,} for certain" + (f" ({why})" if why else ""))
    return ", ".join(parts)


def _how(row: Mapping[str, Any], cascade: Mapping[str, Any]) -> str:
    policy = cascade.get("policy")
    if policy in LEANING and row["tier"] == cascade["speaks_of"]:
        return f"by unequal chances, rather where {LEANING[policy][0]}"
    return "at random, all with one chance"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
