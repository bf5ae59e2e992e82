"""Tiered runs beside others: compared, gated, exported, and what is said when they are small or strange."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from cli_shell import Shell

from assay.engine.cascade.kept import object_name
from assay.stores import open_store

pytestmark = pytest.mark.slow

JUDGE = "helpfulness@python:judging:strong"


@pytest.fixture
def judging(shell: Shell) -> Shell:
    shell.rows("data.jsonl", [{"id": f"q{i}", "input": f"question number {i}"} for i in range(40)])
    return shell


def run(shell: Shell, *arguments: str, **changes: Any) -> Mapping[str, Any]:
    content = {"task": "tone", "dataset": "data.jsonl", "prompt": "{{ input }}", "model": "python:judging:support"}
    shell.write("eval.yaml", content | changes)
    document: Mapping[str, Any] = shell("run", "eval.yaml", "--json", *arguments).json
    return document


def tiered(shell: Shell, *arguments: str, share: float = 0.25, **changes: Any) -> Mapping[str, Any]:
    tiers = [{"tier": "programmatic", "scorers": ["length"]}, {"tier": "strong", "judge": JUDGE, "share": share}]
    return run(shell, *arguments, cascade=tiers, **changes)


def untiered(shell: Shell) -> Mapping[str, Any]:
    return run(shell, scorers=["length", {"judge": JUDGE}])


def test_a_tiered_and_a_plain_run_are_compared_on_what_both_have_and_say_what_not(judging: Shell) -> None:
    ids = [tiered(judging)["run_id"], untiered(judging)["run_id"]]
    for order, side in ((ids, "candidate"), (ids[::-1], "baseline")):
        said = judging.ok("compare", *order)
        assert "length" in said.out
        assert "helpfulness is not compared:" in said.out
        assert f"the {side} from every sample" in said.out
        assert list(judging.ok("compare", *order, "--json").json["metrics"]) == ["length"]


def test_a_relative_rule_wants_a_baseline_with_tiers(judging: Shell) -> None:
    plain, ours = untiered(judging)["run_id"], tiered(judging)["run_id"]
    rule = ["--rule", "noninferior(helpfulness, margin=0.1)", "--json"]
    said = judging("gate", ours, "--baseline", plain, *rule)
    assert (said.status, said.code) == (3, "gate.baseline_missing")
    assert f"{plain} has no cascade" in said.out


def test_tiers_kept_by_another_version_are_named_and_kept_anew(judging: Shell) -> None:
    run_id = tiered(judging)["run_id"]
    store = open_store(".assay")
    try:
        with np.load(io.BytesIO(store.objects.get(object_name(run_id)))) as arrays:
            words = arrays["words"].tobytes().replace(b'"schema": 2', b'"schema": 9')
            kept = {**arrays, "words": np.frombuffer(words, dtype=np.uint8)}
        buffer = io.BytesIO()
        np.savez(buffer, **kept)
        store.objects.put(object_name(run_id), buffer.getvalue())
    finally:
        store.close()
    rule = ["--rule", "helpfulness.low >= 1", "--json"]
    assert judging("gate", run_id, *rule).code == "cascade.kept"
    judging.ok("resume", run_id)
    assert judging.ok("gate", run_id, *rule).json["verdict"] == "pass"


def test_one_sample_of_one_is_known_and_few_are_not_promised_a_resume(judging: Shell) -> None:
    one = tiered(judging, "--limit", "1")
    here = one["cascade"]["these_items"]
    assert one["status"] == "done"
    assert here["value"] == here["low"] == here["high"]
    assert one["metrics"]["helpfulness"]["low"] is None
    judging("run", "eval.yaml", "--limit", "5")
    said = judging("run", "eval.yaml", "--limit", "5")
    assert said.status == 3
    assert "assay resume" not in said.out + said.err
    assert "a larger share" in said.err
    assert "1 verdicts" not in said.out


def test_what_waits_for_people_is_told_how_to_go_on(judging: Shell) -> None:
    tiers = [{"tier": "programmatic", "scorers": ["length"]}, {"tier": "human", "share": 0.025}]
    run(judging, cascade=tiers)
    said = judging("run", "eval.yaml")
    assert "1 label is waited for" in said.out
    assert "1 label of people is not there yet" in " ".join(said.out.split())
    assert "assay cascade queue run_" in said.err


def test_junit_holds_the_tiered_figure(judging: Shell) -> None:
    tiered(judging)
    judging.ok("export", "last", "--format", "junit", "--output", "junit.xml")
    suite = ElementTree.parse(judging.directory / "junit.xml").getroot()
    assert (suite.get("tests"), suite.get("skipped")) == ("1", "0")
    (case,) = suite.iter("testcase")
    assert (case.get("classname"), case.get("name")) == ("cascade", "helpfulness")
    assert "by 10 verdicts of strong" in (case.findtext("system-out") or "")
    tiered(judging, "--limit", "5")
    judging.ok("export", "last", "--format", "junit", "--output", "junit.xml")
    assert ElementTree.parse(judging.directory / "junit.xml").getroot().get("skipped") == "1"


def test_an_unknown_run_is_answered_with_three_near_ones_at_most(judging: Shell) -> None:
    ids = [untiered(judging)["run_id"] for _ in range(5)]
    said = judging("show", ids[0][:-3] + "zzz")
    assert said.code == "run.unknown"
    assert 1 <= sum(name in said.err for name in ids) <= 3
