"""Panels: means and votes, members that fail, quorum, costs, and every member's verdict read back."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_panel import ScriptedClient, judged, no_money, output_of, sample_of, timed_out, unauthorized

from assay.core.errors import AssayError, ConfigError
from assay.core.records import GenerateParams, ModelRequest, Score
from assay.judges.asking import Form, Unreadable, ask
from assay.judges.base import BaseJudge
from assay.judges.harm import HarmJudge
from assay.judges.pairwise import Pairwise
from assay.judges.panel import Panel, member_verdicts, verdict_table
from assay.judges.refusal import RefusalJudge
from assay.judges.scale import Scale
from assay.stats import effective_judges


def _number(text: str) -> float | Unreadable:
    try:
        return float(text)
    except ValueError:
        return Unreadable(reason="no_verdict")


@dataclass(frozen=True, kw_only=True)
class Grader(BaseJudge):
    """Gives the number its model says."""

    name: str = "grader"
    scale: Scale | None = None

    async def _judge(self, sample: Any, output: Any, *, client: Any) -> Score:
        form = Form(read=_number, reminder="a number")
        found = await ask(
            [{"role": "user", "content": output.text}], form, client=client, model=self.model, params=GenerateParams()
        )
        if found.read is None:
            return self._priced(self._unscored(sample, output, found.reason or "", label=None), found.cost_usd)
        return self._priced(self._value(sample, output, found.read, label=f"grade {found.read:g}"), found.cost_usd)


@dataclass(frozen=True, kw_only=True)
class NeedsReference(Grader):
    requires: ClassVar[frozenset[str]] = frozenset({"reference"})


def panel(count: int, **options: Any) -> Panel:
    return Panel(members=[Grader(name=f"g{number}", model=f"test/m{number}") for number in range(count)], **options)


def says(*grades: str | Exception, cost_usd: float | None = 0.01) -> ScriptedClient:
    """Member number k's model says the k-th grade."""

    def answer(request: ModelRequest) -> str | Exception:
        return grades[int(request.model.removeprefix("test/m"))]

    return ScriptedClient(answer, cost_usd=cost_usd)


def test_the_mean_of_three() -> None:
    score = judged(panel(3), says("4", "5", "3"))
    assert (score.value, score.tier, score.scorer) == (4.0, "judge", "panel")
    assert score.cost_usd == pytest.approx(0.03)
    assert [(one.name, one.value, one.label) for one in member_verdicts(score)] == [
        ("g0", 4.0, "grade 4"),
        ("g1", 5.0, "grade 5"),
        ("g2", 3.0, "grade 3"),
    ]


@pytest.mark.parametrize(
    ("grades", "value", "label"),
    [
        (("2", "5", "5"), 5.0, "grade 5"),
        (("1", "2", "3"), 2.0, "tied"),
        (("1", "1", "4", "4"), 2.5, "tied"),
        (("3",), 3.0, "grade 3"),
    ],
)
def test_a_vote_takes_the_value_given_most_often(grades: tuple[str, ...], value: float, label: str) -> None:
    score = judged(panel(len(grades), rule="vote"), says(*grades))
    assert (score.value, score.label) == (value, label)


def test_a_member_without_a_verdict_is_left_out_and_named() -> None:
    score = judged(panel(3), says("4", timed_out(), "2"))
    assert score.value == 3.0
    assert [(one.name, one.reason) for one in member_verdicts(score) if one.value is None] == [("g1", "timeout")]


def test_fewer_verdicts_than_the_quorum_are_none() -> None:
    client = says("4", timed_out(), "no")
    score = judged(panel(3), client)
    assert (score.value, score.reason, score.label) == (None, "no_quorum", "1 of 3, 2 needed")
    assert score.cost_usd == pytest.approx(0.01 + 0.0 + 0.02)
    assert len(member_verdicts(score)) == 3
    assert judged(panel(3, quorum=1), client).value == 4.0
    assert judged(panel(3, quorum=3), says("4", "4", "no")).reason == "no_quorum"
    half_is_not_enough = judged(panel(4), says("4", "4", "no", "no"))
    assert half_is_not_enough.reason == "no_quorum"


def test_an_unknown_price_makes_the_sum_unknown() -> None:
    assert judged(panel(2), says("4", "4", cost_usd=None)).cost_usd is None


@pytest.mark.parametrize("error", [no_money(), unauthorized()])
def test_a_spent_budget_is_raised_when_every_member_has_ended(error: AssayError) -> None:
    client = says(error, "3", "4")
    with pytest.raises(type(error)):
        judged(panel(3), client)
    assert len(client.requests) == 3


@given(st.sampled_from(["1", "2.5", "5", "none", ""]), st.sampled_from(["mean", "vote"]))
def test_a_panel_of_one_is_its_member(grade: str, rule: str) -> None:
    alone, client = Grader(model="test/m0"), says(grade)
    own, panels = judged(alone, client), judged(Panel(members=[alone], rule=rule), client)
    assert (panels.value, panels.label if own.value is not None else None) == (own.value, own.label)
    assert panels.cost_usd == own.cost_usd
    (only,) = member_verdicts(panels)
    assert (only.value, only.reason, only.version) == (own.value, own.reason, alone.version)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=7), st.randoms(use_true_random=False))
