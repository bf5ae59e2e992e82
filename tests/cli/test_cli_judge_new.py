"""``assay judge new``: what it writes, what it refuses, and steps by a model."""

from __future__ import annotations

import json

import pytest
import yaml
from cli_shell import Shell

from assay.app.judge_file import build_judge
from assay.testing.server import ModelServer

TONE = ("judge", "new", "tone", "--criteria", "The answer is friendly.", "--model", "openai/m")


def test_a_judge_is_written_and_its_version_printed(shell: Shell) -> None:
    said = shell.ok(*TONE, "--scale", "1-3", "--anchor", "1=Rude.", "--anchor", "3=Warm.", "--step", "Read it.")
    judge = build_judge("tone", folder=shell.directory)
    assert judge.version in said.out  # type: ignore[attr-defined]
    assert "judges/tone.yaml" in said.out
    content = yaml.safe_load((shell.directory / "judges" / "tone.yaml").read_text(encoding="utf-8"))
    assert content == {
        "judge": "tone",
        "kind": "geval",
        "model": "openai/m",
        "criteria": "The answer is friendly.",
        "scale": {"low": 1, "high": 3, "anchors": {1: "Rude.", 3: "Warm."}},
        "steps": ["Read it."],
    }


def test_a_library_criterion_is_copied_whole(shell: Shell) -> None:
    document = shell.ok("judge", "new", "strict", "--use", "helpfulness", "-m", "openai/m", "--json").json
    assert document["steps_from"] == "library"
    assert document["version"] == build_judge("helpfulness@openai/m").version  # type: ignore[attr-defined]
    content = yaml.safe_load((shell.directory / "judges" / "strict.yaml").read_text(encoding="utf-8"))
    assert "use" not in content
    assert len(content["scale"]["anchors"]) == 5


def test_steps_are_written_by_the_model_once(shell: Shell, server: ModelServer) -> None:
    server.answer = lambda body: json.dumps({"steps": ["Read it.", "Weigh it."]})
    document = shell.ok(*TONE, "--steps-from-model", "--json").json
    assert (document["steps"], document["steps_from"]) == (["Read it.", "Weigh it."], "openai/m")
    assert document["usage"]["requests"] == 1
    server.answer = lambda body: "no steps"
    said = shell("judge", "new", "other", "--criteria", "x", "-m", "openai/m", "--steps-from-model", "--json")
    assert (said.status, said.code) == (3, "judge.no_steps")
    assert not (shell.directory / "judges" / "other.yaml").exists()


def test_what_the_steps_cost_is_booked_and_keeps_to_the_limits(priced: Shell, server: ModelServer) -> None:
    server.answer = lambda body: json.dumps({"steps": ["Read it.", "Weigh it."]})
    steps = (*TONE, "--steps-from-model", "--json")
    paid = priced.ok(*steps).json["usage"]["cost_usd"]
    assert paid > 0
    for by, name in (("tier", "steps"), ("evaluator", "tone"), ("model", "openai/m")):
        (row,) = priced.ok("cost", "--by", by, "--json").json["rows"]
        assert (row[by], row["cost_usd"]) == (name, paid)
    settings = yaml.safe_load((priced.directory / "assay.yaml").read_text(encoding="utf-8"))
    priced.write("assay.yaml", {**settings, "spending": {"usd_per_day": paid}})
    refused = priced(*steps, "--force", "--scale", "1-3")
    assert (refused.status, refused.code, server.requests) == (3, "cost.limit_reached", 1)
    priced.write("assay.yaml", {**settings, "spending": {"usd_per_day": paid + 1}})
    refused = priced(*steps, "--force", "--scale", "1-3")
    assert (refused.status, refused.code, server.requests) == (3, "run.budget_exhausted", 1)


def test_a_judge_that_is_there_is_replaced_only_on_request(shell: Shell) -> None:
    first = shell.ok(*TONE, "--json").json["version"]
    said = shell(*TONE, "--scale", "1-7")
    assert (said.status, said.code) == (3, "judge.exists")
    assert shell.ok(*TONE, "--scale", "1-7", "--force", "--json").json["version"] != first


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (("new", "helpfulness", "--use", "helpfulness", "-m", "openai/m"), 3, "judge.duplicate"),
        (("new", "harm", "--criteria", "x", "-m", "openai/m"), 3, "judge.duplicate"),
        (("new", "a", "--use", "helpfullness", "-m", "openai/m"), 3, "judge.criterion_unknown"),
        (("new", "a", "--criteria", " ", "-m", "openai/m"), 3, "judge.no_criteria"),
        (("new", "a", "--criteria", "x", "-m", "openai/m", "--scale", "1-1"), 3, "judge.bad_scale"),
        (("new", "a", "--criteria", "x", "-m", "openai/m", "--scale", "good"), 3, "judge.bad_scale"),
        (("new", "a", "--criteria", "x", "-m", "openai/m", "--anchor", "9=x"), 3, "judge.bad_scale"),
        (("new", "a", "--criteria", "x", "-m", "openai/m", "--samples", "3"), 3, "judge.samples"),
        (("new", "A b", "--criteria", "x", "-m", "openai/m"), 3, "config.invalid"),
        (("new", "a", "--criteria", "x", "-m", "gpt-4"), 3, "model.unknown"),
        (("new", "a", "--criteria", "x", "-m", "nosuch/x"), 3, "model.unknown"),
        (("new", "a", "--criteria", "x", "-m", "python:nomod:fn"), 3, "model.unknown"),
        (("new", "length", "--criteria", "x", "-m", "openai/m"), 3, "judge.duplicate"),
    ],
)
def test_what_cannot_be_written_is_refused(
    shell: Shell, server: ModelServer, arguments: tuple[str, ...], status: int, code: str
) -> None:
    said = shell("judge", *arguments, "--json")
    assert (said.status, said.code) == (status, code)
    assert not (shell.directory / "judges").exists()
    assert server.requests == 0


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--criteria", "x", "--use", "fluency"),
        ("--criteria", "x", "--step", "a", "--steps-from-model"),
        ("--criteria", "x", "--anchor", "one=x"),
        ("--criteria", "x", "--anchor", "1"),
        ("--criteria", "x", "--anchor", "1=a", "--anchor", "1=b"),
        ("--criteria", "x", "--temperature", "99"),
    ],
)
def test_options_that_do_not_fit_together(shell: Shell, options: tuple[str, ...]) -> None:
    assert shell("judge", "new", "a", "-m", "openai/m", *options).status == 2


def test_a_key_that_is_not_set_is_said_and_keeps_nobody_from_writing(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL")
    document = shell.ok(*TONE, "--json").json
    assert "OPENAI_API_KEY is not set" in document["notes"][0]
    assert "note: openai/m needs an API key" in shell.ok(*TONE, "--force").out


def test_a_file_that_cannot_be_read_is_not_said_to_describe_a_judge(shell: Shell) -> None:
    (shell.directory / "judges").mkdir()
    shell.write("judges/tone.yaml", "{")
    said = shell(*TONE)
    assert (said.status, said.code) == (3, "judge.exists")
    assert "cannot be read as a judge" in said.err
    shell.ok(*TONE, "--force")
