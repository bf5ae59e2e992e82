"""A user at a shell: commands in an empty directory, files written in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay.cli.main import main

ASSAY = [sys.executable, "-m", "assay.cli.main"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """How a command ended and what it printed."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON document and nothing else."""
        return json.loads(self.out)

    @property
    def code(self) -> str:
        """The error's code, from ``--json`` or from standard error."""
        if self.out.startswith("{"):
            return str(self.json["error"]["code"])
        assert "error[" in self.err, f"no error was printed: {self.out}{self.err}"
        return self.err.partition("error[")[2].partition("]")[0]


class Shell:
    """Runs commands in this process, as ``assay`` would, in an empty directory."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: str | Path | float) -> Said:
        self._monkeypatch.setattr(sys, "argv", ["assay", *map(str, arguments)])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self._capsys.readouterr()
        assert "Traceback" not in err
        return Said(status=int(ended.value.code or 0), out=out, err=err)

    def ok(self, *arguments: str | Path | float) -> Said:
        """A command that must end well."""
        said = self(*arguments)
        assert said.status == 0, said.out + said.err
        return said

    def run(self, *arguments: str | Path | float) -> dict[str, Any]:
        """``assay run … --json`` and its document, whatever its status."""
        document: dict[str, Any] = self("run", *arguments, "--json").json
        return document

    def start(self, *arguments: str | Path | float) -> subprocess.Popen[str]:
        """A command in a process of its own, which can be sent signals."""
        return subprocess.Popen(
            [*ASSAY, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
            cwd=self.directory,
        )

    def write(self, name: str, content: str | bytes | Mapping[str, Any]) -> Path:
        """A file; a mapping is written as YAML."""
        path = self.directory / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else yaml.safe_dump(dict(content)), encoding="utf-8")
        return path

    def rows(self, name: str, rows: Sequence[Mapping[str, Any]]) -> Path:
        """A JSONL file."""
        return self.write(name, "".join(json.dumps(row) + "\n" for row in rows))

    def task(self, name: str = "eval.yaml", **changes: Any) -> Path:
        """A task over ``data.jsonl``; a change of ``None`` leaves the key out."""
        whole = {
            "task": "echo",
            "dataset": "data.jsonl",
            "prompt": "{{ input }}",
            "model": "openai/m",
            "generate": {"temperature": 0, "max_tokens": 2},
            "scorers": ["exact_match"],
            **changes,
        }
        return self.write(name, {key: value for key, value in whole.items() if value is not None})

    def items(self, run_id: str = "last") -> list[dict[str, Any]]:
        """What ``assay export`` says about a run."""
        return [json.loads(line) for line in self.ok("export", run_id).out.splitlines()]


def questions(count: int, *, wrong_every: int = 3) -> list[dict[str, Any]]:
    """The server says a prompt's last line: every ``wrong_every``-th reference is something else."""
    return [
        {"id": f"q{i}", "input": f"Say it.\nanswer {i}", "reference": f"answer {i}" if i % wrong_every else "else"}
        for i in range(count)
    ]
