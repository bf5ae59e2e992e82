"""Bad input: each case is one clear error with a code and a hint, status 3, found before any call where it can be."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cli_shell import Said, Shell, questions

from assay.app import parts
from assay.core.records import Output, Sample, Score
from assay.testing.server import Call, Fault, ModelServer

NOBODY = 65534


def refused(shell: Shell, server: ModelServer, *command: str | Path, code: str) -> Said:
    """A command that ends with this error before anything was sent, and says the same with ``--json``."""
    said = shell(*command)
    assert (said.status, said.out) == (3, ""), said.out + said.err
    assert said.code == code
    assert "hint:" in said.err
    with_json = shell(*command, "--json")
    assert (with_json.status, with_json.err, with_json.code) == (3, "", code)
    assert server.requests == 0
    return said


# --- found while loading


def test_a_missing_file(shell: Shell, server: ModelServer) -> None:
    shell.task()
    assert "did you mean 'eval.yaml'" in refused(shell, server, "run", "evla.yaml", code="file.not_found").err
    said = refused(shell, server, "run", shell.task("a.yaml", dataset="dta.jsonl"), code="data.not_found")
    assert "data.jsonl" in said.err
    refused(shell, server, "score", "nothing.jsonl", "--scorers", "exact_match", code="data.not_found")


@pytest.mark.parametrize(
    ("changes", "code", "near"),
    [
        ({"scorers": ["exact_macth"]}, "scorer.unknown", "did you mean 'exact_match'"),
        ({"scorers": [{"use": "exact_match", "casefodl": True}]}, "scorer.unknown_option", "did you mean 'casefold'"),
        ({"scorers": [{"as": "x"}]}, "config.invalid", "use:"),
        ({"scorers": ["exact_match", "exact_match"]}, "config.invalid", "as:"),
        ({"metrics": {"exact_match": ["pas@5"]}}, "metric.unknown", "did you mean 'pass@5'"),
        ({"metrics": {"exact_mtch": ["pass@5"]}}, "scorer.unknown", "did you mean 'exact_match'"),
        ({"primary": "exact_mtch"}, "scorer.unknown", "did you mean 'exact_match'"),
        ({"model": "opnai/m"}, "model.unknown", "did you mean 'openai'"),
        ({"model": "openai"}, "model.unknown", "openai/NAME"),
        ({"model": None}, "model.missing", "--model"),
        ({"datset": "data.jsonl"}, "config.unknown_key", "did you mean 'dataset'"),
        ({"dataset": {"path": "data.jsonl", "inptu": "q"}}, "config.unknown_key", "did you mean 'input'"),
        ({"generate": {"temprature": 0}}, "config.unknown_key", "did you mean 'temperature'"),
        ({"generate": {"n": 4}}, "generate.several", "use epochs: k; each is a reply of its own"),
        ({"generate": {"extra": {"n": 4}}}, "generate.several", "use epochs: k; each is a reply of its own"),
        ({"limits": {"budget": 1}}, "config.unknown_key", "did you mean 'budget_usd'"),
        ({"generate": {"temperature": -1}}, "config.invalid", "generate.temperature"),
        ({"epochs": 0}, "config.invalid", "epochs"),
        ({"dataset": None}, "config.invalid", "dataset:"),
        ({"messages": [{"role": "user", "content": "x"}]}, "config.invalid", "exactly one of"),
        ({"scorers": []}, "config.invalid", "scorers:"),
        ({"task": "Support Tone"}, "config.invalid", "task"),
        ({"prompt": "{{ inptu }}"}, "prompt.undefined", "did you mean 'input'"),
        ({"prompt": "{% if %}"}, "prompt.syntax", "line 1"),
        ({"prompt": "{{ input / 2 }}"}, "prompt.failed", "unsupported operand"),
        ({"shots": 2}, "config.invalid", "shots_from:"),
    ],
)
def test_a_task_file_with_a_mistake(
    shell: Shell, server: ModelServer, changes: dict[str, Any], code: str, near: str
) -> None:
    assert near in refused(shell, server, "run", shell.task(**changes), code=code).err


def test_a_file_that_is_not_yaml(shell: Shell, server: ModelServer) -> None:
    refused(shell, server, "run", shell.write("bad.yaml", "task: [unclosed"), code="config.yaml")
    refused(shell, server, "run", shell.write("list.yaml", "- a\n- b\n"), code="config.shape")
    refused(shell, server, "run", shell.write("bytes.yaml", b"\xff\xfe\x00"), code="config.invalid")


@pytest.mark.parametrize(
    ("lines", "code", "says"),
    [
        (['{"input": "a"}', '{"input": "b"', '{"input": "c"}'], "data.malformed", "line 2"),
        (['{"input": "a"}', "[1]"], "data.malformed", "line 2"),
        (['{"input": "a"}', '{"input": "b", "weight": NaN}'], "data.nan", "line 2"),
        (['{"input": "a"}', '{"question": "b"}'], "data.key_missing", "line 2"),
        (['{"id": "x", "input": "a"}', '{"id": "x", "input": "b"}'], "data.duplicate_id", "'x'"),
        ([], "data.empty", "no samples"),
    ],
)
def test_a_dataset_that_cannot_be_used(
    shell: Shell, server: ModelServer, lines: list[str], code: str, says: str
) -> None:
    shell.write("data.jsonl", "".join(line + "\n" for line in lines))
    assert says in refused(shell, server, "run", shell.task(), code=code).err


def test_malformed_lines_can_be_skipped_and_are_counted(shell: Shell, server: ModelServer) -> None:
    good = [json.dumps(row) for row in questions(3)]
    shell.write("data.jsonl", "\n".join([good[0], "{broken", good[1], '{"id": "n", "input": NaN}', good[2]]) + "\n")
    task = shell.task()
    said = shell.ok("run", task, "--skip-bad")
    assert "left out: 2 malformed rows" in said.out
    document = shell.ok("show", "last", "--json").json
    assert (document["samples"]["planned"], document["samples"]["skipped"]) == (3, 2)
    assert shell.run(task, "--skip-bad")["samples"]["skipped"] == 2
    assert shell.ok("resume", "last", "--json").json["samples"]["skipped"] == 2
    assert shell("run", task).code == "data.malformed"


def test_a_key_that_is_missing(shell: Shell, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL")
    said = refused(shell, server, "run", shell.task(), code="provider.key_missing")
    assert "export OPENAI_API_KEY=" in said.err


def test_a_model_that_cannot_do_what_the_task_needs(shell: Shell, server: ModelServer) -> None:
    shell.rows("data.jsonl", [{"id": "1", "input": "Sky?", "choices": ["blue", "red"], "reference": "blue"}])
    task = shell.task(option_template=" {{ choice }}", scorers=["choice_likelihood"], model="anthropic/claude-x")
    said = shell("run", task, "--model", "openai/m")
    assert (said.status, said.code) == (3, "model.cannot")
    assert "local/" in said.err and "vllm/" in said.err  # the alternatives
    completion = shell("run", shell.task("c.yaml", completion=True))
    assert (completion.status, completion.code) == (3, "model.cannot")
    assert "leave completion out" in completion.err
    assert server.requests == 0


def test_choices_are_needed_to_score_them(shell: Shell, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_VLLM_BASE_URL", server.base_url)
    task = shell.task(option_template=" {{ choice }}", scorers=["choice_likelihood"], model="vllm/m")
    refused(shell, server, "run", task, code="sample.no_choices")


def test_a_budget_without_a_price(shell: Shell, server: ModelServer) -> None:
    said = refused(shell, server, "run", shell.task(), "--budget-usd", "1", code="budget.unpriced")
    assert "assay.yaml" in said.err
    refused(shell, server, "run", shell.task(limits={"budget_usd": 1}), code="budget.unpriced")
    assert shell.ok("runs", "--json").json == {"runs": []}


def test_an_expensive_run_that_nobody_can_confirm(priced: Shell, server: ModelServer) -> None:
    priced.write("assay.yaml", (priced.directory / "assay.yaml").read_text().replace("1000\n", "5\n", 1))
    task = priced.task()
    said = refused(priced, server, "run", task, code="run.unconfirmed")
    assert "$12.00" in said.err and "--budget-usd 12" in said.err and "--yes" in said.err
    assert not (priced.directory / ".assay").exists()
    priced.ok("run", task, "--yes")
    cheap = priced.task("cheap.yaml", limits={"budget_usd": 4})
    assert priced.run(cheap, "--no-cache")["status"] == "budget"  # its own budget is below the bar


def test_options_of_a_benchmark_are_refused_where_there_is_none(shell: Shell, server: ModelServer) -> None:
    refused(shell, server, "run", shell.task(), "--option", "shots=2", code="config.no_benchmark")
    refused(shell, server, "run", shell.task(), "--data", ".", code="config.no_benchmark")
    assert shell("run", shell.task(), "--option", "shots").status == 2


def test_a_benchmark_without_its_data_names_the_places_looked_at(shell: Shell, server: ModelServer) -> None:
    said = refused(shell, server, "run", "gsm8k", "--model", "openai/m", "--data", "nowhere", code="data.not_found")
    assert "nowhere" in said.err
    shell.directory.joinpath("empty").mkdir()
    said = refused(shell, server, "run", "gsm8k", "--model", "openai/m", "--data", "empty", code="benchmark.no_data")
    assert "empty" in said.err


@pytest.mark.parametrize("rule", ["exact_match.low >>= 0.6", "exact_match >= ", "noninferior(exact_match"])
def test_a_gate_rule_that_cannot_be_read(shell: Shell, rule: str) -> None:
    shell.ok("run", shell.task())
    said = shell("gate", "last", "--rule", rule)
    assert said.status == 3
    assert "hint:" in said.err


def test_names_looked_up_in_a_run_offer_the_nearest(shell: Shell) -> None:
    shell.ok("run", shell.task())
    said = shell("gate", "last", "--rule", "exact_mtch.low >= 0.6")
    assert (said.status, said.code) == (3, "metric.unknown")
    assert "did you mean 'exact_match'" in said.err
    said = shell("show", "last", "--sample", "q11")
    assert (said.status, said.code) == (3, "sample.unknown")
    assert "'q1'" in said.err
    for command in (["show", "run_zzz"], ["resume", "run_zzz"], ["compare", "last", "run_zzz"], ["export", "run_zzz"]):
        assert (shell(*command).status, shell(*command).code) == (3, "run.unknown")


def test_a_failed_export_leaves_the_file_that_was_there(shell: Shell) -> None:
    shell.ok("run", shell.task())
    kept = shell.write("kept.jsonl", "mine\n")
    assert shell("export", "run_zzz", "--output", kept).status == 3
    assert kept.read_text() == "mine\n"
    assert sorted(path.name for path in shell.directory.iterdir()) == [
        ".assay",
        "data.jsonl",
        "eval.yaml",
        "kept.jsonl",
    ]


def test_an_export_that_breaks_off_leaves_the_file_that_was_there(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assay.core.errors import StoreError
    from assay.stores.results.reader import ResultsReader

    def breaks(self: ResultsReader, run_id: str) -> Iterator[Any]:
        yield next(whole(self, run_id))
        raise StoreError("the disk went away", code="store.unusable")

    shell.ok("run", shell.task())
    kept = shell.write("kept.jsonl", "mine\n")
    whole = ResultsReader.items
    monkeypatch.setattr(ResultsReader, "items", breaks)
    assert shell("export", "last", "--output", kept).code == "store.unusable"
    assert kept.read_text() == "mine\n"
    assert not list(shell.directory.glob(".kept*"))


# --- found later: that item is unscored, with a reason


def test_a_sample_without_a_reference_is_unscored(shell: Shell) -> None:
    shell.rows("data.jsonl", [{"id": "a", "input": "x", "reference": "x"}, {"id": "b", "input": "y"}])
    document = shell.run(shell.task())
    assert document["status"] == "done"
    assert document["samples"]["by_reason"] == {"sample has no reference": 1}
    metric = document["metrics"]["exact_match"]
    assert (metric["value"], metric["n"], metric["unscored"]) == (1.0, 1, 1)


def test_a_prompt_that_fails_for_one_sample_costs_that_one_its_score(shell: Shell, server: ModelServer) -> None:
    rows = [{"id": f"q{i}", "input": f"x{i}", "reference": "x", "style": "short"} for i in range(60)]
    del rows[50]["style"]
    shell.rows("data.jsonl", rows)
    document = shell.run(shell.task(prompt="{{ style }}\n{{ input }}"))
    assert server.requests == 59
    assert document["status"] == "done"
    assert document["samples"]["by_reason"] == {"bad_sample": 1}
    assert "q50" in document["samples"]["causes"]["bad_sample"]
    assert shell.ok("show", "last", "--sample", "q50", "--json").json["scores"][0]["reason"] == "bad_sample"


def test_a_refused_key_stops_the_run_at_once_and_keeps_it(shell: Shell, server: ModelServer) -> None:
    shell.rows("data.jsonl", questions(30))
    server.faults = lambda call: Fault.unauthorized() if call.index >= 10 else None
    task = shell.task(limits={"concurrency": 2})
    said = shell("run", task)
    assert (said.status, said.code) == (3, "provider.unauthorized")
    assert "check the API key" in said.err and "assay resume run_" in said.err
    assert server.requests <= 12
    shown = shell.ok("show", "last", "--json").json
    assert shown["status"] == "failed"
    assert shown["metrics"]["exact_match"]["n"] in (9, 10)  # the other call in flight is given up
    server.faults = ()
    asked = server.requests
    assert shell.ok("resume", "last", "--json").json["samples"]["scored"] == 30
    assert server.requests - asked in (20, 21)


def one_fails(part: str, fault: Fault) -> Any:
    def fault_for(call: Call) -> Fault | None:
        return fault if part in json.dumps(call.body) else None

    return fault_for


def test_a_prompt_too_long_is_unscored_for_good(shell: Shell, server: ModelServer) -> None:
    server.faults = one_fails("answer 4", Fault.context_overflow())
    document = shell.run(shell.task())
    assert document["samples"]["by_reason"] == {"context_overflow": 1}
    assert "maximum context length" in document["samples"]["causes"]["context_overflow"]
    assert (document["status"], document["metrics"]["exact_match"]["n"]) == ("done", 5)
    shell.ok("resume", "last")
    assert server.requests == 6  # asking again cannot help


def test_a_reply_that_is_not_json_is_unscored_and_made_again_by_resume(
    shell: Shell, server: ModelServer, impatient: None
) -> None:
    server.faults = one_fails("answer 4", Fault(status=200, body=b'{"choices": "none"}'))
    said = shell("run", shell.task(), "--json")
    document = said.json
    assert (said.status, document["status"]) == (3, "degraded")
    assert document["samples"]["by_reason"] == {"bad_reply": 1}
    assert document["samples"]["failed"] == 1
    server.faults = ()
    again = shell.ok("resume", "last", "--json").json
    assert (again["status"], again["samples"]["scored"]) == ("done", 6)


class Fragile:
    """A scorer that raises on one sample."""

    def __init__(self, name: str = "fragile") -> None:
        self.name = name

    version = "v1"
    unit = "share"
    higher_is_better = True
    requires: frozenset[str] = frozenset()

    def score(self, sample: Sample, output: Output) -> Score:
        if sample.id == "q2":
            raise ZeroDivisionError("by its author")
        return Score(sample_id=sample.id, scorer=self.name, scorer_version=self.version, value=1.0)


class Point:
    """What an installed package's entry point looks like."""

    name = "scorer:acme/fragile"
    value = f"{__name__}:Fragile"
    dist = None


