"""Services that speak the OpenAI wire format: where they are, which variables hold their keys, what they offer.

Base URL: the model's ``base_url``, else ``ASSAY_<PROVIDER>_BASE_URL``, else the service's own variable, else its
default. Key: the variable named by ``api_key_env``, else the service's own, else ``ASSAY_<PROVIDER>_API_KEY``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

CHAT = frozenset({"chat", "tools", "json_schema", "images"})
WITH_LOGPROBS = CHAT | {"logprobs"}
SERVER = WITH_LOGPROBS | {"completion"}
COMPLETION_ONLY = frozenset({"completion", "logprobs", "options"})
_REASONING = re.compile(r"^(o\d|gpt-5)")
_OPENAI_COMPLETION = re.compile(r"^(gpt-3\.5-turbo-instruct|babbage-002|davinci-002)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """One service.

    Attributes:
        base_url: ``None`` where there is no public address.
        needs_key: Its own address does not answer without a key. An address of the user's may.
        key_header: Header that carries the key; ``authorization`` carries it as a bearer token.
        path: Inserted after the base URL when it does not hold it yet.
        batches: Requests can be left with it in one file and fetched later.
    """

    name: str
    base_url: str | None
    base_url_env: str | None = None
    key_env: str | None = None
    needs_key: bool = True
    key_header: str = "authorization"
    path: str = ""
    batches: bool = False
    capabilities: frozenset[str] = CHAT

    def offers(self, model: str) -> frozenset[str]:
        """What a model of this service can do."""
        if self.name in ("openai", "azure") and (match := _OPENAI_COMPLETION.match(model)):
            return COMPLETION_ONLY - {"options"} if match[1].startswith("gpt") else COMPLETION_ONLY
        return self.capabilities - {"logprobs"} if self.reasons(model) else self.capabilities

    def reasons(self, model: str) -> bool:
        """Whether the service's model thinks before it answers: it names its limit otherwise and has no logprobs."""
        return self.name in ("openai", "azure") and _REASONING.match(model) is not None


_ALL = (
    Preset(
        name="openai",
        base_url="https://api.openai.com/v1",
        base_url_env="OPENAI_BASE_URL",
        key_env="OPENAI_API_KEY",
        batches=True,
        capabilities=WITH_LOGPROBS,
    ),
    Preset(
        name="azure",
        base_url=None,
        base_url_env="AZURE_OPENAI_ENDPOINT",
        key_env="AZURE_OPENAI_API_KEY",
        key_header="api-key",
        path="/openai/v1",
        batches=True,
        capabilities=WITH_LOGPROBS,
    ),
    Preset(
        name="vllm",
        base_url="http://127.0.0.1:8000/v1",
        base_url_env="VLLM_BASE_URL",
        key_env="VLLM_API_KEY",
        needs_key=False,
        capabilities=SERVER | {"options"},
    ),
    Preset(
        name="llamacpp",
        base_url="http://127.0.0.1:8080/v1",
        base_url_env="LLAMACPP_BASE_URL",
        key_env="LLAMA_API_KEY",
        needs_key=False,
        capabilities=SERVER,
    ),
    Preset(
        name="ollama",
        base_url="http://127.0.0.1:11434/v1",
        base_url_env="OLLAMA_BASE_URL",
        needs_key=False,
        capabilities=CHAT | {"completion"},
    ),
    Preset(name="lmstudio", base_url="http://127.0.0.1:1234/v1", needs_key=False, capabilities=CHAT | {"completion"}),
    Preset(name="compatible", base_url=None, needs_key=False, batches=True, capabilities=SERVER),
    Preset(
        name="google",
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
        key_env="GEMINI_API_KEY",
    ),
    Preset(name="mistral", base_url="https://api.mistral.ai/v1", key_env="MISTRAL_API_KEY"),
    Preset(
        name="deepseek",
        base_url="https://api.deepseek.com/v1",
        key_env="DEEPSEEK_API_KEY",
        capabilities=frozenset({"chat", "tools", "logprobs"}),
    ),
    Preset(name="groq", base_url="https://api.groq.com/openai/v1", key_env="GROQ_API_KEY"),
    Preset(name="together", base_url="https://api.together.xyz/v1", key_env="TOGETHER_API_KEY", capabilities=SERVER),
    Preset(
        name="openrouter",
        base_url="https://openrouter.ai/api/v1",
        key_env="OPENROUTER_API_KEY",
        capabilities=WITH_LOGPROBS,
    ),
    Preset(
        name="fireworks",
        base_url="https://api.fireworks.ai/inference/v1",
        key_env="FIREWORKS_API_KEY",
        capabilities=SERVER,
    ),
    Preset(name="xai", base_url="https://api.x.ai/v1", key_env="XAI_API_KEY", capabilities=WITH_LOGPROBS),
)

PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in _ALL}
