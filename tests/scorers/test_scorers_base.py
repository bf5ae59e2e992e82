"""What every scorer promises: versions, errors, missing references, the table of names."""

from __future__ import annotations

import inspect
import pickle
from importlib import import_module
from typing import Any

import pytest

import assay.scorers as room
from assay.core.errors import ConfigError, MissingExtraError
from assay.core.records import Output, Sample
from assay.scorers import BUILTIN, BaseScorer, ExactMatch, Numeric, Refusal, Regex, RougeL, TextScorer

OPTIONS: dict[str, dict[str, Any]] = {
    "regex": {"pattern": "x"},
    "embedding_similarity": {"encode": lambda texts: [[1.0]] * len(texts)},
}
OURS = [name for name in BUILTIN if name != "ifeval"]


def build(kind: str, **options: Any) -> Any:
    module, _, attribute = BUILTIN[kind].partition(":")
    return getattr(import_module(module), attribute)(**OPTIONS.get(kind, {}), **options)


@pytest.mark.parametrize("name", OURS)
def test_every_scorer_has_its_name_a_version_a_unit_and_a_direction(name: str) -> None:
    scorer = build(name)
    assert scorer.name == name
    assert len(scorer.version) == 12
    assert scorer.unit
    assert scorer.higher_is_better in (True, False, None)
    assert scorer.requires <= {"reference", "choices", "option_logprobs", "logprobs", "isolation"}
    assert inspect.getdoc(type(scorer))


@pytest.mark.parametrize("name", OURS)
def test_an_output_with_an_error_is_unscored_with_that_reason(name: str) -> None:
    sample = Sample(id="s", input="", reference="x", choices=["x", "y"], metadata={"labels": [1, 0]})
    score = build(name).score(sample, Output(sample_id="s", epoch=2, text="x", error="provider_error"))
    assert (score.value, score.reason, score.epoch) == (None, "provider_error", 2)


@pytest.mark.parametrize("name", OURS)
def test_a_missing_reference_is_unscored_where_one_is_needed(name: str) -> None:
    scorer = build(name)
    if "reference" in scorer.requires:
        for nothing in (None, []):
            score = scorer.score(Sample(id="s", input="", reference=nothing, choices=["x"]), Output(sample_id="s"))
            assert (score.value, score.reason) == (None, "sample has no reference")


@pytest.mark.parametrize("name", OURS)
def test_the_name_is_no_part_of_the_version(name: str) -> None:
    renamed = build(name, name="overlap")
    assert renamed.name == "overlap"
    assert renamed.version == build(name).version


def test_every_option_and_the_kind_are_part_of_the_version() -> None:
    versions = {
        scorer.version
        for scorer in (
            ExactMatch(),
            ExactMatch(casefold=False),
            ExactMatch(ignore_articles=True),
            Numeric(),
            Numeric(tolerance=0.5),
            RougeL(),
            RougeL(stemmer=True),
            Refusal(),
            Refusal(languages=["en"]),
        )
    }
    assert len(versions) == 9
    assert Refusal(languages=("en",)).version == Refusal(languages=["en"]).version


def test_versions_are_the_same_in_every_process() -> None:
    assert ExactMatch().version == "c783cfbbd2f2"
    assert pickle.loads(pickle.dumps(ExactMatch())).version == ExactMatch().version


def test_scores_carry_sample_epoch_scorer_and_version() -> None:
    scorer = ExactMatch(name="em")
    score = scorer.score(Sample(id="s", input="", reference="a"), Output(sample_id="s", epoch=3, text="a"))
    assert (score.sample_id, score.epoch, score.scorer, score.scorer_version) == ("s", 3, "em", scorer.version)


def test_bad_options_are_config_errors_that_name_the_rule() -> None:
    with pytest.raises(ConfigError, match="measure is 'f2'") as raised:
        RougeL(measure="f2")
    assert "f1" in raised.value.hint
    assert raised.value.code == "scorer.bad_option"
    with pytest.raises(ConfigError, match="empty name"):
        ExactMatch(name="")
    with pytest.raises(ConfigError, match="not a regular expression"):
        Regex(pattern="(")
    with pytest.raises(ConfigError, match="tolerance is -1"):
        Numeric(tolerance=-1)
    with pytest.raises(ConfigError, match="'xx'"):
        Refusal(languages=["xx"])


def test_the_embedding_scorer_without_an_encoder_names_the_extra() -> None:
    from assay.scorers import EmbeddingSimilarity

    with pytest.raises(MissingExtraError) as raised:
        EmbeddingSimilarity()
    assert "assay[embed]" in raised.value.hint


def test_names_load_lazily_and_unknown_ones_are_attribute_errors() -> None:
    for name in room.__all__:
        if name not in ("IFEval",):
            assert getattr(room, name) is not None
    assert set(room.__all__) == set(dir(room))
    with pytest.raises(AttributeError, match="no attribute 'Nope'"):
        room.__getattr__("Nope")


@pytest.mark.parametrize("kind", [BaseScorer, TextScorer])
def test_a_kind_that_does_not_say_how_it_scores_says_so(kind: Any) -> None:
    with pytest.raises(NotImplementedError):
        kind(name="mine").score(Sample(id="s", input="", reference="a"), Output(sample_id="s"))
