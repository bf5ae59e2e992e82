"""What the figures of an agreement study mean, in sentences for people who do not read coefficients every day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

RELIABLE, TENTATIVE = 0.8, 0.667
"""Krippendorff (2004), Content Analysis, 2nd ed., section 11.4.3: below .667 not even tentative conclusions."""
HIGH_PERCENT, LOW_ALPHA, DOMINANT = 0.8, 0.6, 0.75
CLEAR_P = 0.05
NAMED = 5
NAMES = {
    "percent_agreement": "percent agreement",
    "krippendorff_alpha": "Krippendorff's alpha",
    "cohen_kappa": "Cohen's kappa",
    "cohen_kappa_quadratic": "Cohen's kappa, quadratic",
    "fleiss_kappa": "Fleiss' kappa",
    "gwet_ac1": "Gwet's AC1",
    "gwet_ac2": "Gwet's AC2, quadratic",
    "icc_2_1": "ICC(2,1), one rater",
    "icc_2_k": "ICC(2,k), mean of raters",
}
"""Coefficients as people call them."""


def agreement_sentences(document: Mapping[str, Any]) -> list[str]:
    """Alpha and how to read it, skewed labels, raters apart, segments apart, the consensus."""
    found = [_alpha(document), *_skew(document), *_raters(document), *_segments(document), *_consensus(document)]
    return [sentence for sentence in found if sentence]


def _alpha(document: Mapping[str, Any]) -> str:
    alpha, level = document["coefficients"]["krippendorff_alpha"], document["level"]
    if alpha["value"] is None:
        return f"Krippendorff's alpha is undefined: {alpha['reason']}."
    said = f"Krippendorff's alpha ({level}) is {alpha['value']:.3f}"
    if alpha["low"] is None:
        return f"{said}; no interval: {alpha['reason']}."
    low, high = alpha["low"], alpha["high"]
    said += f" ({low:.3f} to {high:.3f}); 1 is perfect agreement, 0 is what labels shuffled at random would give."
    if high < 0.0:
        return f"{said} Below 0 raters contradict each other: look for a swapped label or unlike instructions."
    if low >= RELIABLE:
        return f"{said} The whole interval is at least .800, the usual bound for labels to rely on."
    if low >= TENTATIVE:
        return f"{said} The whole interval is at least .667: enough for tentative conclusions by the usual bounds."
    if high < TENTATIVE:
        return f"{said} The whole interval is below .667, the usual bound for even tentative conclusions."
    return f"{said} The interval holds .667, the usual bound for tentative conclusions: more units would tell."


def _skew(document: Mapping[str, Any]) -> list[str]:
    plain, alpha = (document["coefficients"][name]["value"] for name in ("percent_agreement", "krippendorff_alpha"))
    shares = document["label_shares"]
    if plain is None or alpha is None or not shares:
        return []
    label = max(shares, key=lambda name: shares[name])
    if plain < HIGH_PERCENT or alpha >= LOW_ALPHA or shares[label] < DOMINANT:
        return []
    chance = sum(share * share for share in shares.values())
    return [
        f"Two labels of a unit are equal {plain:.0%} of the time, yet alpha is low: {shares[label]:.0%} of all labels"
        f" are {label!r}, so labels given blindly would already agree {chance:.0%} of the time. What the raters were"
        " needed for, the rare labels, is where they differ; Gwet's coefficients are less strict about this."
    ]


def _raters(document: Mapping[str, Any]) -> list[str]:
    judged = [row for row in document["rater_table"] if row["p_adjusted"] is not None]
    if not judged:
        return []
    apart = [row for row in judged if row["p_adjusted"] <= CLEAR_P and row["excess"]["value"] > 0.0]
    of = f"of {len(judged):,} raters with enough shared units"
    if not apart:
        return [f"None {of} disagrees with the others clearly more than those do among themselves (Holm, 5%)."]
    names = ", ".join(str(row["rater"]) for row in apart[:NAMED]) + (" …" if len(apart) > NAMED else "")
    verb = "disagrees" if len(apart) == 1 else "disagree"
    return [
        f"{len(apart):,} {of} {verb} with the others clearly more than those do among themselves on the same units"
        f" (Holm, 5%): {names}."
    ]


def _segments(document: Mapping[str, Any]) -> list[str]:
    rows = [row for row in document["segments"] if row["krippendorff_alpha"]["low"] is not None]
    if not document["segments"]:
        return []
    apart = []
    for one, other in combinations(rows, 2):
        first, second = one["krippendorff_alpha"], other["krippendorff_alpha"]
        if first["low"] > second["high"]:
            apart.append((one["segment"], other["segment"]))
        elif second["low"] > first["high"]:
            apart.append((other["segment"], one["segment"]))
    if not apart:
        return ["No two segments have intervals of alpha that lie apart; these hold for all segments together."]
    shown = "; ".join(f"{high} over {low}" for high, low in apart[:NAMED]) + (" …" if len(apart) > NAMED else "")
    return [f"Agreement differs between segments, by intervals that hold for all together: {shown}."]


def _consensus(document: Mapping[str, Any]) -> list[str]:
    found = document["consensus"]
    said = []
    if found["reason"]:
        said.append(f"Consensus by {found['reason']}.")
    if not found["converged"]:
        said.append(f"The rounds of {found['method']} did not come to an end; its labels may still move.")
    if found["undecided"]:
        said.append(f"{found['undecided']:,} of {found['units']:,} units are tied and have no consensus label.")
    accuracy, majority = found["accuracy"], found["majority_accuracy"]
    if accuracy is not None and accuracy["value"] is not None:
        said.append(_accuracy(found["method"], accuracy, majority))
    return said


def _accuracy(method: str, accuracy: Mapping[str, Any], majority: Mapping[str, Any] | None) -> str:
    bounds = ""
    percent = accuracy["unit"] == "share"
    if accuracy["low"] is not None:
        low, high = (f"{accuracy[side]:.1%}" if percent else f"{accuracy[side]:.3g}" for side in ("low", "high"))
        bounds = f" ({low} to {high})"
    if not percent:
        return f"The {method} of a unit misses its true value by {accuracy['value']:.4g} on average{bounds}."
    said = f"The consensus ({method}) is right on {accuracy['value']:.2%}{bounds} of {accuracy['n']:,} units with gold"
    if method == "weighted":
        said += ", by weights learnt on other gold units"
    if majority is not None and majority["value"] is not None:
        said += f"; the majority on {majority['value']:.2%}"
    return f"{said}."


def reading_order(rows: Sequence[Mapping[str, Any]], *, most: int) -> list[Mapping[str, Any]]:
    """Pairs with the lowest agreement beyond chance first; those without a value last."""

    def place(row: Mapping[str, Any]) -> tuple[bool, float]:
        value = row["beyond_chance"]["value"]
        return value is None, value or 0.0

    return sorted(rows, key=place)[:most]
