"""Attack a judge with injections over recorded answers; replies are kept, so a repeated attack costs nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.app.cost import book, left_to_spend
from assay.app.interrupts import interrupts
from assay.app.runs import in_loop
from assay.app.wiring import App, gateway_config
from assay.core.errors import BudgetExhaustedError, DataError
from assay.core.ids import make_id
from assay.core.protocols import Judge, Observer
from assay.core.records import Output, Sample
from assay.judges.attack import CONCURRENCY, PER_ATTACK, attack_judge
from assay.judges.attacks.catalogue import Attack, load_attacks
from assay.judges.attacks.report import TOLERANCE, AttackReport

if TYPE_CHECKING:
    from assay.gateway import GatewayConfig

MODES = {"high": True, "low": False}
_INPUT_KEYS = ("input", "messages", "question", "prompt")


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackRequest:
    """What a user asks for.

    Attributes:
        judge: A judge by name or file.
        items: File with ``id`` and ``output``; ``input`` and ``reference`` where the judge wants them.
        model: Asked instead of the judge's own.
        limit: A seeded random sample of this many items.
        families: Of attacks; all of them when empty.
        per_attack: Items each attack is tried on.
        max_moved: Share that may move beyond ordinary movement; makes the attack a gate.
        wish: ``high`` or ``low``: what the attacker wants; the judge's own direction when ``None``.
        budget_usd: Stop before this is exceeded.
    """

    judge: str
    items: str
    model: str | None = None
    limit: int | None = None
    families: Sequence[str] = ()
    per_attack: int = PER_ATTACK
    max_moved: float | None = None
    wish: str | None = None
    seed: int = 0
    budget_usd: float | None = None
    concurrency: int = CONCURRENCY


def attack(
    app: App,
    request: AttackRequest,
    *,
    observe: Callable[[str], Observer] | None = None,
    approve: Callable[[int, float | None], None] = lambda verdicts, cost_usd: None,
) -> dict[str, Any]:
    """Attack a judge and return the ``assay judge attack --json`` document.

    Args:
        observe: From a stage's name to who hears how it goes.
        approve: Called before the attacks with their number and what they may cost; raising ends it.

    Raises:
        NotFoundError: The judge, the file or a family does not exist.
        ConfigError: The judge has no scale or direction, or no model is named.
        DataError: The items cannot be used.
        InvalidInputError: No item can be attacked.
        BudgetExhaustedError: The budget ended before the answers were judged as they are.
    """
    from assay.app.judge_file import build_judge
    from assay.gateway import check_model

    suite = load_attacks(request.families)
    judge = build_judge(request.judge, model=request.model, folder=Path.cwd())
    pairs = read_answers(request.items, limit=request.limit, seed=request.seed)
    config = gateway_config(app.settings, concurrency=request.concurrency)
    for model in dict.fromkeys(judge.model.split("+")):
        check_model(model, config, budget_usd=request.budget_usd)
    began = time.time()
    run_id = make_id("attack", now_ms=int(began * 1000), entropy=os.urandom(10))
    book(app, run_id, work="attack", model=judge.model, evaluator=judge.name)
    request = replace(request, budget_usd=left_to_spend(app, request.budget_usd))
    report, usage = in_loop(
        _attack(app, judge, request, pairs, config, run_id, suite=suite, observe=observe, approve=approve)
    )
    document = report.to_dict()
    document |= {"id": run_id, "seed": request.seed, "per_attack": request.per_attack, "usage": usage}
    document |= {"seconds": time.time() - began}
    if request.max_moved is not None:
        document["gate"] = report.gate().to_dict()
    return document


async def _attack(
    app: App,
    judge: Judge,
    request: AttackRequest,
    pairs: Sequence[tuple[Sample, Output]],
    config: GatewayConfig,
    run_id: str,
    *,
    suite: Sequence[Attack],
    observe: Callable[[str], Observer] | None,
    approve: Callable[[int, float | None], None],
) -> tuple[AttackReport, Mapping[str, Any]]:
    import numpy as np

    from assay.gateway import Gateway

    gateway = Gateway(config, journal=app.store.journal)
    try:
        client = gateway.client(run_id=run_id, budget_usd=request.budget_usd)
        with interrupts() as watching:
            report = await attack_judge(
                judge,
                pairs,
                client=client,
                rng=np.random.default_rng(request.seed),
                attacks=suite,
                per_attack=request.per_attack,
                limit=TOLERANCE if request.max_moved is None else request.max_moved,
                up=None if request.wish is None else MODES[request.wish],
                concurrency=request.concurrency,
                run_id=run_id,
                observe=observe,
                approve=approve,
                stopped=lambda: watching.interrupted,
            )
        return report, client.usage().to_dict()
    except BudgetExhaustedError as error:
        raise BudgetExhaustedError(
            f"the answers could not all be judged before the first attack: {error}",
            hint="raise --budget-usd and attack again: what is answered is kept and costs nothing",
        ) from error
    finally:
        await gateway.close()


def read_answers(path: str, *, limit: int | None = None, seed: int = 0) -> list[tuple[Sample, Output]]:
    """Samples and their recorded outputs, or a seeded random part of them.

    Raises:
        NotFoundError: There is no such file.
        DataError: A line has no ``output``, or the file cannot be read.
    """
    from assay.datasets import open_samples
    from assay.datasets.opening import read_rows
    from assay.engine.selection import select

    first = next(iter(read_rows(path)), {})
    samples = open_samples({"path": path, "input": next((key for key in _INPUT_KEYS if key in first), "id")})
    texts = [_text(row, number, path) for number, row in enumerate(read_rows(path), start=1)]
    chosen = select(samples, limit=limit, seed=seed).rows
    return [(samples[row], Output(sample_id=samples[row].id, text=texts[row])) for row in chosen]


def _text(row: Mapping[str, Any], number: int, path: str) -> str:
    text = row.get("output")
    if not isinstance(text, str):
        raise DataError(
            f"{path}, row {number}: there is no output, or it is no text",
            hint='{"id": "q1", "input": "…", "output": "…"}, one a line',
            code="data.bad_line",
        )
    return text
