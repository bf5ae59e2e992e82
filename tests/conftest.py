"""Fixtures every room's tests may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Every run draws other examples; where a test needs more of them it says so.
settings.register_profile("suite", max_examples=30)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of public evaluation data named by ASSAY_TEST_DATA."""
    folder = os.environ.get("ASSAY_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("ASSAY_TEST_DATA names no folder of real data")
    return Path(folder)
