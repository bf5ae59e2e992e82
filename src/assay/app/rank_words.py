"""What a leaderboard says, in sentences: who may be first, what position, style and raters do, what is not known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMED = 5


def rank_sentences(document: Mapping[str, Any]) -> list[str]:
    """First place, models without a rating, ties, position, style, raters, Elo."""
    found = [
        _first(document),
        *_unrated(document),
        *_ties(document),
        _position(document),
        *_swapped(document),
        *_style(document),
        *_raters(document),
        *_elo(document),
    ]
    return [sentence for sentence in found if sentence]


def _first(document: Mapping[str, Any]) -> str:
    rated = [row for row in document["models"] if row["rank"] is not None]
    if not rated:
        return f"No model has a rating: {document['models'][0]['rating']['reason']}."
    best = rated[0]
    if best["rating"]["low"] is None:
        return f"{best['model']} stands first, with no interval: {best['rating']['reason']}."
    open_to = [row["model"] for row in document["models"] if row["rank_low"] == 1]
    level = f"rank ranges that hold for all models at once, {100 * document['confidence']:g}%"
    if open_to == [best["model"]]:
        return f"{best['model']} is first ({level})."
    names = ", ".join(open_to[:NAMED]) + (f" and {len(open_to) - NAMED:,} more" if len(open_to) > NAMED else "")
    return f"First place is open between {len(open_to):,} models ({level}): {names}."


def _unrated(document: Mapping[str, Any]) -> list[str]:
    missing = [row for row in document["models"] if row["rank"] is None]
    if len(missing) == len(document["models"]):
        return []
    shown = [f"{row['model']} has no rating: {row['rating']['reason']} (--ridge 0.1)." for row in missing[:NAMED]]
    return [*shown, f"{len(missing) - NAMED:,} more models have none either."] if len(missing) > NAMED else shown


def _ties(document: Mapping[str, Any]) -> list[str]:
    tie, tied, n = document["tie_probability"], document["tied"], document["battles"]
    if tie is not None and tie["value"] is not None:
        bounds = "" if tie["low"] is None else f" ({tie['low']:.1%} to {tie['high']:.1%})"
        return [f"Two equal models tie {tie['value']:.1%} of the time{bounds}; {tied / n:.1%} of all battles are ties."]
    if not tied:
        return []
    return [f"{tied / n:.1%} of the battles are ties" + (", each half a win for both." if document["ties"] == "half"
                                                         else ".")]  # fmt: skip


def _position(document: Mapping[str, Any]) -> str:
    share = document["position"]["share"]
    if share is None:
        return f"Position bias cannot be told: {document['position']['reason']}."
    said = f"The answer shown first wins {share['value']:.1%} against an equal"
    if share["low"] is None:
        return f"{said}; no interval: {share['reason']}."
    said += f" ({share['low']:.1%} to {share['high']:.1%})"
    if share["low"] > 0.5:
        return f"{said}: position bias towards the first; show every pair in both orders."
    if share["high"] < 0.5:
        return f"{said}: position bias towards the second; show every pair in both orders."
    return f"{said}: no position bias is seen."


def _swapped(document: Mapping[str, Any]) -> list[str]:
    found = document["swapped"]
    if found is None:
        return []
    rate, bias = found["flip_rate"], found["position_bias"]
    bounds = "" if rate["low"] is None else f" ({rate['low']:.1%} to {rate['high']:.1%})"
    said = f"Exchanging the order turns {rate['value']:.1%} of {found['pairs']:,} verdicts round{bounds}"
    if bias["low"] is not None:
        said += (
            f"; being shown first is worth {100 * bias['value']:+.1f} points"
            f" ({100 * bias['low']:+.1f} to {100 * bias['high']:+.1f})"
        )
    if found["unmatched"]:
        said += f"; {found['unmatched']:,} rows have no partner in the other order"
    return [f"{said}."]


def _style(document: Mapping[str, Any]) -> list[str]:
    said = []
    for name, effect in document["covariates"].items():
        if effect["value"] is None or effect["low"] is None:
            said.append(f"The effect of {name} is not known: {effect['reason']}.")
            continue
        sure = "helps" if effect["low"] > 0.0 else "harms" if effect["high"] < 0.0 else "has no clear effect"
        said.append(
            f"At equal ratings more {name} {sure}: {effect['value']:+.3f} log-odds a unit"
            f" ({effect['low']:+.3f} to {effect['high']:+.3f}); the ratings hold it equal."
        )
    return said


def _raters(document: Mapping[str, Any]) -> list[str]:
    judged = [row for row in document["raters"] if row["skill"]["low"] is not None]
    if not judged:
        return []
    coins = [row["rater"] for row in judged if row["skill"]["low"] <= 0.0]
    if not coins:
        return [f"All {len(judged):,} raters tell better from worse (skill above 0, each interval by itself)."]
    names = ", ".join(coins[:NAMED]) + (" …" if len(coins) > NAMED else "")
    return [f"{len(coins):,} of {len(judged):,} raters cannot be told from tossing a coin (skill 0): {names}."]


def _elo(document: Mapping[str, Any]) -> list[str]:
    widths = [
        row["elo_over_orders"]["high"] - row["elo_over_orders"]["low"]
        for row in document["models"]
        if row["elo_over_orders"] is not None
    ]
    said = "Online Elo depends on the order of the battles and stands here for comparison only"
    return [f"{said}: the same battles shuffled move a model by up to {max(widths):.0f} points." if widths
            else f"{said}."]  # fmt: skip
