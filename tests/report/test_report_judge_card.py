"""The page of a judge's card: every part that was measured, the rest named, hostile names kept as text."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from assay.app.judge_card import CardRequest, card_document
from assay.app.judge_card_file import JudgedRequest
from assay.judges.judged import Judged
from assay.report.judge_card import judge_card_page, write_judge_card

HOSTILE = "<script>alert(1)</script>"
NOW = datetime(2026, 1, 5, tzinfo=UTC)


def judged(n: int = 120) -> Judged:
    rng = np.random.default_rng(1)
    quality = rng.integers(1, 6, size=n)
    return Judged(
        ids=[str(k) for k in range(n)],
        verdicts=np.clip(quality + rng.choice([-1, 0, 1], size=n), 1, 5),
        raters=np.clip(quality[:, None] + rng.choice([-1, 0, 0, 1], size=(n, 3)), 1, 5),
        clusters=[str(k // 4) for k in range(n)],
        segments=[(HOSTILE, "b")[k % 2] for k in range(n)],
        languages=["en"] * n,
        lengths=rng.integers(40, 900, size=n),
        cost_usd=[0.001] * n,
        latency_s=rng.random(n),
        scale=(1, 5),
    )


def document(data: Judged, **more: Any) -> dict[str, Any]:
    request = CardRequest(judged=JudgedRequest(path="verdicts.csv"), name=HOSTILE, version="v1")
    return card_document(data, request, golden=None, calibration=None, now=NOW, **more)


def test_every_part_that_was_measured_has_its_section() -> None:
    page = judge_card_page(document(judged()))
    assert [section.title for section in page.sections] == [
        "Agreement with people", "Segments", "Languages", "Biases", "Scale use", "Cost and latency", "Not measured",
    ]  # fmt: skip
    agreement, segments, _, biases, use, *_ = page.sections
    assert [chart["title"] for chart in agreement.charts] == ["Agreement", "What people say at each verdict"]
    ceiling = segments.charts[0]["layer"][-1]["data"]["values"][0]
    person = document(judged())["agreement"]["ceiling"][0]["person"]["value"]
    assert ceiling["value"] == person
    slope = biases.charts[0]["layer"][1]["data"]["values"]
    doublings = np.log2(slope[1]["length"] / slope[0]["length"])
    measured = document(judged())["length_bias"]["value"]
    assert abs((slope[1]["beyond"] - slope[0]["beyond"]) / doublings - measured) < 1e-9
    assert abs(sum(row["share"] for row in use.charts[0]["data"]["values"]) - 100.0) < 1e-9


def test_a_card_of_verdicts_alone_is_a_page_too() -> None:
    bare = document(Judged(ids=["a", "b"], verdicts=[1, 3]))
    titles = [section.title for section in judge_card_page(bare).sections]
    assert titles == ["Biases", "Scale use", "Not measured"]
    nothing = document(Judged(ids=["a"], verdicts=[None], human=[None]))
    assert "Scale use" not in [section.title for section in judge_card_page(nothing).sections]


def test_charts_are_plain_json_and_names_stay_text(tmp_path: Path) -> None:
    page = judge_card_page(document(judged()))
    for section in page.sections:
        json.dumps(section.charts, allow_nan=False)
    path = write_judge_card(document(judged()), path=tmp_path / "card.html")
    text = Path(path).read_text(encoding="utf-8")
    assert HOSTILE not in text
    assert "Not measured" in text


def test_the_agreement_chart_is_of_coefficients_and_not_of_the_share() -> None:
    rng = np.random.default_rng(2)
    people = rng.integers(0, 2, size=80)
    verdicts = np.where(rng.random(80) < 0.2, 1 - people, people)
    page = judge_card_page(document(Judged(ids=[str(k) for k in range(80)], verdicts=verdicts, human=people)))
    chart = page.sections[0].charts[0]
    drawn = json.dumps(chart)
    assert "Cohen's kappa" in drawn
    assert "Spearman's rho" in drawn
    assert '"agreement"' not in drawn
    assert page.sections[0].table is not None
    assert page.sections[0].table.rows[0][0] == "agreement"


def test_labels_that_fall_are_named_beside_the_rising_fit() -> None:
    data = judged()
    turned = document(Judged(ids=data.ids, verdicts=6 - data.verdicts, human=data.human, scale=(1, 5)))
    section = judge_card_page(turned).sections[0]
    assert [note for note in section.notes if "Labels fall where verdicts rise" in note]
    assert "rising fit" in json.dumps(section.charts[1])
    assert not [note for note in judge_card_page(document(data)).sections[0].notes if "fall" in note]
