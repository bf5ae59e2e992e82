"""From what a user names (a benchmark, a file) to a Task, and back from a manifest's source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.app.parts import build_metrics, build_scorer
from assay.app.tiers import build_cascade, free_lines
from assay.core.errors import ConfigError, NotFoundError, nearest
from assay.core.protocols import Scorer
from assay.core.records import GenerateParams
from assay.core.task import Choices, Prompt, Samples, SolverSpec, Task, Turns

if TYPE_CHECKING:
    from assay.app.schema import DatasetFields, LimitFields, TaskFile


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedTask:
    """A task, how to load it again, and what its file says besides."""

    task: Task
    source: Mapping[str, Any]
    models: tuple[str, ...] = ()
    limit: int | None = None
    seed: int = 0
    limits: LimitFields | None = None
    skipped: int = 0


def load_task(
    what: str,
    *,
    data: str | None = None,
    options: Mapping[str, Any] | None = None,
    skip_bad: bool = False,
    unsafe_exec: bool = False,
) -> LoadedTask:
    """A built-in benchmark by name or a task file by path.

    Args:
        data: Where a benchmark's files are.
        options: Options of a benchmark; over those of a task file that uses one.
        unsafe_exec: Model-written code may run without isolation.

    Raises:
        NotFoundError: Neither a benchmark nor a file of that name exists.
        ConfigError: The file is not valid, or data or options are given for one that uses no benchmark.
    """
    loaded = _named(what, data=data, options=options or {}, skip_bad=skip_bad)
    return _unguarded(loaded) if unsafe_exec else loaded


def _named(what: str, *, data: str | None, options: Mapping[str, Any], skip_bad: bool) -> LoadedTask:
    if what.endswith((".yaml", ".yml")):
        from assay.app.schema import TaskFile, check, read_yaml

        content = read_yaml(what)
        if "tasks" in content:
            raise ConfigError(f"{what} is a suite", hint=f"assay run {what}", code="config.is_suite")
        directory = str(Path(what).resolve().parent)
        spec = check(TaskFile, content, where=what)
        if spec.use is None and (data or options):
            raise ConfigError(
                f"--data and --option are for benchmarks, and {what} uses none",
                hint="write dataset: and the rest into the file, or use: with a benchmark's name",
                code="config.no_benchmark",
            )
        spec = spec.model_copy(update={"options": {**spec.options, **options}})
        return task_from_file(spec, directory=directory, skip_bad=skip_bad, data=data)
    from assay.benchmarks import BENCHMARKS

    if what in BENCHMARKS:
        return _benchmark(what, data=data, options=options)
    raise NotFoundError(
        f"there is no task called {what!r}",
        hint=f"{nearest(what, BENCHMARKS)}, or a file ending in .yaml",
        code="task.unknown",
    )


def task_from_source(source: Mapping[str, Any]) -> LoadedTask:
    """The task a manifest's source names.

    Raises:
        ConfigError: The run was started from Python, whose task only that program can build.
    """
    loaded = _from_source(source)
    return _unguarded(loaded) if source.get("unsafe_exec") else loaded


def _unguarded(loaded: LoadedTask) -> LoadedTask:
    """The same task, whose scorers may run code without isolation; its manifest says so."""
    scorers = [
        replace(scorer, unsafe_exec=True) if "isolation" in scorer.requires else scorer  # type: ignore[type-var]
        for scorer in loaded.task.scorers
    ]
    return replace(loaded, task=replace(loaded.task, scorers=scorers), source={**loaded.source, "unsafe_exec": True})


def _from_source(source: Mapping[str, Any]) -> LoadedTask:
    if source["kind"] == "benchmark":
        return _benchmark(source["name"], data=source.get("data"), options=source.get("options", {}))
    if source["kind"] == "config":
        from assay.app.schema import TaskFile, check

        spec = check(TaskFile, dict(source["config"]), where="the run's manifest")
        skip_bad, data = source.get("skip_bad", False), source.get("data")
        return task_from_file(spec, directory=source["directory"], skip_bad=skip_bad, data=data)
    if source["kind"] == "score":
        return recorded_outputs(source["path"], scorers=source["scorers"], dataset=source["dataset"])
    raise ConfigError(
        "this run was started from Python; its task is not in the manifest",
        hint="run the program again with resume=RUN_ID",
        code="run.python_task",
    )


def _benchmark(name: str, *, data: str | None, options: Mapping[str, Any]) -> LoadedTask:
    from assay.benchmarks import load_benchmark

    task = load_benchmark(name, data=data, options=options)
    source = {
        "kind": "benchmark",
        "name": name,
        "options": dict(options),
        "data": _absolute(data),
    }
    return LoadedTask(task=task, source=source)


def _absolute(place: str | None) -> str | None:
    """A path that means the same from every directory; hub addresses do already."""
    return place if place is None or place.startswith("hf:") else str(Path(place).expanduser().resolve())


def recorded_outputs(path: str, *, scorers: Sequence[str], dataset: str | None) -> LoadedTask:
    """The task of scoring outputs recorded elsewhere.

    Args:
        path: JSONL with ``id`` and ``output``; ``reference``, ``input`` and the rest may be there too.
        scorers: Names of scorers.
        dataset: Where references are, when the outputs file does not hold them.
    """
    from assay.datasets import open_samples

    samples = open_samples(dataset if dataset is not None else {"path": path, "input": _input_key(path)})
    task = Task(
        name=f"score-{Path(path).stem}"[:60],
        dataset=samples,
        solver=Prompt(template="{{ input }}"),
        scorers=[build_scorer(name) for name in scorers],
    )
    where = str(Path(path).resolve())
    source = {
        "kind": "score",
        "path": where,
        "scorers": list(scorers),
        "dataset": _absolute(dataset),
    }
    return LoadedTask(task=task, source=source, models=(f"replay:{where}",))


def _input_key(path: str) -> str:
    """The key shown as the input: recorded outputs need not hold their question."""
    from assay.datasets.opening import read_rows

    first = next(iter(read_rows(path)), {})
    return next((key for key in ("input", "messages", "question", "prompt") if key in first), "id")


def task_from_file(
    spec: TaskFile,
    *,
    directory: str,
    skip_bad: bool = False,
    data: str | None = None,
    unsafe_exec: bool = False,
) -> LoadedTask:
    """The task of a checked file; relative paths in it are relative to the file's directory."""
    source = {
        "kind": "config",
        "config": spec.model_dump(exclude_defaults=True),
        "directory": directory,
        "skip_bad": skip_bad,
        "data": _absolute(data),
    }
    if spec.use is not None:
        loaded = _benchmark(spec.use, data=data, options=spec.options)
        task, skipped = _overridden(loaded.task, spec, directory), 0
    else:
        dataset, skipped = _samples(spec.dataset, directory, skip_bad=skip_bad)
        task = Task(
            name=spec.task,
            dataset=dataset,
            solver=_solver(spec, directory),
            scorers=_scorers(spec, directory),
            generate=_generate(spec),
            epochs=spec.epochs,
            metrics=build_metrics(spec.metrics),
            primary=spec.primary,
            segments=spec.segments,
        )
    if spec.cascade:
        task = replace(task, cascade=build_cascade(spec, task.scorers, directory=directory, ids=task.dataset.ids()))
    if spec.golden is not None:
        from assay.app.golden_file import build_golden

        task = replace(task, golden=build_golden(spec, task, directory=directory))
    _check_names(task)
    models = tuple(spec.models) or ((spec.model,) if spec.model else ())
    made = LoadedTask(
        task=task, source=source, models=models, limit=spec.limit, seed=spec.seed, limits=spec.limits, skipped=skipped
    )
    return _unguarded(made) if unsafe_exec else made


