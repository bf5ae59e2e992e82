"""Public data sets: COMPAS error rates by race, Adult selection rates by sex, BBQ accuracy by context."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_tables import result_of, row_of

from assay.app.fairness import audit_table
from assay.fairness.question import Question

pytestmark = pytest.mark.slow

WHITE, BLACK = "Caucasian", "African-American"


def test_compas_has_the_error_rates_that_were_published(real_data: Path) -> None:
    """ProPublica (2016) had FPR 44.85 and 23.45, FNR 27.99 and 47.72 on all rows; the figures are of the part here."""
    path = str(real_data / "fairness" / "compas_two_years.csv")
    question = Question(groups=["race"], prediction="decile_score", label="two_year_recid", threshold=5)
    found = audit_table(path, question)
    seen = {
        (metric, race): row_of(result_of(found, metric, "race"), race).value
        for metric in ("fpr", "fnr")
        for race in (BLACK, WHITE)
    }
    rates = {key: round(100 * value.value, 2) for key, value in seen.items()}
    assert rates == {("fpr", BLACK): 45.50, ("fpr", WHITE): 23.25, ("fnr", BLACK): 28.41, ("fnr", WHITE): 46.25}
    published = {("fpr", BLACK): 0.4485, ("fpr", WHITE): 0.2345, ("fnr", BLACK): 0.2799, ("fnr", WHITE): 0.4772}
    for key, value in seen.items():
        assert value.low < published[key] < value.high
    fpr, fnr, ppv = (result_of(found, name, "race") for name in ("fpr", "fnr", "ppv"))
    assert (row_of(fpr, BLACK).verdict, row_of(fnr, BLACK).verdict) == ("higher", "lower")
    assert fpr.gap.low > 0.1
    assert ppv.gap.low == 0.0  # equal PPV is what the vendor pointed to
    (note,) = found.impossibility
    assert note.implied_fpr[BLACK] > 1.5 * note.implied_fpr[WHITE]
    assert row_of(fpr, "Native American").verdict == "too small"


def test_compas_differs_less_at_equal_priors_and_age(real_data: Path) -> None:
    path = str(real_data / "fairness" / "compas_two_years.csv")
    question = Question(groups=["race"], prediction="decile_score", label="two_year_recid", threshold=5,
                        metrics=["fpr"], confounders=["age_cat", "priors_count"])  # fmt: skip
    row = row_of(result_of(audit_table(path, question), "fpr", "race"), BLACK)
    assert 0.0 < row.standardised.low < row.standardised.value < row.difference.low


def test_adult_incomes_by_sex_are_far_below_four_fifths(real_data: Path) -> None:
    path = real_data / "fairness" / "adult_train.csv.gz"
    query = f"SELECT *, (trim(target) = '>50K')::INT AS rich FROM '{path}'"
    found = audit_table(query, Question(groups=["sex"], outcome="rich", confounders=["education"]))
    result = result_of(found, "rich", "sex")
    rates = {row.group: round(100 * row.value.value, 2) for row in result.groups}
    assert found.rows == 30_718
    assert rates == {"Female": pytest.approx(11.34, abs=0.1), "Male": pytest.approx(31.38, abs=0.1)}
    assert result.four_fifths == "below"
    assert result.ratio.high < 0.4
    assert row_of(result, "Male").standardised.low > 0.17


def test_bbq_is_answered_better_where_the_context_tells(real_data: Path) -> None:
    path = real_data / "fairness" / "bbq_age.jsonl.gz"
    said = "lower(trim(\"unifiedqa-t5-11b_pred_race\", '. '))"
    right = f"({said} = lower(trim([ans0, ans1, ans2][label + 1], '. ')))::INT"
    query = f"SELECT *, {right} AS correct FROM '{path}'"
    found = audit_table(query, Question(groups=["context_condition", "question_polarity"], outcome="correct",
                                        intersect=True))  # fmt: skip
    result = result_of(found, "correct", "context_condition")
    assert row_of(result, "disambig").verdict == "higher"
    assert result.gap.low > 0.1
    cells = result_of(found, "correct", "context_condition × question_polarity")
    assert len(cells.judged()) == 4
