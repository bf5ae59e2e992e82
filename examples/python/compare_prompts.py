"""Two prompts against each other, from Python: python examples/python/compare_prompts.py"""

from __future__ import annotations

import sys
from pathlib import Path

import assay

TICKETS = Path(__file__).parents[1] / "tickets"
sys.path.insert(0, str(TICKETS))  # the stand-in model, toy.py, lives there

TEAMS = """\
account: logging in, users, personal data
billing: prices, payments, invoices
bug: something in the program does not work
shipping: parcels and their delivery
"""


def task(template: str) -> assay.Task:
    return assay.Task(
        name="tickets",
        dataset=assay.Dataset.from_jsonl(TICKETS / "tickets.jsonl"),
        solver=assay.prompt(template),
        scorers=[assay.scorers.ExactMatch()],
    )


def main() -> None:
    short = assay.run(task("Which team gets this ticket?\n{{ input }}"), model="python:toy:answer")
    told = assay.run(task(f"Which team gets this ticket?\n{TEAMS}{{{{ input }}}}"), model="python:toy:answer")
    for run in (short, told):
        estimate = run.metrics["exact_match"]
        print(f"{run.run_id}: {estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f}), n = {estimate.n}")
    comparison = assay.compare(short, told)
    print(comparison["exact_match"].sentence)
    decision = assay.gate(told, baseline=short, rules=["noninferior(exact_match, margin=0.02)"])
    print(f"gate: {decision.verdict}")


if __name__ == "__main__":
    main()
