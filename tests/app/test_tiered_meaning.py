"""What the tiered figure of a recorded run means: whose verdict, and which way is better."""

from __future__ import annotations

from typing import Any

import pytest

from assay.app.tiered import speaks_of
from assay.core.records import RunRecord

FAST = {"tier": "fast", "judge": "harm", "version": "1", "higher_is_better": False}


def record(*tiers: dict[str, Any]) -> RunRecord:
    manifest = {"cascade": {"name": "harm", "speaks_of": tiers[-1]["tier"], "tiers": list(tiers)}}
    return RunRecord(
        run_id="run_1", task="t", model="m", status="done", manifest=manifest, manifest_hash="", created_at=""
    )


@pytest.mark.parametrize(
    ("tiers", "better"),
    [
        ([FAST], False),
        ([FAST, {"tier": "human", "people": {"raters": 1}}], False),
        ([{**FAST, "higher_is_better": True}, {"tier": "human", "people": {"raters": 1}}], True),
        ([{"tier": "human", "people": {"raters": 1}}], None),
    ],
)
def test_people_mean_more_or_less_as_the_judge_below_them(tiers: list[dict[str, Any]], better: bool | None) -> None:
    assert speaks_of(record(*tiers)).get("higher_is_better") is better
