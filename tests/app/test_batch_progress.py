"""What a run says while it waits for a batch, and when it stops waiting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from assay.cli.progress import LiveProgress, PlainProgress, Waits
from assay.core.protocols import BatchWait, Snapshot
from assay.core.records import Estimate


def wait(requests: int = 2000, *, batch: str = "batch_a", answered: int = 0, minutes: float = 12.0) -> BatchWait:
    since = datetime.now(UTC) - timedelta(minutes=minutes)
    return BatchWait("t1", "openai/gpt-4o", batch, requests, answered, since.isoformat(timespec="seconds"))


def snapshot() -> Snapshot:
    return Snapshot("exact_match", Estimate(value=0.5, low=0.1, high=0.9, n=4, unit="share", method="wilson"), 0.25, 0)


@pytest.mark.parametrize(
    ("heard", "said"),
    [
        ({"batch": ""}, "sending 2,000 requests to openai/gpt-4o in a batch"),
        ({}, "(12 min ago)"),
        ({"minutes": 180}, "(3.0 h ago)"),
        ({"answered": 800}, "ago), 800 done there"),
        ({}, "waiting for 2,000 answers of openai/gpt-4o in batch batch_a, sent "),
    ],
)
def test_a_batch_in_words(heard: dict[str, Any], said: str) -> None:
    waits = Waits()
    waits.hear(wait(**heard))
    assert said in waits.line()


def test_nothing_is_said_of_a_batch_that_has_ended() -> None:
    waits = Waits()
    waits.hear(wait(batch=""))
    waits.hear(wait())
    assert waits.line().count("waiting") == 1
    waits.hear(wait(0))
    assert (waits.line(), bool(waits)) == ("", False)


def test_plain_progress_speaks_of_a_new_batch_at_once_and_then_every_minute(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("assay.cli.progress.time.monotonic", lambda: now)
    plain = PlainProgress("")
    plain.started(run_id="run_1", total=3, done=0, snapshot=snapshot)
    spoken = []
    for seconds, heard in [(1.0, wait(batch="")), (2.0, wait()), (30.0, wait()), (64.0, wait()), (70.0, wait())]:
        now = 100.0 + seconds
        plain.waiting(heard)
        spoken.append("batch_a" in capsys.readouterr().err)
    assert spoken == [False, True, False, True, False]
    plain.ended()
    assert capsys.readouterr().err == (
        "2,000 requests go on in a batch at the provider; fetch the answers with: assay resume run_1\n"
    )


def test_a_run_that_has_all_its_answers_leaves_nothing_behind(capsys: pytest.CaptureFixture[str]) -> None:
    plain: Any = PlainProgress("")
    for shown in (plain, LiveProgress("")):
        shown.started(run_id="run_1", total=3, done=0, snapshot=snapshot)
        shown.waiting(wait())
        shown.waiting(wait(0))
        capsys.readouterr()
        shown.ended()
        assert "resume" not in capsys.readouterr().err


def test_the_live_bar_says_what_is_waited_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    live = LiveProgress("")
    live.started(run_id="run_1", total=3, done=0, snapshot=snapshot)
    live.waiting(wait())
    assert live._progress is not None
    assert "waiting for 2,000 answers" in live._progress.tasks[0].fields["figures"]
    live.ended()
    assert "assay resume run_1" in capsys.readouterr().err
