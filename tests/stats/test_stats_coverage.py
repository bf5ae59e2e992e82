"""Every interval and test holds its promise on simulated data, and the wrong method beside it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bench.coverage.case import Case
from bench.coverage.table import all_cases, rates


@pytest.mark.parametrize(("slack", "because"), [(0.01, ""), (0.0, "counts are discrete")])
def test_what_is_allowed_beyond_noise_has_a_reason(slack: float, because: str) -> None:
    with pytest.raises(ValueError, match="slack"):
        replace(all_cases()[0], slack=slack, slack_because=because)


@pytest.mark.slow
@pytest.mark.parametrize("case", all_cases(), ids=lambda case: f"{case.family}: {case.method}")
def test_it_holds_and_the_wrong_method_fails(case: Case) -> None:
    right, wrong = rates(case, case.short)
    assert case.holds(right, case.short), f"{right} of {case.short} against {case.nominal}"
    assert not case.holds(wrong, case.short), f"{case.wrong_method} passes with {wrong} of {case.short}"
