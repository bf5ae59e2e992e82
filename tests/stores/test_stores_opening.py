from __future__ import annotations

from pathlib import Path

import pytest

from assay.core.errors import StoreError
from assay.stores import open_store


def test_a_store_that_another_process_is_only_making_is_not_there_yet(tmp_path: Path) -> None:
    (tmp_path / "assay.db").touch()
    with pytest.raises(StoreError) as caught:
        open_store(tmp_path, read_only=True)
    assert caught.value.code == "store.missing"
