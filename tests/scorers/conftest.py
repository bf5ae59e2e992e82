"""What the tests of scorers share."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def gsm8k_solutions(real_data: Path) -> list[dict[str, Any]]:
    """The 1,319 questions with the recorded solutions of four systems."""
    with gzip.open(real_data / "benchmarks" / "gsm8k_model_solutions.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="session")
def text_pairs(gsm8k_solutions: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """Answers with two references each, as real texts to compare."""
    return [
        (row["175b_verification"]["solution"], [row["ground_truth"], row["6b_verification"]["solution"]])
        for row in gsm8k_solutions[::30]
    ]
