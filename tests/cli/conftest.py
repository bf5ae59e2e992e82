"""A directory to type commands in, and a scripted model server behind ``openai/…``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli_shell import Shell, questions

from assay.testing.server import ModelServer


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], server: ModelServer
) -> Shell:
    """An empty directory with a server that ``openai/…`` reaches, and ``data.jsonl`` with six questions."""
    directory = tmp_path / "work"
    directory.mkdir()
    monkeypatch.chdir(directory)
    for name in list(os.environ):
        if name.startswith("ASSAY_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "a-key")
    monkeypatch.setenv("ASSAY_DATA_CACHE", str(tmp_path / "cache"))
    made = Shell(directory, monkeypatch, capsys)
    made.rows("data.jsonl", questions(6))
    return made


@pytest.fixture
def priced(shell: Shell) -> Shell:
    """A shell whose ``openai/m`` costs one dollar for each token it says, so that a call costs two."""
    price = {"input": 0, "output": 1_000_000}
    shell.write("assay.yaml", {"confirm_above_usd": 1000, "models": {"openai/m": {"price": price}}})
    return shell


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that tries once, gives an outage up at once, and probes often."""
    from assay.app import prepare
    from assay.gateway import Gateway

    made = prepare.gateway_config

    def hasty(*arguments: Any, **named: Any) -> Any:
        return replace(made(*arguments, **named), max_retries=0, outage_patience_s=0.0)

    monkeypatch.setattr(prepare, "gateway_config", hasty)
    monkeypatch.setitem(Gateway.probe.__kwdefaults__, "pause_s", 0.01)
