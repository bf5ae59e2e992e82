"""Plug-ins as a user meets them: installed packages whose parts are used by name, listed, and refused with a reason."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import assay
from assay.app import catalog, parts, prepare, runs
from assay.app.judge_file import build_judge
from assay.app.parts import ENTRY_POINTS, build_metric, build_scorer
from assay.app.settings import load_settings
from assay.app.suites import load_suite, prepare_suite, run_suite
from assay.app.tasks import load_task
from assay.app.wiring import App, gateway_config
from assay.core.errors import AssayError, ConfigError, NotFoundError
from assay.core.registry import KINDS, PLANNED
from assay.gateway import capabilities_of, check_model, model_identity, parse_model, price_of
from assay.gateway.models import resolve_endpoints
from assay.testing import check_metric, check_provider, check_scorer, check_store

MODULE = '''
import os
from dataclasses import dataclass, replace
from typing import ClassVar

from assay.core.records import GenerateParams, Reply, Usage
from assay.judges import Scale
from assay.judges.asking import Form, ask
from assay.judges.base import BaseJudge
from assay.judges.fence import fenced
from assay.judges.parsing import read_level
from assay.scorers import BaseScorer


@dataclass(frozen=True, kw_only=True)
class Polite(BaseScorer):
    """1 where the answer says a word."""

    name: str = "acme/polite"
    unit: ClassVar[str] = "share"
    word: str = "please"

    def _score(self, sample, output):
        return self._value(sample, output, float(self.word in output.text))


@dataclass(frozen=True, kw_only=True)
class Stern(BaseJudge):
    """A level from 1 to 5, lower where the judge is to be stern."""

    name: str = "acme/stern"
    scale: ClassVar[Scale] = Scale()
    less: int = 0

    async def _judge(self, sample, output, *, client):
        answer = await ask(
            [{"role": "user", "content": "Rate it from 1 to 5.\\n" + fenced("answer", output.text)}],
            Form(read=lambda text: read_level(text, scale=self.scale), reminder="Reply with one number."),
            client=client,
            model=self.model,
            params=GenerateParams(temperature=self.temperature, max_tokens=self.max_tokens),
            sample_id=sample.id,
        )
        if answer.read is None:
            return self._priced(self._unscored(sample, output, answer.reason), answer.cost_usd)
        return self._priced(self._value(sample, output, float(answer.read.level - self.less)), answer.cost_usd)


class Moody(Stern):
    async def judge(self, sample, output, *, client):
        if "3" in output.text:
            raise KeyError(output.text)
        return await super().judge(sample, output, client=client)


def anonymous(model, name="acme/anonymous"):
    return Stern(model=model)


class Worst:
    name = "acme/worst"
    transform = "identity"

    def reduce(self, values):
        return min(values)


class Misnamed(Worst):
    name = "worst"


class Quantile:
    transform = "identity"

    def __init__(self, share: float = 0.5, name: str = "acme/quantile"):
        if not 0 <= share <= 1:
            raise ValueError(f"share is {share}; it must be in [0, 1]")
        self.name, self.share = name, share

    def reduce(self, values):
        return sorted(values)[round(self.share * (len(values) - 1))]


class Echo:
    def capabilities(self, name):
        return frozenset({"chat"})

    async def call(self, request, *, name, endpoint):
        text = request.messages[-1]["content"]
        if "crash" in text:
            raise KeyError(text)
        said = f"please {text}" if request.replicate == 0 else text
        served = f"{name}@{endpoint.base_url}"
        return Reply(text=said, usage=Usage(input_tokens=2, output_tokens=1), model_served=served)


class Keyed(Echo):
    def __init__(self):
        self.token = os.environ["ACME_TOKEN_THAT_IS_NOT_SET"]


class Half:
    def capabilities(self, name):
        return frozenset({"chat"})


def shelf(url, *, read_only):
    from assay.stores import open_store

    return open_store(url.partition("://")[2], read_only=read_only)


nothing = 3
'''
POINTS = {
    "scorer:acme/polite": "Polite",
    "judge:acme/stern": "Stern",
    "metric:acme/worst": "Worst",
    "metric:acme/quantile": "Quantile",
    "provider:acme/echo": "Echo",
    "store:acme/shelf": "shelf",
}
Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a distribution on the path, as pip would leave it."""
    for name in list(os.environ):
        if name.startswith("ASSAY_"):
            monkeypatch.delenv(name)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    module = f"acme_parts_{abs(hash(tmp_path)) % 10**8}"

    def put(points: dict[str, str], *, name: str = "acme-parts", source: str = MODULE) -> None:
        site = tmp_path / name
        (site / f"{name.replace('-', '_')}-1.2.dist-info").mkdir(parents=True)
        own = module if source is MODULE else f"{module}_{name.replace('-', '_')}"
        (site / f"{own}.py").write_text(source, encoding="utf-8")
        info = site / f"{name.replace('-', '_')}-1.2.dist-info"
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n", encoding="utf-8")
        lines = [f"{point} = {value if ':' in value else f'{own}:{value}'}" for point, value in points.items()]
        (info / "entry_points.txt").write_text("\n".join([f"[{ENTRY_POINTS}]", *lines, ""]), encoding="utf-8")
        monkeypatch.syspath_prepend(str(site))
        parts.registry.cache_clear()

    parts.registry.cache_clear()
    yield put
    parts.registry.cache_clear()
    for loaded in [loaded for loaded in sys.modules if loaded.startswith(module)]:
        del sys.modules[loaded]


