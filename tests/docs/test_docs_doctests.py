"""The examples in docstrings are right."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest
from docs_pages import DOCS, ROOT

pytestmark = pytest.mark.slow

SOURCE = ROOT / "src" / "assay"
NEEDS_AN_EXTRA = {"assay.gateway.transport_aiohttp"}
MODULES = [
    ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(SOURCE.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", [name for name in MODULES if name not in NEEDS_AN_EXTRA])
def test_examples_in_docstrings_are_right(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0, "its examples are not found"
    assert result.failed == 0


@pytest.mark.parametrize("page", sorted((DOCS / "explanation").glob("*.md")), ids=lambda page: page.name)
def test_examples_in_explanations_are_right(page: Path) -> None:
    text = "\n".join(re.findall(r"^```pycon\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))
    test = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    assert doctest.DocTestRunner().run(test).failed == 0
