"""The blocks of a Markdown page, and how each is carried out."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_FENCE = re.compile(r"^```(\w*)[ \t]*$(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"<!-- (file|not run): (.+?) -->\s*\Z")
COMMANDS = {"bash": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-W", "error", "-c"]}
_STEADY = (
    (re.compile(r"(run|suite)_[0-9a-z]{26}"), r"\1_01…"),
    (re.compile(r"\b\d+(?:\.\d+)? s\b"), "N s"),
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
)


@dataclass(frozen=True, kw_only=True)
class Block:
    """One fenced block.

    Attributes:
        line: Where it starts on its page.
        file: Name it is written under.
        skipped: Why it is not run.
        expected: What it prints, where the page shows that right after it.
    """

    language: str
    text: str
    line: int
    file: str | None = None
    skipped: str | None = None
    expected: str | None = None


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = list(_FENCE.finditer(text))
    blocks = []
    for number, match in enumerate(found):
        mark = _MARK.search(text[: match.start()])
        after = found[number + 1] if number + 1 < len(found) else None
        shows = after is not None and after[1] == "text" and not text[match.end() : after.start()].strip()
        blocks.append(
            Block(
                language=match[1],
                text=match[2].lstrip("\n"),
                line=text.count("\n", 0, match.start()) + 1,
                file=mark[2] if mark and mark[1] == "file" else None,
                skipped=mark[2] if mark and mark[1] == "not run" else None,
                expected=after[2].lstrip("\n")
                if after is not None and shows and match[1] in {"bash", "python"}
                else None,
            )
        )
    return blocks


def carry_out(block: Block, folder: Path, environment: dict[str, str]) -> None:
    """Write, check or run one block in the page's folder."""
    if block.skipped:
        return
    if block.language == "yaml":
        check_yaml(block.text)
    elif block.language == "json":
        json.loads(block.text)
    if block.file:
        path = folder / block.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
    elif block.language in COMMANDS:
        printed = run([*COMMANDS[block.language], block.text], folder, environment)
        if block.expected is not None:
            assert_shown(block.expected, printed)


def run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def check_yaml(text: str) -> None:
    """The YAML is one of the files people write, and its schema takes it."""
    import yaml

    from assay.app.experiment_file import ExperimentFile
    from assay.app.judge_file import JudgeFile
    from assay.app.measurement_plan import PlanFile
    from assay.app.schema import SettingsFile, SuiteFile, TaskFile, check

    content: Any = yaml.safe_load(text)
    named = {
        "tasks": SuiteFile,
        "plan": PlanFile,
        "task": TaskFile,
        "judge": JudgeFile,
        "experiment": ExperimentFile,
    }
    check(next((kind for key, kind in named.items() if key in content), SettingsFile), content, where="the block")


def assert_shown(expected: str, printed: str) -> None:
    """What the page shows was printed; ``…`` stands for anything, alone on a line for any number of lines."""
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "…" else re.escape(line).replace("…", ".*") + "\n" for line in steady(expected)
    )
    assert re.fullmatch(r"\s*" + pattern + r"\s*", "\n".join(steady(printed)) + "\n"), f"it prints:\n{printed}"


def steady(text: str) -> list[str]:
    """The lines without what differs from one time to the next."""
    for pattern, instead in _STEADY:
        text = pattern.sub(instead, text)
    return text.strip("\n").splitlines()


def environment_for(folder: Path, base_url: str) -> dict[str, str]:
    """As a reader's shell after installing, with a model server on loopback and nothing else."""
    kept = {key: value for key, value in os.environ.items() if not re.match(r"ASSAY_|OPENAI_|ANTHROPIC_|AZURE_", key)}
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "OPENAI_BASE_URL": base_url,
        "OPENAI_API_KEY": "none",
        "VLLM_BASE_URL": base_url,
        "OLLAMA_BASE_URL": base_url,
        "ASSAY_DATA_CACHE": str(folder / "cache"),
        "COLUMNS": "100",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