def config() -> Any:
    return gateway_config(load_settings(environ={}))


def fails(call: Callable[[], object], kind: type[AssayError] = ConfigError) -> AssayError:
    with pytest.raises(kind) as caught:
        call()
    return caught.value


def eval_yaml(folder: Path, **changes: Any) -> str:
    folder.mkdir(exist_ok=True)
    rows = [{"id": f"q{i}", "input": f"crash {i}" if i == 3 else f"say {i}", "reference": "x"} for i in range(4)]
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    whole = {"task": "polite", "dataset": "data.jsonl", "prompt": "{{ input }}", "scorers": ["acme/polite"], **changes}
    (folder / "eval.yaml").write_text(json.dumps(whole), encoding="utf-8")
    return str(folder / "eval.yaml")


def run(path: str, *, model: str, store: str) -> dict[str, Any]:
    app = App.create(flags={"store": store})
    try:
        return dict(
            runs.run_task(app, prepare.prepare(app, load_task(path), model=model, options=prepare.RunOptions()))
        )
    finally:
        app.close()


def test_a_run_made_of_plug_ins_alone(install: Install, tmp_path: Path) -> None:
    install(POINTS)
    url = f"acme+shelf://{tmp_path}/shelf"
    path = eval_yaml(tmp_path, epochs=2, metrics={"acme/polite": ["acme/worst"]})
    document = run(path, model="acme/echo:small", store=url)
    assert document["metrics"]["acme/polite"]["value"] == 0.5
    assert document["metrics"]["acme/worst"]["value"] == 0.0
    assert document["samples"]["by_reason"] == {"provider_error": 1}, "the call that raised costs its item alone"
    app = App.create(flags={"store": url}, read_only=True)
    record = app.store.metadata.run("last")
    item = app.store.results.item(record.run_id, "q0")
    assert (record.model, item.output.model_served) == ("acme/echo:small", "small@")
    assert (app.store.where, app.store.root) == (url, None)
    app.close()


def test_a_metric_takes_options_as_a_scorer_does(install: Install, tmp_path: Path) -> None:
    install(POINTS)
    lowest, highest = {"use": "acme/quantile", "share": 0}, {"use": "acme/quantile", "as": "best", "share": 1.0}
    path = eval_yaml(
        tmp_path,
        epochs=2,
        scorers=["acme/polite", {"use": "acme/polite", "as": "said", "word": "say"}],
        metrics={"acme/polite": [lowest, highest], "said": [highest]},
    )
    document = run(path, model="acme/echo:small", store="store")
    shown = {name: estimate["value"] for name, estimate in document["metrics"].items()}
    assert shown == {
        "acme/polite": 0.5,
        "acme/quantile": 0.0,
        "acme/polite.best": 1.0,
        "said": 1.0,
        "said.best": 1.0,
    }
    check_metric(build_metric(highest))


