"""Where judge cards are kept: one object a version, and an index, for nothing can list a store's objects."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from assay.app.judge_card_earlier import with_earlier
from assay.app.judge_card_words import card_sentences, main_agreement
from assay.core.canonical import canonical_json
from assay.core.errors import NotFoundError, StoreError, nearest
from assay.core.protocols import Objects
from assay.engine.golden import golden_object
from assay.judges.card import MAX_AGE_DAYS, stale

if TYPE_CHECKING:
    from assay.app.wiring import App

INDEX = "cards/index.json"


def kept_objects(app: App) -> Objects | None:
    """Where cards are looked for; ``None`` while there is no store.

    Raises:
        StoreError: There is a store, and it cannot be read.
    """
    try:
        return app.store.objects
    except StoreError as error:
        if error.code != "store.missing":
            raise
        return None


def card_object(version: str) -> str:
    """Name of a version's card among the store's objects."""
    return f"cards/{version}.json"


def save_card(objects: Objects, card: Mapping[str, Any]) -> str:
    """Keep a card under its version, in place of an older one, and return where.

    What only the older one has measured stays, see ``with_earlier``.

    Raises:
        StoreError: The store cannot be written.
        InvalidInputError: The version is no safe name.
    """
    card = with_earlier(card, load_card(objects, str(card["version"])))
    where = objects.put(card_object(str(card["version"])), canonical_json(card))
    index = {row["version"]: row for row in list_cards(objects)}
    index[str(card["version"])] = _line(card)
    objects.put(INDEX, canonical_json(sorted(index.values(), key=lambda row: (str(row["name"]), str(row["made_at"])))))
    return where


def list_cards(objects: Objects | None) -> Sequence[Mapping[str, Any]]:
    """Of every card, by name and age: who, when, on how many items, agreement with people, what speaks against it.

    Returns:
        ``{"version", "name", "model", "made_at", "n", "agreement", "flags"}``; the agreement as ``main_agreement`` has
        it.
    """
    if objects is None or not objects.exists(INDEX):
        return []
    found: list[Mapping[str, Any]] = _read(objects, INDEX)
    return found


def _line(card: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{name: card[name] for name in ("version", "name", "model", "made_at", "n")},
        "agreement": main_agreement(card),
        "flags": list(card.get("flags", ())),
    }


def load_card(objects: Objects | None, version: str) -> dict[str, Any] | None:
    """The card of a version; ``None`` when there is none."""
    name = card_object(version)
    if objects is None or not _safe(version) or not objects.exists(name):
        return None
    found: dict[str, Any] = _read(objects, name)
    return found


def find_card(objects: Objects | None, judge: str) -> dict[str, Any]:
    """The card of a version, or the latest one of a judge's name.

    Raises:
        NotFoundError: There is none (``judge.no_card``).
    """
    known = list_cards(objects)
    named = sorted((row for row in known if row["name"] == judge), key=lambda row: str(row["made_at"]), reverse=True)
    for version in [judge, *(str(row["version"]) for row in named)]:
        card = load_card(objects, version)
        if card is not None:
            return card
    words = {str(row[key]) for row in known for key in ("name", "version")}
    raise NotFoundError(
        f"{judge!r} is neither a file nor a judge with a card",
        hint=nearest(judge, words) if words else "make one: assay judge card VERDICTS.csv --judge-version VERSION",
        code="judge.no_card",
    )


def judge_rows(objects: Objects | None, *, now: datetime) -> list[dict[str, Any]]:
    """``list_cards`` with ``stale``: why a card is too old to speak of its judge, or ``None``.

    A judge whose accuracy on the golden items of runs fell has the flag ``golden_drift``.
    """
    return [
        {
            **row,
            "flags": _with_drift(row.get("flags", ()), _golden(objects, str(row["version"]))),
            "stale": stale(row, version=str(row["version"]), now=now),
        }
        for row in list_cards(objects)
    ]


def current_card(objects: Objects | None, card: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """A card as it stands today: with ``stale`` as in ``judge_rows``, and the golden items that runs have asked since.

    They take the place of the golden set the card was made with.
    """
    found = {**card, "stale": stale(card, version=str(card["version"]), now=now)}
    golden = _golden(objects, str(card["version"]))
    if golden is not None:
        found |= {"golden": golden, "flags": _with_drift(card["flags"], golden)}
        found["earlier"] = {name: day for name, day in card.get("earlier", {}).items() if name != "golden"}
        found["sentences"] = card_sentences(found)
    return found


def _golden(objects: Objects | None, version: str) -> dict[str, Any] | None:
    if objects is None or not objects.exists(golden_object(version)):
        return None
    from assay.app.judge_golden import golden_in_runs

    return golden_in_runs(objects, version)


def _with_drift(flags: Sequence[str], golden: Mapping[str, Any] | None) -> list[str]:
    if golden is None:
        return list(flags)
    drift = ["golden_drift"] if golden["alarm_at"] is not None else []
    return [*(flag for flag in flags if flag != "golden_drift"), *drift]


def card_note(
    objects: Objects, version: str, *, name: str, now: datetime, max_age_days: float = MAX_AGE_DAYS
) -> str | None:
    """What a run says of a judge that has no card, or an old one; ``None`` when it has a fresh one.

    Args:
        objects: Of the store.
        version: Of the judge that ran.
        name: Its name.
        now: With its time zone, or in UTC.
        max_age_days: Older cards are stale.
    """
    card = load_card(objects, version)
    if card is not None:
        why = stale(card, version=version, now=now, max_age_days=max_age_days)
        return None if why is None else f"judge {name} has a stale card: {why}"
    older = [row for row in list_cards(objects) if row["name"] == name]
    if older:
        latest = max(older, key=lambda row: str(row["made_at"]))
        return f"judge {name} has no card for version {version}: the latest is of version {latest['version']}"
    return f"judge {name} has no card: how far it agrees with people is not known"


def _safe(version: str) -> bool:
    """Whether a version can be part of an object's name; a judge's name with spaces cannot, and has no such card."""
    return bool(version) and all(char.isalnum() or char in "._-" for char in version) and not version.startswith(".")


def _read(objects: Objects, name: str) -> Any:
    try:
        return json.loads(objects.get(name))
    except ValueError as error:
        raise StoreError(
            f"{objects.where(name)} is no JSON", hint="make the card again: assay judge card …", code="judge.bad_card"
        ) from error
