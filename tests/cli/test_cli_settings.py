"""Settings and their sources, the published schemas, and what a first look leaves behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from cli_shell import Shell

from assay.testing.server import ModelServer

EVAL = """
task: support-tone
dataset: {path: tickets.jsonl, id: id, input: question, reference: answer, cluster: customer}
prompt: |
  Answer the customer.
  {{ input }}
shots: 0
model: openai/gpt-4o-mini
generate: {temperature: 0, max_tokens: 256, seed: 1, stop: []}
epochs: 1
scorers:
  - exact_match
  - {use: rouge_l, as: overlap}
  - {use: numeric, tolerance: 0.0}
limits: {concurrency: 100, rpm: null, tpm: null, budget_usd: 5, timeout_s: 60}
"""
SUITE = """
suite: nightly
tasks:
  - gsm8k
  - eval.yaml
  - {task: short, use: arc_challenge, needs: [gsm8k], limit: 50}
models: [openai/gpt-4o-mini, vllm/llama]
limits: {budget_usd: 20}
"""
SETTINGS = """
store: results
confirm_above_usd: 20
models:
  openai/m:
    api_key_env: OTHER_KEY
    fallback_models: [openai/spare]
    endpoints: [{base_url: "http://one/v1"}, {base_url: "http://two/v1", rpm: 60}]
    price: {input: 0.1, output: 0.2}
"""


@pytest.mark.parametrize(("file", "text"), [("eval", EVAL), ("suite", SUITE), ("settings", SETTINGS)])
def test_the_published_schema_accepts_the_documented_file(shell: Shell, file: str, text: str) -> None:
    schema = shell.ok("schema", file).json
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    assert [error.message for error in validator.iter_errors(yaml.safe_load(text))] == []
    broken = {**yaml.safe_load(text), "unknwon": 1}
    assert any("unknwon" in error.message for error in validator.iter_errors(broken))


def test_the_example_of_a_task_file_runs(shell: Shell, server: ModelServer) -> None:
    shell.rows(
        "tickets.jsonl",
        [
            {"id": i, "question": f"What?\n{i}", "answer": str(i), "customer": f"c{i % 2}", "day": "mon"}
            for i in range(8)
        ],
    )
    document = shell.run(shell.write("eval.yaml", EVAL))
    assert (document["status"], document["task"]) == ("done", "support-tone")
    assert document["metrics"].keys() == {"exact_match", "overlap", "numeric"}
    assert document["metrics"]["exact_match"]["n_clusters"] == 2
    body = server.bodies[0]
    assert (body["temperature"], body["max_tokens"], body["seed"]) == (0, 256, 1)
    assert body["messages"] == [{"role": "user", "content": "Answer the customer.\nWhat?\n0\n"}]


def source(shell: Shell, key: str, *flags: str) -> tuple[Any, str]:
    setting = shell.ok("config", "--json", *flags).json["settings"][key]
    return setting["value"], setting["source"]


def test_flag_over_environment_over_file_over_default(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert source(shell, "store") == (".assay", "default")
    shell.write("assay.yaml", {"store": "from-file", "confirm_above_usd": 3})
    assert source(shell, "store") == ("from-file", "assay.yaml")
    monkeypatch.setenv("ASSAY_STORE", "from-environment")
    assert source(shell, "store") == ("from-environment", "ASSAY_STORE")
    assert source(shell, "store", "--store", "from-flag") == ("from-flag", "flag --store")
    assert source(shell, "confirm_above_usd") == (3, "assay.yaml")
    monkeypatch.setenv("ASSAY_CONFIRM_ABOVE_USD", "7.5")
    assert source(shell, "confirm_above_usd") == (7.5, "ASSAY_CONFIRM_ABOVE_USD")
    shell.ok("run", shell.task())
    assert (shell.directory / "from-environment" / "assay.db").exists()
    assert not (shell.directory / "from-file").exists()


def test_settings_with_a_mistake_are_refused_by_every_command(
    shell: Shell, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.write("assay.yaml", {"stroe": "x"})
    for command in (["config"], ["runs"], ["run", shell.task()]):
        said = shell(*command)
        assert (said.status, said.code) == (3, "config.unknown_key")
        assert "did you mean 'store'" in said.err
    shell.write("assay.yaml", {"models": {"openai/m": {"price": {"inptu": 1, "output": 1}}}})
    assert "did you mean 'input'" in shell("config").err
    (shell.directory / "assay.yaml").unlink()
    monkeypatch.setenv("ASSAY_CONFIRM_ABOVE_USD", "much")
    assert shell("config").code == "config.invalid"
    monkeypatch.delenv("ASSAY_CONFIRM_ABOVE_USD")
    monkeypatch.setenv("ASSAY_CONFIG", "elsewhere.yaml")
    assert shell("config").code == "file.not_found"
    assert server.requests == 0


def test_a_server_url_that_this_version_cannot_open_is_refused(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_RESULTS_URL", "clickhouse://host/db")
    said = shell("run", shell.task())
    assert (said.status, said.code) == (3, "config.no_servers")


def test_the_settings_file_says_where_benchmarks_are(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "benchmarks" / "gsm8k"
    folder.mkdir(parents=True)
    (folder / "test.jsonl").write_text('{"question": "1 + 1?", "answer": "It is 2.\\n#### 2"}\n')
    missing = shell("plan", "gsm8k", "--model", "openai/m")
    assert missing.status == 3
    shell.write("assay.yaml", {"data": str(tmp_path / "benchmarks")})
    assert shell.ok("plan", "gsm8k", "--model", "openai/m", "--json").json["samples"] == 1
    shell.ok("run", shell.task())  # a task of its own does not mind


def test_options_of_a_benchmark_in_a_file_and_on_the_command_line(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "benchmarks" / "gsm8k"
    folder.mkdir(parents=True)
    (folder / "test.jsonl").write_text('{"question": "1 + 1?", "answer": "It is 2.\\n#### 2"}\n')
    file = shell.write("mine.yaml", {"task": "mine", "use": "gsm8k", "options": {"shots": 1}, "model": "openai/m"})
    one = shell.ok("plan", file, "--data", folder, "--json").json
    none = shell.ok("plan", file, "--data", folder, "--option", "shots=0", "--json").json
    assert none["input_tokens"] < one["input_tokens"]
    assert shell("plan", file, "--data", folder, "--option", "shost=0").code == "benchmark.unknown_option"
    shell.ok("run", file, "--data", folder, "--option", "shots=0")
    shell.ok("resume", "last")  # the manifest says where the data was


def test_a_first_look_leaves_nothing_behind(shell: Shell) -> None:
    before = sorted(shell.directory.iterdir())
    said = shell.ok("runs")
    assert "no runs yet" in said.out and "assay quickstart" in said.out
    assert shell.ok("runs", "--json").json == {"runs": []}
    for command in (["tasks"], ["models"], ["config"], ["schema"], ["tasks", "--scorers"]):
        shell.ok(*command)
    for command in (["show", "last"], ["compare", "a", "b"], ["gate", "a", "--rule", "x.low >= 1"], ["export", "a"]):
        said = shell(*command)
        assert (said.status, said.code) == (3, "store.missing")
    assert sorted(shell.directory.iterdir()) == before


def test_the_prompt_file_is_found_beside_the_task_file(shell: Shell) -> None:
    folder = shell.directory / "evals"
    folder.mkdir()
    (folder / "data.jsonl").write_text((shell.directory / "data.jsonl").read_text())
    (shell.directory / "data.jsonl").unlink()
    shell.task("evals/eval.yaml")
    assert shell.run("evals/eval.yaml")["samples"]["scored"] == 6