def test_two_settings_of_one_metric_need_two_names(install: Install, tmp_path: Path) -> None:
    install(POINTS)
    lines = [{"use": "acme/quantile", "share": share} for share in (0, 1)]
    error = fails(lambda: load_task(eval_yaml(tmp_path, metrics={"acme/polite": lines})))
    assert (error.code, "as:" in error.hint) == ("metric.duplicate", True)


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ({"use": "acme/quantile", "shrae": 1}, "metric.unknown_option", "did you mean 'share'?"),
        ({"use": "acme/quantile", "share": 7}, "plugin.failed", "its options: share, name"),
        ({"use": "acme/worst", "as": "low"}, "metric.unknown_option", ""),
        ({"use": "pass@5", "k": 3}, "metric.unknown_option", "by its name alone"),
        ({"use": "perplexity", "as": "p"}, "metric.unknown_option", "by its name alone"),
        ({"use": "pas@5"}, "metric.unknown", "did you mean 'pass@5'?"),
        ({"as": "x"}, "config.invalid", "{use: package/name, option: value}"),
    ],
    ids=str,
)
def test_what_a_metric_cannot_be_told_is_an_error(install: Install, line: dict[str, Any], code: str, said: str) -> None:
    install(POINTS)
    error = fails(lambda: build_metric(line))
    assert (error.code, said in error.hint) == (code, True), error.hint


def test_python_opens_a_plug_in_store_again(install: Install, tmp_path: Path) -> None:
    install(POINTS)
    task = assay.Task(
        name="t",
        dataset=assay.Dataset.from_list([{"id": "a", "input": "hi", "reference": "please hi"}]),
        solver=assay.prompt("{{ input }}"),
        scorers=[assay.scorers.ExactMatch()],
    )
    made = assay.run(task, model="acme/echo:small", store=f"acme+shelf://{tmp_path}/s")
    assert made.store == f"acme+shelf://{tmp_path}/s"
    assert assay.gate(made, rules=["exact_match.low >= 0"]).verdict == "pass"


def test_our_own_plug_ins_pass_the_suites(install: Install) -> None:
    install(POINTS)
    scorer = build_scorer({"use": "acme/polite", "word": "Paris"})
    check_scorer(scorer, other=build_scorer("acme/polite"))
    check_metric(build_metric("acme/worst"))
    check_provider(config().providers["acme/echo"], model="small")


@pytest.mark.slow
def test_our_own_plug_in_store_passes_the_suite(install: Install, tmp_path: Path) -> None:
    install(POINTS)
    check_store(
        lambda place, *, read_only: parts.open_plug_in_store(
            "acme/shelf", f"acme+shelf://{tmp_path}/{place}", read_only=read_only
        )
    )


def test_models_of_plug_ins_are_written_with_a_colon(install: Install) -> None:
    install(POINTS)
    parsed = parse_model("acme/echo:a/b:c", config())
    assert (parsed.provider, parsed.name) == ("acme/echo", "a/b:c")
    assert parse_model("ollama/llama3:8b", config()).provider == "ollama"
    assert parse_model("openrouter/meta/llama:free", config()).name == "meta/llama:free"
    assert capabilities_of("acme/echo:small", config()) == {"chat"}
    assert (model_identity("acme/echo:small", config()), price_of("acme/echo:small", config())) == (None, None)
    check_model("acme/echo:small", config())
    assert fails(lambda: check_model("acme/echo:x", config(), budget_usd=1.0)).code == "budget.unpriced"
    for model, hint in (
        ("acme/echo", "write acme/echo:NAME"),
        ("acme/echo:", "write acme/echo:NAME"),
        ("acme/ecoh:small", "did you mean 'acme/echo'?"),
        ("opnai/gpt", "did you mean 'openai'?"),
    ):
        error = fails(lambda model=model: check_model(model, config()), NotFoundError)  # type: ignore[misc]
        assert (error.code, hint in error.hint) == ("model.unknown", True), error.hint


