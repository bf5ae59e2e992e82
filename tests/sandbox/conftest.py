"""The sandbox of this machine, found once."""

from __future__ import annotations

import pytest

from assay.sandbox import Sandbox, SandboxUnavailableError, find_sandbox


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    try:
        return find_sandbox()
    except SandboxUnavailableError as error:
        pytest.skip(str(error))
