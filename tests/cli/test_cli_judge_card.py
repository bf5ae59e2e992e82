"""``assay judge card|calibrate|golden|compare|list``: from a file of verdicts to text, JSON, pages and kept cards."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from cli_shell import Said, Shell

pytestmark = pytest.mark.slow

HEAD = ("id", "document", "system", "length", "language", "verdict", "other", "p1", "p2", "yes", "time")


def recorded(shell: Shell, *, n: int = 160, name: str = "verdicts.csv", seed: int = 1) -> str:
    """A judge that follows two people and likes length; one verdict is missing."""
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=n)
    doublings = rng.normal(size=n)
    rows: list[Sequence[Any]] = []
    for k in range(n):
        people = np.clip(np.round(3 + quality[k] + 0.5 * rng.normal(size=2)), 1, 5).astype(int)
        verdict = int(np.clip(round(3 + quality[k] + 0.6 * doublings[k]), 1, 5)) if k else ""
        other = int(rng.integers(1, 6))
        rows.append(
            (f"i{k}", f"d{k // 4}", ("own", "other")[k % 2], int(200 * 2 ** doublings[k]), ("en", "de")[k % 2], verdict,
             other, *people, int(quality[k] > 0), f"2026-01-{1 + k // 8:02d}")
        )  # fmt: skip
    return write(shell, rows, HEAD, name)


def write(shell: Shell, rows: Sequence[Sequence[Any]], header: Sequence[str], name: str) -> str:
    with (shell.directory / name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return name


def failed(shell: Shell, *arguments: str, status: int) -> Said:
    said = shell(*arguments)
    assert said.status == status, said.out + said.err
    return said


PEOPLE = ("--human", "p1", "--human", "p2")
KEPT = ("--name", "helpful", "--judge-version", "v1", "--model", "m/x")


def test_a_card_is_made_shown_and_kept(shell: Shell) -> None:
    path = recorded(shell)
    made = shell.ok("judge", "card", path, *PEOPLE, *KEPT, "--scale", "1", "5", "--own", "own", "--json").json
    assert made["schema"] == "assay.judge_card/1"
    assert (made["name"], made["version"], made["model"], made["n"], made["n_documents"]) == (
        "helpful", "v1", "m/x", 160, 40,
    )  # fmt: skip
    assert made["agreement"]["n"] == 159
    assert [part["name"] for part in made["agreement"]["languages"]] == ["de", "en"]
    assert made["length_bias"]["low"] > 0.0
    assert made["flags"] == ["length"]
    assert made["retest"] == {"not_measured": "no item was judged twice"}
    assert made["missing"]["reasons"] == {"no reason given": 1}
    text = shell.ok("judge", "card", "helpful").out
    assert "Spearman's rho with people" in text
    assert "Not measured" in text
    again = shell.ok("judge", "card", "v1", "--json").json
    assert again["agreement"] == made["agreement"]
    listed = shell.ok("judge", "list", "--json").json["judges"]
    assert [(row["name"], row["version"], row["n"]) for row in listed] == [("helpful", "v1", 160)]
    assert "helpful" in shell.ok("judge", "list").out


def attacked(shell: Shell, *, verdict: str, moved: float, gate: str | None = None, version: str = "v1") -> str:
    share = {"value": moved, "low": moved - 0.1, "high": moved + 0.1, "n": 96, "unit": "share", "method": "t",
             "confidence": 0.95}  # fmt: skip
    report: dict[str, Any] = {
        "schema": "assay.attack/1",
        "judge": "helpful",
        "version": version,
        "status": "done",
        "verdict": verdict,
        "sentence": f"Injections moved {moved:.1%} of 1,140 verdicts on 96 items.",
        "overall": {"verdict": verdict, "difference": share},
    }
    if gate is not None:
        report["gate"] = {"verdict": gate, "limit": 0.05, "sentence": "…"}
    (shell.directory / "attack.json").write_text(json.dumps(report), encoding="utf-8")
    return "attack.json"


def test_a_judge_that_gives_in_to_injections_has_it_on_its_card(shell: Shell) -> None:
    path, report = recorded(shell), attacked(shell, verdict="moved", moved=0.885)
    card = ("judge", "card", path, *PEOPLE, *KEPT, "--attack", report)
    assert "injection" in shell.ok(*card, "--json").json["flags"]
    text = shell.ok(*card, "--report", "card.html").out
    assert "Injections moved 88.5% of 1,140 verdicts on 96 items." in " ".join(text.split())
    assert re.search(r"more moved by injections +88.5% ", text)
    page = (shell.directory / "card.html").read_text(encoding="utf-8")
    assert "Injections moved 88.5%" in page
    assert "more moved by injections" in page
    assert "gives in to injections" in shell.ok("judge", "list").out
    attacked(shell, verdict="resistant", moved=0.0)
    assert "injection" not in shell.ok(*card, "--json").json["flags"]
    attacked(shell, verdict="resistant", moved=0.02, gate="fail")
    assert "injection" in shell.ok(*card, "--json").json["flags"]


def test_a_card_without_a_usable_version_or_with_a_name_of_two_lines(shell: Shell) -> None:
    path = recorded(shell)
    for empty in ("", " "):
        said = failed(shell, "judge", "card", path, *PEOPLE, "--judge-version", empty, status=3)
        assert "judge.no_version" in said.err
    assert "no judge has a card" in shell.ok("judge", "list").out
    for version in ("index", "golden"):  # names that a store might have used itself
        shell.ok("judge", "card", path, *PEOPLE, "--judge-version", version, "--name", "two\nlines")
        assert shell.ok("judge", "card", version, "--json").json["version"] == version
    assert {row["version"] for row in shell.ok("judge", "list", "--json").json["judges"]} == {"index", "golden"}
    assert re.search(r"^two lines +index", shell.ok("judge", "list").out, re.MULTILINE)


def test_numbers_that_are_none_are_wrong_usage(shell: Shell) -> None:
    path = recorded(shell)
    for options in (
        ("card", path, "--temperature", "nan"),
        ("card", path, "--scale", "1", "inf"),
        ("golden", path, "--tolerance", "nan"),
        ("golden", path, "--expected", "nan"),
        ("calibrate", path, "--out", "m.json", "--threshold", "inf"),
        ("calibrate", path, "--out", "m.json", "--ridge", "inf"),
    ):
        assert "is not a finite number" in failed(shell, "judge", *options, status=2).err
    for low, high in (("3", "3"), ("5", "1")):
        said = failed(shell, "judge", "card", path, "--scale", low, high, status=3)
        assert "the low end below the high end" in said.err


def test_an_empty_file_is_called_empty(shell: Shell) -> None:
    (shell.directory / "zero.csv").write_bytes(b"")
    said = failed(shell, "judge", "card", "zero.csv", status=3)
    assert "data.empty" in said.err
    assert "the file zero.csv is empty" in said.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("card", "verdicts.csv", "--human", "verdict"),
        ("card", "verdicts.csv", "--human", "p1", "--human", "p1"),
        ("card", "verdicts.csv", "--labels", "verdicts.csv", "--human", "verdict"),
        ("calibrate", "verdicts.csv", "--human", "verdict", "--out", "m.json"),
        ("compare", "verdicts.csv", "verdict", "other", "--human", "other"),
        ("compare", "verdicts.csv", "verdict", "other", "--human", "verdict"),
    ],
)
def test_a_judge_is_not_one_of_the_people_it_is_held_against(shell: Shell, arguments: Sequence[str]) -> None:
    recorded(shell)
    assert "judge.label_as_feature" in failed(shell, "judge", *arguments, status=3).err


def test_why_there_is_no_interval_stands_below_the_table_whole(shell: Shell) -> None:
    rows = [(f"i{k}", k % 5 + 1, 3) for k in range(40)]
    constant = write(shell, [(name, 3, label) for name, label, _ in rows], ("id", "verdict", "human"), "constant.csv")
    text = shell.ok("judge", "card", constant, "--scale", "1", "5").out
    assert max(map(len, text.splitlines())) <= 80
    told = " ".join(text.split())
    assert "no interval of Cohen's kappa, quadratic; Krippendorff's alpha: all verdicts are equal, so nothing" in told
    assert "the same labels" not in told
    assert "position bias: verdicts are about one answer at a time" in told


def test_a_kept_card_shows_its_figures_in_the_order_of_the_first(shell: Shell) -> None:
    path = recorded(shell)
    card = ("judge", "card", path, *PEOPLE, "--scale", "1", "5")

    def first_column(text: str) -> list[str]:
        table = text.split("\n\n")[1]
        return [line[:40].strip() for line in table.splitlines()]

    made = first_column(shell.ok(*card).out)
    shell.ok(*card, *KEPT)
    assert first_column(shell.ok("judge", "card", "v1").out) == made
    assert "alpha, people among themselves" in " ".join(made)
    assert re.search(r"rho within documents .* \d+ documents", shell.ok("judge", "card", "v1").out)


def test_a_threshold_that_is_not_used_is_said_to_be_not_used(shell: Shell) -> None:
    path = recorded(shell)
    calibrate = ("judge", "calibrate", path, "--out", "map.json", "--threshold", "3")
    said = shell.ok(*calibrate, *PEOPLE, "--json").json["sentences"]
    assert "The threshold 3 was not used: error rates are of labels that are 0 and 1." in said
    used = shell.ok(*calibrate, "--human", "yes", "--json").json
    assert used["errors"] is not None
    assert not [one for one in used["sentences"] if "not used" in one]


def pairs(shell: Shell, *, n: int = 60) -> str:
    """Pairs of which the judge follows people, asked in both orders; A is twice as long, or half."""
    rows = [
        (f"p{k}", k % 2, k % 2 if k % 9 else 0.5, k % 2, 200, 400 if k % 3 else 100)
        for k in range(n)
    ]  # fmt: skip
    return write(shell, rows, ("id", "verdict", "swapped", "human", "length", "other_length"), "pairs.csv")


def test_a_card_of_pairs_speaks_of_pairs(shell: Shell) -> None:
    made = shell.ok("judge", "card", pairs(shell), "--report", "pairs.html", "--json").json
    said = " ".join(made["sentences"])
    assert made["pairs"] is True
    assert "Agreement is that of the verdict column; the one in the other order counts for position alone." in said
    assert "the highest there is" not in said
    assert {point["length"] for point in made["drawn"]["points"]} == {0.5, 2.0}
    assert "A's length over B's" in (shell.directory / "pairs.html").read_text(encoding="utf-8")
    assert "highest level" not in shell.ok("judge", "card", "pairs.csv").out


def test_the_highest_level_is_spoken_of_where_there_are_several_and_they_are_known(shell: Shell) -> None:
    top = write(shell, [(f"i{k}", 5 if k % 3 else 1 + k % 5) for k in range(60)], ("id", "verdict"), "top.csv")
    card = ("judge", "card", top, "--json")
    assert "the highest there is" in " ".join(shell.ok(*card, "--scale", "1", "5").json["sentences"])
    assert "the highest there is" not in " ".join(shell.ok(*card).json["sentences"])
    yes = write(shell, [(f"i{k}", int(k % 3 > 0)) for k in range(60)], ("id", "verdict"), "yes.csv")
    said = shell.ok("judge", "card", yes, "--scale", "0", "1", "--json").json["sentences"]
    assert "the highest there is" not in " ".join(said)


def test_flags_of_several_looks_say_that_they_are_several(shell: Shell) -> None:
    path = recorded(shell)
    card = ("judge", "card", path, *PEOPLE, "--scale", "1", "5", "--json")
    assert "Each bias is looked at by itself at 95% (length bias)" in " ".join(shell.ok(*card).json["sentences"])
    gone = write(shell, [("a", 1), ("b", ""), ("c", 2)], ("id", "verdict"), "gone.csv")
    said = " ".join(shell.ok("judge", "card", gone, "--json").json["sentences"])
    assert "is not known without the scale (--scale)" in said
    assert "looked at by itself" not in said


def test_what_was_tried_on_another_version_or_model_is_not_this_judges(shell: Shell) -> None:
    path = recorded(shell)
    report = attacked(shell, verdict="resistant", moved=0.0, version="v0")
    card = ("judge", "card", path, *PEOPLE, *KEPT, "--attack", report)
    other = failed(shell, *card, status=3)
    assert "judge.other_judge" in other.err
    assert "of version v0, the card of v1" in other.err
    document = json.loads((shell.directory / report).read_text(encoding="utf-8"))
    for model, status in (("m/x", 0), ("m/y", 3)):
        (shell.directory / report).write_text(json.dumps({**document, "version": "v1", "model": model}), "utf-8")
        failed(shell, *card, status=status)
    assert shell.ok("judge", "card", path, *PEOPLE, "--attack", report).status == 0  # nobody says which judge this is


def test_what_a_new_card_did_not_measure_is_kept_from_the_one_before(shell: Shell) -> None:
    path, report = recorded(shell), attacked(shell, verdict="moved", moved=0.885)
    golden = write(shell, [(f"i{k}", 3) for k in range(60)], ("id", "golden"), "golden_answers.csv")
    first = shell.ok(
        "judge", "card", path, *PEOPLE, *KEPT, "--attack", report, "--golden", golden, "--temperature", "0", "--json"
    ).json
    text = shell.ok("judge", "calibrate", path, *PEOPLE, *KEPT, "--out", "map.json").out
    assert f"Kept from the card of {first['made_at'][:10]}: injection resistance, golden set." in " ".join(text.split())
    card = shell.ok("judge", "card", "helpful", "--json").json
    assert card["calibration"]["n"] == 160
    assert (card["injection"], card["golden"], card["temperature"]) == (first["injection"], first["golden"], 0.0)
    assert card["earlier"] == dict.fromkeys(("injection", "golden"), first["made_at"])
    assert {"injection", "length"} <= set(card["flags"])
    bare = write(shell, [(f"i{k}", k % 5) for k in range(30)], ("id", "verdict"), "bare.csv")
    last = shell.ok("judge", "card", bare, *KEPT, "--report", "last.html", "--json").json
    assert last["agreement"] == card["agreement"]
    assert (last["labels_hash"], last["drawn"]) == (card["labels_hash"], card["drawn"])
    assert last["earlier"]["injection"] == first["made_at"]
    assert last["calibration"]["map"] == card["calibration"]["map"]
    other = shell.ok("judge", "card", bare, "--name", "helpful", "--judge-version", "v2", "--json").json
    assert "earlier" not in other, "another version is another judge"


def test_a_page_is_written_from_a_file_and_from_a_kept_card(shell: Shell) -> None:
    path = recorded(shell)
    shell.ok("judge", "card", path, *PEOPLE, *KEPT, "--report", "card.html")
    shell.ok("judge", "card", "helpful", "--report", "kept.html")
    for name in ("card.html", "kept.html"):
        page = (shell.directory / name).read_text(encoding="utf-8")
        assert "Judge helpful" in page
        assert "Length at equal quality" in page


def test_labels_may_be_in_a_file_of_their_own(shell: Shell) -> None:
    path = recorded(shell)
    labels = write(shell, [(f"i{k}", 1 + k % 5) for k in range(100)], ("id", "human"), "labels.csv")
    found = shell.ok("judge", "card", path, "--labels", labels, "--json").json
    assert found["agreement"]["n"] == 99
    stranger = write(shell, [("i1", 3), ("j1", 3)], ("id", "human"), "stranger.csv")
    assert "judge.unknown_item" in failed(shell, "judge", "card", path, "--labels", stranger, status=3).err
    lines = (shell.directory / path).read_text(encoding="utf-8")
    (shell.directory / "run.csv").write_text(lines.replace("id,", "sample_id,", 1), encoding="utf-8")
    named = ("judge", "card", "run.csv", "--id", "sample_id", "--labels")
    assert shell.ok(*named, labels, "--json").json["agreement"]["n"] == 99, "the labels call it id"
    other = write(shell, [("i1", 3)], ("item", "human"), "other.csv")
    told = failed(shell, *named, other, status=3).err
    assert "data.no_column" in told
    assert "--id (sample_id), or under id" in " ".join(told.split())
    nameless = write(shell, [("i1", 3)], ("id", "score"), "nameless.csv")
    assert "judge.no_labels" in failed(shell, "judge", "card", path, "--labels", nameless, status=3).err


def test_nothing_but_verdicts_makes_a_card_that_says_so(shell: Shell) -> None:
    path = write(shell, [("a", 1), ("b", 3)], ("id", "verdict"), "bare.csv")
    text = shell.ok("judge", "card", path).out
    assert "Not measured, because agreement with people: no item has people's labels position bias" in " ".join(
        text.split()
    )
    page = shell.ok("judge", "card", path, "--report", "bare.html")
    assert "report bare.html" in page.out


def test_pairs_in_both_orders(shell: Shell) -> None:
    rng = np.random.default_rng(1)
    rows = [(f"p{k}", 1 if rng.random() < 0.8 else 0, int(rng.random() < 0.2)) for k in range(80)]
    path = write(shell, rows, ("id", "verdict", "swapped"), "pairs.csv")
    found = shell.ok("judge", "card", path, "--scale", "0", "1", "--json").json
    assert found["position_bias"]["bias"]["low"] > 0.3
    assert "position" in found["flags"]
    assert "Shown first" in shell.ok("judge", "card", path, "--scale", "0", "1").out


def test_calibrate_writes_a_map_that_predicts_and_a_card_that_knows_it(shell: Shell) -> None:
    path = recorded(shell)
    tiers = ("--tier", "free=length", "--tier", "strong=verdict,other")
    found = shell.ok(
        "judge", "calibrate", path, *PEOPLE, *tiers, "--by-system", "--out", "map.json", *KEPT, "--report", "m.html",
        "--json",
    ).json  # fmt: skip
    assert found["schema"] == "assay.judge_calibration/1"
    free, strong = found["tiers"]
    assert strong["features"] == ["length", "verdict", "other"]
    assert strong["r2"]["value"] > 0.4 > free["r2"]["value"]
    assert found["card"]["calibration"]["map"] == found["map"]
    assert found["card"]["length_bias"]["low"] > 0.0
    from assay.app.judge_calibrate import read_map

    kept = read_map(str(shell.directory / "map.json"))
    assert kept.hash == found["map"]
    assert kept.predict({"length": [200.0], "verdict": [5.0], "other": [3.0]})[0] > 3.5
    text = shell.ok("judge", "calibrate", path, *PEOPLE, "--out", "map2.json").out
    assert "output map2.json" in text
    assert "The map explains" in text


def test_the_map_asks_for_the_columns_its_tiers_were_given(shell: Shell) -> None:
    path = recorded(shell)
    tiers = ("--tier", "programmatic=length", "--tier", "other=other")
    found = shell.ok(
        "judge", "calibrate", path, *PEOPLE, "--verdict", "other", *tiers, "--out", "map.json", "--json"
    ).json
    assert [tier["features"] for tier in found["tiers"]] == [["length"], ["length", "other"]]
    alias = ("--verdict", "other", "--tier", "judge=verdict")
    same = shell.ok("judge", "calibrate", path, *PEOPLE, *alias, "--out", "map.json", "--json").json
    assert same["tiers"][0]["features"] == ["verdict"]


def test_yes_and_no_give_error_rates(shell: Shell) -> None:
    path = recorded(shell)
    found = shell.ok(
        "judge", "calibrate", path, "--human", "yes", "--threshold", "3.5", "--out", "m.json", "--json"
    ).json
    assert found["errors"]["sensitivity"]["value"] > 0.5
    text = shell.ok("judge", "calibrate", path, "--human", "yes", "--threshold", "3.5", "--out", "m.json").out
    assert "where they say no it says no" in " ".join(text.split())


def test_compare_names_the_better_judge(shell: Shell) -> None:
    path = recorded(shell)
    found = shell.ok("judge", "compare", path, "verdict", "other", *PEOPLE, "--json").json
    assert (found["schema"], found["better"], found["left_out"]) == ("assay.judge_comparison/1", "first", 1)
    text = shell.ok("judge", "compare", path, "verdict", "other", *PEOPLE, "--kind", "kendall").out
    assert "verdict agrees better with people" in " ".join(text.split())
    assert "judge.same_judge" in failed(shell, "judge", "compare", path, "verdict", "verdict", *PEOPLE, status=3).err
    assert "judge.no_labels" in failed(shell, "judge", "compare", path, "verdict", "other", status=3).err


def golden_file(shell: Shell, *, falls: bool, name: str = "golden.csv") -> str:
    rng = np.random.default_rng(1)
    rows = []
    for k in range(300):
        right = rng.random() < (0.3 if falls and k >= 200 else 0.95)
        rows.append((f"g{k % 10}#{k}", 5 if right else 1, 5, f"2026-01-{1 + k // 12:02d}"))
    return write(shell, rows, ("id", "verdict", "golden", "time"), name)


def test_golden_items_watch_for_drift(shell: Shell) -> None:
    steady, fallen = golden_file(shell, falls=False, name="steady.csv"), golden_file(shell, falls=True)
    found = shell.ok("judge", "golden", steady, "--fail-on-drift", "--json").json
    assert (found["schema"], found["alarm_at"], found["n_golden"]) == ("assay.judge_golden/1", None, 10)
    drifted = failed(shell, "judge", "golden", fallen, "--expected", "0.9", "--fail-on-drift", status=1)
    assert "Drift: accuracy fell below" in " ".join(drifted.out.split())
    shell.ok("judge", "golden", fallen, "--expected", "0.9")
    answers = write(shell, [(f"g{k}", 5) for k in range(10)], ("id", "golden"), "answers.csv")
    apart = shell.ok("judge", "golden", fallen, "--answers", answers, "--expected", "0.9", "--json").json
    assert apart["alarm_at"] is not None
    card = shell.ok("judge", "card", fallen, "--golden", answers, "--report", "g.html", "--json").json
    assert card["golden"]["accuracy"]["n"] == 300


def test_golden_answers_that_contradict_each_other_are_refused(shell: Shell) -> None:
    rows = [("g1", 5, 5), ("g2", 5, 4), ("g1#2", 5, 1)]
    path = write(shell, rows, ("id", "verdict", "golden"), "bad.csv")
    said = failed(shell, "judge", "golden", path, status=3)
    assert "judge.golden_contradiction" in said.err
    unknown = write(shell, [("x", 5)], ("id", "golden"), "x.csv")
    assert "judge.no_golden" in failed(shell, "judge", "golden", path, "--answers", unknown, status=3).err
    empty = write(shell, [("g1", 5, "")], ("id", "verdict", "golden"), "empty.csv")
    assert "judge.golden_answer" in failed(shell, "judge", "golden", empty, status=3).err


@pytest.mark.parametrize(
    ("rows", "header", "options", "code"),
    [
        ([("a", 1), ("a", 2)], ("id", "verdict"), (), "judge.duplicate_id"),
        ([("a", 1), ("", 2)], ("id", "verdict"), (), "judge.no_id"),
        ([("a", "good")], ("id", "verdict"), (), "data.type"),
        ([("a", 1)], ("id", "score"), (), "data.no_column"),
        ([("a", 1)], ("id", "verdict"), ("--human", "nobody"), "data.no_column"),
        ([("a", 9)], ("id", "verdict"), ("--scale", "1", "5"), "input.invalid"),
        ([], ("id", "verdict"), (), "judge.no_id"),
    ],
)
def test_bad_files_are_named(
    shell: Shell, rows: list[Any], header: tuple[str, ...], options: tuple[str, ...], code: str
) -> None:
    path = write(shell, rows, header, "bad.csv")
    assert code in failed(shell, "judge", "card", path, *options, status=3).err


def test_other_bad_input(shell: Shell) -> None:
    path = recorded(shell)
    shell.ok("judge", "card", path, *KEPT)
    unknown = failed(shell, "judge", "card", "helpfull", status=3)
    assert "judge.no_card" in unknown.err
    assert "did you mean 'helpful'?" in unknown.err
    assert "data.not_found" in failed(shell, "judge", "card", "nowhere.csv", status=3).err
    failed(shell, "judge", "calibrate", path, *PEOPLE, "--tier", "strong", "--out", "m.json", status=3)
    as_feature = failed(shell, "judge", "calibrate", path, *PEOPLE, "--tier", "strong=p1", "--out", "m.json", status=3)
    assert "judge.label_as_feature" in as_feature.err
    assert "judge.no_labels" in failed(shell, "judge", "calibrate", path, "--out", "m.json", status=3).err
    few = recorded(shell, n=12, name="few.csv")
    assert "judge.few_labels" in failed(shell, "judge", "calibrate", few, *PEOPLE, "--out", "m.json", status=3).err
    (shell.directory / "no.json").write_text("[]", encoding="utf-8")
    assert "judge.bad_report" in failed(shell, "judge", "card", path, "--attack", "no.json", status=3).err
    (shell.directory / "attack.json").write_text(json.dumps({"moved": {"value": 0.2}}), encoding="utf-8")
    assert "judge.bad_report" in failed(shell, "judge", "card", path, "--attack", "attack.json", status=3).err


def test_a_store_without_cards_says_so(shell: Shell) -> None:
    recorded(shell)
    assert "no judge has a card" in shell.ok("judge", "list").out
    assert "judge.no_card" in failed(shell, "judge", "card", "somebody", status=3).err