def test_a_plug_in_model_is_reached_as_assay_yaml_says(install: Install) -> None:
    install(POINTS)
    Path("assay.yaml").write_text(
        "models: {'acme/echo:big': {api_key_env: ACME_KEY, rpm: 60, price: {input: 1, output: 2}, "
        "endpoints: [{base_url: 'acme://one'}, {base_url: 'acme://two', rpm: 5}]}}"
    )
    settings = gateway_config(load_settings(environ={}))
    assert fails(lambda: check_model("acme/echo:big", settings)).code == "provider.key_missing"
    os.environ["ACME_KEY"] = "secret"
    try:
        places = resolve_endpoints("acme/echo:big", settings)
    finally:
        del os.environ["ACME_KEY"]
    told = [(place.endpoint.base_url, place.endpoint.api_key, place.rpm) for place in places]
    assert told == [("acme://one", "secret", 60.0), ("acme://two", "secret", 5.0)]
    price = price_of("acme/echo:big", settings)
    assert price is not None and price.output == 2.0


def test_two_parts_of_one_name_are_an_error_that_names_both_origins(install: Install) -> None:
    install(POINTS)
    install({"scorer:acme/polite": "Polite"}, name="rival-parts")
    install({"scorer:acme/polite": "Polite"}, name="third-parts")
    error = fails(lambda: build_scorer("acme/polite"))
    assert error.code == "plugin.duplicate"
    assert all(name in str(error) for name in ("acme-parts 1.2", "rival-parts 1.2", "third-parts 1.2"))
    assert build_metric("acme/worst").name == "acme/worst", "the other parts stay usable"
    assert [row["name"] for row in catalog.plug_ins()["refused"]] == ["acme/polite"]


@pytest.mark.parametrize(
    ("point", "value", "code", "said"),
    [
        ("scorer:acme/lost", "no_such_module:Polite", "plugin.broken", "ModuleNotFoundError: No module named"),
        ("scorer:acme/lost", "Misspelt", "plugin.broken", "has no attribute 'Misspelt'"),
        ("scorer:acme/lost", "nothing", "plugin.broken", "is not a class or a function"),
        ("scorer:acme/lost", "Worst", "plugin.shape", "is not a scorer: it has no version"),
        ("judge:acme/lost", "Polite", "plugin.shape", "is not a judge: it has no model, judge"),
        ("judge:acme/lost", "anonymous", "plugin.shape", "calls itself 'acme/stern'"),
        ("judge:acme/lost", "Misspelt", "plugin.broken", "has no attribute 'Misspelt'"),
        ("metric:acme/lost", "Polite", "plugin.shape", "is not a metric: it has no transform"),
        ("metric:acme/lost", "Misnamed", "plugin.shape", "calls itself 'worst'"),
        ("provider:acme/lost", "Half", "plugin.shape", "is not a provider: it has no call"),
        ("provider:acme/lost", "Keyed", "plugin.failed", "KeyError: 'ACME_TOKEN_THAT_IS_NOT_SET'"),
        ("provider:openai/lost", "Echo", "plugin.bad_name", "those of the built-in provider"),
        ("store:acme/lost", "Echo", "plugin.failed", "TypeError"),
        ("scorer:acme", "Polite", "plugin.bad_name", "the name of a plug-in is package/name"),
        ("scorer:Acme/Lost", "Polite", "plugin.bad_name", "the name of a plug-in is package/name"),
    ],
)
def test_a_plug_in_that_cannot_be_used_says_why_and_whose_it_is(
    install: Install, point: str, value: str, code: str, said: str
) -> None:
    install({point: value, **POINTS})
    kind, _, name = point.partition(":")
    ask: dict[str, Callable[[], object]] = {
        "scorer": lambda: build_scorer(name),
        "judge": lambda: build_judge({"judge": name, "model": "acme/echo:m"} if value != "Polite" else name),
        "metric": lambda: build_metric(name),
        "provider": lambda: check_model(f"{name}:m", config()),
        "store": lambda: App.create(flags={"store": f"{name.replace('/', '+')}://x"}).store,
    }
    if name == "openai/lost":
        ask["provider"] = lambda: parts.registry().get("provider", name)
    error = fails(ask[kind])
    assert (error.code, said in str(error), "acme-parts 1.2" in str(error)) == (code, True, True), str(error)
    assert error.hint
    assert build_scorer("acme/polite").name == "acme/polite", "the package's other parts stay usable"