def test_the_order_of_the_members_does_not_matter(grades: list[float], shuffling: Any) -> None:
    mixed = list(grades)
    shuffling.shuffle(mixed)
    for rule in ("mean", "vote"):
        values = [judged(panel(len(some), rule=rule), says(*map(repr, some))).value or 0.0 for some in (grades, mixed)]
        assert values[0] == pytest.approx(values[1], rel=1e-12)
        assert min(grades) <= values[0] <= max(grades)


def test_members_keep_their_own_unit_direction_and_model() -> None:
    harm = [HarmJudge(name=name, model=f"test/{name}") for name in ("a", "b")]
    both = Panel(members=harm, rule="vote")
    assert (both.unit, both.higher_is_better, both.model) == ("share", False, "test/a+test/b")
    assert Panel(members=[RefusalJudge(model="test/a")]).higher_is_better is None
    assert BaseJudge.higher_is_better is True


def test_members_that_need_a_reference_make_a_panel_that_does() -> None:
    mixed = Panel(members=[Grader(name="a", model="test/m0"), NeedsReference(name="b", model="test/m1")])
    assert judged(mixed, says("1", "2")).reason == "sample has no reference"
    assert judged(mixed, says("1", "2"), reference="x").value == 1.5


def test_an_output_that_failed_keeps_its_reason() -> None:
    client = says("1")
    failed = output_of("", error="provider_error")
    score = asyncio.run(panel(1).judge(sample_of(), failed, client=client))
    assert (score.reason, client.requests) == ("provider_error", [])
    assert member_verdicts(score) == ()


def test_another_member_rule_or_quorum_is_another_version() -> None:
    versions = {
        made.version
        for made in (
            panel(3),
            panel(2),
            panel(3, rule="vote"),
            panel(3, quorum=1),
            Panel(members=[Grader(name="g0", model="test/m0", temperature=0.5), *panel(3).members[1:]]),
        )
    }
    assert len(versions) == 5
    assert panel(3).version == panel(3, name="other").version


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: Panel(members=[]), "judge.empty_panel"),
        (lambda: Panel(members=[Grader(model="test/a"), Grader(model="test/b")]), "judge.two_of_one_name"),
        (lambda: Panel(members=[Grader(model="test/a"), HarmJudge(model="test/b")]), "judge.mixed_panel"),
        (lambda: Panel(members=[RefusalJudge(model="test/a"), HarmJudge(model="test/b")]), "judge.mixed_panel"),
        (
            lambda: Panel(
                members=[
                    Grader(name="a", model="test/a", scale=Scale(low=1, high=5)),
                    Grader(name="b", model="test/b", scale=Scale(low=1, high=10)),
                ]
            ),
            "judge.mixed_panel",
        ),
        (lambda: panel(3, quorum=4), "scorer.bad_option"),
        (lambda: panel(3, quorum=0), "scorer.bad_option"),
        (lambda: panel(3, rule="median"), "scorer.bad_option"),
    ],
)
def test_panels_that_cannot_be_are_refused(make: Any, code: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert caught.value.code == code
    assert caught.value.hint


def test_a_panel_of_pairwise_judges_votes_on_wins() -> None:
    members = [Pairwise(name=f"p{number}", model=f"test/m{number}") for number in range(3)]

    def answer(request: ModelRequest) -> str:
        return {"test/m0": "A", "test/m1": "tie", "test/m2": "A"}[request.model]

    score = judged(Panel(members=members, rule="vote"), ScriptedClient(answer), reference="Lyon")
    assert score.value == 0.5
    assert [one.label for one in member_verdicts(score)] == ["flipped", "tie", "flipped"]


def test_recorded_verdicts_say_how_many_judges_the_panel_is_worth() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(1, 6, size=60)
    scores = []
    for item, right in enumerate(truth):
        error = int(rng.integers(-1, 2))
        grades: list[Any] = [str(right + error), str(right + error), str(right + int(rng.integers(-1, 2)))]
        if item == 7:
            grades[2] = timed_out()
        scores.append(judged(panel(3), says(*grades)))
    names, table = verdict_table(scores)
    assert names == ("g0", "g1", "g2")
    assert math.isnan(table[7][2])
    found = effective_judges(table, truth)
    assert (found.n, found.unscored) == (59, 1)
    assert found.low is not None
    assert found.high is not None
    assert 1.4 < found.low < 1.8 < found.high < 2.6


@given(st.text(max_size=60))
def test_explanations_of_others_hold_no_members(text: str) -> None:
    score = Score(sample_id="1", scorer="s", scorer_version="v", value=1.0, explanation=text)
    assert member_verdicts(score) == ()
    assert verdict_table([score]) == ((), [[]])


def test_what_only_looks_like_members_is_none() -> None:
    for told in ("[]", "null", '{"members":3}', '{"members":[3]}', '{"members":[{"name":"a"}]}'):
        assert member_verdicts(Score(sample_id="1", scorer="s", scorer_version="v", value=1.0, explanation=told)) == ()
