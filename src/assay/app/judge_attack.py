"""Attack a judge with injections over recorded answers; replies are kept, so a repeated attack costs nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.app.interrupts import interrupts
from assay.app.judge_items import answers_of
from assay.app.runs import in_loop
from assay.app.spending import book, budget_of
from assay.app.wiring import App, gateway_config
from assay.core.errors import BudgetExhaustedError
from assay.core.ids import make_id
from assay.core.protocols import Judge, Observer
from assay.core.records import Output, Sample
from assay.judges.attack import CONCURRENCY, PER_ATTACK, attack_judge
from assay.judges.attacks.catalogue import Attack, load_attacks
from assay.judges.attacks.report import TOLERANCE, AttackReport

if TYPE_CHECKING:
    from assay.gateway import GatewayConfig
    from assay.gateway.budget import Budget

MODES = {"high": True, "low": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackRequest:
    """What a user asks for.

    Attributes:
        judge: A judge by name or file.
        items: File or query with ``id`` and ``output``; ``input`` and ``reference`` where the judge wants them.
        run: Instead: a recorded run, whose outputs are the items.
        model: Asked instead of the judge's own.
        limit: A seeded random sample of this many items.
        families: Of attacks; all of them when empty.
        per_attack: Items each attack is tried on.
        max_moved: Share that may move beyond ordinary movement; makes the attack a gate.
        wish: ``high`` or ``low``: what the attacker wants; the judge's own direction when ``None``.
        budget_usd: Stop before this is exceeded.
    """

    judge: str
    items: str | None = None
    run: str | None = None
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
        NotFoundError: The judge, the file, the run or a family does not exist.
        ConfigError: The judge has no scale or direction, or no model is named.
        DataError: The items cannot be used.
        InvalidInputError: No item can be attacked.
        BudgetExhaustedError: The budget ended before the answers were judged as they are.
    """
    from assay.app.judge_file import build_judge
    from assay.gateway import check_model, open_requests

    suite = load_attacks(request.families)
    judge = build_judge(request.judge, model=request.model, folder=Path.cwd())
    pairs = answers_of(app, request.items, run=request.run, limit=request.limit, seed=request.seed)
    config = gateway_config(app.settings, concurrency=request.concurrency)
    models = dict.fromkeys(judge.model.split("+"))
    for model in models:
        check_model(model, config, budget_usd=request.budget_usd)
    request = replace(request, concurrency=open_requests(models, config))
    began = time.time()
    run_id = make_id("attack", now_ms=int(began * 1000), entropy=os.urandom(10))
    budget = budget_of(app, request.budget_usd, run_ids=[run_id])
    book(app, run_id, work="attack", model=judge.model, evaluator=judge.name)
    report, usage = in_loop(
        _attack(app, judge, request, pairs, config, run_id, budget, suite=suite, observe=observe, approve=approve)
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
    budget: Budget | None,
    *,
    suite: Sequence[Attack],
    observe: Callable[[str], Observer] | None,
    approve: Callable[[int, float | None], None],
) -> tuple[AttackReport, Mapping[str, Any]]:
    import numpy as np

    from assay.gateway import Gateway
    from assay.gateway.client import RunClient

    gateway = Gateway(config, journal=app.store.journal)
    try:
        client = RunClient(gateway, run_id=run_id, budget=budget, use_cache=True)
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