@pytest.mark.parametrize("raised", ["raise RuntimeError('no licence')", "def (", "import nowhere_to_be_found"])
def test_a_module_that_fails_to_import_does_not_hide_the_others(install: Install, raised: str) -> None:
    install(POINTS)
    install({"scorer:broken/part": "Part"}, name="broken-parts", source=raised)
    error = fails(lambda: build_scorer("broken/part"))
    assert (error.code, "broken-parts 1.2" in str(error), "broken-parts" in error.hint) == ("plugin.broken", True, True)
    listed = {row["name"]: row for row in catalog.scorers()["scorers"]}
    assert "cannot be loaded" in listed["broken/part"]["summary"]
    assert listed["acme/polite"]["options"] == ["word"]


@pytest.mark.parametrize("kind", [*PLANNED, "scorrer"])
def test_a_kind_that_does_not_exist_is_refused(install: Install, kind: str) -> None:
    install({f"{kind}:acme/later": "Polite", **POINTS})
    (refused,) = catalog.plug_ins()["refused"]
    assert f"kind '{kind}', which does not exist in this version of Assay" in refused["reason"]
    error = fails(lambda: build_scorer("acme/later"), NotFoundError)
    assert (error.code, f"kind '{kind}'" in error.hint) == ("scorer.unknown", True)
    assert {row["kind"] for row in catalog.plug_ins()["plugins"]} == set(KINDS), "those that exist stay usable"


def test_unknown_names_offer_the_nearest(install: Install, tmp_path: Path) -> None:
    install(POINTS)
    asked: list[tuple[Callable[[], object], str, str]] = [
        (lambda: build_scorer("acme/polit"), "scorer.unknown", "did you mean 'acme/polite'?"),
        (lambda: build_scorer("exact_macth"), "scorer.unknown", "did you mean 'exact_match'?"),
        (lambda: build_scorer("acme/worst"), "scorer.unknown", "acme/worst is a metric, not a scorer"),
        (lambda: build_scorer("acme/stern"), "scorer.unknown", "write {judge: acme/stern@provider/model}"),
        (lambda: build_judge("acme/stren@m/x"), "judge.unknown", "did you mean 'acme/stern'?"),
        (lambda: build_judge("acme/polite@m/x"), "judge.unknown", "acme/polite is a scorer, not a judge"),
        (lambda: build_metric("acme/wurst"), "metric.unknown", "did you mean 'acme/worst'?"),
        (lambda: build_metric("worst"), "metric.unknown", "did you mean 'acme/worst'?"),
        (lambda: build_metric("pass@0"), "metric.unknown", "did you mean 'pass@5'?"),
        (lambda: App.create(flags={"store": "acme+shlef://x"}).store, "store.scheme_unknown", "'acme+shelf://'"),
    ]
    for call, code, hint in asked:
        error = fails(call, AssayError)
        assert (error.code, hint in error.hint) == (code, True), error.hint
    error = fails(lambda: build_scorer({"use": "acme/polite", "wrod": "x"}))
    assert (error.code, "did you mean 'word'" in error.hint) == ("scorer.unknown_option", True)


def test_a_plug_in_store_shares_no_response_table(install: Install, tmp_path: Path) -> None:
    install(POINTS)
    flags = {"store": f"acme+shelf://{tmp_path}/s", "cache": str(tmp_path / "cache.db")}
    assert fails(lambda: App.create(flags=flags).store).code == "store.no_cache"
    assert not (tmp_path / "s").exists()


def test_plug_ins_are_listed_with_who_brings_them(install: Install) -> None:
    install(POINTS)
    assert {"kind": "store", "name": "acme/shelf", "origin": "acme-parts 1.2"} in catalog.plug_ins()["plugins"]
    scorers = {row["name"]: row["origin"] for row in catalog.scorers()["scorers"]}
    assert (scorers["acme/polite"], scorers["exact_match"]) == ("acme-parts 1.2", "Assay")
    providers = catalog.models(App.create())["providers"]
    assert [row["example"] for row in providers if row["origin"] == "acme-parts 1.2"] == ["acme/echo:NAME"]


