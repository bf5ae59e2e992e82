"""A store with two comparable runs, shared by the tests of the pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from made_cards import make_card
from made_runs import make_items, make_run, open_app

from assay.app.wiring import App


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """An app on an empty store."""
    made = open_app(tmp_path / "store")
    yield made
    made.close()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app on a store with two runs of 120 samples and three cards; tests only read it."""
    made = open_app(tmp_path_factory.mktemp("pages") / "store")
    for at, skill in enumerate((0.55, 0.75)):
        make_run(made, make_items(120, skill=skill, seed=at), at=at)
    for version, people in (("v1", 3), ("v2", 1), ("v3", 0)):
        make_card(made, version, people=people)
    yield made
    made.close()
