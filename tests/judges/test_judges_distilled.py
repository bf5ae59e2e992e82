"""Distilled judges: planted signals are found, length and noise are called useless, a file gives the same judge."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distilled_cases import (
    FEW_WORDS,
    World,
    by_length,
    by_length_step,
    by_nothing,
    by_words,
    distilled,
    taught,
    world,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import AssayError, DataError, InvalidInputError, NotFoundError
from assay.core.records import Output, Sample
from assay.judges import distilling
from assay.judges.distilled import EMPTY, NO_ENCODER, Distilled, DistilledJudge, read_distilled
from assay.judges.distilling import Taught, distil
from assay.judges.text_features import (
    OF_INPUT,
    OF_REFERENCE,
    OWN,
    Encoder,
    feature_names,
    length_columns,
    manner_columns,
    vectors,
    word_encoder,
)
from assay.testing import check_scorer

pytestmark = pytest.mark.slow

Floats = Any
FOUND = distilled(by_words)


def written(path: Path, judge: Distilled) -> str:
    path.write_text(json.dumps(judge.to_dict()), encoding="utf-8")
    return str(path)


def test_a_planted_signal_is_found_on_systems_that_were_left_out() -> None:
    assert FOUND.judge.standing == "useful", FOUND.judge.why
    systems, documents = FOUND.held_out
    assert (systems.left_out, documents.left_out) == ("systems", "documents")
    assert systems.r2.value is not None and systems.r2.value > 0.35
    assert systems.gain.low is not None and systems.gain.low > 0.2
    assert systems.spearman_gain.low is not None and systems.spearman_gain.low > 0.4
    assert systems.slope.low is not None and systems.slope.high is not None
    assert systems.slope.low < 1.0 < systems.slope.high
    assert systems.gain_new is not None and systems.gain_new.n_clusters == 6 and systems.gain.n_clusters == 40
    fresh = world(np.random.default_rng(9))
    foretold = FOUND.judge.predict(fresh.texts, encoder=FEW_WORDS)
    assert np.corrcoef(foretold, fresh.quality)[0, 1] > 0.6
    assert np.var(fresh.quality + np.random.default_rng(8).normal(size=240) - foretold) == pytest.approx(
        systems.residual_variance, rel=0.3
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("rule", [by_nothing, by_length, by_length_step])
def test_noise_and_length_alone_are_useless(rule: Any, seed: int) -> None:
    found = distilled(rule, seed=seed)
    assert found.judge.standing == "useless", found.judge.why
    assert found.judge.why.startswith("Useless: ")


def test_length_is_foretold_and_is_no_merit() -> None:
    held = distilled(by_length).held_out[0]
    assert held.r2.value is not None and held.length_r2.value is not None
    assert held.length_r2.value > 0.8 and held.r2.value > 0.8


def test_a_baseline_that_knows_length_as_a_straight_line_would_praise_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: what bends with length (the share of distinct words) then looks like a merit."""

    def straight(texts: list[str], **others: Any) -> Any:
        _, manner, meaning = text_blocks(texts, **others)
        return np.array([[float(len(text))] for text in texts]), manner, meaning

    text_blocks = distilling.text_blocks
    monkeypatch.setattr(distilling, "text_blocks", straight)
    assert distilled(by_length_step).judge.standing == "useful"


def test_a_judge_that_knows_nothing_does_not_look_opposed_to_its_teacher() -> None:
    """Systems differ in their mean verdict and in nothing that can be read: the mean of the others is always wrong."""

    def by_system(world: World, rng: np.random.Generator) -> Floats:
        effect = dict(zip(sorted(set(world.systems)), (-3.0, -2.0, -1.0, 1.0, 2.0, 3.0), strict=True))
        return np.array([effect[name] for name in world.systems]) + rng.normal(size=len(world.texts))

    held = distilled(by_system).held_out[0]
    assert held.length_spearman.value == pytest.approx(0.0, abs=0.15)
    assert held.r2.value == pytest.approx(0.0, abs=0.15)


def test_a_gain_that_rests_on_one_system_is_undecided_for_new_ones() -> None:
    def in_one(world: World, rng: np.random.Generator) -> Floats:
        slope = np.array([8.0 if name == "s0" else 1.0 for name in world.systems])
        return np.asarray(slope * world.quality + rng.normal(size=len(world.texts)))

    found = distilled(in_one)
    assert found.judge.standing == "undecided", found.judge.why
    assert "rests on few" in found.judge.why
    held = found.held_out[0]
    assert held.gain.low is not None and held.gain.low > 0.0
    assert held.gain_new is not None and held.gain_new.low is not None and held.gain_new.low <= 0.0


