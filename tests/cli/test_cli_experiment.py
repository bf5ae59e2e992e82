"""``assay experiment`` from the plan to the verdict, on data whose truth is known."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from cli_shell import Shell

pytestmark = pytest.mark.slow

SPEC: dict[str, Any] = {
    "experiment": "tone",
    "arms": {"A": 0.5, "B": 0.5},
    "unit": "user",
    "time": "day",
    "segments": ["country"],
    "metrics": [
        {"name": "won", "kind": "share", "role": "primary", "baseline": 0.4, "minimum_effect": 0.05},
        {"name": "spend", "covariates": ["before"], "std_dev": 10.0},
        {"name": "slow", "role": "guardrail", "margin": 0.5, "higher_is_better": False, "std_dev": 2.0},
    ],
}


def data(path: Path, *, lift: float = 0.1, harm: float = 0.0, n: int = 3_000, share: float = 0.5) -> str:
    rng = np.random.default_rng(8)
    lines = ["user,arm,day,country,won,before,spend,slow"]
    for number in range(n):
        arm = "B" if rng.random() < share else "A"
        treated = arm == "B"
        before = rng.normal(20, 8)
        row = [
            f"u{number}", arm, 1 + number * 12 // n, rng.choice(["DE", "FR"]),
            int(rng.random() < 0.4 + lift * treated), f"{before:.3f}", f"{before + rng.normal(5, 3):.3f}",
            f"{rng.normal(4 + harm * treated, 2):.3f}",
        ]  # fmt: skip
        lines.append(",".join(map(str, row)))
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.fixture
def spec(shell: Shell) -> str:
    Path("exp.yaml").write_text(yaml.safe_dump(SPEC, sort_keys=False))
    return "exp.yaml"


def test_the_plan_says_what_is_needed_and_what_can_be_seen(shell: Shell, spec: str) -> None:
    document = shell.ok("experiment", "plan", spec, "--n", "1000", "--json").json
    won, spend, slow = document["metrics"]
    assert won["needed"]["n"][0] == 1534  # Fleiss, 40 % to 45 % at .05 and power .8
    assert won["power_at_n"] == pytest.approx(0.62, abs=0.01)
    assert 0.05 < won["detectable_at_n"] < 0.07
    assert "needed" not in spend and spend["detectable_at_n"] == pytest.approx(1.25, abs=0.02)
    assert slow["needed"]["hypothesis"] == "non-inferiority"
    assert max(map(len, shell.ok("experiment", "plan", spec).out.splitlines())) <= 80


def test_the_analysis_finds_the_effect_and_says_it_three_ways(shell: Shell, spec: str) -> None:
    done = shell.ok("experiment", "analyze", spec, data(Path("d.csv")), "--report", "r.html", "--json")
    document = done.json
    won, spend, slow = document["effects"]
    assert won["verdict"] == "better" and won["difference"]["low"] < 0.1 < won["difference"]["high"]
    assert (
        won["always_valid"]["low"] < won["difference"]["low"] < won["difference"]["high"] < won["always_valid"]["high"]
    )
    assert won["bayes"]["probability_better"] > 0.999
    assert spend["verdict"] == "undecided" and spend["variance_ratio"] < 0.3
    assert slow["verdict"] == "pass"
    assert document["sample_ratio"]["verdict"] == "ok" and document["deviations"] is None
    assert len(document["courses"][0]["times"]) == 12
    assert b"Experiment tone" in Path("r.html").read_bytes()
    text = shell.ok("experiment", "analyze", spec, "d.csv").out
    assert text.index("split:") < text.index("difference (interval)")
    assert max(map(len, text.splitlines())) <= 80


def test_an_analysis_of_a_query_is_that_of_the_file(shell: Shell, spec: str) -> None:
    path = data(Path("d.csv"))
    direct = shell.ok("experiment", "analyze", spec, path, "--json").json
    query = shell.ok("experiment", "analyze", spec, f"SELECT * FROM '{path}'", "--json").json
    assert direct["effects"] == query["effects"]


def test_a_broken_split_is_said_first_and_fails(shell: Shell, spec: str) -> None:
    done = shell("experiment", "analyze", spec, data(Path("d.csv"), share=0.44), "--json")
    assert done.status == 1
    assert done.json["trustworthy"] is False
    assert done.json["sentence"].startswith("do not trust this experiment")


def test_a_harmed_guardrail_fails_the_analysis(shell: Shell, spec: str) -> None:
    done = shell("experiment", "analyze", spec, data(Path("d.csv"), harm=1.0), "--json")
    assert done.status == 1
    assert "B harms slow" in done.json["sentence"]


def test_the_registry_holds_the_analyst_to_the_plan(shell: Shell, spec: str) -> None:
    registered = shell.ok("experiment", "registry", "add", spec, "--json").json
    assert shell.ok("experiment", "registry", "show", "tone", "--json").json == registered
    again = shell("experiment", "registry", "add", spec, "--json")
    assert again.status == 3 and again.json["error"]["code"] == "experiment.registered"
    path = data(Path("d.csv"))
    assert shell.ok("experiment", "analyze", spec, path, "--json").json["deviations"] == []
    bent = {**SPEC, "metrics": [{**SPEC["metrics"][0], "role": "secondary"}, {**SPEC["metrics"][1], "role": "primary"}]}
    Path(spec).write_text(yaml.safe_dump(bent, sort_keys=False))
    deviations = shell.ok("experiment", "analyze", spec, path, "--json").json["deviations"]
    assert "metric slow was registered and is gone" in deviations
    assert "metric won.role: registered primary, now secondary" in deviations
    assert shell("experiment", "registry", "show", "other", "--json").json["error"]["code"] == "lookup.not_found"


def test_arms_are_the_same_in_every_process_and_exposures_are_logged_once(shell: Shell, spec: str) -> None:
    path = data(Path("d.csv"), n=400)
    first = shell.ok("experiment", "assign", spec, path, "--output", "a.csv", "--log", "seen.jsonl", "--json").json
    assert sum(first["counts"].values()) == first["logged"] == 400
    shell.ok("experiment", "assign", spec, path, "--output", "b.csv")
    assert Path("a.csv").read_text() == Path("b.csv").read_text()
    assert shell.ok("experiment", "assign", spec, path, "--log", "seen.jsonl", "--json").json["logged"] == 0
    balanced = shell.ok("experiment", "assign", spec, path, "--stratum", "country", "--json").json["counts"]
    assert abs(balanced["A"] - balanced["B"]) <= 2
    checked = shell.ok("experiment", "assign", spec, path, "--aa", "spend", "--json").json
    assert checked["sound"] is True and checked["draws"] == 200


def test_monitoring_halts_once_and_stays_halted(shell: Shell, spec: str) -> None:
    calls: list[bytes] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            calls.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        hook = f"http://127.0.0.1:{server.server_port}/"
        watch = ("experiment", "monitor", spec, "d.csv", "--state", "s.json", "--webhook", hook, "--json")
        data(Path("d.csv"), n=600)
        assert shell.ok(*watch).json["halted"] is False
        data(Path("d.csv"), n=3_000, harm=1.2)
        halted = shell(*watch)
        assert halted.status == 1 and "harms slow" in halted.json["why"][0]
        assert halted.json["webhook"] == "called: 204"
        data(Path("d.csv"), n=3_000)
        assert shell(*watch).status == 1
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert len(calls) == 1 and json.loads(calls[0])["experiment"] == "tone"


def test_a_state_that_does_not_fit_is_refused_and_left_alone(shell: Shell, spec: str) -> None:
    data(Path("d.csv"), n=600)
    watch = ("experiment", "monitor", spec, "d.csv", "--state", "s.json", "--json")
    shell.ok(*watch)
    kept = Path("s.json").read_text()
    data(Path("d.csv"), n=300)
    shrunk = shell(*watch)
    assert shrunk.status == 3 and shrunk.json["error"]["code"] == "experiment.shrunk"
    Path(spec).write_text(yaml.safe_dump({**SPEC, "confidence": 0.9}))
    other = shell(*watch)
    assert other.status == 3 and other.json["error"]["code"] == "experiment.other_state"
    assert Path("s.json").read_text() == kept


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"arms": {"A": 0.5}}, "experiment.arms"),
        ({"metrics": [{"name": "won", "kind": "share"}]}, "experiment.metrics"),
        ({"metrics": [{"name": "won", "kind": "ratio", "role": "primary"}]}, "experiment.metric"),
        ({"segmnts": []}, "config.unknown_key"),
        ({"unit": "usr"}, "data.no_column"),
        ({"arms": {"A": 0.5, "C": 0.5}}, "experiment.no_units"),
    ],
)
def test_files_that_do_not_fit_stop_with_a_code(shell: Shell, spec: str, change: dict, code: str) -> None:
    Path(spec).write_text(yaml.safe_dump({**SPEC, **change}))
    done = shell("experiment", "analyze", spec, data(Path("d.csv"), n=200), "--json")
    assert done.status == 3 and done.json["error"]["code"] == code
    assert done.json["error"]["hint"]
