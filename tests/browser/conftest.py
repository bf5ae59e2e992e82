"""A served store and a real browser that may only speak to loopback."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser_waiting import until

sys.path.append(str(Path(__file__).parents[1] / "report"))

from made_cards import make_card
from made_runs import HOSTILE, MATCH, hostile_item, make_items, make_run, open_app

from assay.app.wiring import App

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Site:
    """A served store: its address and the runs in it."""

    def __init__(self, app: App, address: str, baseline: str, candidate: str, hostile: tuple[str, str]) -> None:
        self.app, self.address, self.baseline, self.candidate, self.hostile = app, address, baseline, candidate, hostile


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two runs of 240 samples and two hostile ones, a judge's card and a hostile one, served by uvicorn in a thread."""
    import uvicorn

    from assay.server.app import create_app
    from assay.server.serve import _listen

    app = open_app(tmp_path_factory.mktemp("browser") / "store")
    baseline, candidate = (
        make_run(app, make_items(240, skill=skill, seed=at), at=at) for at, skill in enumerate((0.55, 0.7))
    )
    first = make_run(
        app,
        [hostile_item(0), hostile_item(1, right=False)],
        task=HOSTILE,
        model=HOSTILE,
        scorers=[MATCH],
        notes=[HOSTILE],
        at=2,
    )
    second = make_run(app, [hostile_item(0, right=False), hostile_item(1)], task=HOSTILE, scorers=[MATCH], at=3)
    make_card(app, "v1")
    make_card(app, "v2", name=HOSTILE, mark=HOSTILE, noise=50.0)
    listening = _listen(0)
    server = uvicorn.Server(uvicorn.Config(create_app(app), log_level="warning", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield Site(app, f"http://127.0.0.1:{listening.getsockname()[1]}", baseline, candidate, (first, second))
    server.should_exit = True
    thread.join()
    listening.close()
    app.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium with a fresh profile; ended with the module, for Playwright keeps an event loop running."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


class Tab:
    """A page of its own profile that records what went wrong and what it asked for."""

    def __init__(self, browser: Any, **options: Any) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def goto(self, address: str, *, charts: bool = False) -> Any:
        self.page.goto(address)
        if charts:
            until(self.page, "[...document.querySelectorAll('.vega')].every((chart) => chart.querySelector('svg'))")
        return self.page


@pytest.fixture
def tabs(browser: Any) -> Iterator[Any]:
    """Makes tabs; at the end none may have complained or left loopback."""
    made: list[Tab] = []

    def make(**options: Any) -> Tab:
        made.append(Tab(browser, **options))
        return made[-1]

    yield make
    for tab in made:
        tab.context.close()
        assert tab.said == []
        assert [url for url in tab.asked if not url.startswith(("http://127.0.0.1:", "file://", "data:"))] == []
