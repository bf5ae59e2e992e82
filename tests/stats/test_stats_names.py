"""``assay.stats`` gives every name it lists, and tells type checkers the same ones."""

from __future__ import annotations

import ast
from pathlib import Path

import assay.stats as stats


def test_every_name_resolves_to_what_its_module_defines() -> None:
    for module, names in stats._NAMES.items():
        for name in names.split():
            found = getattr(stats, name)
            assert found.__module__ == f"assay.stats.{module}", name


def test_the_stub_lists_the_same_names_from_the_same_modules() -> None:
    stub = ast.parse(Path(stats.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    listed = {
        (node.module, alias.name) for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert listed == {(f"assay.stats.{module}", n) for module, names in stats._NAMES.items() for n in names.split()}


def test_no_name_stands_for_two_things() -> None:
    names = [name for listed in stats._NAMES.values() for name in listed.split()]
    assert len(names) == len(set(names))
