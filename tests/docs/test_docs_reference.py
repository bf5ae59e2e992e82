"""The reference is what the code gives, and leaves nothing out."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from docs_pages import DOCS, ROOT

pytestmark = pytest.mark.slow

REFERENCE = DOCS / "reference"


@pytest.fixture(autouse=True)
def from_the_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(ROOT))
    yield
    for name in [name for name in sys.modules if name == "docs" or name.startswith("docs.")]:
        del sys.modules[name]


def text_of(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def test_every_page_is_what_the_code_gives() -> None:
    from docs.build import PAGES, out_of_date

    assert out_of_date() == [], "run: make docs"
    assert {path.name for path in REFERENCE.glob("*.md")} == set(PAGES), "a page nobody makes"


def test_an_edited_page_is_noticed(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from docs import build

    monkeypatch.setattr(build, "PAGES", {"metrics.md": lambda: text_of("metrics.md") + "more\n"})
    assert build.out_of_date() == ["metrics.md"]


def test_every_command_and_option_is_there() -> None:
    from docs.generators.commands import all_commands, option_text

    text = text_of("commands.md")
    for name, command in all_commands().items():
        assert f"## assay {name}\n" in text
        assert command.help, f"{name} says nothing of itself"
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert option_text(name, parameter) in text  # type: ignore[arg-type]


def test_every_setting_scorer_benchmark_and_metric_is_there() -> None:
    from assay.app.parts import registry
    from assay.app.settings import DEFAULTS
    from assay.benchmarks import BENCHMARKS

    settings, scorers, benchmarks = text_of("settings.md"), text_of("scorers.md"), text_of("benchmarks.md")
    assert [key for key in DEFAULTS if f"`{key}`" not in settings] == []
    assert [name for name in registry().names("scorer") if "/" not in name and f"## {name}\n" not in scorers] == []
    assert [name for name in BENCHMARKS if f"## {name}\n" not in benchmarks] == []
    metrics = text_of("metrics.md")
    assert [name for name in ("mean", "pass@k", "pass^k", "perplexity") if f"## {name}\n" not in metrics] == []


def test_every_provider_error_code_and_reason_is_there() -> None:
    from docs.generators.errors import REASONS, codes, kinds

    from assay.gateway import known_providers

    providers, errors = text_of("providers.md"), text_of("errors.md")
    assert [name for name in known_providers() if f"{name}/" not in providers and f"{name}:" not in providers] == []
    assert [code for code in codes() if f"`{code}`" not in errors] == []
    assert kinds() - set(REASONS) == set(), "a reason nobody has described"


def test_every_public_name_is_there() -> None:
    import assay
    from assay import stats

    python, statistics = text_of("python.md"), text_of("stats.md")
    assert [name for name in assay.__all__ if name != "__version__" and f"## assay.{name}\n" not in python] == []
    assert [name for name in stats.__all__ if f"## {name}\n" not in statistics] == []


def test_every_key_of_every_file_is_there() -> None:
    from pydantic import BaseModel

    from assay.app import schema

    text = text_of("files.md")
    kinds = [kind for kind in vars(schema).values() if isinstance(kind, type) and issubclass(kind, BaseModel)]
    fields = [name for kind in kinds if kind.__module__ == schema.__name__ for name in kind.model_fields]
    assert len(fields) > 40
    assert [name for name in fields if f"| `{name}` |" not in text] == []
