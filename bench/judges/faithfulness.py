"""Faithfulness: recorded metrics beside people on QAGS, FRANK and RefChecker, with ROUGE-L and constant baselines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from assay.core.records import Estimate
from assay.scorers.rouge import sequence_overlap, tokens
from assay.stats import balanced_accuracy
from bench.judges.figures import CORRELATIONS, Floats, correlation, cross_threshold, share
from bench.judges.files import csv_rows, json_rows
from bench.judges.row import Row

QAGS = {"CNN/DM": ("qags_cnndm", (0.682, 0.662, 0.532)), "XSum": ("qags_xsum", (0.461, 0.488, 0.399))}
QAGS_SOURCE = "UniEval repository, all 235 and 239 summaries"
FRANK_METRICS = ("Rouge L", "BertScore P Art", "FactCC", "FEQA", "Dep Entail", "QAGS")
FRANK_SETS = {"cnndm": "CNN/DM", "bbc": "XSum"}
CROSSED = "threshold chosen on the other half of the articles"
SETTINGS = ("zero_context", "noisy_context", "accurate_context")
LABELS = ("Entailment", "Neutral", "Contradiction")


def qags(folder: Path) -> list[Row]:
    """UniEval's consistency score, ROUGE-L of the summary with its article, and the constant."""
    found = []
    for name, (file, published) in QAGS.items():
        items = json_rows(folder / f"hallucination/{file}_unieval.jsonl.gz")
        people = np.array([item["scores"]["consistency"] for item in items])
        metric = np.array([item["predict_scores"]["consistency"] for item in items])
        overlap = np.array([_rouge_precision(item["system_output"], item["source"]) for item in items])
        for (kind, _), figure in zip(CORRELATIONS.items(), published, strict=True):
            found.append(Row(judge="UniEval", data=name, what=kind.title(), estimate=correlation(kind, metric, people),
                             published=figure, source=QAGS_SOURCE))  # fmt: skip
        found.append(Row(judge="ROUGE-L precision with the article", data=name, what="Spearman", note="baseline",
                         estimate=correlation("spearman", overlap, people)))  # fmt: skip
        truth = people == 1.0
        documents = [item["source"] for item in items]
        found.append(Row(judge="UniEval", data=name, what="balanced accuracy", percent=True,
                         estimate=balanced_accuracy(metric > 0.5, truth), note="threshold .5"))  # fmt: skip
        for judge, scores in (("UniEval", metric), ("ROUGE-L precision with the article", overlap)):
            found.append(_crossed(judge, name, scores, truth, documents, documents_differ=True))
        found.append(_constant(name, truth))
    return found


def _rouge_precision(summary: str, article: str) -> float:
    """Share of the summary's words that the article has in the same order."""
    return sequence_overlap(tokens(summary), tokens(article)).measure("precision")


def _crossed(
    judge: str, data: str, scores: Floats, truth: Sequence[bool], groups: Sequence[str], *, documents_differ: bool
) -> Row:
    said = cross_threshold(scores, truth, groups)
    return Row(judge=judge, data=data, what="balanced accuracy", percent=True, note=CROSSED,
               estimate=balanced_accuracy(said, truth, clusters=None if documents_differ else groups))  # fmt: skip


def _constant(data: str, truth: Sequence[bool]) -> Row:
    return Row(judge="always the same answer", data=data, what="balanced accuracy", percent=True,
               estimate=balanced_accuracy(np.ones(len(truth), dtype=bool), truth), note="baseline")  # fmt: skip


def frank(folder: Path) -> list[Row]:
    """Recorded metrics: correlation with people once the systems' means are taken off, and balanced accuracy."""
    table = csv_rows(folder / "hallucination/frank.csv.gz")
    found: list[Row] = []
    for part, name in FRANK_SETS.items():
        here = [row for row in table if row["dataset"] == part]
        for metric in FRANK_METRICS:
            rows_of = [row for row in here if row[f"metric {metric}"]]
            scores = np.array([float(row[f"metric {metric}"]) for row in rows_of])
            people = np.array([float(row["Factuality"]) for row in rows_of])
            systems, articles = ([row[key] for row in rows_of] for key in ("model_name", "hash"))
            note = f"{len(here) - len(rows_of)} without this metric" if len(rows_of) < len(here) else ""
            found.append(Row(judge=metric, data=name, what="Pearson within systems", note=note,
                             estimate=_partial(scores, people, systems, articles)))  # fmt: skip
            row = _crossed(metric, name, scores, (people > 0.5).tolist(), articles, documents_differ=False)
            found.append(row)
        found.append(_constant(name, [float(row["Factuality"]) > 0.5 for row in here]))
    return found


def _partial(scores: Floats, people: Floats, systems: Sequence[str], articles: Sequence[str]) -> Estimate:
    """Correlation of what is left of both when each system's mean is taken off; articles are groups."""
    _, code = np.unique(systems, return_inverse=True)
    sizes = np.bincount(code)
    first, second = (column - (np.bincount(code, weights=column) / sizes)[code] for column in (scores, people))
    return correlation("pearson", first, second, articles)


def refchecker(folder: Path) -> list[Row]:
    """No checker's verdicts are recorded here: what people said of the claims, by setting and by model."""
    answers = json_rows(folder / "hallucination/refchecker_claims.jsonl.gz")
    claims = [
        (answer["setting"], answer["model"], answer["id"], claim["human_label"])
        for answer in answers
        for claim in answer["claims"]
    ]
    return [*_by_setting(claims), *_by_model(claims)]


def _by_setting(claims: list[tuple[str, str, str, str]]) -> Iterator[Row]:
    for setting in SETTINGS:
        here = [claim for claim in claims if claim[0] == setting]
        for label in LABELS:
            yield Row(judge="people", data=setting.replace("_", " "), what=f"claims with the label {label}",
                      percent=True,
                      estimate=share([claim[3] == label for claim in here], [claim[2] for claim in here]))  # fmt: skip


def _by_model(claims: list[tuple[str, str, str, str]]) -> Iterator[Row]:
    for model in sorted({claim[1] for claim in claims}):
        here = [claim for claim in claims if claim[:2] == ("zero_context", model)]
        apart = [claim[3] != "Entailment" for claim in here]
        yield Row(judge="people", data=f"zero context, {model}", what="claims that are not entailed", percent=True,
                  estimate=share(apart, [claim[2] for claim in here]))  # fmt: skip
