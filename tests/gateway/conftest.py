"""Fixtures of the gateway's tests."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from gateway_fakes import FakeTime, MemoryJournal, config_for

from assay.gateway import Gateway, GatewayConfig


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal()


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy, key or certificate file of the machine's may reach a test."""
    for name in (
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "SSL_CERT_FILE",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def make_gateway(journal: MemoryJournal, fake_time: FakeTime) -> Callable[..., Gateway]:
    def make(config: GatewayConfig | None = None, **rest: Any) -> Gateway:
        given = {
            "clock": fake_time.clock,
            "wall_clock": fake_time.clock,
            "sleep": fake_time.sleep,
            "rng": random.Random(7),
            "journal": journal,
        }
        return Gateway(config or config_for(), **{**given, **rest})

    return make
