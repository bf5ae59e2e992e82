"""A pre-registration holds the analyst to what was fixed, and notices when it was bent."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from assay.core.errors import DataError
from assay.experiments.registry import Registration
from assay.experiments.spec import Experiment, MetricSpec

WON = MetricSpec(name="won", column="won", kind="share", role="primary", minimum_effect=0.02)
SLOW = MetricSpec(name="slow", column="seconds", role="guardrail", margin=0.1, higher_is_better=False)
TONE = Experiment(name="tone", arms={"A": 0.5, "B": 0.5}, control="A", metrics=[WON, SLOW], segments=["country"])
REGISTERED = Registration.of(TONE, registered_at="2026-03-01T10:00:00Z")


def test_it_survives_being_written_down_and_finds_no_deviation() -> None:
    again = Registration.from_dict(json.loads(json.dumps(REGISTERED.to_dict())))
    assert again.to_dict() == REGISTERED.to_dict()
    assert again.deviations(replace(TONE, notes={"why": "a note binds nobody"})) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"segments": ["country", "age"]}, "segments: registered ['country'], now ['country', 'age']"),
        ({"stopping": "sequential"}, "stopping: registered fixed, now sequential"),
        ({"metrics": [WON]}, "metric slow was registered and is gone"),
        ({"metrics": [WON, replace(SLOW, margin=0.5)]}, "metric slow.margin: registered 0.1, now 0.5"),
        ({"metrics": [SLOW, WON]}, "metrics: in another order"),
        ({"arms": {"A": 0.9, "B": 0.1}}, "arms.A: registered 0.5, now 0.9"),
        ({"planned_n": 10}, "planned_n: registered nothing, now 10"),
    ],
)
def test_every_bend_is_said(changed: dict, said: str) -> None:
    assert said in REGISTERED.deviations(replace(TONE, **changed))


def test_a_registration_that_was_edited_is_refused() -> None:
    stored = json.loads(json.dumps(REGISTERED.to_dict()))
    stored["plan"]["metrics"][0]["minimum_effect"] = 0.1
    with pytest.raises(DataError) as caught:
        Registration.from_dict(stored)
    assert caught.value.code == "experiment.tampered"
    with pytest.raises(DataError, match="not a pre-registration"):
        Registration.from_dict({"schema": "assay.run/1"})
