"""What a judge's card says, in sentences for people who do not read coefficients every day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MANY = 0.5
"""Share of verdicts on the highest level from which on it tells good answers badly apart."""
YES_OR_NO = 2
UNVERSIONED = "unversioned"
"""Version of a card whose judge's version nobody gave."""
COEFFICIENTS = {
    "agreement": "agreement",
    "kappa": "Cohen's kappa",
    "kappa_quadratic": "Cohen's kappa, quadratic",
    "alpha": "Krippendorff's alpha",
    "spearman": "Spearman's rho",
    "kendall": "Kendall's tau-b",
    "spearman_within_documents": "rho within documents",
}
"""Of verdicts with people's labels, in the order shown."""
MEASURES = {
    "agreement": "agreement with people",
    "position_bias": "position bias",
    "length_bias": "length bias",
    "prefers_longer": "preference for longer answers",
    "self_preference": "self-preference",
    "scale_use": "scale use",
    "retest": "test-retest agreement",
    "missing": "missing verdicts",
    "constant_answers": "constant answers",
    "injection": "injection resistance",
    "golden": "golden set",
    "calibration": "calibration map",
    "cost": "cost",
    "latency": "latency",
}
"""Measures as people call them."""
SHORT = {"spearman": "rho", "alpha": "alpha"}
FLAGS = {
    "constant_verdicts": "always says the same",
    "rewards_constant_answer": "rewards an answer that answers nothing",
    "no_agreement": "no agreement with people is shown",
    "opposite": "says the opposite of people",
    "below_people": "below what one person reaches",
    "position": "position bias",
    "length": "length bias",
    "self_preference": "prefers its own family",
    "not_repeatable": "not repeatable",
    "missing": "verdicts are missing",
    "injection": "gives in to injections",
    "golden_drift": "golden accuracy fell",
}
"""What speaks against a judge, as people call it."""


def measured(card: Mapping[str, Any], name: str) -> Any:
    """What a card found of a measure; ``None`` when it was not measured."""
    found = card.get(name)
    return None if isinstance(found, Mapping) and "not_measured" in found else found


def card_sentences(card: Mapping[str, Any]) -> list[str]:
    """Agreement beside the ceiling, every bias that is clear, constant verdicts, what is missing."""
    found = [
        *_agreement(card),
        *_one_order(card),
        *_position(card),
        *_slope(card, "length_bias", "An answer of twice the length and the same quality by people's labels gets"),
        *_slope(card, "self_preference", "Answers of the judge's own family get, at equal quality and length,"),
        *_scale(card),
        *_constant(card),
        *_retest(card),
        *_missing(card),
        *_injection(card),
        *_golden(card),
        *([card["panel"]["sentence"]] if "panel" in card else []),
        *_many_looks(card),
        *_earlier(card),
    ]
    left = [MEASURES[name] for name in MEASURES if name in card and measured(card, name) is None]
    if left:
        found.append(f"Not measured: {', '.join(left)}.")
    return found


def _bounds(estimate: Mapping[str, Any], digits: str = "+.2f") -> str:
    if estimate["low"] is None or estimate["high"] is None:
        return f"no interval: {estimate.get('reason')}"
    return f"{estimate['low']:{digits}} to {estimate['high']:{digits}}"


def _agreement(card: Mapping[str, Any]) -> list[str]:
    agreement = measured(card, "agreement")
    if agreement is None:
        return []
    said = []
    rho = agreement["coefficients"]["spearman"]
    if rho["value"] is None:
        said.append(f"Its verdicts cannot be correlated with people's labels: {rho['reason']}.")
    else:
        said.append(
            f"Spearman's rho with people is {rho['value']:.2f} ({_bounds(rho, '.2f')}) on {agreement['n']:,} items."
        )
        if rho["value"] < 0.0 and "opposite" in card["flags"]:
            said.append("It says the opposite of what people say: where they rate higher it rates lower.")
    if agreement.get("other_coding"):
        said.append(f"Its levels are not held against people's: {agreement['other_coding']}.")
    for beside in agreement["ceiling"]:
        person, judge, gap = beside["person"], beside["judge"], beside["difference"]
        if beside["measure"] != "spearman" or person["value"] is None or judge["value"] is None:
            continue
        if gap["high"] is not None and gap["high"] < 0.0:
            verdict = "a person agrees with the other people better than it does"
        elif gap["low"] is not None and gap["low"] > 0.0:
            verdict = "it agrees with people better than a person does with the others"
        else:
            verdict = "it is not shown to differ from a person"
        said.append(
            f"Against the mean of the other people one person reaches {person['value']:.2f} and the judge"
            f" {judge['value']:.2f}: {verdict}."
        )
    return said


