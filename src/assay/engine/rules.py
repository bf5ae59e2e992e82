"""Gate rules as people write them: ``exact_match.low >= 0.60``, ``noninferior(exact_match, margin=0.02)``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from assay.core.errors import ConfigError, nearest

RELATIVE = ("noninferior", "superior")
_TOKEN = re.compile(
    r"""\s*(?:(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w@^])
    |(?P<name>[A-Za-z_][\w@^/-]*|\d[\w@^/-]*)
    |(?P<sign><=|>=|==|!=|[<>=.,()]))""",
    re.VERBOSE,
)
_SEGMENT = re.compile(r"""\s*(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s,()]+))""")
_EXAMPLES = "e.g. 'exact_match.low >= 0.60' or 'noninferior(exact_match, margin=0.02)'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule.

    Attributes:
        text: As written.
        kind: ``low`` (lower bound at least the threshold), ``high`` (upper bound at most), ``noninferior`` (a loss
            beyond the margin is ruled out) or ``superior`` (a gain beyond the margin is shown).
        metric: Scorer name.
        threshold: Of ``low`` and ``high``, in the scorer's unit; else the margin, at least 0.
        segment: Key and value of the samples it is about; ``None`` for all.
    """

    text: str
    kind: str
    metric: str
    threshold: float
    segment: tuple[str, str] | None = None

    @property
    def relative(self) -> bool:
        """Whether it needs a baseline."""
        return self.kind in RELATIVE


def parse_rule(text: str) -> Rule:
    """Read one rule.

    ``METRIC.low >= NUMBER``, ``METRIC.high <= NUMBER``, ``noninferior(METRIC, margin=NUMBER)`` or
    ``superior(METRIC, margin=NUMBER)``; each may end in ``segment=KEY:VALUE`` (quoted when it holds spaces), inside the
    parentheses or after.

    Raises:
        ConfigError: It is none of these (``gate.rule_invalid``); the message has the position.

    Examples:
        >>> parse_rule("exact_match.low >= 0.60").threshold
        0.6
        >>> parse_rule("noninferior(f1, margin=0.02, segment=lang:de)").segment
        ('lang', 'de')
    """
    return _Reader(text).rule()


class _Reader:
    """Reads a rule from left to right and knows where it is."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def rule(self) -> Rule:
        name = self._take("name", "a metric, noninferior(…) or superior(…)")
        follow = self._sign((".", "("), after=name)
        return self._absolute(name) if follow == "." else self._relative(name)

    def _absolute(self, metric: str) -> Rule:
        start = self.at
        bound = self._take("name", "low or high")
        if bound in ("value", "mean"):
            raise self._error(
                f"gates look at a bound, not a bare mean: {metric}.{bound}",
                at=start,
                hint=f"write {metric}.low >= … (or .high <= …), so that luck alone does not pass",
            )
        if bound not in ("low", "high"):
            raise self._error(f"{bound!r} is not a bound", at=start, hint=nearest(bound, ["low", "high"]))
        start = self.at
        wanted = {"low": ">=", "high": "<="}[bound]
        sign = self._sign(("<=", ">=", "<", ">", "==", "=", "!="), after=f"{metric}.{bound}")
        if sign != wanted:
            why = {"low": "the lower bound shows that it is at least so good", "high": "the upper bound shows a limit"}
            raise self._error(
                f"{metric}.{bound} is compared with {sign}", at=start, hint=f"write {wanted}: {why[bound]}"
            )
        threshold = float(self._take("number", "a number"))
        return Rule(text=self.text.strip(), kind=bound, metric=metric, threshold=threshold, segment=self._tail())

    def _relative(self, kind: str) -> Rule:
        if kind not in RELATIVE:
            raise self._error(f"there is no rule called {kind}(…)", at=0, hint=nearest(kind, RELATIVE))
        metric = self._take("name", "a metric")
        margin: float | None = None
        segment: tuple[str, str] | None = None
        while self._sign((",", ")"), after=metric) == ",":
            start = self.at
            option = self._take("name", "margin= or segment=")
            self._sign(("=",), after=option)
            if option == "margin" and margin is None:
                margin = float(self._take("number", "a number"))
            elif option == "segment" and segment is None:
                segment = self._segment()
            else:
                again = option in ("margin", "segment")
                raise self._error(
                    f"{option} is given twice" if again else f"{kind} has no option {option!r}",
                    at=start,
                    hint="give it once" if again else nearest(option, ["margin", "segment"]),
                )
        if margin is None:
            raise self._error(f"{kind}({metric}) names no margin", at=self.at, hint=f"{kind}({metric}, margin=0.02)")
        if margin < 0.0 or (kind == "noninferior" and margin == 0.0):
            raise self._error(
                f"{kind} has the margin {margin:g}",
                at=self.at,
                hint="a margin of non-inferiority is above 0; for no loss at all use superior(…, margin=0)",
            )
        after = self._tail()
        if segment is not None and after is not None:
            raise self._error("segment is given twice", at=self.at, hint="give it once")
        return Rule(text=self.text.strip(), kind=kind, metric=metric, threshold=margin, segment=segment or after)

    def _tail(self) -> tuple[str, str] | None:
        """Nothing more, or one segment."""
        if not self.text[self.at :].strip():
            return None
        token = _TOKEN.match(self.text, self.at)
        if token and token["sign"] == ",":
            self.at = token.end()
        start = self.at
        word = self._take("name", "segment=KEY:VALUE or the end")
        if word != "segment":
            raise self._error(f"{word!r} was not expected here", at=start, hint="only segment=KEY:VALUE may follow")
        self._sign(("=",), after=word)
        segment = self._segment()
        if self.text[self.at :].strip():
            raise self._error("the rule goes on after its end", at=self.at, hint='quote values with spaces: "a b"')
        return segment

    def _segment(self) -> tuple[str, str]:
        found = _SEGMENT.match(self.text, self.at)
        written = "" if found is None else (found["quoted"] if found["quoted"] is not None else found["bare"])
        key, colon, value = written.partition(":")
        if found is None or not key or not colon or not value:
            raise self._error("a segment is KEY:VALUE", at=self.at, hint="e.g. segment=language:de")
        self.at = found.end()
        return key, value

    def _take(self, kind: str, wanted: str) -> str:
        token = _TOKEN.match(self.text, self.at)
        if token is None or token[kind] is None:
            raise self._error(f"expected {wanted}", at=self.at)
        self.at = token.end()
        return token[kind]

    def _sign(self, signs: tuple[str, ...], *, after: str) -> str:
        token = _TOKEN.match(self.text, self.at)
        if token is None or token["sign"] not in signs:
            raise self._error(f"expected {' or '.join(signs)} after {after}", at=self.at)
        self.at = token.end()
        return token["sign"]

    def _error(self, what: str, *, at: int, hint: str = _EXAMPLES) -> ConfigError:
        while at < len(self.text) and self.text[at].isspace():
            at += 1
        return ConfigError(
            f"the rule {self.text.strip()!r} cannot be read at character {at + 1}: {what}",
            hint=hint,
            code="gate.rule_invalid",
            details={"rule": self.text, "position": at},
        )
