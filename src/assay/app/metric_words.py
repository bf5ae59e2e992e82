"""What a validation of metrics says, in sentences: the plain verdict first, then what it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMES = {"pearson": "Pearson's r", "spearman": "Spearman's rho", "kendall": "Kendall's tau-b"}
DECISIONS = {
    "same_order": "ordered as people do",
    "alike": "same one called better",
    "opposite": "the other one called better",
    "unshared": "its calls that people do not make",
}
"""Shares of pairs of systems, as people call them."""


def metric_sentences(row: Mapping[str, Any], document: Mapping[str, Any]) -> list[str]:
    """The verdict on one metric, and what its decisions between systems are worth."""
    return [_verdict(row, document), *_decisions(row), *_segments(row)]


def _bounds(estimate: Mapping[str, Any], digits: str = ".2f") -> str:
    if estimate["low"] is None or estimate["high"] is None:
        return f"no interval: {estimate.get('reason')}"
    return f"{estimate['low']:{digits}} to {estimate['high']:{digits}}"


def _verdict(row: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    name, verdict, rho = row["metric"], row["verdict"], row["items"]["spearman"]
    if rho["value"] is None:
        return f"{name} cannot be held against people: {rho['reason']}."
    found = f"rho is {rho['value']:.2f} ({_bounds(rho)}) on {row['n']:,} items"
    if verdict["guardrail"] == "yes":
        return f"{name} is usable as a guardrail{_person(row)} {found[0].upper()}{found[1:]}."
    bar = f"{document['least']:g}"
    if verdict["guardrail"] == "no":
        if (rho["value"] if rho["high"] is None else rho["high"]) < document["least"]:
            return f"{name} cannot replace people and is no guardrail: {found}, below {bar}."
        return f"{name} cannot replace people and is no guardrail: it orders systems no better than a coin; {found}."
    why = f"does not clear {bar}" if rho["low"] is None or rho["low"] < document["least"] else (
        f"but it orders {row['systems']['n']:,} systems no better than a coin"
    )  # fmt: skip
    more = verdict["needed_guardrail"]
    needed = "" if more is None else f" About {more:,} items would settle it if this holds."
    return f"{name} is not shown to be usable: {found}, {why}.{needed}"


def _person(row: Mapping[str, Any]) -> str:
    """How the sentence on a guardrail goes on: beside one person."""
    verdict, ceiling = row["verdict"], row["ceiling"]
    if ceiling is None:
        return "; whether it can replace a person is not known, since items have one label each."
    person, metric = ceiling["person"]["value"], ceiling["metric"]["value"]
    beside = f"against the other people one person reaches {person:.2f}, it reaches {metric:.2f}"
    if verdict["stands_in"] == "yes":
        return f" and can stand in for one person: {beside}."
    if verdict["stands_in"] == "no":
        return f", but cannot replace people: {beside}."
    more = verdict["needed_stands_in"]
    needed = "" if more is None else f"; about {more:,} items would settle it if this holds"
    return f"; whether it can replace a person is open: {beside}{needed}."


def _decisions(row: Mapping[str, Any]) -> list[str]:
    systems = row["systems"]
    if systems is None:
        return []
    found = systems["decisions"]
    if not found["separated"]:
        return [f"People separate none of {found['pairs']:,} pairs of systems, so its decisions cannot be judged."]
    order, alike, wrong = (found[key]["value"] for key in ("same_order", "alike", "opposite"))
    said = (
        f"Of {found['pairs']:,} pairs of systems people separate {found['separated']:,}; {row['metric']} orders"
        f" {order:.0%} of them as people do ({_bounds(found['same_order'], '.0%')}), calls the same one better in"
        f" {alike:.0%} and the other one in {wrong:.0%}"
    )
    unshared = found["unshared"]["value"]
    if unshared is not None:
        said += f"; {unshared:.0%} of its {found['called']:,} calls people do not make"
    return [f"{said}."]


def _segments(row: Mapping[str, Any]) -> list[str]:
    """Segments in which it is shown to be worse than over all items."""
    rho = row["items"]["spearman"]["value"]
    worse = [
        one
        for one in row["segments"]
        if rho is not None and one["spearman"]["high"] is not None and one["spearman"]["high"] < rho
    ]
    if not worse:
        return []
    named = ", ".join(f"{one['segment']} ({one['spearman']['value']:.2f})" for one in worse[:3])
    return [f"{row['metric']} follows people less than over all items in {named}."]


def comparison_sentence(row: Mapping[str, Any]) -> str:
    """Which of two metrics follows people better."""
    gap = row["spearman"]["difference"]
    both = f"{row['first']} and {row['second']}"
    if gap["value"] is None or gap["low"] is None:
        return f"{both} cannot be told apart: {gap['reason']}."
    said = f"rho differs by {gap['value']:+.2f} ({_bounds(gap, '+.2f')}) on the same {row['n']:,} items"
    if row["better"] is None:
        return f"Neither of {both} is shown to follow people better: {said}."
    other = row["second"] if row["better"] == row["first"] else row["first"]
    return f"{row['better']} follows people better than {other}: {said}, first minus second."


def figure_rows(row: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Names and estimates of one metric: over items, within clusters, beside a person, over systems."""
    rows = [(NAMES[kind], estimate) for kind, estimate in row["items"].items()]
    if row["within_clusters"] is not None:
        rows += [(f"{_short(kind)} within a cluster", e) for kind, e in row["within_clusters"].items()]
    if row["corrected"] is not None:
        rows.append(("r, people's error taken off", row["corrected"]))
    if row["ceiling"] is not None:
        rows += [
            ("rho, one person and the others", row["ceiling"]["person"]),
            ("rho, the metric and those others", row["ceiling"]["metric"]),
            ("metric minus person", row["ceiling"]["difference"]),
        ]
    if row["systems"] is not None:
        rows += [(f"{_short(kind)} over systems", row["systems"][kind]) for kind in NAMES]
    return rows


def _short(kind: str) -> str:
    return NAMES[kind].split("'s ")[1]
