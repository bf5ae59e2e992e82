"""Judges by name and by file: ``judges/NAME.yaml``, the built-in criteria, and a line of a task file."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator, model_validator

from assay.app.schema import Strict, check, read_yaml
from assay.core.errors import AssayError, ConfigError, NotFoundError, nearest

if TYPE_CHECKING:
    from assay.core.protocols import Judge

FOLDER = "judges"
KINDS: Mapping[str, str] = {
    "geval": "assay.judges.geval:GEval",
    "rubric": "assay.judges.rubric:Rubric",
    "reference": "assay.judges.reference:ReferenceGuided",
    "checklist": "assay.judges.checklist:Checklist",
    "pairwise": "assay.judges.pairwise:Pairwise",
    "panel": "assay.judges.panel:Panel",
    "faithfulness": "assay.judges.faithfulness:Faithfulness",
    "refusal": "assay.judges.refusal:RefusalJudge",
    "harm": "assay.judges.harm:HarmJudge",
}
COMPLETE = ("reference", "pairwise", "faithfulness", "refusal", "harm")
"""Kinds that need nothing said to them but their model."""
NAME = r"^[a-z0-9][a-z0-9_.-]*(/[a-z0-9][a-z0-9_.-]*)?$"
_SUFFIXES = (".yaml", ".yml")


class ScaleFields(Strict):
    """Levels and what they mean."""

    low: int = 1
    high: int = 5
    anchors: dict[int, str] = Field({})


class RubricFields(Strict):
    """A criterion of a rubric."""

    name: str
    text: str = Field(description="What counts")
    weight: float = Field(1.0, gt=0)
    anchors: dict[int, str] = Field({}, description="What a level means for this criterion")


class QuestionFields(Strict):
    """A question of a checklist."""

    text: str
    weight: float = Field(1.0, gt=0)


class JudgeFile(Strict):
    """One judge (``judges/NAME.yaml``)."""

    judge: str = Field(pattern=NAME, description="Its name; the column it fills")
    kind: str = Field("geval", json_schema_extra={"examples": [*KINDS, "package/name"]})
    model: str | None = Field(None, description="provider/name")
    use: str | None = Field(None, description="A built-in criterion: its text, steps and scale unless given here")
    criteria: str | list[RubricFields] | None = Field(None, description="What counts; of a rubric, a list")
    scale: ScaleFields | None = None
    steps: list[str] | None = Field(None, description="Evaluation steps, frozen")
    questions: list[str | QuestionFields] | None = Field(None, description="Of a checklist")
    members: list[str | dict[str, Any]] | None = Field(None, description="Of a panel: judges")
    samples: int | None = Field(None, ge=1, description="Replies whose mean is the score, without log-probabilities")
    temperature: float | None = Field(None, ge=0)
    max_tokens: int | None = Field(None, ge=1)
    timeout_s: float | None = Field(None, gt=0, description="Seconds one call may take")
    logprobs: bool | None = Field(None, description="Score by token probabilities where the provider gives them")
    context: str | None = Field(None, description="Metadata key of the text an answer was to rest on")
    options: dict[str, Any] = Field({}, description="Further options of the kind")

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind not in KINDS and "/" not in kind:
            raise ValueError(f"{nearest(kind, KINDS)}, or package/name of a plug-in")
        return kind

    @model_validator(mode="after")
    def _whole(self) -> JudgeFile:
        if self.kind == "rubric" and isinstance(self.criteria, str):
            raise ValueError("the criteria of a rubric are a list of {name, text, weight}")
        if self.kind in KINDS and self.kind != "rubric" and isinstance(self.criteria, list):
            raise ValueError(f"the criteria of a {self.kind} judge are a text; a list makes a rubric (kind: rubric)")
        if self.use is not None and self.kind != "geval":
            raise ValueError("use: is for judges of the kind geval")
        return self


def build_judge(spec: str | Mapping[str, Any], *, model: str | None = None, folder: str | Path | None = None) -> Judge:
    """A judge from what a task file or a command names.

    Args:
        spec: ``NAME`` or ``NAME@provider/model``, where NAME is a file of ``judges/`` in the folder, a built-in
            criterion, a kind that needs no criteria, or a plug-in's ``package/name``; a path ending in ``.yaml``, with
            ``@provider/model`` or without; or the content of such a file, where ``judge:`` may name another judge whose
            options the rest overrides, and ``as:`` gives the name.
        model: Asked instead of the one the spec or the file names.
        folder: Of the task file; the working directory by default.

    Raises:
        NotFoundError: There is no judge or file of that name.
        ConfigError: It is not valid, names no model, or two judges have the name.
    """
    place = Path(folder or ".")
    content = dict(_content(spec, folder=place))
    if model is not None:
        content["model"] = model
    return judge_of(check(JudgeFile, content, where=f"judge {content.get('judge', 'without a name')}"), folder=place)


def _content(spec: str | Mapping[str, Any], *, folder: Path) -> Mapping[str, Any]:
    """What the file of a judge would hold."""
    if isinstance(spec, str):
        name, _, model = spec.partition("@")
        found = _named(name.strip(), folder=folder)
        return {**found, "model": model.strip()} if model.strip() else found
    inline = dict(spec)
    name = inline.pop("as", None)
    if not {"kind", "use", "criteria"} & inline.keys() and isinstance(inline.get("judge"), str):
        inline = {**_content(inline.pop("judge"), folder=folder), **inline}
    inline.setdefault("judge", name or inline.get("use") or inline.get("kind", "geval"))
    return inline if name is None else {**inline, "judge": name}


def _named(name: str, *, folder: Path) -> Mapping[str, Any]:
    from assay.judges.criteria import LIBRARY

    if name.endswith(_SUFFIXES):
        return read_yaml(folder / name)
    if "/" in name:
        return {"judge": name, "kind": name}
    files, broken = judge_files(folder)
    here = files.get(name, [])
    built_in = {kind: {"judge": kind, "kind": kind} for kind in COMPLETE}
    built_in |= {known: {"judge": known, "kind": "geval", "use": known} for known in LIBRARY}
    if len(here) > 1:
        raise ConfigError(
            f"{here[0]} and {here[1]} are both called {name!r}; nobody can tell which one is meant",
            hint="change judge: in one of them",
            code="judge.duplicate",
        )
    if here and name in built_in:
        raise ConfigError(
            f"{here[0]} and a judge that comes with Assay are both called {name!r}",
            hint=f"call yours something else, or name it by its path: {FOLDER}/{here[0].name}",
            code="judge.duplicate",
        )
    if here:
        return read_yaml(here[0])
    for path, error in broken.items():
        if path.stem == name:
            raise error
    if name in built_in:
        return built_in[name]
    unread = f"; {', '.join(map(str, broken))} cannot be read" if broken else ""
    raise NotFoundError(
        f"there is no judge called {name!r}",
        hint=f"{nearest(name, [*files, *built_in])}{unread}; make one with: assay judge new {name or 'NAME'}",
        code="judge.unknown",
    )


def judge_files(folder: Path) -> tuple[dict[str, list[Path]], dict[Path, AssayError]]:
    """The files of ``judges/`` in a folder by the name each gives its judge, and those that cannot be read.

    A broken file is nobody's concern but of who asks for it, and so are two files of one name.
    """
    found, broken = dict[str, list[Path]](), dict[Path, AssayError]()
    for path in sorted((folder / FOLDER).glob("*")):
        if path.suffix not in _SUFFIXES:
            continue
        try:
            name = str(read_yaml(path).get("judge", path.stem))
        except AssayError as error:
            broken[path] = error
        else:
            found.setdefault(name, []).append(path)
    return found, broken


def how_to_ask(name: str, *, folder: str | Path) -> str | None:
    """What to write where a judge is meant by its bare name; ``None`` where no judge is called so."""
    from assay.app.parts import registry
    from assay.judges.criteria import LIBRARY

    if "/" in name and registry().has("judge", name):
        return f"{name} is a judge: write {{judge: {name}@provider/model}}"
    files, broken = judge_files(Path(folder))
    if name in files or name in {path.stem for path in broken}:
        return f"{name} is a judge: write {{judge: {name}}}"
    if name in LIBRARY or name in COMPLETE:
        return f"{name} is a judge: write {{judge: {name}@provider/model}}"
    return None


def judge_of(spec: JudgeFile, *, folder: Path) -> Judge:
    """The judge a checked file describes.

    Raises:
        ConfigError: An option does not fit the kind, something it needs is missing, or it names no model.
        NotFoundError: ``use`` names no built-in criterion.
    """
    kind = _class(spec.kind)
    known = [name for name in inspect.signature(kind).parameters if name != "name"]
    options = {**_given(spec, folder=folder), **spec.options}
    for option in options:
        if option not in known:
            raise ConfigError(
                f"judge {spec.judge}: a {spec.kind} judge has no option {option!r}",
                hint=nearest(option, known),
                code="judge.unknown_option",
            )
    needed = {"geval": "criteria", "rubric": "criteria", "checklist": "questions", "panel": "members"}.get(spec.kind)
    if needed is not None and needed not in options:
        raise ConfigError(
            f"the judge {spec.judge} has no {needed}",
            hint=f"{needed}: …" + (", or use: with a built-in criterion" if spec.kind == "geval" else ""),
            code="judge.no_criteria",
        )
    if spec.kind not in KINDS:
        from assay.app.judge_plug_in import plug_in_judge

        return plug_in_judge(spec.kind, name=spec.judge, options=options, known=known)
    if "model" in known:
        options.setdefault("model", "")
    try:
        judge: Judge = kind(name=spec.judge, **options)
    except TypeError as error:
        raise ConfigError(f"judge {spec.judge}: {error}", hint=f"its options: {', '.join(known)}") from error
    return judge


def _class(kind: str) -> Any:
    """What makes judges of a kind: a built-in class, or a plug-in's class or function."""
    if kind in KINDS:
        module, _, attribute = KINDS[kind].partition(":")
        return getattr(import_module(module), attribute)
    from assay.app.parts import registry

    return registry().get("judge", kind)


