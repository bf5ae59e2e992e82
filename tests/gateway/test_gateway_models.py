"""Names, keys, addresses, prices: what is refused before the first call, and how."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.core.errors import ConfigError, DataError, NotFoundError
from assay.core.records import GenerateParams, Usage
from assay.gateway import (
    EndpointConfig,
    GatewayConfig,
    ModelConfig,
    Price,
    capabilities_of,
    check_model,
    check_params,
    known_providers,
    model_identity,
    parse_model,
    price_of,
)
from assay.gateway.models import resolve_endpoints
from assay.gateway.prices import _table
from assay.gateway.providers.openai import parameters
from assay.gateway.providers.presets import PRESETS


def config(models: dict[str, ModelConfig] | None = None, **environ: str) -> GatewayConfig:
    return GatewayConfig(models=models or {}, environ=environ)


@pytest.mark.parametrize(
    ("model", "provider", "name"),
    [
        ("openai/gpt-4o", "openai", "gpt-4o"),
        ("openrouter/meta/llama", "openrouter", "meta/llama"),
        ("replay:out/a.jsonl?output=x.y", "replay", "out/a.jsonl?output=x.y"),
        ("python:my.module:answer", "python", "my.module:answer"),
        ("local/gemma3-270m", "local", "gemma3-270m"),
    ],
)
def test_names_are_taken_apart(model: str, provider: str, name: str) -> None:
    parsed = parse_model(model)
    assert (parsed.provider, parsed.name) == (provider, name)


@pytest.mark.parametrize("model", ["opnai/gpt-4o", "gpt-4o", "openai/", "replay:", "python/x", ""])
def test_a_name_that_means_nothing_is_refused(model: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        check_model(model, config(OPENAI_API_KEY="k"))
    assert caught.value.code == "model.unknown"
    assert caught.value.hint


@pytest.mark.parametrize("model", ["openai/gpt-4o", "anthropic/claude", "vllm/m", "python:my.module:answer"])
def test_several_completions_a_call_are_refused_where_a_service_would_send_them(model: str) -> None:
    settings = config({"python:my.module:answer": ModelConfig(fallback_models=["openai/gpt-4o"])})
    with pytest.raises(ConfigError) as caught:
        check_params(model, GenerateParams(extra={"n": 4}), settings)
    assert caught.value.code == "generate.several"
    assert caught.value.hint.startswith("use epochs: k; each is a reply of its own")


def test_a_parameter_called_n_is_free_where_it_means_something_else() -> None:
    check_params("python:my.module:answer", GenerateParams(extra={"n": 4}), config())
    check_params("openai/gpt-4o", GenerateParams(extra={"n": 1}), config())
    check_params("openai/gpt-4o", GenerateParams(extra={"top_k": 4}), config())


def test_the_nearest_provider_is_offered() -> None:
    with pytest.raises(NotFoundError) as caught:
        parse_model("antropic/claude")
    assert "'anthropic'" in caught.value.hint


@pytest.mark.parametrize("model", ["openai/gpt-4o", "anthropic/claude-sonnet-4-5", "groq/x", "mistral/x"])
def test_a_missing_key_is_named_before_any_call(model: str) -> None:
    with pytest.raises(ConfigError, match="_API_KEY is not set") as caught:
        check_model(model, config())
    assert caught.value.code == "provider.key_missing"
    assert "export" in caught.value.hint


def test_keys_and_addresses_come_from_the_environment() -> None:
    (found,) = resolve_endpoints("openai/gpt-4o", config(OPENAI_API_KEY="k"))
    assert (found.endpoint.base_url, found.endpoint.api_key) == ("https://api.openai.com/v1", "k")
    (found,) = resolve_endpoints("openai/x", config(OPENAI_BASE_URL="http://127.0.0.1:1/v1"))
    assert (found.endpoint.base_url, found.endpoint.api_key) == (
        "http://127.0.0.1:1/v1",
        None,
    )  # one's own server needs none
    (found,) = resolve_endpoints("vllm/x", config(ASSAY_VLLM_BASE_URL="http://a/v1", ASSAY_VLLM_API_KEY="k2"))
    assert (found.endpoint.base_url, found.endpoint.api_key) == ("http://a/v1", "k2")
    (found,) = resolve_endpoints("openai/x", config(OPENAI_BASE_URL="http://b/v1", ASSAY_OPENAI_BASE_URL="http://a/v1"))
    assert found.endpoint.base_url == "http://a/v1"


def test_configuration_goes_before_the_environment() -> None:
    models = {"openai/x": ModelConfig(base_url="http://mine/v1", api_key_env="MY_KEY", rpm=10.0)}
    (found,) = resolve_endpoints(
        "openai/x", config(models, MY_KEY="m", OPENAI_BASE_URL="http://b/v1", OPENAI_API_KEY="k")
    )
    assert (found.endpoint.base_url, found.endpoint.api_key, found.rpm) == ("http://mine/v1", "m", 10.0)
    with pytest.raises(ConfigError, match="MY_KEY"):
        resolve_endpoints("openai/x", config(models, OPENAI_API_KEY="k"))


def test_several_endpoints_keep_their_own_limits() -> None:
    places = [EndpointConfig(base_url="http://a/v1", rpm=5.0), EndpointConfig(base_url="http://b/v1", api_key_env="B")]
    settings = GatewayConfig(models={"vllm/x": ModelConfig(endpoints=places, tpm=100.0)}, rpm=7.0, environ={"B": "kb"})
    first, second = resolve_endpoints("vllm/x", settings)
    assert (first.rpm, first.tpm, second.rpm, second.tpm) == (5.0, 100.0, 7.0, 100.0)
    assert (first.endpoint.api_key, second.endpoint.api_key) == (None, "kb")


def test_a_service_without_an_address_asks_for_one() -> None:
    with pytest.raises(ConfigError, match="nothing says where") as caught:
        check_model("compatible/x", config())
    assert "ASSAY_COMPATIBLE_BASE_URL" in caught.value.hint
    with pytest.raises(ConfigError) as caught:
        check_model("vllm/x", config(VLLM_BASE_URL="127.0.0.1:8000"))
    assert caught.value.code == "provider.bad_url"


def test_an_unset_or_empty_key_is_a_missing_one() -> None:
    with pytest.raises(ConfigError):
        check_model("openai/gpt-4o", config(OPENAI_API_KEY=""))


def test_a_budget_needs_a_price_of_the_model_and_of_its_stand_ins() -> None:
    models = {"openai/gpt-4o": ModelConfig(fallback_models=["vllm/mine"])}
    check_model("openai/gpt-4o", config(models, OPENAI_API_KEY="k"))
    with pytest.raises(ConfigError, match="vllm/mine") as caught:
        check_model("openai/gpt-4o", config(models, OPENAI_API_KEY="k"), budget_usd=1.0)
    assert caught.value.code == "budget.unpriced"


def test_prices_are_dated_overridable_and_never_guessed() -> None:
    listed = price_of("openai/gpt-4o-mini", config())
    assert listed is not None and listed.input == 0.15 and listed.output == 0.6
    assert listed.as_of and listed.source and listed.source.startswith("https://")
    assert price_of("openai/gpt-4o-mini-2024-07-18", config()) == listed
    assert price_of("openai/gpt-unheard-of", config()) is None
    assert price_of("vllm/x", config()) is None
    assert price_of("vllm/x", config({"vllm/x": ModelConfig(price=Price(input=0.0, output=0.0))})) == Price(
        input=0.0, output=0.0
    )
    for free in ("local/gemma3-270m", "replay:x.jsonl", "python:m:f"):
        price = price_of(free, config())
        assert price is not None and price.cost_usd(Usage()) == 0.0


def test_cached_tokens_have_their_own_price() -> None:
    price = Price(input=10.0, cached_input=1.0, output=20.0)
    usage = Usage(input_tokens=100, cached_tokens=60, output_tokens=10)
    assert price.cost_usd(usage) == pytest.approx((40 * 10 + 60 * 1 + 10 * 20) / 1e6)
    assert Price(input=10.0, output=20.0).cost_usd(usage) == pytest.approx((100 * 10 + 10 * 20) / 1e6)
    assert price.cost_usd(Usage(input_tokens=1)) is None


def test_every_price_in_the_table_is_complete_and_sane() -> None:
    providers = set(known_providers())
    for provider, prices in _table().items():
        assert provider in providers
        for name, price in prices.items():
            assert 0.0 < price.input <= price.output <= 1000.0, name
            assert price.cached_input is None or price.cached_input < price.input, name
            assert price.as_of is not None and len(price.as_of) == 10


def test_capabilities_say_what_a_service_offers() -> None:
    assert "options" in capabilities_of("vllm/x", config())
    assert "options" not in capabilities_of("openai/gpt-4o", config())
    assert capabilities_of("openai/davinci-002", config()) == {"completion", "logprobs", "options"}
    assert "logprobs" not in capabilities_of("anthropic/claude-sonnet-4-5", config())
    assert "logprobs" in capabilities_of("openai/gpt-4o", config())
    assert "logprobs" not in capabilities_of("openai/o1-mini", config())
    assert {"chat", "tools"} <= capabilities_of("groq/x", config())


def test_models_behind_a_service_have_no_identity() -> None:
    assert model_identity("openai/gpt-4o", config()) is None


def test_every_preset_is_well_formed() -> None:
    for name, preset in PRESETS.items():
        assert preset.name == name
        assert preset.base_url is None or preset.base_url.startswith("http")
        assert preset.offers("any-model")


def test_a_plug_in_provider_takes_its_prefix() -> None:
    class Echo:
        def capabilities(self, name: str) -> frozenset[str]:
            return frozenset({"chat"})

    settings = GatewayConfig(providers={"echo": Echo}, environ={})  # type: ignore[dict-item]
    check_model("echo/x", settings)
    assert capabilities_of("echo/x", settings) == {"chat"}
    assert "echo" in known_providers(settings)
    assert price_of("echo/x", settings) is None


def test_completions_ask_for_logprobs_by_number() -> None:
    assert parameters(GenerateParams(logprobs=True), chat=False) == {"logprobs": 0}
    assert parameters(GenerateParams(logprobs=True), chat=True) == {"logprobs": True}


def test_a_missing_replay_file_is_found_before_any_call(tmp_path: Path) -> None:
    (tmp_path / "outputs.jsonl").write_text("")
    with pytest.raises(NotFoundError) as caught:
        check_model(f"replay:{tmp_path}/output.jsonl", config())
    assert "outputs.jsonl" in caught.value.hint
    (tmp_path / "bad.jsonl").write_text('{"id": "a", "output": "x"}\n{"id": \n')
    with pytest.raises(DataError, match="line 2"):
        check_model(f"replay:{tmp_path}/bad.jsonl", config())