def test_the_command_line_lists_them_too(install: Install, tmp_path: Path) -> None:
    install({**POINTS, "detector:acme/later": "Polite"})
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "acme-parts")}

    def said(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "assay.cli.main", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True)

    config = said("config")
    assert ["store", "acme/shelf", "acme-parts", "1.2"] in [line.split() for line in config.stdout.splitlines()]
    assert "detector acme/later cannot be used" in config.stderr
    assert "acme/echo:NAME" in said("models").stdout
    assert "acme-parts 1.2" in said("tasks", "--scorers").stdout
    assert max(map(len, said("models").stdout.splitlines())) <= 80


def test_built_in_names_look_at_no_installed_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def looked(**_: object) -> Any:
        raise AssertionError("the metadata of installed packages was read")

    parts.registry.cache_clear()
    monkeypatch.setattr(parts, "registry", looked)
    build_scorer("exact_match")
    build_metric("pass@5")
    settings = config()
    for model in ("openai/gpt-4o-mini", "ollama/llama3:8b", "openrouter/a/b:free", "replay:x.jsonl", "python:m:f"):
        parse_model(model, settings)
    App.create(flags={"store": str(tmp_path / "s")}).store.close()


TOY = "from toy_words import WORD\n\ndef answer(messages):\n    return WORD + ' ' + messages[-1]['content']\n"


def toy(folder: Path, name: str, *, word: str = "please") -> str:
    """A module beside a task file, which imports its neighbour."""
    (folder / f"{name}_words.py").write_text(f"WORD = {word!r}\n", encoding="utf-8")
    (folder / f"{name}.py").write_text(TOY.replace("toy_words", f"{name}_words"), encoding="utf-8")
    return f"python:{name}:answer"


def test_a_function_beside_the_task_file_is_found_from_elsewhere(install: Install, tmp_path: Path) -> None:
    install(POINTS)
    path = eval_yaml(tmp_path / "elsewhere")
    model = toy(tmp_path / "elsewhere", "toy_beside")
    before = list(sys.path)
    document = run(path, model=model, store=str(tmp_path / "store"))
    assert document["metrics"]["acme/polite"]["value"] == 1.0
    assert sys.path == before
    app = App.create(flags={"store": str(tmp_path / "store")})
    os.chdir(tmp_path)
    assert prepare.recorded(app, document["run_id"])[1].identity == model_identity(
        model, gateway_config(app.settings, folders=[str(tmp_path / "elsewhere")])
    )
    app.close()


def test_a_suite_finds_the_functions_of_all_its_tasks(install: Install, tmp_path: Path) -> None:
    install(POINTS)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        eval_yaml(tmp_path / name, task=name, model=toy(tmp_path / name, f"toy_{name}"))
    (tmp_path / "suite.yaml").write_text("tasks: [one/eval.yaml, two/eval.yaml]\n", encoding="utf-8")
    app = App.create()
    suite, members = load_suite(str(tmp_path / "suite.yaml"))
    prepared = prepare_suite(app, suite, members, models=[], options=lambda loaded: prepare.RunOptions())
    document = run_suite(app, "s", prepared)
    app.close()
    assert [row["run"]["metrics"]["acme/polite"]["value"] for row in document["runs"]] == [1.0, 1.0]


def test_the_working_directory_comes_first_and_two_of_one_name_are_told_apart(install: Install, tmp_path: Path) -> None:
    install(POINTS)
    path = eval_yaml(tmp_path / "far")
    model = toy(tmp_path / "far", "toy_twice", word="no")
    toy(Path.cwd(), "toy_twice")
    assert run(path, model=model, store="store")["metrics"]["acme/polite"]["value"] == 1.0
    os.chdir(tmp_path)
    error = fails(lambda: run(path, model=model, store="store"))
    assert (error.code, str(tmp_path / "far" / "toy_twice.py") in str(error)) == ("model.ambiguous", True)


def test_a_module_that_raises_is_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy_that_raises.py").write_text("1 / 0\n", encoding="utf-8")
    error = fails(lambda: capabilities_of("python:toy_that_raises:answer", config()), NotFoundError)
    assert (error.code, "ZeroDivisionError" in str(error)) == ("model.unknown", True)
