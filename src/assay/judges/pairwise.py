"""Which of two answers is better, asked in both orders: what turns with the order is a tie, and is counted."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from assay.core.errors import InvalidInputError
from assay.core.protocols import ModelClient
from assay.core.records import GenerateParams, Output, Sample, Score
from assay.judges.asking import Answer, ask
from assay.judges.base import BaseJudge
from assay.judges.expectation import TOP_LOGPROBS
from assay.judges.fence import fenced
from assay.judges.material import as_json, built_in_prompt, filled, question_text, total_usd
from assay.judges.orders import LETTER, REASONED, OrderVerdict, Rule, Shown, combine_orders, turned, with_probability
from assay.judges.together import side_by_side
from assay.scorers.base import NO_REFERENCE
from assay.stats.ratings.win_rate import SwappedWinRate, swapped_win_rate

CRITERIA = "how well the answer does what was asked: correct, complete, to the point and clearly put."
REFERENCE = "reference"
_SCORE: Mapping[str, float] = {"A": 1.0, "tie": 0.5, "B": 0.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class PairVerdict:
    """Which of two answers is better.

    Attributes:
        value: For the first of them, in [0, 1]; ``None`` with a ``reason``.
        label: As in ``Combined``; ``identical`` where the answers are the same and nobody was asked.
        orders: What each order says, in the order shown: first ``first`` in front, then ``second``; ``None`` where that
            order was not asked or gave no verdict.
        cost_usd: Of every call; ``None`` when a price is unknown.
    """

    value: float | None
    label: str | None
    reason: str | None = None
    detail: str = ""
    orders: tuple[OrderVerdict | None, OrderVerdict | None] = (None, None)
    cost_usd: float | None = 0.0

    def explanation(self) -> str:
        """As JSON that ``shown_orders`` reads back."""
        row: dict[str, Any] = {"orders": [order and order.shown for order in self.orders]}
        if any(order and order.first_wins is not None for order in self.orders):
            row["first_wins"] = [order and order.first_wins for order in self.orders]
            row["mass"] = [order and order.mass for order in self.orders]
        if any(order and order.reasoning for order in self.orders):
            row["reasoning"] = [order and order.reasoning for order in self.orders]
        if self.detail:
            row["detail"] = self.detail
        return as_json(row)


async def compare_pair(
    question: str,
    first: str,
    second: str,
    *,
    client: ModelClient,
    model: str,
    params: GenerateParams,
    criteria: str = CRITERIA,
    prompt: str | None = None,
    logprobs: bool = False,
    orders: Sequence[int] = (0, 1),
    rule: Rule = "agree",
    replicate: int = 0,
    sample_id: str | None = None,
    timeout_s: float | None = None,
) -> PairVerdict:
    """Ask which answer is better, in one order or both at once.

    Identical answers are a tie, and nobody is asked. One order without a verdict leaves none.

    Args:
        params: Of every call; what log-probabilities need is set here.
        prompt: With the slots ``{question}``, ``{first}``, ``{second}`` and, if wanted, ``{criteria}``; Assay's own
            when ``None``.
        logprobs: Ask for a letter and take the probability of a win from its token where the provider gives them.
        orders: 0 shows ``first`` in front, 1 ``second``.
        rule: How two orders are combined where no probabilities are.

    Raises:
        BudgetExhaustedError: A call was not sent because it might not be payable.
        ProviderError: The key is refused.
    """
    if first == second:
        return PairVerdict(value=0.5, label="identical")
    template = prompt or built_in_prompt(prompt_name(logprobs=logprobs))
    if logprobs and "logprobs" in client.capabilities(model):
        params = replace(params, logprobs=True, top_logprobs=TOP_LOGPROBS)
    form = LETTER if logprobs else REASONED

    def asked(order: int) -> Any:
        shown = (second, first) if order else (first, second)
        parts = {
            "criteria": criteria,
            "question": fenced("request", question),
            "first": fenced("answer_a", shown[0]),
            "second": fenced("answer_b", shown[1]),
        }
        return ask(
            filled(template, parts),
            form,
            client=client,
            model=model,
            params=params,
            replicate=replicate,
            sample_id=sample_id,
            timeout_s=timeout_s,
        )

    answers: list[Answer[OrderVerdict]] = await side_by_side(*(asked(order) for order in orders))
    return _pair_verdict(dict(zip(orders, answers, strict=True)), rule)


def prompt_name(*, logprobs: bool) -> str:
    """Of Assay's own prompt: asking for a letter leaves no words before the token whose probability is taken."""
    return "pairwise_letter" if logprobs else "pairwise"


def _pair_verdict(answers: Mapping[int, Answer[OrderVerdict]], rule: Rule) -> PairVerdict:
    heard = {order: with_probability(answer) for order, answer in answers.items()}
    both = (heard.get(0), heard.get(1))
    cost_usd = total_usd(answer.cost_usd for answer in answers.values())
    failed = next((answer for answer in answers.values() if answer.read is None), None)
    if failed is not None:
        return PairVerdict(
            value=None,
            label=None,
            reason=failed.reason or "no_verdict",
            detail=failed.detail,
            orders=both,
            cost_usd=cost_usd,
        )
    first, second = both
    combined = combine_orders(
        first.shown if first else turned(second), second.shown if second else turned(first), rule=rule
    )
    wins = [order.first_wins if index == 0 else 1.0 - order.first_wins for index, order in heard.items()
            if order and order.first_wins is not None]  # fmt: skip
    value = math.fsum(wins) / len(wins) if len(wins) == len(heard) else combined.value
    return PairVerdict(value=value, label=combined.label, orders=both, cost_usd=cost_usd)