def test_without_systems_nothing_is_shown_of_new_ones() -> None:
    rng = np.random.default_rng(1)
    made = world(rng)
    found = distil(Taught(texts=made.texts, verdicts=by_words(made, rng)), encoder=FEW_WORDS, rng=rng)
    assert found.judge.standing == "undecided"
    assert found.judge.why.startswith("No system was held out")
    assert [held.left_out for held in found.held_out] == ["documents"]
    assert found.held_out[0].gain_new is None and found.judge.n_systems is None


@settings(max_examples=10)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(shuffler: Any) -> None:
    rng = np.random.default_rng(1)
    made = world(rng, n=60, systems=2)
    verdicts = by_words(made, rng)
    order = list(range(60))
    shuffler.shuffle(order)
    other = Taught(
        texts=[made.texts[row] for row in order],
        verdicts=verdicts[order],
        systems=[made.systems[row] for row in order],
        clusters=[made.documents[row] for row in order],
    )
    first, second = (
        distil(one, encoder=word_encoder("words-8"), rng=np.random.default_rng(2))
        for one in (taught(made, verdicts), other)
    )
    assert first.judge.hash == second.judge.hash
    assert [order[row] for row in second.rows] == first.rows.tolist()
    assert first.foretold.tolist() == second.foretold.tolist()


def test_verdicts_of_new_texts_do_not_depend_on_their_neighbours() -> None:
    texts = world(np.random.default_rng(3), n=12).texts
    together = FOUND.judge.predict(texts, encoder=FEW_WORDS)
    alone = [FOUND.judge.predict([text], encoder=FEW_WORDS)[0] for text in texts]
    assert together.tolist() == pytest.approx(alone, abs=1e-9)


def test_a_file_gives_the_same_judge(tmp_path: Path) -> None:
    path = written(tmp_path / "small.json", FOUND.judge)
    again = read_distilled(path)
    assert again == replace(FOUND.judge, held_out=again.held_out)
    assert again.hash == FOUND.judge.hash
    texts = world(np.random.default_rng(3)).texts
    assert (again.predict(texts, encoder=FEW_WORDS) == FOUND.judge.predict(texts, encoder=FEW_WORDS)).all()


def test_verdicts_stay_on_the_scale() -> None:
    low, high = FOUND.judge.scale
    narrow = replace(FOUND.judge, scale=(-0.25, 0.25))
    foretold = narrow.predict(world(np.random.default_rng(3)).texts, encoder=FEW_WORDS)
    assert (foretold.min(), foretold.max()) == (-0.25, 0.25)
    assert ((low <= FOUND.foretold) & (FOUND.foretold <= high)).all()


def test_rows_without_a_verdict_or_a_text_are_left_out() -> None:
    rng = np.random.default_rng(1)
    made = world(rng)
    verdicts = by_words(made, rng)
    verdicts[3] = np.nan
    texts: list[str | None] = [*made.texts]
    texts[5], texts[7] = None, "  "
    found = distil(replace(taught(made, verdicts), texts=texts), encoder=FEW_WORDS, rng=rng)
    assert (found.left_out, found.judge.n) == (3, 237)
    assert not {3, 5, 7} & set(found.rows.tolist())


def bad(**changes: Any) -> Taught:
    made = world(np.random.default_rng(1), n=60, systems=3)
    return replace(taught(made, made.quality), **changes)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (bad(texts=["a"] * 3, verdicts=[1.0, 2.0, 3.0], systems=None, clusters=None), "judge.few_verdicts"),
        (bad(verdicts=[np.nan] * 60), "judge.few_verdicts"),
        (bad(texts=[None] * 60), "judge.no_text"),
        (bad(verdicts=[3.0] * 60), "judge.flat_verdicts"),
        (bad(systems=["only"] * 60), "judge.one_system"),
        (bad(clusters=["only"] * 60), "judge.one_document"),
        (bad(systems=[None, *["a", "b"] * 29, "a"]), "judge.no_column"),
        (bad(inputs=[None] * 60), "judge.no_column"),
        (bad(systems=[f"d{k}" for k in range(60)], clusters=["a"] * 30 + ["b"] * 30), None),
        (bad(systems=["a"] * 30 + ["b"] * 30, clusters=["a"] * 30 + ["b"] * 30), None),
        (bad(systems=["a", "b"] * 15 + ["a"] * 30, clusters=["a"] * 30 + ["b"] * 30), "judge.few_verdicts"),
        (bad(verdicts=[1.0, 2.0]), "input.invalid"),
        (bad(verdicts=["good"] * 60), "input.invalid"),
        (bad(verdicts=[float("inf")] * 60), "input.invalid"),
        (bad(systems=["a", "b"]), "input.invalid"),
    ],
)
def test_what_cannot_be_distilled_says_why(given: Taught, code: str | None) -> None:
    try:
        distil(given, encoder=word_encoder("words-8"), rng=np.random.default_rng(1))
    except AssayError as error:
        assert error.code == code, error
        assert error.hint
    else:
        assert code is None


