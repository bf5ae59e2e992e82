"""Write a judge: its criteria, its scale and its evaluation steps, frozen in a file."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.app.judge_file import COMPLETE, FOLDER, JudgeFile, build_judge, judge_files
from assay.app.schema import check
from assay.app.wiring import App, gateway_config
from assay.core.errors import ConfigError
from assay.core.ids import make_id


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJudge:
    """What a user asks for.

    Attributes:
        criteria: What counts; exactly one of this and ``use``.
        use: A built-in criterion.
        scale: ``1-5`` …; the criterion's, or 1 to 5, when ``None``.
        anchors: What a level means.
        steps: Evaluation steps in the user's words.
        steps_from_model: Have the judge's model write the steps, once.
        folder: Where ``judges/`` is, or is made.
        replace: Write over a file of that name.
    """

    name: str
    model: str
    criteria: str | None = None
    use: str | None = None
    scale: str | None = None
    anchors: Mapping[int, str] | None = None
    steps: Sequence[str] = ()
    steps_from_model: bool = False
    samples: int | None = None
    temperature: float | None = None
    context: str | None = None
    folder: Path = Path()
    replace: bool = False
    budget_usd: float | None = None


def new_judge(app: App, request: NewJudge) -> dict[str, Any]:
    """Write ``judges/NAME.yaml`` and return the ``assay judge new --json`` document.

    Raises:
        ConfigError: The name is taken, the model cannot be used, the criteria are empty, the scale has one level, or
            the model wrote no steps.
        NotFoundError: ``use`` names no built-in criterion, or the model's provider or function is not there.
        BudgetExhaustedError: The steps might not be payable.
        ProviderError: The model could not be asked.
    """
    path = _free_path(request)
    notes = _model_notes(app, request)
    content, steps_from = _content(request)
    judge = build_judge(content)  # everything else must fit before a model is paid
    usage: Mapping[str, Any] | None = None
    if request.steps_from_model:
        steps, usage = _written_steps(app, request, content)
        content, steps_from = {**content, "steps": list(steps)}, request.model
        judge = build_judge(content)
    _write(path, content)
    return {
        "schema": "assay.judge/1",
        "judge": judge.name,
        "kind": content["kind"],
        "model": judge.model,
        "version": judge.version,
        "path": str(path),
        "scale": content["scale"],
        "steps": content["steps"],
        "steps_from": steps_from,
        "usage": usage,
        "notes": notes,
    }


def _model_notes(app: App, request: NewJudge) -> list[str]:
    """What is left to do before the model can be asked; a model that there cannot be is refused."""
    from assay.gateway import check_model

    try:
        check_model(request.model, gateway_config(app.settings, folders=[str(request.folder)]))
    except ConfigError as error:
        if error.code != "provider.key_missing":
            raise
        return [f"{error}; {error.hint}"]
    return []


def _free_path(request: NewJudge) -> Path:
    from assay.app.parts import registry
    from assay.judges.criteria import LIBRARY

    check(JudgeFile, {"judge": request.name}, where="the judge")
    if "/" in request.name:
        raise ConfigError(
            f"a judge of a file cannot be called {request.name!r}",
            hint="a slash stands in the names of plug-ins only",
            code="config.invalid",
        )
    if request.name in LIBRARY or request.name in COMPLETE:
        raise ConfigError(
            f"a judge that comes with Assay is called {request.name!r} already",
            hint=f"use it as it is ({request.name}@{request.model}), or choose another name for yours",
            code="judge.duplicate",
        )
    if registry().has("scorer", request.name):
        raise ConfigError(
            f"a scorer is called {request.name!r}, and a task with both could not tell them apart",
            hint="choose another name",
            code="judge.duplicate",
        )
    path = request.folder / FOLDER / f"{request.name}.yaml"
    files, broken = judge_files(request.folder)
    if path in broken and not request.replace:
        raise ConfigError(
            f"{path} is there and cannot be read as a judge; it was left as it is",
            hint=f"mend it ({broken[path]}), choose another name, or replace it with --force",
            code="judge.exists",
        )
    taken = next((one for one in files.get(request.name, []) if one != path), path)
    if taken.exists() and (taken != path or not request.replace):
        raise ConfigError(
            f"{taken} describes a judge called {request.name!r} already; it was left as it is",
            hint="choose another name, or replace it with --force: another version is another judge",
            code="judge.exists",
        )
    return path


def _content(request: NewJudge) -> tuple[dict[str, Any], str]:
    """What the file holds, with nothing left to what a later version of Assay may word differently; whose steps."""
    from assay.judges.criteria import criterion
    from assay.judges.geval import STEPS
    from assay.judges.scale import Scale
    from assay.judges.stepped import needs_criteria

    if (request.criteria is None) == (request.use is None):
        raise ConfigError(
            "a judge needs criteria or a built-in criterion, one of them",
            hint='--criteria "The answer …", or --use helpfulness',
            code="judge.no_criteria",
        )
    known = None if request.use is None else criterion(request.use)
    needs_criteria(request.name, known.text if known else request.criteria or "")
    scale = Scale.of(request.scale) if request.scale else known.scale if known else Scale()
    anchors = dict(scale.anchors) if request.anchors is None else dict(request.anchors)
    steps, steps_from = (known.steps, "library") if known else (STEPS, "default")
    if request.steps:
        steps, steps_from = tuple(request.steps), "given"
    content: dict[str, Any] = {
        "judge": request.name,
        "kind": "geval",
        "model": request.model,
        "criteria": known.text if known else (request.criteria or "").strip(),
        "scale": {"low": scale.low, "high": scale.high, "anchors": anchors},
        "steps": list(steps),
        "samples": request.samples,
        "temperature": request.temperature,
        "context": request.context,
    }
    return {key: value for key, value in content.items() if value is not None}, steps_from


def _written_steps(
    app: App, request: NewJudge, content: Mapping[str, Any]
) -> tuple[tuple[str, ...], Mapping[str, Any]]:
    """Steps by the judge's model, and what they cost."""
    from assay.app.runs import in_loop
    from assay.app.spending import book, budget_of
    from assay.gateway import Gateway, check_model
    from assay.gateway.client import RunClient
    from assay.judges.geval import generate_steps
    from assay.judges.scale import Scale

    config = gateway_config(app.settings, batches=False)
    check_model(request.model, config, budget_usd=request.budget_usd)
    run_id = make_id("judge", now_ms=int(time.time() * 1000), entropy=os.urandom(10))
    budget = budget_of(app, request.budget_usd, run_ids=[run_id])
    book(app, run_id, work="steps", model=request.model, evaluator=request.name)

    async def go() -> tuple[tuple[str, ...], Mapping[str, Any]]:
        gateway = Gateway(config, journal=app.store.journal)
        try:
            client = RunClient(gateway, run_id=run_id, budget=budget, use_cache=True)
            steps = await generate_steps(
                content["criteria"], client=client, model=request.model, scale=Scale(**content["scale"])
            )
            return steps, client.usage().to_dict()
        finally:
            await gateway.close()

    return in_loop(go())


def _write(path: Path, content: Mapping[str, Any]) -> None:
    import yaml

    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=100)
    path.write_text(text, encoding="utf-8")