def _overridden(task: Task, spec: TaskFile, directory: str) -> Task:
    changes: dict[str, Any] = {"name": spec.task}
    if spec.scorers or spec.cascade:
        changes["scorers"] = _scorers(spec, directory, default=task.scorers)
    if spec.metrics:
        changes["metrics"] = build_metrics(spec.metrics)
    if "generate" in spec.model_fields_set:
        changes["generate"] = _generate(spec)
    for key in ("epochs", "primary", "segments"):
        if key in spec.model_fields_set:
            changes[key] = getattr(spec, key)
    return replace(task, **changes)


def _scorers(spec: TaskFile, directory: str, *, default: Sequence[Scorer] = ()) -> list[Scorer]:
    """The scorers of a file, then those that only the programmatic tier of its cascade names."""
    scorers = [build_scorer(line, folder=directory) for line in spec.scorers] or list(default)
    for line in free_lines(spec):
        scorer = build_scorer(line, folder=directory)
        if scorer.name not in [known.name for known in scorers]:
            scorers.append(scorer)
    return scorers


def _generate(spec: TaskFile) -> GenerateParams:
    fields = spec.generate.model_dump()
    return GenerateParams(**{**fields, "stop": tuple(fields["stop"])})


def _samples(given: str | DatasetFields | None, directory: str, *, skip_bad: bool) -> tuple[Samples, int]:
    from assay.datasets import open_samples

    fields = {"path": given} if isinstance(given, str) or given is None else given.model_dump(exclude_none=True)
    path = str(fields["path"])
    if not path.startswith("hf:"):
        fields["path"] = str(Path(directory) / path)
    samples = open_samples(fields, skip_bad=skip_bad)
    return samples, int(getattr(samples, "skipped", 0) or 0)


def _solver(spec: TaskFile, directory: str) -> SolverSpec:
    if spec.turns is not None:
        return Turns(system=spec.system, turns=spec.turns)
    shots_from = _samples(spec.shots_from, directory, skip_bad=False)[0] if spec.shots_from is not None else None
    prompt = Prompt(
        template=spec.prompt,
        messages=spec.messages,
        completion=spec.completion or spec.option_template is not None,
        shots=spec.shots,
        shots_from=shots_from,
        shot_template=spec.shot_template,
        seed=spec.seed,
    )
    return prompt if spec.option_template is None else Choices(prompt=prompt, option_template=spec.option_template)


def _check_names(task: Task) -> None:
    names = [scorer.name for scorer in task.scorers]
    figures = [*names, *([task.cascade.name] if task.cascade else [])]
    if task.primary and task.primary not in figures:
        raise ConfigError(
            f"{task.primary!r} is not a metric of task {task.name}",
            hint=nearest(task.primary, figures),
            code="scorer.unknown",
        )
    for used in task.metrics:
        if used not in names:
            raise ConfigError(
                f"{used!r} is not a scorer of task {task.name}", hint=nearest(used, names), code="scorer.unknown"
            )
