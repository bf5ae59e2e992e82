"""Text metrics as functions, against the packages they equal, on one core."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence

from bench.measure import Row

PAIRS = 300
REPEATS = 7
LONG = 60  # words: the length of a summary or a worked solution

Pair = tuple[str, str]
STEMS = ("ba", "ko", "lu", "mi", "ne", "pa", "re", "so", "ti", "vu", "chan", "dor", "fel", "gry", "hol", "jun", "kal")


def rows() -> list[Row]:
    """ROUGE-L, BLEU and chrF one pair at a time; and the three scorers of ``assay score`` in bulk."""
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics import BLEU, CHRF

    from assay.scorers import Bleu, Chrf, RougeL

    rouge, bleu, chrf = RougeScorer(["rougeL"]), BLEU(effective_order=True), CHRF()
    return [
        _against("ROUGE-L, rouge_score", RougeL().value_of, lambda a, b: rouge.score(b, a)["rougeL"].fmeasure, 40.0),
        _against("BLEU, sacrebleu", Bleu().value_of, lambda a, b: bleu.sentence_score(a, [b]).score, 2.0),
        _against("chrF, sacrebleu", Chrf().value_of, lambda a, b: chrf.sentence_score(a, [b]).score, 2.0),
        _bulk(),
    ]


def _against(
    work: str, ours: Callable[[str, Sequence[str]], float], theirs: Callable[[str, str], float], target: float
) -> Row:
    """Their time over ours, in interleaved pairs; every repeat on texts neither has seen, so that no cache is warm."""
    mine, others = [], []
    for repeat in range(REPEATS + 1):
        texts = _texts(random.Random(repeat), PAIRS, LONG)
        started = time.perf_counter()
        values = [ours(answer, (reference,)) for answer, reference in texts]
        between = time.perf_counter()
        twins = [theirs(answer, reference) for answer, reference in texts]
        ended = time.perf_counter()
        worst = max(abs(value - twin) for value, twin in zip(values, twins, strict=True))
        if worst > 1e-9:
            raise AssertionError(f"{work}: values differ by {worst}")
        if repeat:  # the first round loads what is loaded lazily
            mine.append(between - started)
            others.append(ended - between)
    ratios = sorted(other / one for one, other in zip(mine, others, strict=True))
    middle = statistics.median(ratios)
    return Row(
        f"{work} (times as fast)",
        f"{_micros(mine):.0f} µs a pair",
        f"{_micros(others):.0f} µs",
        f"{middle:.1f} ({ratios[0]:.1f}–{ratios[-1]:.1f})",
        f"≥ {target:.0f}",
        middle >= target,
    )


def _bulk() -> Row:
    """Pairs a second on one core for exact match, token F1 and ROUGE-L together, 8 to 25 words a text."""
    from assay.scorers import ExactMatch, RougeL, TokenF1
    from assay.scorers.bulk import score_chunk

    scorers, count, rates = [ExactMatch(), TokenF1(), RougeL()], 20_000, []
    for repeat in range(REPEATS):
        texts = _texts(random.Random(100 + repeat), count, None)
        outputs, references = [answer for answer, _ in texts], [[reference] for _, reference in texts]
        started = time.perf_counter()
        score_chunk(scorers, outputs, references)
        rates.append(count / (time.perf_counter() - started))
    middle = statistics.median(rates)
    spread = f"{min(rates):,.0f}–{max(rates):,.0f}"
    return Row(
        "exact match, token F1 and ROUGE-L in bulk, one core",
        f"{middle:,.0f} pairs/s",
        "–",
        spread,
        "≥ 55,000/s",
        middle >= 55_000,
    )


def _texts(rng: random.Random, count: int, length: int | None) -> list[Pair]:
    """Pairs of which the answer repeats about three quarters of the reference; 8 to 25 words without a length."""
    vocabulary = ["".join(rng.choices(STEMS, k=rng.randint(1, 4))) for _ in range(4000)]
    weights = [1.0 / rank for rank in range(1, len(vocabulary) + 1)]  # Zipf: some words come again and again
    found = []
    for _ in range(count):
        reference = rng.choices(vocabulary, weights, k=length or rng.randint(8, 25))
        reference = [word + rng.choice(",.;") if rng.random() < 0.12 else word for word in reference]
        fresh = rng.choices(vocabulary, weights, k=len(reference))
        kept = [old if rng.random() < 0.75 else new for old, new in zip(reference, fresh, strict=True)]
        found.append((" ".join(kept).capitalize() + ".", " ".join(reference).capitalize() + "."))
    return found


def _micros(seconds: Sequence[float]) -> float:
    return statistics.median(seconds) / PAIRS * 1e6


if __name__ == "__main__":
    for row in rows():
        print(f"{row.work}: {row.ours} against {row.other}; {row.ratio}; target {row.target}")