def test_a_plugin_scorer_that_raises_costs_the_item_its_score(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.entry_points", lambda *, group: [Point] * (group == parts.ENTRY_POINTS))
    parts.registry.cache_clear()
    try:
        document = shell.run(shell.task(scorers=["acme/fragile", "exact_match"]))
        assert shell("run", shell.task(scorers=["acme/fragil"])).code == "scorer.unknown"
    finally:
        parts.registry.cache_clear()
    assert document["status"] == "done"
    assert document["samples"]["by_reason"] == {"scorer_error": 1}
    assert document["samples"]["causes"] == {"scorer_error": "ZeroDivisionError: by its author"}
    assert (document["metrics"]["fragile"]["n"], document["metrics"]["exact_match"]["n"]) == (5, 6)


# --- the store


def test_a_store_that_is_a_file_or_is_not_there(shell: Shell, server: ModelServer) -> None:
    shell.task()
    assert shell("run", "eval.yaml", "--store", "data.jsonl").code == "store.unusable"
    for command in (["runs"], ["show", "last"], ["export", "last"], ["compare", "last", "last"]):
        said = shell(*command, "--store", "typo")
        assert (said.status, said.code) == (3, "store.missing")
    assert not (shell.directory / "typo").exists()
    assert shell("runs", "--store", "postgresql://host/db").code == "store.scheme_unknown"
    assert server.requests == 0


def test_a_store_that_is_not_one(shell: Shell, server: ModelServer) -> None:
    (shell.directory / "other").mkdir()
    shell.write("other/assay.db", "this is no database, whatever its name says " * 100)
    said = shell("run", shell.task(), "--store", "other")
    assert (said.status, said.code) == (3, "store.corrupt")
    assert server.requests == 0


@contextmanager
def unprivileged() -> Iterator[None]:
    """Without root's right to write everywhere. What is imported before it needs no reading inside it."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_read_only_store_can_be_read_and_not_written(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as place:  # pytest's own folders are closed to everybody else
        monkeypatch.chdir(place)
        store = Path(place) / ".assay"
        task = shutil.copy(shell.task(), place)
        shutil.copy(shell.directory / "data.jsonl", place)
        shell.ok("run", task)
        shell.ok("show", "last", "--json")
        everything = [Path(place), store, *store.rglob("*")]
        for path in everything:
            path.chmod(0o555 if path.is_dir() else 0o444)
        try:
            with unprivileged():
                shown = shell("show", "last", "--json")
                listed = shell("runs")
                refused = shell("run", task)
        finally:
            for path in everything:
                path.chmod(0o755 if path.is_dir() else 0o644)
            monkeypatch.chdir(shell.directory)
    assert (shown.status, shown.json["samples"]["scored"]) == (0, 6)
    assert (listed.status, "66.7%" in listed.out) == (0, True)
    assert (refused.status, refused.code) == (3, "store.read_only")
    assert "--store" in refused.err


def test_a_full_disk_stops_the_run_and_loses_nothing(
    shell: Shell, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assay.stores.sqlite.database import Database

    def small(self: Database, *arguments: Any, **named: Any) -> Any:
        connection = connect(self, *arguments, **named)
        connection.execute("PRAGMA max_page_count = 60")
        return connection

    shell.rows("data.jsonl", [{"id": f"q{i}", "input": f"{i}" + "x" * 2000, "reference": "x"} for i in range(200)])
    task = shell.task(limits={"concurrency": 4})
    connect = Database._connect
    monkeypatch.setattr(Database, "_connect", small)
    said = shell("run", task)
    monkeypatch.setattr(Database, "_connect", connect)
    assert (said.status, said.code) == (3, "store.disk_full")
    assert "assay resume" in said.err
    paid = server.requests
    assert 0 < paid < 200
    document = shell.ok("resume", "last", "--json").json
    assert (document["status"], document["samples"]["scored"]) == ("done", 200)
    assert server.requests <= 230, "more was paid twice than one commit and the calls in flight"
    assert document["usage"]["requests"] == 200


def test_the_second_process_is_told_who_holds_the_run(shell: Shell, server: ModelServer) -> None:
    server.delay_s = 0.2
    shell.rows("data.jsonl", questions(40))
    child = shell.start("run", shell.task(limits={"concurrency": 1}))
    try:
        assert child.stderr is not None
        run_id = child.stderr.readline().split()[1].rstrip(":")
        said = shell("resume", run_id)
        assert (said.status, said.code) == (3, "run.held")
        assert f"process {child.pid}" in said.err
        asked = server.requests
        assert shell.ok("show", run_id, "--json").json["status"] == "running"  # looking is free
        assert server.requests <= asked + 3
    finally:
        child.kill()
        child.communicate()
    server.delay_s = 0
    assert shell.ok("resume", run_id, "--json").json["samples"]["scored"] == 40  # a dead process holds nothing


def test_an_interrupted_download_leaves_nothing_and_the_next_one_is_whole(
    shell: Shell, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assay.datasets import hub

    def half(where: hub.HubAddress) -> Any:
        yield {"input": "a", "reference": "a"}
        raise hub.DataError("the connection was lost", hint="try again", code="data.offline")

    def whole(where: hub.HubAddress) -> Any:
        yield from ({"input": word, "reference": word} for word in "abc")

    task = shell.task(dataset="hf:owner/name?split=test")
    monkeypatch.setattr(hub, "_download", half)
    refused(shell, server, "run", task, code="data.offline")
    monkeypatch.setattr(hub, "_download", whole)
    assert shell.run(task)["samples"]["scored"] == 3
