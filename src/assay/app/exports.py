"""A run as files other tools read: JSONL, CSV, Parquet, JUnit XML, Markdown."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO
from xml.etree import ElementTree

from assay.app.results import show_run
from assay.app.tiered import plain_item, reasons_asked
from assay.app.wiring import App

FORMATS = ("jsonl", "csv", "parquet", "junit", "markdown")
CSV_COLUMNS = (
    "sample_id",
    "epoch",
    "scorer",
    "scorer_version",
    "value",
    "reason",
    "label",
    "tier",
    "probability",
    "score_cost_usd",
    "output",
    "reference",
    "latency_s",
    "cost_usd",
    "input_tokens",
    "output_tokens",
)


def export_file(app: App, run_id: str, *, format_name: str, path: Path) -> int:
    """Write a run to a file, at once or not at all, and return how many rows were written.

    Raises:
        NotFoundError: There is no such run; a file that was there is left as it was.
    """
    record = app.store.metadata.run(run_id)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if format_name == "parquet":
            from arro3.io import write_parquet

            scores = score_table(app, record.run_id)
            write_parquet(scores, draft)
            count = int(scores.num_rows)
        else:
            with draft.open("w", encoding="utf-8", newline="") as stream:
                count = export_text(app, record.run_id, format_name=format_name, out=stream)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return count


def export_text(app: App, run_id: str, *, format_name: str, out: TextIO) -> int:
    """Write a run in one of the text formats and return how many rows were written.

    Raises:
        NotFoundError: There is no such run.
    """
    record = app.store.metadata.run(run_id)
    if format_name == "jsonl":
        reasons = reasons_asked(app, record)
        items = (plain_item(item, reasons) for item in app.store.results.items(record.run_id))
        return _write_lines(out, (json.dumps(item, ensure_ascii=False) for item in items))
    if format_name == "csv":
        return _write_csv(out, _score_rows(app, record.run_id))
    document = show_run(app, record.run_id)
    if format_name == "junit":
        return _write_junit(out, document, _score_rows(app, record.run_id))
    return _write_lines(out, _markdown(document))


def _score_rows(app: App, run_id: str) -> Iterator[dict[str, Any]]:
    for item in app.store.results.items(run_id):
        output = item.output
        for score in item.scores:
            yield {
                "sample_id": item.sample.id,
                "epoch": output.epoch,
                "scorer": score.scorer,
                "scorer_version": score.scorer_version,
                "value": score.value,
                "reason": score.reason,
                "label": score.label,
                "tier": score.tier,
                "probability": score.probability,
                "score_cost_usd": score.cost_usd,
                "output": output.text,
                "reference": " | ".join(item.sample.references()) or None,
                "latency_s": output.latency_s,
                "cost_usd": output.cost_usd,
                "input_tokens": output.usage.input_tokens,
                "output_tokens": output.usage.output_tokens,
            }


def _write_lines(out: TextIO, lines: Iterator[str]) -> int:
    count = 0
    for count, line in enumerate(lines, start=1):  # noqa: B007
        out.write(line + "\n")
    return count


def _write_csv(out: TextIO, rows: Iterator[dict[str, Any]]) -> int:
    writer = csv.DictWriter(out, CSV_COLUMNS)
    writer.writeheader()
    count = 0
    for row in rows:
        writer.writerow(row)
        count += 1
    return count


def score_table(app: App, run_id: str) -> Any:
    """Scores of a run as an Arrow table, one row a (sample, epoch, scorer)."""
    from arro3.core import Array, DataType, Table

    kept = list(_score_rows(app, run_id))
    types = {"epoch": DataType.int64(), "input_tokens": DataType.int64(), "output_tokens": DataType.int64()}
    floats = ("value", "probability", "score_cost_usd", "latency_s", "cost_usd")
    arrays: dict[str, Any] = {
        name: Array(
            [row[name] for row in kept], types.get(name, DataType.float64() if name in floats else DataType.utf8())
        )
        for name in CSV_COLUMNS
    }
    return Table.from_pydict(arrays)


def _write_junit(out: TextIO, document: Mapping[str, Any], rows: Iterator[dict[str, Any]]) -> int:
    """One test case a sample and right-or-wrong scorer: wrong is a failure, unscored is skipped with its reason.

    A cascade is one test case more, which says its figure and is skipped where there is none: the figure is right or
    wrong only by a gate.
    """
    wrong_values = {
        scorer["name"]: 0.0 if scorer["higher_is_better"] else 1.0
        for scorer in document["manifest_document"]["scorers"]
        if scorer["unit"] == "share" and scorer["higher_is_better"] is not None
    }
    suite = ElementTree.Element("testsuite", name=f"{document['task']} · {document['model']}")
    counts = {"tests": 0, "failures": 0, "skipped": 0}
    for row in rows:
        if row["scorer"] not in wrong_values:
            continue
        counts["tests"] += 1
        case = ElementTree.SubElement(
            suite, "testcase", classname=row["scorer"], name=xml_text(f"{row['sample_id']}[{row['epoch']}]")
        )
        if row["value"] is None:
            counts["skipped"] += 1
            ElementTree.SubElement(case, "skipped", message=xml_text(row["reason"]))
        elif row["value"] == wrong_values[row["scorer"]]:
            counts["failures"] += 1
            failure = ElementTree.SubElement(case, "failure", message=xml_text(row["label"] or f"{row['value']:g}"))
            failure.text = xml_text(row["output"])
    if document.get("cascade"):
        counts["tests"] += 1
        counts["skipped"] += _add_figure(suite, document["cascade"])
    for key, count in counts.items():
        suite.set(key, str(count))
    out.write(ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n")
    return counts["tests"]


def _add_figure(suite: ElementTree.Element, cascade: Mapping[str, Any]) -> bool:
    """The test case of a tiered figure; returns whether it is skipped."""
    case = ElementTree.SubElement(suite, "testcase", classname="cascade", name=xml_text(cascade["metric"]))
    here, new = cascade["these_items"], cascade["new_inputs"]
    if new["value"] is None:
        ElementTree.SubElement(case, "skipped", message=xml_text(new["reason"] or here["degraded_reason"]))
        return True
    ends = "no interval" if new["low"] is None else f"{new['low']:.4f} to {new['high']:.4f}"
    said = ElementTree.SubElement(case, "system-out")
    said.text = xml_text(
        f"{new['value']:.4f} ({ends}) on new inputs by {new['n']:,} verdicts of {cascade['speaks_of']}"
        + (f"; degraded: {here['degraded_reason']}" if here["degraded"] else "")
    )
    return False


_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: str) -> str:
    r"""Text as XML 1.0 can hold it: control characters, which it cannot even escape, become U+FFFD.

    Examples:
        >>> xml_text("a\x00b")
        'a\ufffdb'
    """
    return _NOT_XML.sub("\ufffd", text)


def _markdown(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"### {document['task']} · {document['model'] or 'recorded outputs'} ({document['status']})"
    yield ""
    yield "| metric | value | low | high | n | unscored | method |"
    yield "|---|---:|---:|---:|---:|---:|---|"
    for name, e in document["metrics"].items():
        cells = [f"{e[key]:.4f}" if e[key] is not None else "–" for key in ("value", "low", "high")]
        yield f"| {name} | {' | '.join(cells)} | {e['n']} | {e['unscored']} | {e['method']} |"
    yield ""
    usage = document["usage"]
    cost = "unknown" if usage["cost_usd"] is None else f"${usage['cost_usd']:.4f}"
    calls = f"{usage['requests']} calls, {usage['cached']} from cache"
    yield f"{calls}, {cost}, {document['seconds']:.1f} s, run `{document['run_id']}`"
