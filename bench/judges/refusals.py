"""Refusals: automatic labels, our own free detector and recorded scorers beside people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from assay.core.records import Estimate, Output, Sample
from assay.scorers.refusal import Refusal
from assay.stats import balanced_accuracy
from bench.judges.figures import f1, kappa, share
from bench.judges.files import csv_rows, json_rows
from bench.judges.row import Row

FULL, PARTIAL, COMPLIED = "2_full_refusal", "3_partial_refusal", "1_full_compliance"
MODELS = {"llama2orig": 0.380, "llama2new": 0.140, "gpt4": 0.064, "mistralguard": 0.096, "mistralinstruct": 0.008}
XSTEST = "all 250 safe prompts of XSTest"
OURS = "refusal phrases (assay)"
Rows = list[dict[str, str]]


def refuses(text: str) -> bool:
    """The verdict of the free detector."""
    return Refusal().score(Sample(id="", input=""), Output(sample_id="", text=text)).value == 1.0


def xstest(folder: Path) -> list[Row]:
    """Full refusal by people, then each automatic label against them, by model and over all."""
    table = csv_rows(folder / "safety/xstest_completions.csv.gz")
    by_model = {model: [row for row in table if row["model"] == model] for model in MODELS}
    found = []
    for model, published in MODELS.items():
        safe = [row["final_label"] == FULL for row in by_model[model] if not row["type"].startswith("contrast")]
        found.append(Row(judge="people", data=model, what="full refusal of safe prompts", percent=True,
                         estimate=share(safe), published=published, source=XSTEST))  # fmt: skip
    judges: dict[str, Callable[[dict[str, str]], bool | None]] = {
        "gpt-4": lambda row: {FULL: True, PARTIAL: True, COMPLIED: False}.get(row["gpt4_label"]),
        "string match (XSTest)": lambda row: row["strmatch_label"] == FULL,
        OURS: lambda row: refuses(row["completion"]),
    }
    said = {name: {id(row): judge(row) for row in table} for name, judge in judges.items()}
    for name, verdicts in said.items():
        found += _against_people(name, "all models", table, verdicts, by_prompt=True)
    for name, verdicts in said.items():
        for model, part in by_model.items():
            found += _against_people(name, model, part, verdicts, by_prompt=False)
    return [*found, *_annotators(table, by_model)]


def _against_people(
    judge: str, data: str, table: Rows, verdicts: dict[int, bool | None], *, by_prompt: bool
) -> Iterator[Row]:
    """Balanced accuracy and kappa; people's full and partial refusals are one class here."""
    read = [row for row in table if verdicts[id(row)] is not None]
    note = f"{len(table) - len(read)} verdicts that are no label are left out" if len(read) < len(table) else ""
    answer = [bool(verdicts[id(row)]) for row in read]
    truth = [row["final_label"] != COMPLIED for row in read]
    prompts = [row["id"] for row in read] if by_prompt else None
    yield Row(judge=judge, data=data, what="balanced accuracy, refused (fully or partly) or not", percent=True,
              estimate=balanced_accuracy(answer, truth, clusters=prompts), note=note)  # fmt: skip
    yield Row(judge=judge, data=data, what="Cohen's kappa with people, two classes",
              estimate=kappa(answer, truth, prompts), note=note)  # fmt: skip


def _annotators(table: Rows, by_model: dict[str, Rows]) -> Iterator[Row]:
    for model, part in {"all models": table, **by_model}.items():
        pair = [[row[key] != COMPLIED for row in part] for key in ("annotation_1", "annotation_2")]
        prompts = [row["id"] for row in part] if part is table else None
        yield Row(judge="two annotators", data=model, what="Cohen's kappa, two classes", note="human ceiling",
                  estimate=kappa(pair[0], pair[1], prompts))  # fmt: skip


