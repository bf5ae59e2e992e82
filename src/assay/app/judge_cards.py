"""Where judge cards are kept: every one as an object of its own, so that two made at one moment are both there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from assay.app.judge_card_earlier import with_earlier
from assay.app.judge_card_words import card_sentences, main_agreement
from assay.core.canonical import canonical_json, short_hash
from assay.core.errors import InvalidInputError, NotFoundError, StoreError, nearest
from assay.core.protocols import Objects
from assay.engine.golden import golden_folder
from assay.judges.card import MAX_AGE_DAYS, stale

if TYPE_CHECKING:
    from assay.app.wiring import App

FOLDER = "cards"
_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


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


def save_card(objects: Objects, card: Mapping[str, Any]) -> str:
    """Keep a card behind those of its version, and return where.

    Raises:
        StoreError: The store cannot be written.
        InvalidInputError: The version is no safe name.
    """
    version = str(card["version"])
    if not _SAFE.fullmatch(version):
        raise InvalidInputError(
            f"a judge's version cannot be {version!r}",
            hint="letters, digits and _ . - in up to 100 characters: as assay judge list shows it",
            code="store.bad_name",
        )
    folder = f"{FOLDER}/{version}"
    return objects.put(f"{folder}/{len(objects.names(folder)):06d}-{short_hash(card)}.json", canonical_json(card))


def list_cards(objects: Objects | None) -> Sequence[Mapping[str, Any]]:
    """Of every version with a card, by name and age: who, when, on how many items, agreement with people, what speaks
    against it.

    Returns:
        ``{"version", "name", "model", "made_at", "n", "agreement", "flags"}``; the agreement as ``main_agreement`` has
        it.
    """
    if objects is None:
        return []
    versions = dict.fromkeys(name.split("/")[1] for name in objects.names(FOLDER))
    rows = [_line(card) for version in versions if (card := load_card(objects, version)) is not None]
    return sorted(rows, key=lambda row: (str(row["name"]), str(row["made_at"])))


def _line(card: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{name: card[name] for name in ("version", "name", "model", "made_at", "n")},
        "agreement": main_agreement(card),
        "flags": list(card.get("flags", ())),
    }


def load_card(objects: Objects | None, version: str) -> dict[str, Any] | None:
    """The latest card of a version, with what only earlier ones have measured; ``None`` when there is none."""
    if objects is None or not _SAFE.fullmatch(version):  # a judge's name with spaces is no version
        return None
    found: dict[str, Any] | None = None
    for name in objects.names(f"{FOLDER}/{version}"):
        found = with_earlier(_read(objects, name), found)
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
    if objects is None or not objects.names(golden_folder(version)):
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


def _read(objects: Objects, name: str) -> Any:
    try:
        return json.loads(objects.get(name))
    except ValueError as error:
        raise StoreError(
            f"{objects.where(name)} is no JSON", hint="make the card again: assay judge card …", code="judge.bad_card"
        ) from error
