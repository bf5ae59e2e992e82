"""How many independent judges several are worth: columns of a file, and the members of a panel on its card."""

from __future__ import annotations

import json

import numpy as np
import pytest
from cli_shell import Shell

pytestmark = pytest.mark.slow


def test_how_many_independent_judges_several_are_worth(shell: Shell) -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(1, 6, size=120)
    shared = rng.normal(size=120)
    one, other = truth + shared, truth + rng.normal(size=120)
    columns = {"one": one, "twin": one + 0.05 * rng.normal(size=120), "other": other, "human": truth}
    path = "panel.jsonl"
    shell.rows(path, [
        {"id": f"i{k}", "document": f"d{k // 3}", **{name: float(column[k]) for name, column in columns.items()}}
        for k in range(120)
    ])  # fmt: skip
    alike = shell.ok("judge", "compare", path, "one", "twin", "--json").json["panel"]
    assert alike["members"] == ["one", "twin"]
    assert alike["independent"]["high"] < 1.1
    found = shell.ok("judge", "compare", path, "one", "twin", "other", "--json").json["panel"]["independent"]
    assert (found["unit"], found["n"], found["n_clusters"]) == ("judges", 120, 40)
    assert 1.3 < found["low"] < found["value"] < found["high"] < 2.6
    text = " ".join(shell.ok("judge", "compare", path, "one", "twin", "other").out.split())
    assert f"one, twin, other are worth {found['value']:.1f} independent judges" in text
    said = shell("judge", "compare", path, "one", "twin", "one")
    assert (said.status, said.code) == (3, "judge.same_judge")


def test_the_card_of_a_panel_says_what_its_members_are_worth(shell: Shell) -> None:
    rng = np.random.default_rng(4)
    rows = []
    for k in range(60):
        truth, shared = int(rng.integers(1, 6)), rng.normal()
        members = [truth + shared + spread * rng.normal() for spread in (0.1, 0.1, 2.0)]
        told = {"members": [{"name": f"m{n}", "version": "v", "value": value} for n, value in enumerate(members)]}
        rows.append({"id": f"i{k}", "verdict": sum(members) / 3, "told": json.dumps(told), "human": truth, "text": "x"})
    shell.rows("panel.jsonl", rows)
    card = ("judge", "card", "panel.jsonl", "--panel")
    found = shell.ok(*card, "told", "--judge-version", "v1", "--report", "card.html", "--json").json
    panel = found["panel"]
    assert panel["members"] == ["m0", "m1", "m2"]
    assert 1.0 < panel["independent"]["low"] < panel["independent"]["high"] < 3.0
    assert panel["sentence"] in found["sentences"]
    assert panel["sentence"] in (shell.directory / "card.html").read_text(encoding="utf-8")
    kept = shell.ok("judge", "card", "v1", "--json").json
    assert (kept["panel"], kept["sentences"].count(panel["sentence"])) == (panel, 1)
    assert shell(*card, "text").code == "judge.no_members"
    assert shell(*card, "nothing").code == "data.no_column"
    shell.rows("bare.jsonl", [{"id": "a", "verdict": 1, "told": rows[0]["told"]}])
    assert shell("judge", "card", "bare.jsonl", "--panel", "told").code == "judge.no_labels"
