"""Several judges as one: a vote or a mean of those that gave a verdict, if they are enough."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.core.errors import ConfigError
from assay.core.protocols import Judge, ModelClient
from assay.core.records import Output, Sample, Score
from assay.judges.base import MAX_TOKENS, BaseJudge
from assay.judges.material import as_json, total_usd
from assay.judges.together import side_by_side

NO_QUORUM = "no_quorum"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberVerdict:
    """What one member said.

    Attributes:
        name: Of the member; unique in its panel.
        version: Of the member.
        value: ``None`` with a ``reason``.
    """

    name: str
    version: str
    value: float | None
    label: str | None = None
    reason: str | None = None
    explanation: str | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, kw_only=True)
class Panel(BaseJudge):
    """The mean, or the vote, of several judges of one unit, direction and scale.

    All members are asked side by side. One without a verdict is left out; with fewer verdicts than the quorum the panel
    has none either (``no_quorum``). How many independent judges it is worth, ``assay.stats.effective_judges`` says,
    given ``verdict_table`` and what is right. The explanation keeps every member's verdict: ``member_verdicts``.

    Attributes:
        members: At least one, each of another name; another version of one makes another panel.
        rule: ``mean``; or ``vote``: the value given most often, the mean of several given equally often.
        quorum: Fewest verdicts; more than half of the members when ``None``.
        model: The members' models joined by ``+``.
    """

    name: str = "panel"
    members: Sequence[Judge]
    rule: str = "mean"
    quorum: int | None = None
    model: str = field(init=False, default="")
    temperature: float = field(init=False, default=0.0, metadata={"versioned": False})
    max_tokens: int = field(init=False, default=MAX_TOKENS, metadata={"versioned": False})
    timeout_s: float | None = field(init=False, default=None, metadata={"versioned": False})

    def __post_init__(self) -> None:
        if not self.members:
            raise ConfigError(f"panel {self.name} has no members", hint="members: [judge, …]", code="judge.empty_panel")
        own: dict[str, Any] = {
            "members": tuple(self.members),
            "model": "+".join(member.model for member in self.members),
            # what its verdicts are is the members' to say, and they agree on it
            "unit": self.members[0].unit,
            "higher_is_better": self.members[0].higher_is_better,
            "requires": frozenset[str]().union(*(member.requires for member in self.members)),
        }
        for key, value in own.items():
            object.__setattr__(self, key, value)
        super().__post_init__()

    def _check(self) -> None:
        super()._check()
        self._one_of("rule", ("mean", "vote"))
        size = len(self.members)
        self._must(self.quorum is None or 1 <= self.quorum <= size, "quorum", f"from 1 to the {size} members")
        twice = [name for name, count in Counter(member.name for member in self.members).items() if count > 1]
        if twice:
            raise ConfigError(
                f"panel {self.name} has two members called {twice[0]}",
                hint="give each member a name of its own",
                code="judge.two_of_one_name",
            )
        first = self.members[0]
        for member in self.members[1:]:
            if _kind(member) != _kind(first):
                raise ConfigError(
                    f"panel {self.name}: {first.name} gives {_kind(first)} and {member.name} {_kind(member)}",
                    hint="members share unit, direction and scale",
                    code="judge.mixed_panel",
                )

    @property
    def _needed(self) -> int:
        return len(self.members) // 2 + 1 if self.quorum is None else self.quorum

    async def _judge(self, sample: Sample, output: Output, *, client: ModelClient) -> Score:
        scores = await side_by_side(*(member.judge(sample, output, client=client) for member in self.members))
        given = [score for score in scores if score.value is not None]
        told = as_json({"members": [_row(score) for score in scores]})
        if len(given) < self._needed:
            label = f"{len(given)} of {len(scores)}, {self._needed} needed"
            score = self._unscored(sample, output, NO_QUORUM, label=label, explanation=told)
        else:
            value, label_of = self._together([(score.value or 0.0, score.label) for score in given])
            score = self._value(sample, output, value, label=label_of, explanation=told)
        return self._priced(score, total_usd(score.cost_usd for score in scores))

    def _together(self, given: Sequence[tuple[float, str | None]]) -> tuple[float, str | None]:
        """The panel's value, and the label of those who gave exactly it, where they gave one and the same."""
        values = [value for value, _ in given]
        if self.rule == "vote":
            counts = Counter(values)
            most = max(counts.values())
            winners = [value for value, count in counts.items() if count == most]
            if len(winners) > 1:
                return math.fsum(winners) / len(winners), "tied"
            value = winners[0]
        else:
            value = min(max(math.fsum(values) / len(values), min(values)), max(values))
        labels = {label for own, label in given if own == value}
        return value, labels.pop() if len(labels) == 1 else None


def _kind(judge: Judge) -> str:
    """Unit, direction and scale of its verdicts, in words."""
    direction = {True: "higher is better", False: "lower is better", None: "neither direction better"}
    scale = getattr(judge, "scale", None)
    span = "" if scale is None else f", {scale.low} to {scale.high}"
    return f"{judge.unit} ({direction[judge.higher_is_better]}{span})"


def _row(score: Score) -> dict[str, Any]:
    row = {
        "name": score.scorer,
        "version": score.scorer_version,
        "value": score.value,
        "label": score.label,
        "reason": score.reason,
        "explanation": score.explanation,
        "cost_usd": score.cost_usd,
    }
    return {key: value for key, value in row.items() if value is not None}


def member_verdicts(score: Score) -> tuple[MemberVerdict, ...]:
    """The members' verdicts that a panel's Score rests on, in the panel's order; empty when it holds none.

    Examples:
        >>> told = '{"members":[{"name":"a","version":"1f","value":1},{"name":"b","version":"2e","reason":"empty"}]}'
        >>> score = Score(sample_id="1", scorer="panel", scorer_version="v", value=1.0, explanation=told)
        >>> [(one.name, one.value, one.reason) for one in member_verdicts(score)]
        [('a', 1, None), ('b', None, 'empty')]
    """
    try:
        return tuple(
            MemberVerdict(
                name=row["name"],
                version=row["version"],
                value=row.get("value"),
                label=row.get("label"),
                reason=row.get("reason"),
                explanation=row.get("explanation"),
                cost_usd=row.get("cost_usd"),
            )
            for row in json.loads(score.explanation or "")["members"]
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ()


def verdict_table(scores: Iterable[Score]) -> tuple[tuple[str, ...], list[list[float]]]:
    """Members' names, and a row of their values for each Score of a panel, NaN where a member gave none.

    Scores without members (an output that failed) give a row of NaN.
    """
    rows = [
        {one.name: math.nan if one.value is None else one.value for one in member_verdicts(score)} for score in scores
    ]
    names = tuple(dict.fromkeys(name for row in rows for name in row))
    return names, [[row.get(name, math.nan) for name in names] for row in rows]
