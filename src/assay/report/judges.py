"""What the pages about judges show, as plain JSON: the list of those that have a card, and one card."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from assay.app.judge_cards import current_card, find_card, judge_rows, kept_objects, list_cards
from assay.app.wiring import App
from assay.core.errors import NotFoundError, nearest

JUDGES_SHOWN = 100


def judges_document(
    app: App, *, limit: int = JUDGES_SHOWN, after: str | None = None, now: datetime | None = None
) -> dict[str, Any]:
    """Judges that have a card, by name and age.

    Args:
        after: Version of the last judge of the page before this one.
        now: Cards are stale some time after they were made.

    Returns:
        ``{"schema", "judges": [{"version", "name", "model", "made_at", "n", "agreement", "flags", "stale"}], "next",
        "total"}``. ``next`` is the next page's ``after``, ``None`` on the last one.

    Raises:
        NotFoundError: There is no card of the version ``after``.
    """
    rows = judge_rows(kept_objects(app), now=now or datetime.now(UTC))
    versions = [str(row["version"]) for row in rows]
    if after is not None and after not in versions:
        raise NotFoundError(
            f"there is no card of version {after!r}", hint=nearest(after, versions), code="judge.no_card"
        )
    first = 0 if after is None else versions.index(after) + 1
    shown = rows[first : first + limit]
    more = first + limit < len(rows)
    return {
        "schema": "assay.judges/1",
        "judges": shown,
        "next": shown[-1]["version"] if more else None,
        "total": len(rows),
    }


def judge_document(app: App, version: str, *, now: datetime | None = None) -> dict[str, Any]:
    """The card of a version (or the latest one of a judge's name), as it stands today.

    Raises:
        NotFoundError: There is none.
    """
    objects = kept_objects(app)
    return current_card(objects, find_card(objects, version), now=now or datetime.now(UTC))


def judge_links(app: App, manifest: Mapping[str, Any]) -> list[dict[str, str]]:
    """``{"name", "version"}`` of a run's judges that have a card, as the manifest names them."""
    scorers = manifest.get("scorers", ())
    asked = {str(scorer["version"]): str(scorer["name"]) for scorer in scorers if "model" in scorer}
    tiers = manifest.get("cascade", {}).get("tiers", ())
    asked |= {str(tier["version"]): str(tier["judge"]) for tier in tiers if "judge" in tier}
    known = {str(row["version"]) for row in list_cards(kept_objects(app))}
    return [{"name": name, "version": version} for version, name in asked.items() if version in known]
