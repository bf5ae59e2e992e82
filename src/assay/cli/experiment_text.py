"""An analysis as text of 80 columns: the split first, then effects, guardrails, segments and warnings."""

from __future__ import annotations

import textwrap

from assay.cli.output import WIDTH, number, table
from assay.core.records import Estimate
from assay.experiments.analysis import Analysis
from assay.experiments.effects import Effect
from assay.experiments.spec import Experiment

_SHOWN_SEGMENTS = 12


def analysis_text(experiment: Experiment, analysis: Analysis) -> str:
    """What ``assay experiment analyze`` prints."""
    counts = ", ".join(f"{arm} {count:,}" for arm, count in analysis.counts.items())
    parts = [f"{analysis.name}: {counts}", _wrapped(f"split: {analysis.sample_ratio.sentence}")]
    if not analysis.trustworthy:
        parts.append(_wrapped("The figures below are printed for whoever looks for the fault; they decide nothing."))
    effects = [effect for effect in analysis.effects if effect.role != "guardrail"]
    guardrails = [effect for effect in analysis.effects if effect.role == "guardrail"]
    parts.append(_effects(effects, experiment))
    if guardrails:
        parts.append(_guardrails(guardrails))
    if analysis.segments:
        parts.append(_segments(analysis))
    parts += [_wrapped(report.sentence) for report in analysis.simpson.values() if report.verdict != "none"]
    if analysis.deviations is not None:
        listed = [f"- {line}" for line in analysis.deviations] or ["no deviation"]
        parts.append("\n".join([f"against the registration of {analysis.registered_at}:", *map(_wrapped, listed)]))
    parts += [_wrapped(f"warning: {line}") for line in analysis.warnings]
    return "\n\n".join([*parts, _wrapped(analysis.sentence)])


def _effects(effects: list[Effect], experiment: Experiment) -> str:
    header = ["metric", "arm", "control", "value", "difference (interval)", "adj. p"]
    rows = [
        [
            effect.metric,
            effect.arm,
            number(effect.control_level, effect.unit),
            number(effect.arm_level, effect.unit),
            _interval(effect.difference),
            _p(effect.p_adjusted),
        ]
        for effect in effects
    ]
    other_header = ["metric", "arm", "always-valid interval", "its p", "P(better)", "expected loss"]
    others = [
        [effect.metric, effect.arm, _bounds(effect.always_valid), _p(effect.always_valid_p), *_bayes(effect)]
        for effect in effects
    ]
    deciding = "always-valid interval" if experiment.stopping == "sequential" else "difference and its adjusted p"
    return "\n\n".join(
        [
            table(header, rows, align="<<>>>>", cut=[0, 1]),
            table(other_header, others, align="<<>>>>", cut=[0, 1]),
            _wrapped(
                f"The {deciding} decide{'s' if experiment.stopping == 'sequential' else ''}: stopping is "
                f"{experiment.stopping}."
            ),
        ]
    )


def _bayes(effect: Effect) -> tuple[str, str]:
    if effect.bayes is None:
        return "–", "–"
    loss = effect.bayes.loss_arm
    return f"{effect.bayes.probability_better:.3f}", "–" if loss is None else f"{loss:.2g}"


def _guardrails(effects: list[Effect]) -> str:
    rows = [
        [effect.metric, effect.arm, _interval(effect.difference), effect.verdict, _p(effect.p_value)]
        for effect in effects
    ]
    return table(["guardrail", "arm", "difference (interval)", "verdict", "p"], rows, align="<<><>", cut=[0, 1])


def _segments(analysis: Analysis) -> str:
    ranked = sorted(analysis.segments, key=lambda row: 2.0 if row.p_value is None else row.p_value)
    rows = [
        [f"{row.column}={row.value}", row.arm, f"{row.n:,}", _interval(row.difference), _p(row.p_adjusted)]
        for row in ranked[:_SHOWN_SEGMENTS]
    ]
    return table(["segment", "arm", "n", "difference (interval)", "adj. p"], rows, align="<<>>>", cut=[0, 1])


def _interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return number(estimate.value, estimate.unit)
    return f"{_signed(estimate.value, estimate.unit)} {_bounds(estimate)}"


def _bounds(estimate: Estimate | None) -> str:
    if estimate is None or estimate.low is None or estimate.high is None:
        return "–"
    return f"({_signed(estimate.low, estimate.unit)} to {_signed(estimate.high, estimate.unit)})"


def _signed(value: float | None, unit: str) -> str:
    """Differences of shares in points, others as three significant digits."""
    if value is None:
        return "–"
    text = f"{value * 100:+.2f}" if unit == "share" else f"{value:+.3g}"
    return text.replace("-", "\N{MINUS SIGN}")


def _p(value: float | None) -> str:
    return "–" if value is None else "<.0001" if value < 0.0001 else f"{value:.4f}".removeprefix("0")


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False)
