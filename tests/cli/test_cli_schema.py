"""``assay schema``: every file that people write has one."""

from __future__ import annotations

import pytest
from cli_shell import Shell

from assay.app.catalog import FILES


@pytest.mark.parametrize("name", FILES)
def test_every_file_has_a_schema(shell: Shell, name: str) -> None:
    found = shell.ok("schema", name).json
    assert found["title"] == FILES[name].partition(":")[2]
    assert found["additionalProperties"] is False
    assert name in shell.ok("schema", "-h").out
