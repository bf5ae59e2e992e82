"""Links between pages lead somewhere, anchors included; the documentation names no machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs_pages import DOCS, ROOT

PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def anchors_of(page: Path) -> set[str]:
    """Anchors of the headings, as code hosts make them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", head).lower()).replace(" ", "-") for head in heads}


def broken_links(page: Path, text: str) -> list[str]:
    broken = []
    for link in _LINK.findall(_CODE.sub("", text)):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        target = (page.parent / path).resolve() if path else page
        missing = not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors_of(target))
        if missing:
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page, page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("folder", ["explanation", "statistics"])
def test_an_index_lists_every_page_of_its_folder(folder: str) -> None:
    listed = _LINK.findall((DOCS / folder / "README.md").read_text(encoding="utf-8"))
    assert [page.name for page in sorted((DOCS / folder).glob("*.md")) if page.name not in {*listed, "README.md"}] == []


def test_a_broken_link_is_noticed() -> None:
    page = DOCS / "tutorial.md"
    assert broken_links(page, "[a](nowhere.md) [b](tutorial.md#nowhere) [c](tutorial.md) `[d](code.md)`") == [
        "nowhere.md",
        "tutorial.md#nowhere",
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_documentation_names_no_machine(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"/work/|/home/\w+/|/root/|shared/data", text) == []