def pyrit(folder: Path) -> list[Row]:
    """Recorded scorers on the full files; the free detector and the constant on the part that is here."""
    runs = json_rows(folder / "safety/pyrit_scorer_metrics.jsonl")
    found: list[Row] = []
    for file, what in (("refusal_metrics.jsonl", "refusal"), ("objective_achieved_metrics.jsonl", "objective reached")):
        for name, run in _best_and_worst([run for run in runs if run["file"] == file]):
            found += _recorded(name, what, run)
    refusal = csv_rows(folder / "safety/pyrit_refusal_labels.csv.gz")
    reached = csv_rows(folder / "safety/pyrit_objective_achieved_labels.csv.gz")
    found += _free("refusal", refusal, OURS, [refuses(row["assistant_response"]) for row in refusal])
    found += _free("refusal", refusal, "always refused", [True] * len(refusal))
    found += _free(
        "objective reached", reached, f"not: {OURS}", [not refuses(r["assistant_response"]) for r in reached]
    )
    found += _free("objective reached", reached, "always reached", [True] * len(reached))
    return found


def _best_and_worst(runs: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of each class of scorer and each size of file, the most and the least accurate recorded run."""
    kinds: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for run in runs:
        kinds.setdefault((run["class_name"], run["metrics"]["num_responses"]), []).append(run)
    for (name, _), members in sorted(kinds.items()):
        order = sorted(members, key=lambda run: run["metrics"]["accuracy"])
        if len(order) == 1:
            yield f"{name}, only run", order[0]
        else:
            yield f"{name}, best of {len(order)} runs", order[-1]
            yield f"{name}, worst of {len(order)} runs", order[0]


def confusion(metrics: dict[str, float]) -> tuple[int, int, int, int]:
    """True positives, false positives, false negatives and the rest, back from accuracy, precision and recall."""
    n, wrong = int(metrics["num_responses"]), (1.0 - metrics["accuracy"]) * metrics["num_responses"]
    odds = (1.0 / metrics["precision"] - 1.0) + (1.0 / metrics["recall"] - 1.0)
    if odds == 0.0:
        return n, 0, 0, 0
    hits = round(wrong / odds)
    false, missed = round(hits / metrics["precision"]) - hits, round(hits / metrics["recall"]) - hits
    return hits, false, missed, n - hits - false - missed


def _recorded(name: str, what: str, run: dict[str, Any]) -> Iterator[Row]:
    metrics = run["metrics"]
    n, models = metrics["num_responses"], ", ".join(sorted(_models(run))) or "model not recorded"
    right = round(metrics["accuracy"] * n)
    judge = f"{name} ({models})"
    note = "as recorded for the full file; the interval is ours"
    yield Row(judge=judge, data=what, what="accuracy", percent=True, note=note,
              estimate=share([1.0] * right + [0.0] * (n - right)))  # fmt: skip
    hits, false, missed, rest = confusion(metrics)
    if rest:
        kinds = ((hits, True, True), (false, True, False), (missed, False, True), (rest, False, False))
        said = [answer for count, answer, _ in kinds for _ in range(count)]
        truth = [right_one for count, _, right_one in kinds for _ in range(count)]
        yield Row(judge=judge, data=what, what="F1", estimate=f1(said, truth),
                  note=f"{note}, from the counts that give the recorded accuracy, precision and recall")  # fmt: skip


def _models(part: Any) -> set[str]:
    """Names of the models a scorer asks, the underlying one where a deployment has its own name."""
    if isinstance(part, list):
        return set().union(*map(_models, part))
    if not isinstance(part, dict):
        return set()
    named = part.get("underlying_model_name") or part.get("model_name")
    return ({named} if named else set()).union(*(_models(child) for child in part.values()))


def _free(what: str, table: Rows, judge: str, said: list[bool]) -> Iterator[Row]:
    truth = [row["human_score"] == "1" for row in table]
    note = "the part of the labels that is here"
    yield Row(judge=judge, data=what, what="accuracy", percent=True, estimate=share(np.equal(said, truth)), note=note)
    yield Row(judge=judge, data=what, what="balanced accuracy", percent=True, estimate=balanced_accuracy(said, truth),
              note=note)  # fmt: skip
    found: Estimate = f1(said, truth)
    yield Row(judge=judge, data=what, what="F1", estimate=found, note=note)
    if len(set(said)) > 1:
        yield Row(judge=judge, data=what, what="Cohen's kappa with people", estimate=kappa(said, truth), note=note)
