"""Cards and maps on recorded judges and real people: SummEval in both orders, AlpacaEval, expert labels."""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.judges.agreeing import agreement_with_people
from assay.judges.bias import constant_answers, position_bias, prefers_longer
from assay.judges.calibrate import calibrate
from assay.judges.comparing import compare_judges
from assay.judges.judged import Judged
from assay.judges.usage import scale_use

DIMENSIONS = ("coherence", "consistency", "fluency", "relevance")
pytestmark = pytest.mark.slow


@cache
def rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def summaries(folder: Path, dimension: str, *, judge: str = "gpt-4-0314:rts") -> Judged:
    """One dimension, or ``overall``: the mean of four, with every recorded judge as a feature."""
    people = rows(folder / "judge/summeval/human.jsonl.gz")
    place = {(row["doc_id"], row["system"]): k for k, row in enumerate(people)}
    columns: dict[str, Any] = defaultdict(lambda: np.full(len(people), np.nan))
    for row in rows(folder / "judge/summeval/llm_judge_scores.jsonl.gz"):
        columns[f"{row['judge']}:{row['prompt']}:{row['dimension']}"][place[row["doc_id"], row["system"]]] = row[
            "score"
        ]
    experts = np.array([[[one[name] for one in row["expert_annotations"]] for name in DIMENSIONS] for row in people])
    chosen = DIMENSIONS if dimension == "overall" else (dimension,)
    lengths = np.array([len(row["summary"]) for row in people], dtype=float)
    return Judged(
        ids=[f"{row['doc_id']}/{row['system']}" for row in people],
        verdicts=np.mean([columns[f"{judge}:{name}"] for name in chosen], axis=0),
        raters=experts[:, [DIMENSIONS.index(name) for name in chosen]].mean(axis=1),
        systems=[row["system"] for row in people],
        clusters=[row["doc_id"] for row in people],
        lengths=lengths,
        features={**columns, "log_length": np.log(lengths)},
        scale=(1, 5),
    )


def test_gpt4_agrees_with_experts_as_published(real_data: Path) -> None:
    """Coherence: .441 on these documents, where the one on which GPT-4 gives a single score to all counts as 0."""
    judged = summaries(real_data, "coherence")
    found = agreement_with_people(judged, rng=np.random.default_rng(1))
    assert found is not None
    within = found.coefficients["spearman_within_documents"]
    assert within.value is not None
    assert within.n == 49
    assert within.value * 49 / 50 == pytest.approx(0.441, abs=0.0005)


def test_experts_agree_better_with_each_other_than_gpt4_does_with_them(real_data: Path) -> None:
    found = agreement_with_people(summaries(real_data, "coherence"), rng=np.random.default_rng(1))
    assert found is not None
    assert len(found.ceiling) == 2
    for beside in found.ceiling:
        assert beside.difference.high is not None
        assert beside.difference.high < 0.0
    use = scale_use(summaries(real_data, "coherence"))
    assert use is not None
    assert use.ceiling.value == pytest.approx(0.685)


def test_exchanging_the_order_turns_a_third_of_the_choices(real_data: Path) -> None:
    """64.9 % keep their choice, as the data's own description says; three answers are possible, C being a tie."""
    verdicts: dict[tuple[str, ...], dict[bool, float]] = defaultdict(dict)
    shown = {"A": 1.0, "B": 0.0, "C": 0.5}
    for row in rows(real_data / "judge/summeval/llm_judge_pairs.jsonl.gz"):
        choice = shown[row["choice_shown"]]
        key = (row["doc_id"], row["system_1"], row["system_2"], row["dimension"])
        verdicts[key][row["swapped"]] = 1.0 - choice if row["swapped"] else choice
    keys = [key for key, both in verdicts.items() if len(both) == 2]
    judged = Judged(
        ids=["/".join(key) for key in keys],
        verdicts=[verdicts[key][False] for key in keys],
        swapped=[verdicts[key][True] for key in keys],
        clusters=[key[0] for key in keys],
        scale=(0, 1),
    )
    found = position_bias(judged)
    assert found is not None
    assert found.same_choice is not None
    assert found.same_choice.value == pytest.approx(0.649, abs=0.0005)
    assert found.bias.low is not None


@cache
def alpaca(folder: Path, system: str) -> list[dict[str, Any]]:
    return rows(folder / f"judge/alpaca_eval/outputs/{system}.jsonl.gz")


def test_a_constant_answer_that_wins_is_named(real_data: Path) -> None:
    """NullModel answers everything with one text and is preferred to the baseline most of the time."""
    names = ["NullModel", "vicuna-7b", "phi-2-sft"]
    items = [(name, row) for name in names for row in alpaca(real_data, name)]
    judged = Judged(
        ids=[f"{name}/{row['id']}" for name, row in items],
        verdicts=[row["preference"] - 1.0 for _, row in items],
        systems=[name for name, _ in items],
        answers=[row["output"] for _, row in items],
        clusters=[str(row["id"]) for _, row in items],
        scale=(0, 1),
    )
    (found,) = constant_answers(judged)
    assert found.system == "NullModel"
    assert found.rewarded
    assert found.mean > 0.75
    assert found.others is not None
    assert found.others < 0.1


def test_the_longer_answer_wins_more_often_than_not(real_data: Path) -> None:
    """AlpacaEval's annotator prefers the longer answer, and a system is long where it wins."""
    with gzip.open(real_data / "judge/alpaca_eval/preferences.csv.gz", "rt", encoding="utf-8") as file:
        found = [row for row in csv.DictReader(file) if row["annotator"] == "weighted_alpaca_eval_gpt4_turbo"]
    judged = Judged(
        ids=[f"{row['model']}/{row['id']}" for row in found],
        verdicts=[float(row["preference"]) - 1.0 for row in found],
        lengths=[float(row["len_model"]) for row in found],
        other_lengths=[float(row["len_baseline"]) for row in found],
        a_first=[1.0] * len(found),
        clusters=[row["id"] for row in found],
        scale=(0, 1),
    )
    share = prefers_longer(judged)
    assert share is not None
    assert share.low is not None
    assert share.low > 0.6


def test_a_map_of_one_half_foretells_the_other_half(real_data: Path) -> None:
    """25 documents fit, 25 others are predicted: known systems explain more than half of the overall score."""
    judged = summaries(real_data, "overall")
    documents = sorted(set(judged.clusters or ()))
    first = np.isin(np.array(judged.clusters), documents[:25])
    features = {
        "free": ["log_length"],
        "fast": [name for name in judged.features if name.startswith("gpt-3.5")],
        "strong": [name for name in judged.features if name.startswith("gpt-4")],
    }
    for half in (first, ~first):
        fit, run = judged.where(half), judged.where(~half)
        found = calibrate(fit, features=features, system=True, rng=np.random.default_rng(1))
        said = found.r2(known_systems=True)[-1]
        error = run.human - found.predict(run.features, run.systems)
        held = 1.0 - float(np.square(error).mean() / run.human.var())
        assert held > 0.45
        assert said == pytest.approx(held, abs=0.12)
        unknown = run.human - found.predict(run.features)
        assert np.square(unknown).mean() > np.square(error).mean()


def test_gpt4_ranks_summaries_better_than_gpt35_where_it_does(real_data: Path) -> None:
    four = summaries(real_data, "consistency")
    three = summaries(real_data, "consistency", judge="gpt-3.5-turbo-0301:rts")
    assert compare_judges(four, three).better == "first"
    coherence = compare_judges(
        summaries(real_data, "coherence"), summaries(real_data, "coherence", judge="gpt-3.5-turbo-0301:rts")
    )
    assert coherence.better is None
