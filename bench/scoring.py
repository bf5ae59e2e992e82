"""``assay score`` over recorded pairs: JSON in, Parquet and Moments out."""

from __future__ import annotations

import json
import random
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import Row, assay, process

PAIRS = 1_000_000
WORDS = [
    "the",
    "cat",
    "sat",
    "on",
    "a",
    "mat",
    "and",
    "then",
    "it",
    "ran",
    "away",
    "from",
    "big",
    "dogs",
    "near",
    "river",
    "banks",
    "with",
    "some",
    "food",
    "under",
    "old",
    "trees",
    "while",
    "rain",
    "fell",
    "over",
    "quiet",
    "fields",
    "before",
    "night",
    "came",
]


def rows() -> list[Row]:
    """A million pairs of 8 to 25 words, three scorers; and a tenth of them, for how memory grows."""
    with TemporaryDirectory() as name:
        few, many = (_write(Path(name) / f"{count}.jsonl", count) for count in (PAIRS // 10, PAIRS))
        small, large = (process(_command(file)) for file in (few, many))
    rate = PAIRS / large.wall_s
    growth = large.rss_mb - small.rss_mb
    return [
        Row(
            "assay score, 1,000,000 pairs, three scorers",
            f"{rate:,.0f} pairs/s",
            "–",
            "–",
            "≥ 80,000/s",
            rate >= 80_000,
        ),
        Row("the same, memory growth from 100,000", f"{growth:.0f} MB", "–", "–", "constant (≤ 20 MB)", growth <= 20),
    ]


def _command(file: Path) -> list[str]:
    table = str(file.with_suffix(".parquet"))
    return assay("score", str(file), "--scorers", "exact_match,token_f1,rouge_l", "--to", table, "--json")


def _write(path: Path, count: int) -> Path:
    rng = random.Random(5)
    with path.open("w") as stream:
        for number in range(count):
            answer = rng.choices(WORDS, k=rng.randint(8, 25))
            reference = list(answer)
            if number % 5:
                for _ in range(4):
                    reference[rng.randrange(len(reference))] = rng.choice(WORDS)
            row = {"id": f"q{number}", "output": " ".join(answer), "reference": " ".join(reference)}
            stream.write(json.dumps(row) + "\n")
    return path
