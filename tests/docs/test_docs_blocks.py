"""Every block of the pages people follow is carried out, in order, in a folder of its own."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from docs_pages import DOCS, ROOT, Block, assert_shown, blocks_of, carry_out, check_yaml, environment_for

from assay.core.errors import ConfigError

FAST = (ROOT / "README.md", DOCS / "tutorial.md")
SLOW = (
    *sorted((DOCS / "how-to").glob("*.md")),
    *sorted((DOCS / "statistics").glob("*.md")),
    *sorted((DOCS / "cascade").glob("*.md")),
    ROOT / "CONTRIBUTING.md",
    ROOT / "examples" / "README.md",
)
KNOWN = {"bash", "python", "yaml", "json", "jsonl", "csv", "toml", "text", "pycon", "jinja"}


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def follow(page: Path, folder: Path, url: str) -> None:
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("__pycache__", ".assay"))
    environment = environment_for(folder, url)
    for block in blocks_of(page):
        try:
            carry_out(block, folder, environment)
        except Exception as error:
            raise AssertionError(f"{name_of(page)}, line {block.line}: {error}") from error


@pytest.mark.parametrize("page", FAST, ids=name_of)
def test_a_page_read_first_does_what_it_says(page: Path, tmp_path: Path, model_url: str) -> None:
    follow(page, tmp_path, model_url)


@pytest.mark.slow
@pytest.mark.parametrize("page", SLOW, ids=name_of)
def test_a_page_does_what_it_says(page: Path, tmp_path: Path, model_url: str) -> None:
    follow(page, tmp_path, model_url)


@pytest.mark.parametrize("page", (*FAST, *SLOW), ids=name_of)
def test_blocks_name_their_language_and_why_they_are_not_run(page: Path) -> None:
    for block in blocks_of(page):
        assert block.language in KNOWN, f"line {block.line}: {block.language!r}"
        assert block.skipped is None or len(block.skipped.split()) >= 2, f"line {block.line}: no reason"
    fences = re.findall(r"^```", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) == 2 * len(blocks_of(page)), "a fence is left open"


def test_an_output_that_is_not_the_one_shown_is_noticed(tmp_path: Path) -> None:
    block = Block(language="bash", text="echo one; echo two", line=1, expected="one\nthree\n")
    with pytest.raises(AssertionError, match="it prints"):
        carry_out(block, tmp_path, environment_for(tmp_path, ""))
    assert_shown("one\n…\nrun run_01…\n", "one\ntwo\nrun run_01m7yhfn53fsbgm5cx4rqfhn20\n")
    with pytest.raises(AssertionError, match="exit status 3"):
        carry_out(Block(language="bash", text="exit 3", line=1), tmp_path, environment_for(tmp_path, ""))


def test_yaml_is_held_to_the_file_it_is() -> None:
    check_yaml("judge: tone\ncriteria: It is friendly.")
    check_yaml("plan: p\ntask: eval.yaml\nprimary: exact_match.low >= 0.6\nsamples: 200")
    for wrong in ("judge: tone\ncriteris: It is friendly.", "plan: p\ntask: eval.yaml\nsample: 200"):
        with pytest.raises(ConfigError, match="unknown key"):
            check_yaml(wrong)