def test_a_scale_that_does_not_hold_the_verdicts_is_refused() -> None:
    for scale in ((0.0, 1.0), (5.0, -5.0)):
        with pytest.raises(InvalidInputError, match="on a scale"):
            distil(bad(), encoder=FEW_WORDS, rng=np.random.default_rng(1), scale=scale)
    wide = distil(bad(), encoder=FEW_WORDS, rng=np.random.default_rng(1), scale=(-10, 10))
    assert wide.judge.scale == (-10.0, 10.0)


def test_another_encoder_is_refused() -> None:
    for other in (word_encoder("words-32"), Encoder(name="words-16", encode=word_encoder("words-32").encode),
                  Encoder(name="words-16", encode=lambda texts: [np.ones(16)] * len(texts))):  # fmt: skip
        with pytest.raises(DataError) as caught:
            FOUND.judge.predict(["a"], encoder=other)
        assert caught.value.code == "judge.other_encoder"


@pytest.mark.parametrize("encode", [
    lambda texts: [[1.0]] * (len(texts) + 1), lambda texts: [np.ones(3 + len(text)) for text in texts],
    lambda texts: [[float("nan")]] * len(texts), lambda texts: ["word"] * len(texts), lambda texts: None,
])  # fmt: skip
def test_an_encoder_that_returns_nonsense_is_refused(encode: Any) -> None:
    with pytest.raises(DataError) as caught:
        distil(bad(), encoder=Encoder(name="mine", encode=encode), rng=np.random.default_rng(1))
    assert caught.value.code == "judge.bad_encoder"


def test_token_matrices_are_averaged(tmp_path: Path) -> None:
    def encode(texts: list[str]) -> list[Any]:
        return [np.array([[float(word in ("clear", "kind", "right")), float(word in ("vague", "rude", "wrong")), 0.1]
                          for word in text.split()]) for text in texts]  # fmt: skip

    found = distilled(by_words, encoder=Encoder(name="tokens", encode=encode))
    assert found.judge.standing == "useful"
    path = written(tmp_path / "tokens.json", found.judge)
    judge = DistilledJudge(path=path, encode=encode)
    score = judge.score(Sample(id="a", input="?"), Output(sample_id="a", text="a clear kind word"))
    assert score.value == pytest.approx(found.judge.predict(["a clear kind word"], encoder=judge._encoder)[0])
    with pytest.raises(DataError, match="not words-64"):
        DistilledJudge(path=path)


