"""Judges of installed packages are used wherever ours are: scorers, tiers, panels, files, golden items, attacks."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from test_plug_ins import POINTS, Install, eval_yaml, fails, install, run  # noqa: F401 - install is a fixture

from assay.app.judge_attack import AttackRequest, attack
from assay.app.judge_cards import card_note, kept_objects, save_card
from assay.app.judge_file import build_judge
from assay.app.settings import load_settings
from assay.app.wiring import App
from assay.core.errors import ConfigError
from assay.core.protocols import Judge
from assay.testing import check_judge

STERN = {**POINTS, "judge:acme/moody": "Moody"}
MODEL = "python:said:level"
SAID = """
import re


def level(messages):
    found = re.findall(r"say (\\d)", messages[0]["content"])
    return {"text": str(1 + int(found[-1]) % 5) if found else "3", "usage": {"input_tokens": 5, "output_tokens": 1}}
"""


@pytest.fixture
def stern(install: Install, tmp_path: Path) -> Path:  # noqa: F811
    install(STERN)
    Path("said.py").write_text(SAID)
    sys.modules.pop("said", None)
    return tmp_path


def test_it_passes_the_suite(stern: Path) -> None:
    judge = build_judge(f"acme/stern@{MODEL}")
    assert isinstance(judge, Judge)
    assert (judge.name, judge.model) == ("acme/stern", MODEL)
    check_judge(judge, reply="4", other=build_judge({"judge": "acme/stern", "model": MODEL, "options": {"less": 1}}))


@pytest.mark.parametrize(
    "line",
    [
        f"acme/stern@{MODEL}",
        {"judge": f"acme/stern@{MODEL}"},
        {"judge": "acme/stern", "model": MODEL},
        {"judge": "tone", "kind": "acme/stern", "model": MODEL},
        {"judge": f"acme/stern@{MODEL}", "as": "tone"},
        {"judge": "ours", "as": "tone"},
    ],
    ids=str,
)
def test_it_is_a_scorer_of_a_task(stern: Path, line: Any) -> None:
    (stern / "judges").mkdir()
    (stern / "judges" / "ours.yaml").write_text(f"judge: ours\nkind: acme/stern\nmodel: '{MODEL}'\n")
    document = run(eval_yaml(stern, scorers=[line]), model="acme/echo:m", store="store")
    name = "tone" if isinstance(line, Mapping) and "tone" in line.values() else "acme/stern"
    assert document["metrics"][name]["value"] == pytest.approx((1 + 2 + 3) / 3)
    assert document["metrics"][name]["unscored"] == 1  # the output that failed


def test_its_options_go_under_options(stern: Path) -> None:
    line = {"judge": f"acme/stern@{MODEL}", "options": {"less": 1}, "temperature": 0.5}
    document = run(eval_yaml(stern, scorers=[line]), model="acme/echo:m", store="store")
    assert document["metrics"]["acme/stern"]["value"] == pytest.approx(1.0)
    for wrong, code in (({"options": {"lses": 1}}, "judge.unknown_option"), ({"model": ""}, "judge.no_model")):
        with pytest.raises(ConfigError) as caught:
            build_judge({"judge": "acme/stern", "model": MODEL, **wrong})
        assert caught.value.code == code


def test_it_is_a_tier_of_a_cascade_and_meets_golden_items(stern: Path) -> None:
    golden = [{"id": f"g{k}", "input": "?", "output": f"say {k % 5}", "answer": 1 + k % 5} for k in range(9)]
    (stern / "golden.jsonl").write_text("".join(json.dumps(row) + "\n" for row in golden))
    tiers = [
        {"tier": "programmatic", "scorers": ["length"]},
        {"tier": "strong", "judge": f"acme/stern@{MODEL}", "share": 1.0},
    ]
    path = eval_yaml(stern, scorers=[], cascade=tiers, golden={"path": "golden.jsonl", "share": 0.5})
    document = run(path, model="acme/echo:m", store="store")
    assert document["metrics"]["acme/stern"]["value"] == pytest.approx(2.0)
    (golden_row,) = document["golden"]
    assert golden_row["asked"] == golden_row["right"] > 0


def test_it_sits_on_a_panel(stern: Path) -> None:
    (stern / "judges").mkdir()
    members = [f"acme/stern@{MODEL}", {"judge": f"acme/stern@{MODEL}", "as": "sterner", "options": {"less": 1}}]
    panel = {"judge": "both", "kind": "panel", "members": members}
    document = run(eval_yaml(stern, scorers=[panel]), model="acme/echo:m", store="store")
    assert document["metrics"]["both"]["value"] == pytest.approx(1.5)


def test_one_that_raises_loses_those_verdicts_alone(stern: Path) -> None:
    document = run(eval_yaml(stern, scorers=[f"acme/moody@{MODEL}", "length"]), model="acme/echo:m", store="store")
    assert document["metrics"]["acme/moody"]["value"] == pytest.approx(2.0)
    assert document["metrics"]["length"]["n"] == 3
    items = [{"id": f"a{k}", "input": "?", "output": f"say {k % 4}"} for k in range(12)]
    Path("items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in items))
    app = App(load_settings(environ={}))
    found = attack(app, AttackRequest(judge=f"acme/moody@{MODEL}", items="items.jsonl", per_attack=1))
    assert found["items"]["unjudged"] == {"scorer_error": 3}
    assert found["status"] == "done"


def test_it_is_attacked_and_has_a_card(stern: Path) -> None:
    items = [{"id": f"a{k}", "input": "?", "output": f"say {k % 4}"} for k in range(12)]
    Path("items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in items))
    app = App(load_settings(environ={}))
    found = attack(app, AttackRequest(judge=f"acme/stern@{MODEL}", items="items.jsonl", per_attack=1))
    assert (found["judge"], found["items"]["used"]) == ("acme/stern", 12)
    card = {"version": found["version"], "name": found["judge"], "model": MODEL, "made_at": "2026-01-05T00:00:00+00:00",
            "n": 12, "agreement": None, "flags": [], "sentences": []}  # fmt: skip
    objects = kept_objects(app)
    assert objects is not None
    save_card(objects, card)
    assert (
        card_note(objects, build_judge(f"acme/stern@{MODEL}").version, name="x", now=datetime(2026, 1, 6, tzinfo=UTC))
        is None
    )  # type: ignore[attr-defined]