def _given(spec: JudgeFile, *, folder: Path) -> dict[str, Any]:
    """The options a file gives, as the judge's class takes them."""
    from assay.judges.scale import Scale

    plain = ("model", "steps", "samples", "temperature", "max_tokens", "timeout_s", "logprobs", "context")
    given = {name: value for name in plain if (value := getattr(spec, name)) is not None}
    if spec.use is not None:
        from assay.judges.criteria import criterion

        known = criterion(spec.use)
        given = {"criteria": known.text, "steps": known.steps, "scale": known.scale, **given}
    if isinstance(spec.criteria, str):
        given["criteria"] = spec.criteria
    elif spec.criteria is not None:
        from assay.judges.rubric import RubricCriterion

        given["criteria"] = tuple(RubricCriterion(**one.model_dump()) for one in spec.criteria)
    if spec.scale is not None:
        given["scale"] = Scale(**spec.scale.model_dump())
    if spec.questions is not None:
        given["questions"] = _questions(spec.questions)
    if spec.members is not None:
        given["members"] = _members([build_judge(member, folder=folder) for member in spec.members])
    return given


def _members(judges: Sequence[Judge]) -> tuple[Judge, ...]:
    """The members of a panel; where one judge is asked of several models, each is called by its model, too."""
    count = Counter(judge.name for judge in judges)
    return tuple(_by_model(judge) if count[judge.name] > 1 else judge for judge in judges)


def _by_model(judge: Judge) -> Judge:
    record: Any = judge
    renamed: Judge = replace(record, name=f"{judge.name}@{judge.model}") if is_dataclass(judge) else judge
    return renamed


def _questions(questions: Sequence[str | QuestionFields]) -> tuple[Any, ...]:
    from assay.judges.checklist import Question

    return tuple(
        Question(text=one) if isinstance(one, str) else Question(text=one.text, weight=one.weight) for one in questions
    )