@pytest.mark.parametrize("spoilt", [
    "[]", "{", '{"schema": "assay.judge_card/1"}', '{"schema": "assay.distilled_judge/1"}',
    json.dumps({**FOUND.judge.to_dict(), "standing": "very useful"}),
    json.dumps({**FOUND.judge.to_dict(), "steps": [{}]}),
    json.dumps({**FOUND.judge.to_dict(), "scale": ["a", 1]}),
])  # fmt: skip
def test_a_wrong_or_changed_file_is_refused(tmp_path: Path, spoilt: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(spoilt, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        DistilledJudge(path=str(path))
    assert caught.value.code == "judge.bad_distilled"
    with pytest.raises(NotFoundError):
        DistilledJudge(path=str(tmp_path / "none.json"))


def test_the_scorer_keeps_a_scorers_promises(tmp_path: Path) -> None:
    judge = DistilledJudge(path=written(tmp_path / "a.json", FOUND.judge))
    other = DistilledJudge(path=written(tmp_path / "b.json", distilled(by_words, seed=2).judge))
    check_scorer(judge, other=other)
    assert DistilledJudge(path=written(tmp_path / "c.json", FOUND.judge)).version == judge.version
    told = [judge.score(Sample(id="a", input="?"), Output(sample_id="a", text=text)) for text in ("", " \n", "clear")]
    assert [score.reason for score in told] == [EMPTY, EMPTY, None]
    good, poor = (
        judge.score(Sample(id="a", input="?"), Output(sample_id="a", text=text)).value
        for text in ("clear kind right and clear", "wrong rude vague and wrong")
    )
    assert good is not None and poor is not None and good > poor + 1.0


def test_input_and_reference_are_wanted_where_it_was_made_with_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    made = world(rng)
    right = [" ".join(rng.choice(text.split(), size=6)) for text in made.texts]
    right[::2] = ["something else entirely"] * 120
    verdicts = np.tile([0.0, 2.0], 120) + rng.normal(size=240)
    both = replace(taught(made, verdicts), inputs=["what?"] * 240, references=right)
    found = distil(both, encoder=FEW_WORDS, rng=rng)
    assert found.judge.uses == ("input", "reference")
    assert found.judge.to_dict()["features"] == [*OWN, *OF_INPUT, *OF_REFERENCE]
    assert found.judge.standing == "useful"
    judge = DistilledJudge(path=written(tmp_path / "x.json", found.judge))
    output = Output(sample_id="a", text="word1 word2 word3 clear")
    none, close, far = (
        judge.score(Sample(id="a", input=[{"role": "user", "content": "what?"}], reference=reference), output)
        for reference in (None, ["word1 word2 word3", "never read"], "something else entirely")
    )
    assert none.reason == "sample has no reference"
    assert close.value is not None and far.value is not None and close.value > far.value + 0.5
    with pytest.raises(DataError) as caught:
        found.judge.predict(["a"], encoder=FEW_WORDS, inputs=["b"])
    assert caught.value.code == "judge.no_column"


@pytest.mark.parametrize("error", [RuntimeError("cuda"), ValueError("too long"), IndexError("token")])
def test_an_encoder_that_fails_on_a_text_ends_no_run(tmp_path: Path, error: Exception) -> None:
    def encode(texts: list[str]) -> Any:
        if "bomb" in texts:
            raise error
        return FEW_WORDS.encode(texts)

    judge = DistilledJudge(path=written(tmp_path / "x.json", FOUND.judge), encode=encode)
    score = judge.score(Sample(id="a", input="?"), Output(sample_id="a", text="bomb"))
    assert (score.value, score.reason) == (None, NO_ENCODER)
    assert str(error) in str(score.explanation)


def test_the_columns_of_a_text_by_hand() -> None:
    texts = ["The cat sat. The cat ran!", "AB 12"]
    given = ["The cat sat on 12 mats.", "nothing"]
    own = manner_columns(texts, vectors(FEW_WORDS, texts), inputs=given, references=given, encoder=FEW_WORDS)
    assert own.shape == (2, len(feature_names(("input", "reference"))))
    first = dict(zip(feature_names(("input", "reference")), own[0].tolist(), strict=True))
    second = dict(zip(feature_names(("input", "reference")), own[1].tolist(), strict=True))
    assert first["words_per_sentence"] == 2.0  # log2(1 + 6 / 2)
    assert first["distinct_words"] == pytest.approx(4 / 6)
    assert (first["unfinished"], second["unfinished"]) == (0.0, 1.0)
    assert (first["figures"], second["figures"], second["capitals"]) == (0.0, 0.5, 1.0)
    assert first["copied_words"] == pytest.approx(5 / 6)
    assert first["copied_pairs"] == pytest.approx(3 / 5)
    assert (first["copied_fours"], second["new_figures"]) == (0.0, 1.0)
    assert first["reference_f1"] == pytest.approx(6 / 12)
    assert manner_columns(["la la la la la"], np.zeros((1, 16)), encoder=FEW_WORDS)[0, 2] == pytest.approx(2 / 3)
    length = length_columns(["x" * 15, "x" * 63])
    assert length[:, 0].tolist() == [4.0, 6.0]
    assert length[1, 1:6].tolist() == [2.0, 1.5, 1.0, 0.5, 0.0]


@given(st.text())
def test_any_text_has_finite_columns(text: str) -> None:
    meaning = vectors(FEW_WORDS, [text])
    columns = manner_columns([text], meaning, inputs=[text], references=[text], encoder=FEW_WORDS)
    assert np.isfinite(columns).all() and np.isfinite(length_columns([text])).all()
    assert float(np.linalg.norm(meaning)) in (0.0, pytest.approx(1.0))


@pytest.mark.parametrize("name", ["words", "words-", "words-7", "words-100000", "words-x", "minilm", ""])
def test_an_unknown_encoder_is_named(name: str) -> None:
    with pytest.raises(DataError) as caught:
        word_encoder(name)
    assert caught.value.code == "judge.no_encoder"
