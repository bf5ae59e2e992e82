"""Gate rules: their syntax, checked against the parser itself."""

from __future__ import annotations

from docs.generators.text import code, page, sections, table, words

RULES = (
    ("exact_match.low >= 0.60", "The lower bound of the metric is at least the number."),
    ("latency.high <= 2.5", "The upper bound of the metric is at most the number, in the scorer's unit."),
    ("noninferior(exact_match, margin=0.02)", "A loss of more than the margin against the baseline is ruled out."),
    ("superior(exact_match, margin=0)", "A gain of more than the margin against the baseline is shown."),
    ("noninferior(exact_match, margin=0.05, segment=channel:mail)", "The same, on the samples of one segment."),
    ("exact_match.low >= 0.9, segment=critical:true", "On critical samples only."),
    ('exact_match.low >= 0.5, segment="team:first line"', "Values with spaces are quoted together with the key."),
)
REFUSED = ("exact_match >= 0.6", "exact_match.value >= 0.6", "exact_match.low <= 0.6", "noninferior(exact_match)")


def gates_page() -> str:
    """``reference/gates.md``."""
    from assay.core.errors import ConfigError
    from assay.engine import gate
    from assay.engine.broke import VITALS
    from assay.engine.rules import parse_rule

    kinds = [[code(text), parse_rule(text).kind, meaning] for text, meaning in RULES]
    refused = []
    for text in REFUSED:
        try:
            parse_rule(text)
        except ConfigError as error:
            refused.append([code(text), f"{str(error).partition(': ')[2]}; {error.hint}"])
    vitals = [
        [
            code(v.name),
            v.words,
            {True: "higher", False: "lower", None: "neither"}[v.higher_is_better],
            _margin(v.unit, v.margin),
        ]
        for v in VITALS
    ]
    return page(
        "Gate rules",
        "`assay gate RUN --baseline RUN_B --rule '…'`; repeat `--rule`, all must pass. "
        "[How to use a gate](../how-to/compare-and-gate.md).",
        words(gate.__doc__ or ""),
        table(["rule", "kind", "passes when"], kinds),
        words(sections(parse_rule.__doc__ or "")[""].split("\n\n")[1]),
        "A margin or bound is in the scorer's unit: 2 points of a share are `0.02`. Which direction is a loss comes "
        "from the scorer; a relative rule on a metric without a direction is refused.",
        "## Verdicts",
        table(
            ["verdict", "when", "exit status", "JUnit"],
            [
                ["`pass`", "the bound clears the threshold, after Holm's correction over the rules", "0", "passed"],
                ["`fail`", "the opposite bound refutes it", "1", "failure"],
                ["`inconclusive`", "neither; the evidence names how many more samples would settle it", "1", "error"],
            ],
        ),
        "## Rules that are refused",
        table(["rule", "why"], refused),
        "## The standing panel of a comparison",
        "`assay compare` judges these as well, whatever the primary metric is, each as non-inferiority with a margin.",
        table(["name", "what", "better", "margin"], vitals),
    )


def _margin(unit: str, margin: float) -> str:
    return f"{100 * margin:g} points" if unit == "share" else f"{100 * margin:g} %"
