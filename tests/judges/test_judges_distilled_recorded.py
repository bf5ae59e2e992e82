"""A judge distilled from GPT-4's recorded verdicts on real summaries, as the page of recorded judges shows it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bench.judges.distilled import PROMPT, TEACHER, learned
from bench.judges.summeval import DIMENSIONS, scored

pytestmark = pytest.mark.slow


def test_a_quarter_of_gpt4s_variance_on_new_documents_and_nothing_sure_of_new_systems(real_data: Path) -> None:
    data = scored(real_data)
    standings = {}
    for name in DIMENSIONS:
        found = learned(real_data, data.judged[TEACHER, PROMPT, name])
        systems, documents = found.held_out
        standings[name] = found.judge.standing
        assert documents.gain.value is not None and 0.2 < documents.gain.value < 0.4
        assert documents.gain.low is not None and documents.gain.low > 0.1
        assert systems.gain.value is not None and systems.gain.value < documents.gain.value
        assert systems.gain_new is not None and systems.gain_new.low is not None and systems.gain_new.low < 0.0
    assert standings == {"coherence": "undecided", "consistency": "undecided", "fluency": "undecided",
                         "relevance": "useless"}  # fmt: skip


def test_what_is_foretold_of_new_systems_agrees_with_experts_less_than_gpt4_does(real_data: Path) -> None:
    data = scored(real_data)
    verdicts = data.judged[TEACHER, PROMPT, "consistency"]
    found = learned(real_data, verdicts)
    experts = data.mean("consistency")
    ours = np.corrcoef(found.foretold, experts[found.rows])[0, 1]
    theirs = np.corrcoef(verdicts, experts)[0, 1]
    assert 0.3 < ours < theirs
