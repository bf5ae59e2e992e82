"""The rules of DESIGN that a reader would otherwise have to check by eye."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "assay").rglob("*.py"))
LOW_ROOMS = ("core", "stats", "scorers")
FORBIDDEN_LOW = {"os", "io", "pathlib", "socket", "sqlite3", "time", "random", "threading", "asyncio", "subprocess"}
NEEDS_AN_EXTRA = {"assay.gateway.transport_aiohttp"}
EXTRAS = ("xllamacpp", "torch", "sentence_transformers", "datasets", "aiohttp", "pyarrow", "playwright", "httpx", "ray")


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT / "src" / "assay").parts
    return parts[0] if len(parts) > 1 else "."


def imported(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_a_file_keeps_to_the_sizes_and_says_what_it_is_for(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert text.count("\n") <= 500, "over 500 lines"
    assert ast.get_docstring(tree), "no module docstring"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            assert (node.end_lineno or 0) - body[0].lineno < 70, f"{node.name} is over 70 lines"
        if isinstance(node, ast.ClassDef) and any(getattr(base, "id", "") == "Protocol" for base in node.bases):
            methods = [child for child in node.body if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)]
            assert len(methods) <= 8, f"protocol {node.name} has {len(methods)} methods"


@pytest.mark.parametrize("path", [path for path in SOURCES if room_of(path) in LOW_ROOMS], ids=str)
def test_the_low_floors_touch_no_disk_clock_or_network(path: Path) -> None:
    assert imported(ast.parse(path.read_text())) & FORBIDDEN_LOW == set()


def test_there_is_no_room_for_leftovers() -> None:
    assert [path for path in SOURCES if path.stem in ("utils", "common", "helpers", "misc")] == []


def test_randomness_is_never_the_global_generator() -> None:
    pattern = re.compile(
        r"\b(np\.random\.(?!default_rng|Generator|SeedSequence)\w+|random\.(random|choice|shuffle|sample|randint)\()"
    )
    assert [f"{path}: {m[0]}" for path in SOURCES for m in pattern.finditer(path.read_text())] == []


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_assay_loads_nothing_but_itself() -> None:
    code = (
        "import sys; before = set(sys.modules); import assay; "
        "print(sorted(m for m in set(sys.modules) - before if not m.startswith('assay')))"
    )
    heavy = eval(run_python(code))
    assert [name for name in heavy if name.split(".")[0] not in sys.stdlib_module_names] == []


def test_the_command_line_starts_without_numpy_or_pydantic() -> None:
    code = (
        "import sys; from assay.cli.main import cli; from click.testing import CliRunner; "
        "CliRunner().invoke(cli, ['--help']); "
        "print([m for m in ('numpy', 'scipy', 'pydantic', 'duckdb', 'jinja2', 'rich', 'asyncio') if m in sys.modules])"
    )
    assert run_python(code) == "[]"


def test_the_base_imports_without_any_extra() -> None:
    names = [
        ".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__")
        for path in SOURCES
        if path.stem != "__main__"
    ]
    names = [name for name in names if name not in NEEDS_AN_EXTRA]
    code = f"""
import importlib, sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {EXTRAS!r}:
            raise ModuleNotFoundError(f"extra {{name}} is blocked", name=name)
sys.meta_path.insert(0, Block())
for name in {names!r}:
    importlib.import_module(name)
print("ok")
"""
    assert run_python(code) == "ok"