def _one_order(card: Mapping[str, Any]) -> list[str]:
    """Of pairs asked in both orders the other order says nothing of agreement."""
    position = measured(card, "position_bias")
    if measured(card, "agreement") is None or position is None or position["same_choice"] is None:
        return []
    return ["Agreement is that of the verdict column; the one in the other order counts for position alone."]


def _many_looks(card: Mapping[str, Any]) -> list[str]:
    """That flags were raised by looks at one figure after the other."""
    raised = [FLAGS[name] for name in ("position", "length", "self_preference") if name in card["flags"]]
    if not raised:
        return []
    level = card.get("confidence", 0.95)
    return [
        f"Each bias is looked at by itself at {level:.0%} ({', '.join(raised)}): of {1 / (1 - level):.0f} that are not"
        " there about one is flagged by chance."
    ]


def _position(card: Mapping[str, Any]) -> list[str]:
    position = measured(card, "position_bias")
    if position is None or position["bias"]["value"] is None:
        return []
    bias, same = position["bias"], position["same_choice"]
    said = f"Shown first, an answer is preferred by {bias['value']:+.2f} ({_bounds(bias)}) beyond shown second"
    if same is not None and same["value"] is not None:
        said += f"; {same['value']:.1%} of pairs keep their verdict when the order is exchanged"
    return [f"{said}."]


def _slope(card: Mapping[str, Any], name: str, begins: str) -> list[str]:
    found = measured(card, name)
    if found is None or found["value"] is None:
        return []
    clear = found["low"] is not None and not found["low"] <= 0.0 <= found["high"]
    return [f"{begins} {found['value']:+.2f} points ({_bounds(found)}){'' if clear else ': none is shown'}."]


def _scale(card: Mapping[str, Any]) -> list[str]:
    use = measured(card, "scale_use")
    if use is None:
        return []
    if use["constant"]:
        return [f"It (nearly) always says the same: {max(use['shares']):.0%} of verdicts are on one level."]
    top = use["ceiling"]["value"]
    if top is not None and top >= MANY and len(use["levels"]) > YES_OR_NO and not card.get("pairs", False):
        return [f"{top:.0%} of its verdicts are the highest there is: it hardly tells good ones apart."]
    return []


def _constant(card: Mapping[str, Any]) -> list[str]:
    said = []
    for one in measured(card, "constant_answers") or ():
        gap = one.get("difference")
        end = "."
        if one["rewarded"]:
            end = ": the judge rewards an answer that answers nothing."
        elif gap is not None and gap["high"] is not None and gap["high"] >= 0.0:
            end = f": by {gap['value']:+.2f} ({_bounds(gap)}) they are not told apart."
        said.append(
            f"System {one['system']} answers {one['share']:.0%} of its items with one text and gets {one['mean']:.2f}"
            + ("" if one["others"] is None else f", the others {one['others']:.2f}")
            + end
        )
    return said


def _retest(card: Mapping[str, Any]) -> list[str]:
    again = measured(card, "retest")
    if again is None or again["same"]["value"] is None:
        return []
    at = "" if card["temperature"] is None else f" at temperature {card['temperature']:g}"
    return [f"Asked again{at}, it gives the same verdict {again['same']['value']:.1%} of the time."]


def _missing(card: Mapping[str, Any]) -> list[str]:
    gone = card["missing"]
    if not gone["reasons"]:
        return []
    often = sorted(gone["reasons"].items(), key=lambda pair: (-pair[1], pair[0]))
    why = ", ".join(f"{count:,} × {reason}" for reason, count in often[:3])
    said = f"{gone['share']['value']:.1%} of verdicts are missing ({why})"
    if gone["worst"] is not None:
        said += f"; with them the mean lies between {gone['worst']['value']:.2f} and {gone['best']['value']:.2f}"
    else:
        said += "; how far the mean could be off otherwise is not known without the scale (--scale)"
    return [f"{said}."]


def _injection(card: Mapping[str, Any]) -> list[str]:
    """What the attack found, and that it did not end."""
    report = measured(card, "injection")
    if report is None:
        return []
    said = [report["sentence"]] if "sentence" in report else []
    if report.get("status", "done") != "done":
        said.append(f"The attack did not end ({report['status']}).")
    return said


def _earlier(card: Mapping[str, Any]) -> list[str]:
    dates: dict[str, list[str]] = {}
    for name, made_at in card.get("earlier", {}).items():
        dates.setdefault(str(made_at)[:10], []).append(MEASURES[name])
    return [f"Kept from the card of {day}: {', '.join(names)}." for day, names in sorted(dates.items())]


def _golden(card: Mapping[str, Any]) -> list[str]:
    golden = measured(card, "golden")
    return [] if golden is None else golden_sentences(golden)


