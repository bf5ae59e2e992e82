"""Recorded outputs to run on, and judges that have not been asked yet."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from graded_runs import Grader, N

from assay.core.errors import BudgetExhaustedError


@pytest.fixture(autouse=True)
def unspent() -> None:
    Grader.calls.clear()
    Grader.broke_after = None
    Grader.away = frozenset()
    Grader.error = BudgetExhaustedError("nothing is left")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rows = [{"id": f"q{i}", "output": "1234567"[random.Random(i).randrange(7)]} for i in range(N)]
    (tmp_path / "outputs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.chdir(tmp_path)
    return tmp_path
