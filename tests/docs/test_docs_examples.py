"""The examples that are not followed page by page: the plug-in works once installed, the files are valid."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

import pytest
from docs_pages import ROOT, check_yaml, environment_for, run

EXAMPLES = ROOT / "examples"
PLUGIN = EXAMPLES / "plugin"
HOUSE = EXAMPLES / "house"


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """The environment after installing the scorer plug-in."""
    return install(PLUGIN, tmp_path)


def install(package: Path, tmp_path: Path) -> dict[str, str]:
    """The environment with a package: its source on the path, its entry points as pip writes them."""
    project = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = tmp_path / "site" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n", encoding="utf-8")
    points = "\n".join(f"{name} = {value}" for name, value in project["entry-points"]["assay.plugins"].items())
    (info / "entry_points.txt").write_text(f"[assay.plugins]\n{points}\n", encoding="utf-8")
    path = f"{package / 'src'}:{tmp_path / 'site'}"
    return {**environment_for(tmp_path, "http://127.0.0.1:1/v1"), "PYTHONPATH": path}


@pytest.mark.slow
def test_an_installed_plug_in_is_listed_and_used(installed: dict[str, str], tmp_path: Path) -> None:
    listed = json.loads(run(["assay", "tasks", "--scorers", "--json"], tmp_path, installed))
    assert "tone/greeting" in [row["name"] for row in listed["scorers"]]
    rows = [{"id": "a", "output": "Dear Ada, thanks."}, {"id": "b", "output": "No."}]
    (tmp_path / "outputs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    document = json.loads(
        run(["assay", "score", "outputs.jsonl", "--scorers", "tone/greeting", "--json"], tmp_path, installed)
    )
    assert document["metrics"]["tone/greeting"]["value"] == 0.5


@pytest.mark.slow
def test_the_plug_in_passes_its_own_tests(installed: dict[str, str], tmp_path: Path) -> None:
    run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(PLUGIN)], tmp_path, installed)


@pytest.mark.slow
def test_a_metric_a_provider_and_a_store_are_used_once_installed(tmp_path: Path) -> None:
    environment = install(HOUSE, tmp_path)
    (tmp_path / "data.jsonl").write_text(
        '{"id": "a", "input": "say it twice", "reference": "twice"}\n', encoding="utf-8"
    )
    task = {"task": "t", "dataset": "data.jsonl", "prompt": "{{ input }}", "epochs": 2, "scorers": ["exact_match"]}
    whole = {**task, "metrics": {"exact_match": ["house/worst"]}, "model": "house/parrot:1"}
    (tmp_path / "eval.yaml").write_text(json.dumps(whole), encoding="utf-8")
    store = ["--store", "house+vault://kept"]
    document = json.loads(run(["assay", "run", "eval.yaml", *store, "--json"], tmp_path, environment))
    assert (document["metrics"]["house/worst"]["value"], document["usage"]["requests"]) == (1.0, 2)
    run(["assay", "report", "last", *store], tmp_path, environment)
    (report,) = (tmp_path / "kept" / "objects" / "reports").glob("*.html")
    assert report.read_bytes()[:2] == b"\x1f\x8b", "the vault compresses what it keeps"


@pytest.mark.slow
def test_the_house_plug_ins_pass_their_own_tests(tmp_path: Path) -> None:
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HOUSE)]
    run(tests, tmp_path, install(HOUSE, tmp_path))


def test_the_parts_on_the_page_are_those_in_the_package() -> None:
    page = (ROOT / "docs" / "how-to" / "plug-ins.md").read_text(encoding="utf-8")
    for name in ("judge.py", "metric.py", "provider.py", "store.py"):
        source = (HOUSE / "src" / "assay_house" / name).read_text(encoding="utf-8")
        assert source.partition("from __future__ import annotations\n")[2].strip() in page, name
    points = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    assert all(f'"{name}" = "{value}"' in page for name, value in points["assay.plugins"].items())


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.yaml")), ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_every_yaml_example_is_valid(path: Path) -> None:
    check_yaml(path.read_text(encoding="utf-8"))


def test_the_scorer_on_the_page_is_the_one_in_the_package() -> None:
    page = (ROOT / "docs" / "how-to" / "write-a-scorer.md").read_text(encoding="utf-8")
    source = (PLUGIN / "src" / "assay_tone" / "__init__.py").read_text(encoding="utf-8")
    assert source[source.index("@dataclass") :].strip() in page
