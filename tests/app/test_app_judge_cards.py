"""The card store: every card an object, the versions' latest, and what a run says of a judge without a fresh card."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.app.judge_cards import FOLDER, card_note, find_card, list_cards, load_card, save_card
from assay.core.errors import InvalidInputError, NotFoundError, StoreError
from assay.stores.objects import DirectoryObjects

NOW = datetime(2026, 2, 1, tzinfo=UTC)


def card(version: str = "v1", name: str = "helpful", made_at: str = "2026-01-05T00:00:00+00:00") -> dict[str, Any]:
    return {"schema": "assay.judge_card/1", "version": version, "name": name, "model": "m/x", "made_at": made_at,
            "n": 20, "agreement": None}  # fmt: skip


def test_what_is_saved_is_loaded_listed_and_found(tmp_path: Path) -> None:
    objects = DirectoryObjects(tmp_path)
    assert list_cards(objects) == []
    assert load_card(objects, "v1") is None
    save_card(objects, card())
    save_card(objects, card("v2", made_at="2026-01-20T00:00:00+00:00"))
    save_card(objects, card("w1", name="another"))
    assert load_card(objects, "v1") == card()
    assert [row["version"] for row in list_cards(objects)] == ["w1", "v1", "v2"]
    assert find_card(objects, "v1")["version"] == "v1"
    assert find_card(objects, "helpful")["version"] == "v2"  # the latest of that name
    save_card(objects, {**card(), "n": 30})
    assert [row["n"] for row in list_cards(objects)] == [20, 30, 20]


def test_a_run_says_when_a_judge_has_no_card_or_a_stale_one(tmp_path: Path) -> None:
    objects = DirectoryObjects(tmp_path)

    def note(version: str, name: str = "helpful", now: datetime = NOW) -> str | None:
        return card_note(objects, version, name=name, now=now)

    assert note("v1") == "judge helpful has no card: how far it agrees with people is not known"
    save_card(objects, card())
    assert note("v1") is None
    assert "the latest is of version v1" in (note("v2") or "")
    assert "has a stale card: the card was made on 2026-01-05" in (note("v1", now=NOW + timedelta(days=200)) or "")
    assert "no card" in (note("x", name="stranger") or "")


def test_unknown_judges_and_broken_cards_are_named(tmp_path: Path) -> None:
    objects = DirectoryObjects(tmp_path)
    with pytest.raises(NotFoundError, match="neither a file nor a judge"):
        find_card(objects, "helpful")
    save_card(objects, card())
    with pytest.raises(NotFoundError) as caught:
        find_card(objects, "helpfull")
    assert "did you mean 'helpful'?" in caught.value.hint
    (name,) = objects.names(FOLDER)
    objects.put(name, b"{broken")
    with pytest.raises(StoreError) as broken:
        load_card(objects, "v1")
    assert broken.value.code == "judge.bad_card"
    with pytest.raises(StoreError):
        list_cards(objects)
    for version in ("../up", "a/b", ".hidden", "prüfer"):
        with pytest.raises(InvalidInputError):
            save_card(DirectoryObjects(tmp_path / "b"), card(version))
        assert load_card(DirectoryObjects(tmp_path / "b"), version) is None
