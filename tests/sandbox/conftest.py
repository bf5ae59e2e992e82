"""The sandbox of this machine, found once."""

from __future__ import annotations

import pytest

from assay.sandbox import Sandbox, SandboxUnavailableError, find_sandbox


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    try:
        return find_sandbox()
    except SandboxUnavailableError as error:
        if "not limited" in str(error):
            pytest.fail(str(error))  # a fork bomb of these tests would take the machine with it
        pytest.skip(str(error))
