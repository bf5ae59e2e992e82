"""A model server for the pages: it answers the questions they ask."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from docs_pages import ROOT

from assay.testing.server import ModelServer
from assay.testing.wire import prompt_of

ANSWERS = {
    "capital of France": "Paris",
    "baker fills 6 trays": "She bakes 6 * 8 = 48 rolls.\nThe answer is 48.",
    "saves 5 coins": "He saves 5 + 7 = 12 coins.\nThe answer is 13.",
}


@pytest.fixture(scope="session")
def model_url() -> Iterator[str]:
    spec = importlib.util.spec_from_file_location("tickets_toy", ROOT / "examples" / "tickets" / "toy.py")
    assert spec is not None
    assert spec.loader is not None
    toy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(toy)

    def answer(body: Mapping[str, Any]) -> str:
        prompt = prompt_of(body)
        known = [text for part, text in ANSWERS.items() if part in prompt]
        return known[-1] if known else str(toy.answer([{"role": "user", "content": prompt}]))

    with ModelServer(answer=answer, record=False) as server:
        yield server.base_url
