"""A Decision as JSON, JUnit XML and Markdown, for people and for continuous integration."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from xml.etree import ElementTree

from assay.app.exports import xml_text
from assay.core.records import Decision


def gate_json(decision: Decision) -> dict[str, Any]:
    """The ``assay gate --json`` document."""
    return {
        "schema": "assay.gate/1",
        "verdict": decision.verdict,
        "rules": [{**asdict(rule), "estimate": rule.estimate.to_dict()} for rule in decision.rules],
    }


def gate_junit(decision: Decision) -> str:
    """One test case a rule: fail is a failure, inconclusive an error, so that neither passes for the other.

    Examples:
        >>> from assay.core.records import Estimate, Verdict
        >>> e = Estimate(value=0.5, low=0.4, high=0.6, n=90, method="wilson")
        >>> rule = Verdict(rule="a.low >= 0.6", verdict="fail", estimate=e, sentence="too low")
        >>> "<failure" in gate_junit(Decision(verdict="fail", rules=[rule]))
        True
    """
    verdicts = [rule.verdict for rule in decision.rules]
    suite = ElementTree.Element(
        "testsuite",
        name="assay gate",
        tests=str(len(verdicts)),
        failures=str(verdicts.count("fail")),
        errors=str(verdicts.count("inconclusive")),
    )
    for rule in decision.rules:
        case = ElementTree.SubElement(suite, "testcase", classname="assay.gate", name=xml_text(rule.rule))
        if rule.verdict != "pass":
            tag = "failure" if rule.verdict == "fail" else "error"
            ElementTree.SubElement(case, tag, message=rule.verdict).text = xml_text(rule.sentence)
        else:
            ElementTree.SubElement(case, "system-out").text = xml_text(rule.sentence)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)


def gate_markdown(decision: Decision) -> str:
    """A table for a pull request."""
    rows = [f"| `{_cell(rule.rule)}` | **{rule.verdict}** | {_cell(rule.sentence)} |" for rule in decision.rules]
    return "\n".join([f"### Gate: {decision.verdict}", "", "| rule | verdict | evidence |", "|---|---|---|", *rows, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