@dataclass(frozen=True, kw_only=True)
class Pairwise(BaseJudge):
    """Win (1), tie (.5) or loss (0) against another answer to the same sample.

    Both orders are asked by default; the label says what they said together: ``win``, ``loss``, ``tie``, ``flipped``,
    ``partial`` or ``identical``. The explanation keeps each order's verdict for ``position_bias``.

    Attributes:
        against: ``reference``, or the metadata key that holds the other answer.
        criteria: What counts.
        both_orders: Otherwise one, drawn by the sample's id, so that a preference for a place averages out.
        rule: ``agree``: a win or a loss needs both orders; ``average``: won once and tied once is .75.
        logprobs: Ask for a letter, and score the probability of winning where the provider gives log-probabilities.
        prompt: With the slots ``{question}``, ``{first}`` and ``{second}``; Assay's own when empty.
    """

    name: str = "pairwise"
    unit: ClassVar[str] = "share"
    against: str = REFERENCE
    criteria: str = CRITERIA
    both_orders: bool = True
    rule: Rule = "agree"
    logprobs: bool = False
    prompt: str = ""

    def __post_init__(self) -> None:
        if not self.prompt:  # its text is part of the version
            object.__setattr__(self, "prompt", built_in_prompt(prompt_name(logprobs=self.logprobs)))
        super().__post_init__()

    def _check(self) -> None:
        super()._check()
        self._one_of("rule", ("agree", "average"))
        self._must(bool(self.against), "against", "'reference' or a metadata key")
        self._must(bool(self.criteria.strip()), "criteria", "say what makes an answer the better one")
        slots = all(slot in self.prompt for slot in ("{question}", "{first}", "{second}"))
        self._must(slots, "prompt", "it needs the slots {question}, {first} and {second}")

    def _texts(self) -> Sequence[str]:
        return [LETTER.reminder if self.logprobs else REASONED.reminder]

    async def _judge(self, sample: Sample, output: Output, *, client: ModelClient) -> Score:
        other = self._other(sample)
        if other is None:
            missing = NO_REFERENCE if self.against == REFERENCE else "sample has no other answer"
            return self._priced(self._unscored(sample, output, missing), 0.0)
        drawn = hashlib.sha256(sample.id.encode("utf-8", "surrogatepass")).digest()[0] % 2
        found = await compare_pair(
            question_text(sample),
            output.text,
            other,
            client=client,
            model=self.model,
            params=GenerateParams(temperature=self.temperature, max_tokens=self.max_tokens),
            criteria=self.criteria,
            prompt=self.prompt,
            logprobs=self.logprobs,
            orders=(0, 1) if self.both_orders else (drawn,),
            rule=self.rule,
            sample_id=sample.id,
            timeout_s=self.timeout_s,
        )
        if found.value is None:
            score = self._unscored(sample, output, found.reason or "no_verdict", explanation=found.explanation())
        else:
            score = self._value(sample, output, found.value, label=found.label, explanation=found.explanation())
        return self._priced(score, found.cost_usd)

    def _other(self, sample: Sample) -> str | None:
        if self.against == REFERENCE:
            return next(iter(sample.references()), None)
        other = sample.metadata.get(self.against)
        return other if isinstance(other, str) else None


def shown_orders(score: Score) -> tuple[Shown, Shown] | None:
    """Both orders' verdicts of a pairwise Score, in the order shown; ``None`` where there are not two."""
    try:
        found = json.loads(score.explanation or "")
    except (ValueError, RecursionError):
        return None
    orders = found.get("orders") if isinstance(found, dict) else None
    if not isinstance(orders, list) or len(orders) != 2 or not all(isinstance(order, str) for order in orders):
        return None
    first, second = orders
    return (first, second) if first in _SCORE and second in _SCORE else None


def position_bias(
    scores: Iterable[Score],
    *,
    clusters: Mapping[str, Hashable] | None = None,
    rule: Rule = "agree",
    confidence: float = 0.95,
) -> SwappedWinRate:
    """Win rate, share of flipped verdicts and position bias of Scores that both orders were asked for.

    The first shown wins ``(1 + position_bias) / 2`` of the verdicts, ties as halves: one half without a bias. Pairs
    without two verdicts (failed, identical, one order asked) are left out.

    Args:
        scores: Of a ``Pairwise`` judge.
        clusters: Group of each sample, by its id.

    Raises:
        InvalidInputError: No Score holds two verdicts, or a sample has no cluster.

    Examples:
        >>> told = '{"orders": ["A", "A"]}'
        >>> score = Score(sample_id="1", scorer="p", scorer_version="v", value=0.5, explanation=told)
        >>> always_first = position_bias([score] * 4)
        >>> always_first.n_flips, always_first.position_bias.value
        (4, 1.0)
    """
    rows = [(score.sample_id, orders) for score in scores if (orders := shown_orders(score))]
    if not rows:
        raise InvalidInputError("no score holds verdicts of both orders", hint="judge with both_orders: true")
    if clusters is not None and (lost := next((sample_id for sample_id, _ in rows if sample_id not in clusters), None)):
        raise InvalidInputError(f"sample {lost} has no cluster", hint="name the group of every sample, or none")
    return swapped_win_rate(
        [_SCORE[first] for _, (first, _) in rows],
        [1.0 - _SCORE[second] for _, (_, second) in rows],
        clusters=None if clusters is None else [clusters[sample_id] for sample_id, _ in rows],
        rule=rule,
        confidence=confidence,
    )
