"""A stand-in for a language model, so that the example runs anywhere: it knows a few words of each team.

It reads the prompt as a model would: where the prompt says what a team does, it knows more words of that team.
"""

import re

KNOWN = {
    "account": "account password login log logged profile name users admin",
    "billing": "invoice card plan discount euros charged paid pay receipt money",
    "bug": "crashes error broken update app freezes zero search",
    "shipping": "parcel deliver delivered courier order package tracking send",
}
TOLD = {
    "account": "user sign signed data codes colleagues",
    "billing": "bill price bank trial purchase months",
    "bug": "file twice text stops page",
    "shipping": "delivery return customs shop box",
}


def answer(messages):
    """The name of the team with the most known words in the ticket, the last line of the prompt."""
    prompt = messages[-1]["content"]
    instructions, _, ticket = prompt.strip().rpartition("\n")
    found = set(re.findall(r"\w+", ticket.lower()))
    scores = {}
    for team, known in KNOWN.items():
        words = set(known.split())
        if f"{team}:" in instructions:
            words |= set(TOLD[team].split())
        scores[team] = len(words & found)
    best = max(scores, key=scores.get)
    return best.capitalize() if scores[best] else "I am not sure."
