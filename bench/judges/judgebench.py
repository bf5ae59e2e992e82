"""JudgeBench: hard pairs with an objectively right answer, judged in both orders."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from assay import stats
from bench.judges.figures import share
from bench.judges.files import csv_rows, json_rows
from bench.judges.row import Row

NAMES = {
    "o1-mini-2024-09-12": ("o1-mini", 0.6571),
    "Skywork_Skywork-Reward-Gemma-2-27B": ("Skywork-Reward-27B", 0.6429),
    "internlm_internlm2-20b-reward": ("InternLM2-20B-reward", 0.6343),
    "Skywork_Skywork-Reward-Llama-3.1-8B": ("Skywork-Reward-8B", 0.6229),
    "internlm_internlm2-7b-reward": ("InternLM2-7B-reward", 0.5943),
    "Ray2333_GRM-Gemma-2B-rewardmodel-ft": ("GRM-Gemma-2B", 0.5943),
    "claude-3-haiku-20240307": ("claude-3-haiku", None),
}
SIGN = {"A>B": 1, "B>A": -1, "A=B": 0, "": 0}
SOURCE = "all 350 GPT-4o pairs of the JudgeBench repository"


def rows(folder: Path) -> list[Row]:
    """Accuracy over both orders, and for the language models what the order does."""
    questions = {row["pair_id"]: row["question"] for row in json_rows(folder / "judge/judgebench_pairs.jsonl.gz")}
    by_judge = defaultdict(list)
    for row in csv_rows(folder / "judge/judgebench_judgments.csv"):
        by_judge[row["judge_model"]].append(row)
    found = []
    for model, (name, published) in NAMES.items():
        judged = by_judge[model]
        first, second = (np.array([SIGN[row[key]] for row in judged]) for key in ("decision", "decision_swapped"))
        label = np.array([SIGN[row["label"]] for row in judged])
        groups = [questions[row["pair_id"]] for row in judged]
        pairs = f"{judged[0]['response_model'].partition('-20')[0]} pairs"
        note = "no verdict counts as no preference" if any(not row["decision"] for row in judged) else ""
        found.append(Row(judge=name, data=pairs, what="accuracy, both orders together", percent=True,
                         estimate=share(np.sign(first - second) == label, groups),
                         published=published, source=SOURCE, note=note))  # fmt: skip
        if judged[0]["judge_name"] != "reward_model":
            both = stats.swapped_win_rate((1 + first) / 2, (1 - second) / 2, clusters=groups)
            found.append(Row(judge=name, data=pairs, what="another verdict when the order is exchanged", percent=True,
                             estimate=share(first != -second, groups)))  # fmt: skip
            found.append(Row(judge=name, data=pairs, what="position bias, first minus second",
                             estimate=both.position_bias))  # fmt: skip
    return found
