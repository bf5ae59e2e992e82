"""Models that are a file of recorded outputs, or a function of the user's."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gateway_fakes import FakeTime

from assay.core.errors import ConfigError, DataError, NotFoundError, ProviderError
from assay.core.records import GenerateParams, ModelRequest, Reply
from assay.gateway import Gateway, GatewayConfig, capabilities_of, model_identity
from assay.gateway.provider import Endpoint
from assay.gateway.providers.python import PythonProvider
from assay.gateway.providers.replay import ReplayProvider


def replay(name: str | Path, request: ModelRequest) -> Reply:
    return asyncio.run(ReplayProvider().call(request, name=str(name), endpoint=Endpoint()))


def asked(text: str = "?", *, sample_id: str | None = None, epoch: int = 0) -> ModelRequest:
    return ModelRequest(
        model="replay:f", messages=[{"role": "user", "content": text}], sample_id=sample_id, replicate=epoch
    )


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_recorded_outputs_are_joined_by_id_and_epoch(tmp_path: Path) -> None:
    file = write(
        tmp_path / "out.jsonl",
        {"id": "q1", "output": "first", "usage": {"input_tokens": 3, "output_tokens": 2}, "latency_s": 1.5},
        {"id": "q1", "epoch": 1, "output": "second"},
        {"id": 7, "output": {"a": 1}},
    )
    reply = replay(file, asked(sample_id="q1"))
    assert (reply.text, reply.latency_s, reply.usage.input_tokens) == ("first", 1.5, 3)
    assert replay(file, asked(sample_id="q1", epoch=1)).text == "second"
    assert replay(file, asked(sample_id="7")).text == '{"a":1}'


def test_what_was_not_recorded_has_its_reason(tmp_path: Path) -> None:
    file = write(tmp_path / "out.jsonl", {"id": "q1", "output": "x"})
    for request in (asked(sample_id="q2"), asked(sample_id="q1", epoch=1), asked("q1")):
        with pytest.raises(ProviderError) as caught:
            replay(file, request)
        assert (caught.value.kind, caught.value.retryable) == ("no recorded output", False)


def test_other_shapes_are_read_by_dotted_path_from_compressed_files(tmp_path: Path) -> None:
    rows = [
        {
            "question": "How many eggs does Janet sell?",
            "small": {"solution": "wrong", "n": 1},
            "large": {"solution": "18"},
        },
        {"question": "How many bolts does a robe take?", "small": {"solution": "3"}, "large": {"solution": "three"}},
    ]
    with gzip.open(tmp_path / "out.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    name = f"{tmp_path}/out.jsonl.gz?input=question&output=large.solution"
    assert replay(name, asked("How many bolts does a robe take?")).text == "three"
    assert replay(name, asked("How many eggs does Janet sell?", sample_id="gsm8k-0")).text == "18"


def test_an_input_is_found_inside_the_prompt_written_around_it(tmp_path: Path) -> None:
    file = write(
        tmp_path / "out.jsonl",
        {"input": "How many eggs does Janet sell?", "output": "shot"},
        {"input": "How many eggs does Janet sell? And for how much?", "output": "longer"},
        {"input": "Short", "output": "never inside"},
    )
    shots = "Question: How many eggs does Janet sell?\nAnswer: 18\n\n"
    prompt = f"{shots}Question: How many eggs does Janet sell? And for how much?\nAnswer: Short words please"
    assert replay(file, ModelRequest(model="replay:f", prompt=prompt)).text == "longer"
    assert replay(file, asked("Short")).text == "never inside"
    with pytest.raises(ProviderError):
        replay(file, asked("Short answer"))


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    file = write(tmp_path / "out.jsonl", {"id": "q1", "output": "x"})
    assert replay(file, asked(sample_id="q1")).text == "x"
    write(file, {"id": "q1", "output": "longer now"})
    assert replay(file, asked(sample_id="q1")).text == "longer now"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('{"id": "a"', "is not JSON"),
        ('{"id": "a"}', "has no output"),
        ('{"output": "a"}', "has neither id nor input"),
        ("[1]", "has no output"),
    ],
)
def test_a_malformed_line_is_named_by_its_number(tmp_path: Path, line: str, what: str) -> None:
    file = tmp_path / "out.jsonl"
    file.write_text(f'{{"id": "ok", "output": "x"}}\n\n{line}\n')
    with pytest.raises(DataError, match=f"line 3 {what}"):
        replay(file, asked(sample_id="ok"))


def test_an_unknown_field_or_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        replay(f"{tmp_path}/x.jsonl?outptu=y", asked())
    assert "'output'" in caught.value.hint
    with pytest.raises(NotFoundError):
        replay(tmp_path / "x.jsonl", asked())


def test_equal_questions_of_different_samples_keep_their_own_outputs(
    tmp_path: Path, make_gateway: Callable[..., Gateway], fake_time: FakeTime
) -> None:
    file = write(tmp_path / "out.jsonl", {"id": "a", "output": "one"}, {"id": "b", "output": "two"})
    client = make_gateway(GatewayConfig(environ={})).client(run_id="run_a", budget_usd=0.0)

    async def go() -> list[str]:
        requests = [
            ModelRequest(model=f"replay:{file}", messages=[{"role": "user", "content": "same"}], sample_id=sample_id)
            for sample_id in ("a", "b")
        ]
        return [(await client.generate(request)).text for request in requests]

    assert asyncio.run(fake_time.run(go())) == ["one", "two"]
    assert client.usage().cost_usd == 0.0


def test_recorded_answers_of_a_real_benchmark_are_found(real_data: Path) -> None:
    file = real_data / "benchmarks" / "gsm8k_model_solutions.jsonl.gz"
    name = f"{file}?input=question&output=175b_verification.solution"
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line, _ in zip(lines, range(25), strict=False)]
    for row in rows:
        prompt = f"Solve it step by step.\n\nQuestion: {row['question']}\nAnswer:"
        assert replay(name, asked(prompt)).text == row["175b_verification"]["solution"]


MODULE = """
import asyncio

