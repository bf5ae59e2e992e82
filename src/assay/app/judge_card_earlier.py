"""A judge's card and the one before it: what the new one did not measure is kept, with the date it was measured on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.app.judge_card_words import card_sentences, measured
from assay.judges.card import FLAGGED_BY, MEASURES


def with_earlier(card: Mapping[str, Any], earlier: Mapping[str, Any] | None) -> dict[str, Any]:
    """A card with what only an earlier card of the same version has measured.

    ``earlier`` of the result holds the date of each measure that was taken over; flags and sentences speak of those,
    too. Where agreement was, so were the labels' hash and the points that its page draws.

    Args:
        card: Of a version.
        earlier: Another one of that version, if there is one.
    """
    if earlier is None:
        return dict(card)
    dates = earlier.get("earlier", {})
    kept = {
        name: dates.get(name, earlier["made_at"])
        for name in MEASURES
        if measured(card, name) is None and measured(earlier, name) is not None
    }
    if not kept:
        return dict(card)
    taken = [*kept, *(("labels_hash", "drawn") if "agreement" in kept else ())]
    taken += [name for name in ("model", "temperature") if card.get(name) is None]
    flags = [*card["flags"], *(flag for flag in earlier["flags"] if FLAGGED_BY.get(flag) in kept)]
    found = {
        **card,
        **{name: earlier[name] for name in taken if name in earlier},
        "earlier": {**card.get("earlier", {}), **kept},
        "flags": list(dict.fromkeys(flags)),
    }
    own = card_sentences(card)
    added = [said for said in card["sentences"] if said not in own]
    return {**found, "sentences": [*added, *card_sentences(found)]}
