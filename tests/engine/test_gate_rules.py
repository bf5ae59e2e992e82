"""Gate rules as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import ConfigError
from assay.engine.rules import parse_rule


@pytest.mark.parametrize(
    ("text", "kind", "metric", "threshold", "segment"),
    [
        ("exact_match.low >= 0.60", "low", "exact_match", 0.6, None),
        ("  toxicity.high<=.05 ", "high", "toxicity", 0.05, None),
        ("noninferior(exact_match, margin=0.02)", "noninferior", "exact_match", 0.02, None),
        ("superior( exact_match , margin = 0 )", "superior", "exact_match", 0.0, None),
        ("superior(m, margin=0, segment=lang:de)", "superior", "m", 0.0, ("lang", "de")),
        ("superior(m, segment=lang:de, margin=0)", "superior", "m", 0.0, ("lang", "de")),
        ("noninferior(m, margin=1e-2) segment=lang:de", "noninferior", "m", 0.01, ("lang", "de")),
        ("m.low >= -3, segment=critical:true", "low", "m", -3.0, ("critical", "true")),
        ('m.low >= 1 segment="subject:high school"', "low", "m", 1.0, ("subject", "high school")),
        ("rouge-l.low >= 0.2", "low", "rouge-l", 0.2, None),
        ("pass@5.low >= 0.2", "low", "pass@5", 0.2, None),
        ("package/name.low >= 2 segment=url:a:b", "low", "package/name", 2.0, ("url", "a:b")),
    ],
)
def test_rules_that_can_be_read(
    text: str, kind: str, metric: str, threshold: float, segment: tuple[str, str] | None
) -> None:
    rule = parse_rule(text)
    assert (rule.kind, rule.metric, rule.threshold, rule.segment) == (kind, metric, threshold, segment)
    assert rule.text == text.strip()


@pytest.mark.parametrize(
    ("text", "position", "message", "hint"),
    [
        ("exact_match.value >= 0.6", 12, "gates look at a bound, not a bare mean", "exact_match.low >="),
        ("exact_match.lo >= 0.6", 12, "'lo' is not a bound", "did you mean 'low'?"),
        ("m.low <= 0.6", 6, "compared with <=", "write >="),
        ("m.low > 0.6", 6, "compared with >", "write >="),
        ("m.high >= 0.6", 7, "compared with >=", "write <="),
        ("m.low >= high", 9, "expected a number", "e.g."),
        ("m.low >= 60%", 11, "expected segment=KEY:VALUE or the end", "e.g."),
        ("", 0, "expected a metric", "e.g."),
        ("m", 1, "expected . or (", "e.g."),
        ("noninferor(m, margin=0.1)", 0, "no rule called noninferor", "did you mean 'noninferior'?"),
        ("noninferior(m)", 14, "names no margin", "margin=0.02"),
        ("noninferior(m, margin=0)", 24, "has the margin 0", "superior"),
        ("superior(m, margin=-1)", 22, "has the margin -1", "above 0"),
        ("superior(m, margn=1)", 12, "no option 'margn'", "did you mean 'margin'?"),
        ("superior(m, margin=1, margin=2)", 22, "given twice", "once"),
        ("superior(m, margin=1, segment=a:b) segment=a:b", 46, "given twice", "once"),
        ("superior(m, margin=1", 20, "expected , or )", "e.g."),
        ("m.low >= 1 segment=lang", 19, "a segment is KEY:VALUE", "segment=language:de"),
        ("m.low >= 1 segment=a:b c", 23, "goes on after its end", "quote"),
        ("m.low >= 1 and k.low >= 2", 11, "'and' was not expected", "segment"),
    ],
)
def test_rules_that_cannot_be_read_say_where_and_what_to_write(
    text: str, position: int, message: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_rule(text)
    error = caught.value
    assert error.code == "gate.rule_invalid"
    assert message in str(error)
    assert hint in error.hint
    assert error.details["position"] == position
    assert f"at character {position + 1}" in str(error)


@given(st.text(max_size=40))
def test_any_text_is_a_rule_or_a_config_error(text: str) -> None:
    try:
        assert parse_rule(text).metric
    except ConfigError as error:
        assert error.code == "gate.rule_invalid"