calls = []

def plain(prompt, temperature=None):
    calls.append((prompt, temperature))
    return f"plain {prompt if isinstance(prompt, str) else prompt[-1]['content']}"

async def slow(prompt, **params):
    await asyncio.sleep(60)

async def full(prompt, **params):
    return {"text": "t", "finish_reason": "stop", "usage": {"input_tokens": 1, "output_tokens": 2},
            "model": "mine-1", "seen": params, "logprobs": [{"token": "t", "logprob": -1.0, "top": []}]}

def scoring(prompt, options):
    return {"option_logprobs": [-float(len(option)) for option in options]}

def broken(prompt):
    raise ValueError("out of cheese")

def odd(prompt):
    return 3

def unwritable(prompt):
    return {"text": "x", "logprobs": [object()]}

def half_a_letter(prompt):
    return "\\ud800"

async def echo(prompt, **params):
    return repr(sorted(params))

not_callable = 3
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"user_models_{abs(hash(tmp_path)) % 10**8}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    return name


def call_python(name: str, request: ModelRequest, *, timeout_s: float = 5.0) -> Reply:
    return asyncio.run(PythonProvider().call(request, name=name, endpoint=Endpoint(timeout_s=timeout_s)))


def test_a_sync_function_gets_what_it_accepts(module: str) -> None:
    request = ModelRequest(model="python:f", prompt="hi", params=GenerateParams(temperature=0.5, max_tokens=3))
    assert call_python(f"{module}:plain", request).text == "plain hi"
    assert call_python(f"{module}:plain", asked("hello")).text == "plain hello"


def test_an_async_function_gets_every_parameter_that_is_set(module: str) -> None:
    request = ModelRequest(
        model="python:f", prompt="hi", params=GenerateParams(temperature=0.0, seed=1, extra={"x": 1})
    )
    assert call_python(f"{module}:echo", request).text == "['replicate', 'seed', 'temperature', 'x']"


def test_a_mapping_gives_the_whole_reply(module: str) -> None:
    reply = call_python(f"{module}:full", asked())
    assert (reply.text, reply.model_served, reply.usage.output_tokens) == ("t", "mine-1", 2)
    assert reply.logprobs == [{"token": "t", "logprob": -1.0, "top": []}]


def test_a_function_may_score_options(module: str) -> None:
    request = ModelRequest(model="python:f", prompt="hi", options=["a", "bcd"])
    assert call_python(f"{module}:scoring", request).option_logprobs == [-1.0, -3.0]
    config = GatewayConfig(environ={})
    assert "options" in capabilities_of(f"python:{module}:scoring", config)
    assert "options" not in capabilities_of(f"python:{module}:full", config)


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        ("broken", "provider_error"),
        ("odd", "bad_reply"),
        ("unwritable", "bad_reply"),
        ("half_a_letter", "bad_reply"),
        ("slow", "timeout"),
    ],
)
def test_what_a_function_does_wrong_is_that_calls_failure(module: str, function: str, kind: str) -> None:
    with pytest.raises(ProviderError) as caught:
        call_python(f"{module}:{function}", asked(), timeout_s=0.05)
    assert caught.value.kind == kind
    if function == "broken":
        assert "ValueError: out of cheese" in str(caught.value)


@pytest.mark.parametrize("name", ["no_such_module:f", "{module}:no_such_function", "{module}:not_callable", "{module}"])
def test_a_function_that_is_not_there_is_named(module: str, name: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        capabilities_of(f"python:{name.format(module=module)}", GatewayConfig(environ={}))
    assert "python:module:function" in caught.value.hint


def test_an_edited_function_is_another_model(module: str, tmp_path: Path) -> None:
    config = GatewayConfig(environ={})
    first = model_identity(f"python:{module}:plain", config)
    assert first is not None and first.startswith("sha256:")
    with (tmp_path / f"{module}.py").open("a") as file:
        file.write("\n# edited\n")
    assert model_identity(f"python:{module}:plain", config) != first
