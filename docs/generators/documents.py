"""The JSON documents, printed by a small evaluation of recorded outputs that is made while the page is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from docs.generators.text import page

TASK = """\
task: capitals
dataset: data.jsonl
prompt: "{{ input }}"
scorers: [exact_match]
"""
ANSWERS = {"France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Norway": "Oslo"}
WORDS = {"first": ("Paris", "Roma", "Madrid", "Bergen"), "second": ("Paris", "Rome", "Madrid", "Oslo")}


@contextmanager
def evaluation() -> Iterator[dict[str, Any]]:
    """Documents by title, in a folder that is gone afterwards."""
    from assay.app import results, runs
    from assay.app.gates import gate_json
    from assay.app.prepare import RunOptions, prepare
    from assay.app.settings import load_settings
    from assay.app.tasks import load_task
    from assay.app.wiring import App
    from assay.core.codec import to_plain
    from assay.core.errors import AssayError

    with TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder)
        app = App(load_settings(environ={}, flags={"store": str(folder / "store")}, directory=name))
        try:
            loaded = load_task(str(folder / "eval.yaml"))
            done = []
            for recording in WORDS:
                model = f"replay:{folder / recording}.jsonl"
                prepared = prepare(app, loaded, model=model, options=RunOptions())
                done.append(runs.run_task(app, prepared))
            first, second = (str(summary["run_id"]) for summary in done)
            item = next(iter(app.store.results.items(second)))
            error: dict[str, Any] = {}
            try:
                load_task("gsm9k")
            except AssayError as raised:
                error = {"error": raised.to_dict()}
            yield {
                "assay run": dict(done[1]),
                "assay plan": prepared.plan.to_dict(),
                "assay runs": {"runs": results.list_runs(app, limit=1)},
                "assay compare": results.compare(app, first, second).to_dict(),
                "assay gate": gate_json(results.gate(app, second, rules=["exact_match.low >= 0.4"])),
                "assay export --format jsonl": to_plain(item),
                "an error": error,
            }
        finally:
            app.close()


def _write(folder: Path) -> None:
    (folder / "eval.yaml").write_text(TASK, encoding="utf-8")
    rows = [{"id": key, "input": f"Capital of {key}?", "reference": value} for key, value in ANSWERS.items()]
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    for name, words in WORDS.items():
        lines = [
            {"id": key, "output": word, "latency_s": 0.5, "usage": {"input_tokens": 5, "output_tokens": 1}}
            for key, word in zip(ANSWERS, words, strict=True)
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


NOTES = {
    "assay run": "`assay.run/1`; `resume` and `score` print the same (`model` is `null` for `score`), `show` adds "
    "`created_at`, `manifest_document`, `hint` (what goes on with a run that is not done), `holder` (`host`, `pid`, "
    "`since`, while it is running) and `live` (`finished`, `planned`, `metric`, `estimate`, until it has ended). "
    "`status` is `done`, `partial` (time was up), `degraded` (calls failed that another attempt may mend, or a "
    "fall-back model answered), `budget`, `interrupted` (stopped or killed) or `failed`; looked at meanwhile, a run is "
    "`running`. Every metric is an estimate; `value`, `low` and `high` are `null` only with a `reason`. A cost "
    "that is not known is `null`, and so are the counts of a run that never ended.",
    "assay plan": "`assay.plan/1`.",
    "assay runs": "Runs, newest first, each as it stands now.",
    "assay compare": "`assay.compare/1`. Differences are candidate minus baseline.",
    "assay gate": "`assay.gate/1`; `needed_n` is how many more samples would settle an inconclusive rule.",
    "assay export --format jsonl": "One line a sample and epoch. `assay show RUN --sample ID` prints the same.",
    "an error": "What every command prints with `--json` when it fails.",
}


def json_page() -> str:
    """``reference/json.md``."""
    blocks = [
        "With `--json` a command prints exactly one document. Those below were printed by an evaluation of four "
        "recorded outputs; ids, hashes, paths and times are replaced. A suite prints `assay.suite/1`: `suite_id`, "
        "`status`, `runs` (`node`, `task`, `model`, `status`, `run`, `error`, `skipped_because`), `macro` by model and "
        "`seconds`. The quickstart prints `assay.quickstart/1`: `runs`, `comparison` and `report`.",
    ]
    with evaluation() as documents:
        for title, document in documents.items():
            text = json.dumps(document, indent=2, ensure_ascii=False)
            blocks += [f"## {title}", NOTES[title], f"```json\n{_steady(text)}\n```"]
    return page("JSON documents", *blocks)


def _steady(text: str) -> str:
    """The text without what differs from one time to the next."""
    for pattern, instead in (
        (r"run_[0-9a-z]{26}", "run_01…"),
        (r"sha256:[0-9a-f]{64}", "sha256:…"),
        (r"replay:[^\"]*/(\w+)\.jsonl", r"replay:\1.jsonl"),
        (r'"created_at": "[^"]*"', '"created_at": "2026-01-31T12:00:00+00:00"'),
        (r'"seconds": [\d.]+', '"seconds": 0.1'),
        (r"(\d\.\d{4})\d+", r"\1"),
    ):
        text = re.sub(pattern, instead, text)
    return text
