"""Position, length, own family, scale use, retest, missing verdicts and constant answers, each planted and found."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from assay.core.errors import InvalidInputError
from assay.judges.bias import constant_answers, length_bias, position_bias, prefers_longer, self_preference
from assay.judges.judged import Judged
from assay.judges.slopes import controlled_slope, label_noise
from assay.judges.usage import missing_verdicts, retest, scale_use


def pairs(n: int = 400, *, to_first: float = 0.0, both: bool = True, seed: int = 1) -> Judged:
    """A judge that follows quality, and gives the answer shown first ``to_first`` standard deviations."""
    rng = np.random.default_rng(seed)
    quality, first = rng.normal(size=n), rng.integers(2, size=n).astype(float)
    side = np.where(first == 1.0, 1.0, -1.0)
    says, again = (
        (quality + to_first * order + 0.5 * rng.normal(size=n) > 0.0).astype(float) for order in (side, -side)
    )
    return Judged(
        ids=[f"p{k}" for k in range(n)], verdicts=says, a_first=first, swapped=again if both else None, scale=(0, 1)
    )


def test_position_bias_is_found_in_both_orders_and_in_one_drawn_at_random() -> None:
    for both in (True, False):
        fair, biased = (position_bias(pairs(to_first=size, both=both, n=800)) for size in (0.0, 0.6))
        assert fair is not None
        assert biased is not None
        assert fair.bias.low is not None
        assert biased.bias.low is not None
        assert fair.bias.low < 0.0 < (fair.bias.high or 0.0)
        assert biased.bias.low > 0.2
        assert (biased.first_chosen.low or 0.0) > 0.55
        assert (biased.same_choice is None) is not both


def test_pairs_by_hand() -> None:
    """Of four pairs one turns with the order, in favour of whichever stands first."""
    judged = Judged(ids=list("abcd"), verdicts=[1, 1, 0, 0.5], swapped=[1, 0, 0, 0.5], scale=(0, 1))
    found = position_bias(judged)
    assert found is not None
    assert found.same_choice is not None
    assert found.flip_rate is not None
    assert (found.bias.value, found.same_choice.value, found.flip_rate.value) == (0.25, 0.75, 0.25)
    assert found.first_chosen.value == pytest.approx(4 / 6)  # A, A, B's wins in order A-first: 2 of 3; B-first: 2 of 3
    assert found.first_chosen.n == 6
    turned = replace(judged, a_first=[0, 0, 0, 0])
    other = position_bias(turned)
    assert other is not None
    assert other.bias.value == -0.25


def test_one_order_for_all_pairs_says_nothing_of_order() -> None:
    judged = Judged(ids=list("ab"), verdicts=[1, 0], a_first=[1, 1], scale=(0, 1))
    with pytest.raises(InvalidInputError, match="cannot be told apart"):
        position_bias(judged)
    assert position_bias(Judged(ids=list("ab"), verdicts=[1, 0])) is None
    with pytest.raises(InvalidInputError, match="both orders"):
        position_bias(Judged(ids=list("ab"), verdicts=[1, 0], swapped=[None, None], scale=(0, 1)))


def graded(n: int = 600, *, per_doubling: float = 0.0, own: float = 0.0, raters: int = 3, seed: int = 2) -> Judged:
    """Longer answers are better; the judge gives so much more for length as such, and for its own system."""
    rng = np.random.default_rng(seed)
    doublings = rng.normal(size=n)
    quality = 0.6 * doublings + 0.8 * rng.normal(size=n)
    mine = rng.random(n) < 0.3
    verdicts = quality + per_doubling * doublings + own * mine + 0.5 * rng.normal(size=n)
    people = quality[:, None] + rng.normal(size=(n, raters)) + rng.normal(size=raters)
    return Judged(
        ids=[str(k) for k in range(n)],
        verdicts=verdicts,
        raters=people,
        lengths=200.0 * 2.0**doublings,
        systems=np.where(mine, "ours", "theirs").tolist(),
        clusters=[str(k // 4) for k in range(n)],
    )


def test_length_bias_is_told_apart_from_longer_answers_being_better() -> None:
    fair, biased = length_bias(graded()), length_bias(graded(per_doubling=0.4))
    assert fair is not None
    assert biased is not None
    assert fair.low is not None
    assert biased.low is not None
    assert fair.low < 0.0 < (fair.high or 0.0)
    assert biased.low < 0.4 < (biased.high or 0.0)
    assert biased.low > 0.2
    single = graded()
    noisy = length_bias(replace(single, raters=None, human=single.raters[:, 0]))
    assert noisy is not None
    assert noisy.low is not None
    assert noisy.low > 0.1  # what one noisy label leaves over is taken for length: more raters are needed
    assert noisy.method == "ols-jackknife"


def test_own_systems_are_compared_at_equal_quality_and_length() -> None:
    fair, biased = (self_preference(graded(own=size), own={"ours"}) for size in (0.0, 0.5))
    assert fair is not None
    assert biased is not None
    assert fair.low is not None
    assert biased.low is not None
    assert fair.low < 0.0 < (fair.high or 0.0)
    assert biased.low < 0.5 < (biased.high or 0.0)
    assert self_preference(graded(), own={"nobody"}) is None
    assert self_preference(graded(), own=()) is None
    assert self_preference(replace(graded(), raters=None, human=None), own={"ours"}) is None


def test_what_cannot_be_measured_is_none() -> None:
    plain = Judged(ids=["a", "b"], verdicts=[1, 2])
    assert length_bias(plain) is None
    assert prefers_longer(plain) is None
    assert retest(plain) is None
    assert constant_answers(plain) == ()
    assert scale_use(Judged(ids=["a"], verdicts=[None])) is None
    assert length_bias(replace(graded(4), scale=None)) is None  # fewer items than columns


def test_the_longer_answer_of_a_pair() -> None:
    judged = Judged(
        ids=list("abcde"), verdicts=[1, 1, 0, 0.5, 1], a_first=[1, 0, 1, 0, 1], lengths=[9, 9, 9, 9, 5],
        other_lengths=[5, 5, 5, 5, 5], scale=(0, 1),
    )  # fmt: skip
    found = prefers_longer(judged)
    assert found is not None
    assert (found.value, found.n) == (pytest.approx(2 / 3), 3)  # a tie and a pair of one length decide nothing


def test_an_exposure_that_nobody_varies_has_no_slope() -> None:
    x = np.arange(20.0)
    for exposure, control in ((np.ones(20), x), (x, x), (x, np.ones(20))):
        found = controlled_slope(x, exposure, [control])
        assert found.value is None
        assert found.reason
    few = controlled_slope(x[:6], x[:6] ** 2, [x[:6]])
    assert few.value is not None
    assert few.low is None


def test_labels_of_pure_noise_are_refused() -> None:
    rng = np.random.default_rng(3)
    raters = rng.normal(size=(200, 2))
    found = controlled_slope(
        rng.normal(size=200), rng.normal(size=200), [raters.mean(axis=1)], noise=label_noise(raters)
    )
    assert found.value is None
    assert "noise" in (found.reason or "")


def test_label_noise_is_what_raters_differ_by_beyond_their_leniency() -> None:
    rng = np.random.default_rng(4)
    raters = rng.normal(size=(4_000, 1)) + np.array([0.0, 3.0, -2.0]) + 0.9 * rng.normal(size=(4_000, 3))
    found = label_noise(raters)
    assert found is not None
    assert found.mean() == pytest.approx(0.81 / 3, rel=0.05)
    crowd = rng.normal(size=(4_000, 1)) + rng.normal(scale=2.0, size=(4_000, 3)) + 0.9 * rng.normal(size=(4_000, 3))
    crowd[rng.random(4_000) < 0.4, 2] = np.nan
    strangers = label_noise(crowd)  # whoever rated an item, lenient or not, is part of its error
    assert strangers is not None
    count = np.isfinite(crowd).sum(axis=1)
    assert strangers.mean() == pytest.approx(((4.0 + 0.81) / count).mean(), rel=0.05)
    assert label_noise(raters[:, :1]) is None


def test_scale_use_counts_levels_that_were_never_used() -> None:
    use = scale_use(Judged(ids=list("abcd"), verdicts=[5, 5, 4, 5], scale=(1, 5)))
    assert use is not None
    assert use.levels == (1.0, 2.0, 3.0, 4.0, 5.0)
    assert use.shares == (0.0, 0.0, 0.0, 0.25, 0.75)
    assert (use.distinct, use.ceiling.value, use.floor.value, use.constant) == (2, 0.75, 0.0, False)
    assert use.entropy_bits == pytest.approx(-(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25)))
    fine = scale_use(Judged(ids=[str(k) for k in range(100)], verdicts=np.arange(100.0), scale=(0, 100)))
    assert fine is not None
    assert len(fine.levels) == 10
    assert fine.shares == pytest.approx([0.1] * 10)


def test_a_judge_that_always_says_the_same_is_constant() -> None:
    for verdicts, constant in (([3] * 20, True), ([3] * 19 + [4], True), ([3] * 18 + [4, 5], False)):
        use = scale_use(Judged(ids=[str(k) for k in range(20)], verdicts=verdicts, scale=(1, 5)))
        assert use is not None
        assert use.constant is constant


def test_the_same_question_again() -> None:
    judged = Judged(ids=list("abc"), verdicts=[1, 2, None], repeats=[[1, 1], [2, 4], [1, 1]])
    found = retest(judged)
    assert found is not None
    assert (found.repeats, found.same.value, found.change.value) == (2, 0.75, 0.5)
    gaps = retest(replace(judged, repeats=[[1, None], [None, None], [1, 1]]))
    assert gaps is not None
    assert (gaps.same.value, gaps.same.n) == (1.0, 1)
    assert retest(replace(judged, repeats=[[None]] * 3)) is None


def test_missing_verdicts_are_bounded_and_never_averaged_away() -> None:
    judged = Judged(ids=list("abcd"), verdicts=[4, 2, None, None], reasons=[None, None, "refused", None], scale=(1, 5))
    found = missing_verdicts(judged)
    assert found.worst is not None
    assert found.best is not None
    assert (found.share.value, found.worst.value, found.best.value) == (0.5, 2.0, 4.0)
    assert found.reasons == {"no reason given": 1, "refused": 1}
    nothing = missing_verdicts(Judged(ids=["a"], verdicts=[None]))
    assert nothing.worst is None
    assert missing_verdicts(replace(judged, scale=None)).best is None  # levels that were seen bound nothing


def test_without_a_scale_nothing_is_the_highest_there_is() -> None:
    use = scale_use(Judged(ids=list("abcd"), verdicts=[3, 3, 2, 1]))
    assert use is not None
    assert use.levels == (1.0, 2.0, 3.0)
    assert (use.ceiling.value, use.floor.value) == (None, None)
    assert "--scale" in (use.ceiling.reason or "")


def test_ties_of_pairs_stay_ties_without_a_scale() -> None:
    """All answers A won or tied: a tie is no loss because nobody lost."""
    judged = Judged(
        ids=list("abcd"), verdicts=[1, 0.5, 0.5, 1], swapped=[0.5, 0.5, 0.5, 1], lengths=[9, 9, 9, 9],
        other_lengths=[3, 3, 3, 3],
    )  # fmt: skip
    longer, position = prefers_longer(judged), position_bias(judged)
    assert longer is not None
    assert position is not None
    assert (longer.value, longer.n) == (1.0, 2)
    assert position.flip_rate is not None
    assert position.flip_rate.value == 0.0
    with pytest.raises(InvalidInputError, match="scale of verdicts on pairs"):
        position_bias(replace(judged, verdicts=[1, 5, 3, 1]))


def test_two_lengths_are_a_pair() -> None:
    judged = Judged(ids=list("abcd"), verdicts=[1, 0, 1, 1], lengths=[9, 9, 9, 9], other_lengths=[3, 3, 3, 3])
    found = prefers_longer(judged)
    assert found is not None
    assert found.value == 0.75
    with pytest.raises(InvalidInputError, match="shown first is not known"):
        position_bias(judged)


def test_expected_levels_repeat_within_half_a_level() -> None:
    """From probabilities no level comes twice to the last digit; a win that becomes a tie is another verdict."""
    rng = np.random.default_rng(1)
    level = rng.uniform(1, 5, size=200)
    again = np.clip(level + rng.normal(scale=0.02, size=200), 1, 5)
    judged = Judged(ids=[str(k) for k in range(200)], verdicts=level, repeats=again, scale=(1, 5))
    for one, tolerance in ((judged, 0.5), (replace(judged, scale=None), None)):
        found = retest(one)
        assert found is not None
        assert found.same.value == 1.0
        assert tolerance is None or found.tolerance == tolerance
    pairs_again = Judged(ids=list("ab"), verdicts=[1, 0.5], repeats=[0.5, 0.5], scale=(0, 1))
    won = retest(pairs_again)
    assert won is not None
    assert (won.same.value, won.tolerance) == (0.5, 0.25)


def test_a_system_that_always_answers_the_same_is_named() -> None:
    n = 40
    answers = ["I am the best"] * 20 + [f"answer {k}" for k in range(20)]
    systems = ["null"] * 20 + ["real"] * 20
    kind, stern = (
        Judged(ids=[str(k) for k in range(n)], verdicts=[score] * 20 + [3] * 20, systems=systems, answers=answers)
        for score in (5, 1)
    )
    (found,) = constant_answers(kind)
    assert (found.system, found.share, found.mean, found.others, found.rewarded) == ("null", 1.0, 5.0, 3.0, True)
    assert not constant_answers(stern)[0].rewarded
    alone = constant_answers(kind.where(list(range(20))))[0]
    assert alone.others is None
    assert not alone.rewarded


def test_a_constant_answer_is_rewarded_only_where_that_is_shown() -> None:
    """A mean that happens to lie above the others' by less than chance is no sign, nor are many items of a document."""
    rng = np.random.default_rng(3)
    answers = ["same"] * 60 + [f"answer {k}" for k in range(60)]
    systems = ["null"] * 60 + ["real"] * 60
    verdicts = np.r_[rng.normal(3.1, 1.0, 60), rng.normal(3.0, 1.0, 60)]
    verdicts[:60] += 3.05 - verdicts[:60].mean()
    verdicts[60:] += 3.0 - verdicts[60:].mean()
    ids = [str(k) for k in range(120)]
    (found,) = constant_answers(Judged(ids=ids, verdicts=verdicts, systems=systems, answers=answers))
    assert found.difference is not None
    assert found.difference.value == pytest.approx(0.05)
    assert not found.rewarded
    better = np.r_[verdicts[:60] + 1.0, verdicts[60:]]
    judged = Judged(ids=ids, verdicts=better, systems=systems, answers=answers)
    assert constant_answers(judged)[0].rewarded
    few = replace(judged, verdicts=np.r_[np.repeat([2.0, 5.0, 5.0], 20), better[60:]])
    assert constant_answers(few)[0].rewarded
    documents = replace(few, clusters=[f"d{k // 20}" for k in range(60)] + [f"e{k}" for k in range(60)])
    assert not constant_answers(documents)[0].rewarded