def when(label: str) -> str:
    """A time to the second, as people write it; a place in an order as it is.

    Examples:
        >>> when("2026-01-05T10:00:00+00:00"), when("17")
        ('2026-01-05 10:00:00', '17')
    """
    return label[:19].replace("T", " ")


def golden_sentences(golden: Mapping[str, Any]) -> list[str]:
    """Accuracy, and whether it drifted."""
    accuracy = golden["accuracy"]
    if accuracy["value"] is None:
        return [f"No accuracy on golden items: {accuracy['reason']}."]
    said = [f"{accuracy['value']:.1%} of {accuracy['n']:,} golden verdicts are right ({_bounds(accuracy, '.1%')})."]
    if golden["expected"] is None:
        said.append("Too few golden verdicts to watch for drift: 40 or an --expected accuracy are needed.")
    elif golden["alarm_at"] is None:
        said.append(f"No drift below {golden['expected']:.1%} is shown over {golden['watched']:,} verdicts.")
    else:
        said.append(
            f"Drift: accuracy fell below {golden['expected']:.1%}, alarm at {when(golden['alarm_at'])} after"
            f" {golden['alarm_after']:,} verdicts (a false alarm comes once in {golden['run_length']:,.0f} or more)."
        )
    return said


def coefficient_rows(card: Mapping[str, Any]) -> Sequence[tuple[str, Mapping[str, Any]]]:
    """Name and estimate of each coefficient; nothing without people."""
    agreement = measured(card, "agreement")
    if agreement is None:
        return []
    known = agreement["coefficients"]  # a card that was kept has its keys in the order of the alphabet
    return [(name, known[key]) for key, name in COEFFICIENTS.items() if key in known]


def people_rows(card: Mapping[str, Any]) -> Sequence[tuple[str, Mapping[str, Any]]]:
    """People among themselves, and one person and the judge beside the other people; nothing without several people."""
    agreement = measured(card, "agreement")
    if agreement is None:
        return []
    among = agreement["people"]
    rows = [] if among is None else [("alpha, people among themselves", among)]
    rows += [
        (f"{SHORT.get(beside['measure'], beside['measure'])}, {who} and the other people", beside[key])
        for beside in agreement["ceiling"]
        for who, key in (("one person", "person"), ("judge", "judge"))
    ]
    return rows


def counted(estimate: Mapping[str, Any]) -> str:
    """What an estimate counts: items, or documents where each of them has a correlation.

    Examples:
        >>> counted({"n": 1200, "unit": "rho"}), counted({"n": 49, "unit": "mean rho"})
        ('1,200', '49 documents')
    """
    return f"{estimate['n']:,}{' documents' if str(estimate['unit']).startswith('mean ') else ''}"


def main_agreement(card: Mapping[str, Any]) -> dict[str, Any] | None:
    """The one figure of agreement a list has room for: ``{"measure", "judge", "person"}``.

    Beside the human ceiling where there is one: then both are held against the mean (or majority) of the other people.
    ``person`` is ``None`` without one.
    """
    agreement = measured(card, "agreement")
    if agreement is None:
        return None
    for beside in agreement["ceiling"]:
        if beside["judge"]["value"] is not None and beside["person"]["value"] is not None:
            return {name: beside[name] for name in ("measure", "judge", "person")}
    named = agreement["coefficients"]
    measure = next((name for name in ("spearman", "alpha") if named[name]["value"] is not None), "alpha")
    return {"measure": measure, "judge": named[measure], "person": None}


def bias_rows(card: Mapping[str, Any]) -> Sequence[tuple[str, Mapping[str, Any]]]:
    """Name and estimate of each bias that was measured."""
    rows = []
    position, again = measured(card, "position_bias"), measured(card, "retest")
    if position is not None:
        rows.append(("position: first minus second", position["bias"]))
        rows += [
            (label, position[key])
            for label, key in (("same choice, order exchanged", "same_choice"), ("first one chosen", "first_chosen"))
            if position[key] is not None
        ]
    for name, label in (
        ("length_bias", "twice the length"),
        ("prefers_longer", "longer one chosen"),
        ("self_preference", "own family"),
    ):
        if measured(card, name) is not None:
            rows.append((label, card[name]))
    if again is not None:
        rows.append(("same verdict when asked again", again["same"]))
    use, report = measured(card, "scale_use"), measured(card, "injection")
    if use is not None and not card.get("pairs", False):
        rows.append(("highest level", use["ceiling"]))
    if report is not None and "overall" in report:
        rows.append(("more moved by injections", report["overall"]["difference"]))
    rows.append(("missing", card["missing"]["share"]))
    return rows
