"""What several processes keep at one moment is all there: judge cards, golden verdicts of runs, spending."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from assay.app.judge_cards import FOLDER, list_cards, load_card
from assay.app.settings import load_settings
from assay.app.spending import Books
from assay.app.wiring import App
from assay.engine.golden import golden_rows
from assay.judges import GEval

PROCESSES, TIMES = 3, 25
WRITER = """
import sys
from assay.app.judge_cards import save_card
from assay.app.settings import load_settings
from assay.app.spending import book
from assay.app.wiring import App
from assay.core.golden import Golden
from assay.engine.golden import GoldenWatch
from assay.judges import GEval

me, times = sys.argv[1], int(sys.argv[2])
app = App(load_settings(environ={"ASSAY_STORE": "store"}))
objects = app.store.objects
judge = GEval(name="j", model="m/x", criteria="Is it good?")
names = [f"{me}_{turn}" for turn in range(times)]
card = {"name": "j", "model": "m/x", "made_at": "2026-01-05", "n": 1, "flags": []}
row = {"at": "2026-01-05", "judge": "j", "item": "g", "verdict": 1.0, "answer": 1.0, "tolerance": 0.5, "reason": None,
       "cached_calls": {}}
print("ready", flush=True)
sys.stdin.readline()
for name in names:
    watch = GoldenWatch(
        golden=Golden(items=[], content_hash=""), run_id=f"run_{name}", begun_at="2026-01-05", client=None,
        objects=objects, halt=print,
    )
    watch.fresh[judge.version] = [{**row, "run": f"run_{name}", "version": judge.version}]
    watch.conclude([judge])
for name in names:
    save_card(objects, {**card, "version": f"v_{name}", "sentences": []})
    save_card(objects, {**card, "version": "shared", "sentences": [name]})
for name in names:
    book(app, f"attack_{name}", work="attack", model="m/x", evaluator="j")
"""


def test_nothing_is_lost_when_several_processes_write_at_once(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(number), str(TIMES)],
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    names = {f"{number}_{turn}" for number in range(PROCESSES) for turn in range(TIMES)}
    app = App(load_settings(environ={"ASSAY_STORE": str(tmp_path / "store")}), read_only=True)
    objects = app.store.objects
    assert {row["version"] for row in list_cards(objects)} == {"shared", *(f"v_{name}" for name in names)}
    assert len(objects.names(f"{FOLDER}/shared")) == len(names)
    assert load_card(objects, "shared") is not None
    version = GEval(name="j", model="m/x", criteria="Is it good?").version
    assert {row["run"] for row in golden_rows(objects, version)} == {f"run_{name}" for name in names}
    assert {entry["run_id"] for entry in Books(app).outside} == {f"attack_{name}" for name in names}
    app.close()
