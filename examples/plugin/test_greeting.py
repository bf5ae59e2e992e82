"""What the plug-in's own tests hold it to."""

from assay_tone import Greeting

from assay import Output, Sample
from assay.testing import check_scorer

SAMPLE = Sample(id="1", input="Write to a customer.")


def test_it_keeps_the_promises_of_a_scorer() -> None:
    check_scorer(Greeting(), other=Greeting(greetings=("hey",)))


def test_a_greeting_counts_in_any_case() -> None:
    assert Greeting().score(SAMPLE, Output(sample_id="1", text="HELLO Ada,")).value == 1.0
    assert Greeting().score(SAMPLE, Output(sample_id="1", text="Your parcel is late.")).value == 0.0


def test_other_options_are_another_version() -> None:
    assert Greeting().version != Greeting(greetings=("hey",)).version


def test_an_output_with_an_error_is_unscored() -> None:
    score = Greeting().score(SAMPLE, Output(sample_id="1", error="timeout"))
    assert (score.value, score.reason) == (None, "timeout")
