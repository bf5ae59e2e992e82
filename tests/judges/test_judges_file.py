"""Judges by name, by file and by a line of a task file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from assay.app.judge_file import COMPLETE, KINDS, JudgeFile, build_judge
from assay.app.parts import build_scorer
from assay.app.schema import check
from assay.core.errors import AssayError, ConfigError, NotFoundError
from assay.core.protocols import Judge
from assay.judges.checklist import Checklist
from assay.judges.criteria import LIBRARY
from assay.judges.geval import GEval
from assay.judges.rubric import Rubric

TONE: dict[str, Any] = {"judge": "tone", "criteria": "It is friendly.", "model": "openai/a"}


def write(folder: Path, name: str, content: dict[str, Any]) -> Path:
    place = folder / "judges" / name
    place.parent.mkdir(exist_ok=True)
    place.write_text(yaml.safe_dump(content), encoding="utf-8")
    return place


@pytest.mark.parametrize("name", [*LIBRARY, *COMPLETE])
def test_what_comes_with_assay_needs_a_model_only(name: str, tmp_path: Path) -> None:
    judge = build_judge(f"{name}@openai/m", folder=tmp_path)
    assert isinstance(judge, Judge)
    assert (judge.name, judge.model) == (name, "openai/m")
    assert build_judge(name, model="openai/m", folder=str(tmp_path)).version == judge.version
    with pytest.raises(ConfigError) as caught:
        build_judge(name, folder=tmp_path)
    assert caught.value.code == "judge.no_model"


def test_a_file_is_found_by_name_and_by_path(tmp_path: Path) -> None:
    write(tmp_path, "tone.yaml", {**TONE, "scale": {"low": 1, "high": 3, "anchors": {1: "rude"}}, "steps": ["Read."]})
    judge = build_judge("tone", folder=tmp_path)
    assert isinstance(judge, GEval)
    assert (judge.model, judge.scale.high, judge.scale.anchors, list(judge.steps)) == (
        "openai/a",
        3,
        {1: "rude"},
        ["Read."],
    )
    assert build_judge("judges/tone.yaml", folder=tmp_path).version == judge.version
    other = build_judge("tone@openai/b", folder=tmp_path)
    assert (other.model, other.version != judge.version) == ("openai/b", True)
    assert build_judge("tone", model="openai/b", folder=tmp_path).version == other.version
    assert build_judge("judges/tone.yaml@openai/b", folder=tmp_path).version == other.version


def test_a_line_may_override_and_rename(tmp_path: Path) -> None:
    write(tmp_path, "tone.yaml", TONE)
    judge = build_judge({"judge": "tone@openai/b", "as": "tone_b", "samples": 3, "temperature": 1}, folder=tmp_path)
    assert isinstance(judge, GEval)
    assert (judge.name, judge.model, judge.samples, judge.temperature) == ("tone_b", "openai/b", 3, 1.0)
    assert build_judge({"use": "fluency", "model": "openai/m"}, folder=tmp_path).name == "fluency"
    assert build_judge({**TONE, "as": "x"}, folder=tmp_path).name == "x"


def test_every_kind_can_be_built(tmp_path: Path) -> None:
    extra: dict[str, dict[str, Any]] = {
        "geval": {"criteria": "It is friendly."},
        "rubric": {"criteria": [{"name": "a", "text": "b", "weight": 2, "anchors": {1: "bad"}}]},
        "checklist": {"questions": ["Is it?", {"text": "Was it?", "weight": 2}]},
        "panel": {"members": ["fluency@openai/a", "fluency@openai/b"], "model": None},
    }
    for kind in KINDS:
        content = {"judge": kind, "kind": kind, "model": "openai/m", **extra.get(kind, {})}
        judge = build_judge(content, folder=tmp_path)
        assert isinstance(judge, Judge), kind
        assert judge.name == kind
    panel = build_judge({"judge": "p", "kind": "panel", "members": ["fluency@openai/a", "fluency@openai/b"]})
    assert panel.model == "openai/a+openai/b"
    rubric = build_judge({"kind": "rubric", "model": "openai/m", **extra["rubric"]})
    assert isinstance(rubric, Rubric)
    assert rubric.criteria[0].weight == 2.0
    checklist = build_judge({"kind": "checklist", "model": "openai/m", **extra["checklist"]})
    assert isinstance(checklist, Checklist)
    assert [question.weight for question in checklist.questions] == [1.0, 2.0]


def test_steps_given_here_win_over_those_of_the_library() -> None:
    judge = build_judge({"use": "fluency", "model": "openai/m", "steps": ["Read."], "options": {"logprobs": False}})
    assert isinstance(judge, GEval)
    assert (list(judge.steps), judge.logprobs) == (["Read."], False)
    assert judge.scale.anchors[5].startswith("Faultless")


@pytest.mark.parametrize(
    ("spec", "code", "hint"),
    [
        ("helpfullness@openai/m", "judge.unknown", "'helpfulness'"),
        ("nowhere.yaml", "file.not_found", ""),
        ({"kind": "geval", "model": "openai/m"}, "judge.no_criteria", "use:"),
        ({"criteria": " ", "model": "openai/m"}, "judge.no_criteria", "criteria"),
        ({"kind": "checklist", "model": "openai/m"}, "judge.no_criteria", "questions"),
        ({"kind": "panel"}, "judge.no_criteria", "members"),
        ({"use": "helpful", "model": "openai/m"}, "judge.criterion_unknown", "helpfulness"),
        ({**TONE, "scale": {"low": 1, "high": 1}}, "judge.bad_scale", "scale"),
        ({**TONE, "options": {"logprob": True}}, "judge.unknown_option", "'logprobs'"),
        ({**TONE, "kind": "harm"}, "judge.unknown_option", ""),
        ({**TONE, "criteris": "x"}, "config.unknown_key", "'criteria'"),
        ({**TONE, "kind": "rubric"}, "config.invalid", ""),
        ({**TONE, "criteria": [{"name": "a", "text": "b"}]}, "config.invalid", ""),
        ({"judge": "x", "kind": "harm", "use": "fluency"}, "config.invalid", ""),
        ({**TONE, "judge": "Tone!"}, "config.invalid", ""),
        ({**TONE, "samples": 3}, "judge.samples", "temperature"),
    ],
)
def test_what_is_wrong_is_said(spec: Any, code: str, hint: str, tmp_path: Path) -> None:
    with pytest.raises(AssayError) as caught:
        build_judge(spec, folder=tmp_path)
    assert caught.value.code == code
    assert hint in caught.value.hint


def test_two_judges_of_one_name_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", TONE)
    write(tmp_path, "b.yml", TONE)
    with pytest.raises(ConfigError) as caught:
        build_judge("tone", folder=tmp_path)
    assert caught.value.code == "judge.duplicate"
    assert "a.yaml" in str(caught.value)
    assert "b.yml" in str(caught.value)


def test_a_file_called_like_a_built_in_judge_is_refused_by_name_and_taken_by_path(tmp_path: Path) -> None:
    write(tmp_path, "fluency.yaml", {**TONE, "judge": "fluency"})
    with pytest.raises(ConfigError) as caught:
        build_judge("fluency@openai/m", folder=tmp_path)
    assert caught.value.code == "judge.duplicate"
    assert build_judge("judges/fluency.yaml", folder=tmp_path).name == "fluency"


def test_unknown_judges_are_looked_for_among_the_files_too(tmp_path: Path) -> None:
    write(tmp_path, "tone.yaml", TONE)
    with pytest.raises(NotFoundError) as caught:
        build_judge("tome", folder=tmp_path)
    assert "'tone'" in caught.value.hint


def test_a_broken_file_is_nobodys_concern_but_of_who_asks_for_it(tmp_path: Path) -> None:
    write(tmp_path, "tone.yaml", TONE)
    (tmp_path / "judges" / "broken.yaml").write_text("judge: [", encoding="utf-8")
    (tmp_path / "judges" / "honesty.yaml").write_text("a text", encoding="utf-8")
    write(tmp_path, "two.yaml", {**TONE, "judge": "twice"})
    write(tmp_path, "three.yaml", {**TONE, "judge": "twice"})
    assert build_judge("tone", folder=tmp_path).name == "tone"
    assert build_judge("fluency@openai/m", folder=tmp_path).name == "fluency"
    for name, code in (("broken", "config.yaml"), ("honesty@openai/m", "config.shape"), ("twice", "judge.duplicate")):
        with pytest.raises(ConfigError) as caught:
            build_judge(name, folder=tmp_path)
        assert caught.value.code == code
    with pytest.raises(NotFoundError) as unknown:
        build_judge("tome", folder=tmp_path)
    assert "'tone'" in unknown.value.hint
    assert "broken.yaml" in unknown.value.hint


def test_a_judge_among_the_scorers_by_its_bare_name_is_told_how_to_ask(tmp_path: Path) -> None:
    write(tmp_path, "tone.yaml", TONE)
    for name, hint in (("tone", "write {judge: tone}"), ("fluency", "write {judge: fluency@provider/model}")):
        with pytest.raises(NotFoundError) as caught:
            build_scorer(name, folder=str(tmp_path))
        assert (caught.value.code, hint in caught.value.hint) == ("scorer.unknown", True)
        assert build_scorer({"judge": f"{name}@openai/m"}, folder=str(tmp_path)).name == name
    with pytest.raises(NotFoundError) as other:
        build_scorer("exact_macth", folder=str(tmp_path))
    assert "'exact_match'" in other.value.hint


def test_the_file_has_a_schema() -> None:
    spec = check(JudgeFile, TONE, where="here")
    assert spec.kind == "geval"
    assert "criteria" in JudgeFile.model_json_schema()["properties"]
