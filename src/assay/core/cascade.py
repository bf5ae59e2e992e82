"""A cascade as data: who gives a verdict on how many items, and whose verdict the final figure speaks of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from assay.core.errors import ConfigError, nearest
from assay.core.protocols import Judge, Scorer
from assay.core.stopping import StoppingRule

PROGRAMMATIC = "programmatic"
POLICIES = ("share", "budget", "uncertainty")
SHARES = (0.1, 0.01)
"""Of the first and the second tier above the programmatic one, where nobody names any; further ones take the last."""


def default_share(place: int) -> float:
    """Of the tier at this place above the programmatic one, from 0."""
    return SHARES[min(place, len(SHARES) - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """A rung of people: labels that are there, and what more of them cost.

    Attributes:
        labels: Mean label by sample id; ``None`` where its raters could not tell.
        content_hash: Of the labels' file; other labels give another figure.
        usd_per_label: What one rater is paid for one label.
        raters: People who label an item.
        hours: Until a label is there.
        answered: Raters that have answered, by sample id; all of them where it is not said.
        scale: Lowest and highest label there is; ``None`` where nobody says.
        unit: Of the labels: ``score``, or ``share`` when they lie in [0, 1].
        told: ``scale`` and ``unit`` as the task gives them, where it does.
        notes: What a run says of the labels.
    """

    labels: Mapping[str, float | None]
    content_hash: str
    usd_per_label: float = 0.0
    raters: int = 1
    hours: float | None = None
    answered: Mapping[str, int] = field(default_factory=dict)
    scale: tuple[float, float] | None = None
    unit: str = "score"
    told: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def usd_per_item(self) -> float:
        """All raters of an item together."""
        return self.usd_per_label * self.raters

    def paid_usd(self, sample_id: str) -> float:
        """The raters of an item that have answered."""
        return self.usd_per_label * self.answered.get(sample_id, self.raters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """A rung above the programmatic one.

    Attributes:
        asks: A judge or people.
        share: Of all items that are drawn for it, in (0, 1].
        why: In words, where a budget gave it the share.
    """

    name: str
    asks: Judge | People
    share: float
    why: str | None = None


class VerdictMap(Protocol):
    """A map fitted on other data, from what the lower tiers say to the verdict of the tier above them."""

    @property
    def hash(self) -> str: ...

    @property
    def systems(self) -> Sequence[str]:
        """Models whose answers it was fitted on."""
        ...

    @property
    def names(self) -> Sequence[str]:
        """Of the tiers it predicts from, lowest first."""
        ...

    @property
    def features(self) -> Sequence[str]:
        """What it predicts from: names of free scorers and of tiers."""
        ...

    def proxies(self, features: Mapping[str, Any], systems: Sequence[str | None] | None = None) -> Sequence[Any]:
        """For each of these tiers the predicted verdict on every item."""
        ...

    def prior_variances(self, *, known_systems: bool, one_system: bool = False) -> Sequence[float]:
        """Residual variance of each tier's prediction on data it had not seen; within a system, for a run of one."""
        ...

    def residual_sizes(self, features: Mapping[str, Any], systems: Sequence[str | None] | None = None) -> Any:
        """Expected size of what the prediction of the highest of these tiers leaves open, for every item."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Cascade:
    """Tiers, lowest first; every item has a known, positive probability of reaching each.

    Attributes:
        name: Of the figure: the metric that a run reports.
        free: Scorers of the task whose scores, known on every item, help to predict the verdict.
        tiers: Above the programmatic one, lowest first; shares do not rise.
        speaks_of: Tier whose verdict on every item the figure estimates; tiers above it are not asked.
        seed: Of the draws.
        until: When to stop asking the top tier, in batches; ``None``: ask the share.
        certain: Metadata key; samples where it is true go up every tier.
        policy: Whom the top tier is asked about: ``share``, all alike; ``budget``, rather what the lower tiers predict
            worst; or ``uncertainty``, rather what they disagree on.
        calibration: Gives the weights of the lower tiers (a *map* start); without it they are fitted on the run's own
            top verdicts (a *cold* start).
        open: The shares are 1, the most there may be, until a budget gives them; nothing can be drawn before.
        because: In words, what the budget that gave the shares buys.
    """

    name: str
    free: Sequence[str]
    tiers: Sequence[Tier]
    speaks_of: str
    seed: int = 0
    until: StoppingRule | None = None
    certain: str | None = None
    policy: str = "share"
    calibration: VerdictMap | None = None
    open: bool = False
    because: str | None = None

    def __post_init__(self) -> None:
        names = [tier.name for tier in self.tiers]
        if not names or len({*names, PROGRAMMATIC}) != len(names) + 1:
            raise ConfigError(
                f"the tiers above the programmatic one are {', '.join(names) or 'missing'}",
                hint="at least one tier with a judge or labels, each with a name of its own",
                code="cascade.tiers",
            )
        if self.speaks_of not in names:
            raise ConfigError(
                f"estimate names the tier {self.speaks_of!r}, which is not there",
                hint=nearest(self.speaks_of, names),
                code="cascade.tiers",
            )
        below = 1.0
        for tier in self.tiers:
            if not 0.0 < tier.share <= below:
                raise ConfigError(
                    f"tier {tier.name} asks for {tier.share:g} of the items and the tier below it for {below:g}",
                    hint="tiers go from cheap to dear: a share lies in (0, 1] and never above that of the tier below",
                    code="cascade.order",
                )
            below = tier.share
        people = [tier.name for tier in self.tiers[:-1] if isinstance(tier.asks, People)]
        if people:
            raise ConfigError(
                f"tier {people[0]} is people and stands below a judge",
                hint="people are the most trusted tier: put them last",
                code="cascade.order",
            )

        self._check_policy()
        self._check_until()
        lower = [PROGRAMMATIC, *(tier.name for tier in self.used[:-1])]
        if self.calibration is not None and list(self.calibration.names) != lower:
            raise ConfigError(
                f"the calibration map is for the tiers {', '.join(self.calibration.names)}, this cascade has"
                f" {', '.join(lower)} below {self.speaks_of}",
                hint="fit it for these tiers: assay judge calibrate FILE --help",
                code="cascade.map",
            )
        known = {*self.free, *lower}
        unknown = [] if self.calibration is None else [name for name in self.calibration.features if name not in known]
        if unknown:
            raise ConfigError(
                f"the calibration map predicts from {unknown[0]!r}, which is neither a free score nor a tier here",
                hint=nearest(unknown[0], known - {PROGRAMMATIC}),
                code="cascade.map",
            )

    def _check_policy(self) -> None:
        if self.policy not in POLICIES:
            raise ConfigError(
                f"there is no policy {self.policy!r}", hint=nearest(self.policy, POLICIES), code="cascade.policy"
            )
        if self.policy == "uncertainty" and len(self.free) + len(self.used) - 1 < 2:
            raise ConfigError(
                "one verdict cannot disagree with itself",
                hint="the policy uncertainty needs two free scores or judges below the top tier",
                code="cascade.policy",
            )
        if self.open and (self.policy != "budget" or any(tier.share < 1.0 for tier in self.tiers)):
            raise ConfigError(
                "a cascade is open whose shares no budget gives",
                hint="policy: budget and no share, or the share of every tier",
                code="cascade.policy",
            )
        if self.policy == "budget" and self.calibration is None:
            raise ConfigError(
                "the policy budget asks where a calibration map is furthest off, and there is none",
                hint="make it: assay judge calibrate FILE --out map.json, then calibration: map.json",
                code="cascade.policy",
            )

    def _check_until(self) -> None:
        rule = self.until
        if rule is None or rule.half_width is not None:
            return
        assert rule.figure is not None and rule.threshold is not None
        if rule.figure != self.name:
            raise ConfigError(
                f"until: {rule.text!r} is about {rule.figure}, and the figure of this cascade is {self.name}",
                hint=f"until: {self.name} {'>' if rule.above else '<'} {rule.threshold:g}, or half_width <= X",
                code="cascade.until",
            )
        if self.policy != "share":
            raise ConfigError(
                f"until: {rule.text!r} needs verdicts drawn with one chance, and policy: {self.policy} draws with many",
                hint="policy: share (leave it out), or until: half_width <= X",
                code="cascade.until",
            )
        ends = scale_ends(self.used[-1].asks)
        if ends is not None and not ends[0] < rule.threshold < ends[1]:
            raise ConfigError(
                f"until: {rule.text!r}: {self.name} lies between {ends[0]:g} and {ends[1]:g}",
                hint="name a value inside of that scale",
                code="cascade.until",
            )

    @property
    def used(self) -> Sequence[Tier]:
        """The tiers up to the one the figure speaks of."""
        names = [tier.name for tier in self.tiers]
        return self.tiers[: names.index(self.speaks_of) + 1]

    def with_shares(
        self, shares: Mapping[str, float], *, why: Mapping[str, str | None], because: str | None
    ) -> Cascade:
        """The cascade with the shares that a budget gave its tiers, by name, and the reasons."""
        tiers = [replace(tier, share=shares[tier.name], why=why.get(tier.name)) for tier in self.tiers]
        return replace(self, tiers=tiers, open=False, because=because)

    def column(self, tier: Tier) -> str:
        """Name of the scorer column that holds a tier's verdicts."""
        return f"{self.name}.{tier.name}"


def scale_ends(asks: Scorer | People) -> tuple[float, float] | None:
    """Lowest and highest verdict there is, of a panel its members'; ``None`` where nobody says."""
    if isinstance(asks, People):
        return asks.scale
    if asks.unit == "share":
        return (0.0, 1.0)
    members = getattr(asks, "members", ())
    if members:
        return scale_ends(members[0])
    scale = getattr(asks, "scale", None)
    return None if scale is None else (float(scale.low), float(scale.high))
