"""The plug-ins keep the promises that Assay relies on."""

from pathlib import Path

from assay_house.judge import Brief
from assay_house.metric import Worst
from assay_house.provider import Parrot
from assay_house.store import open_vault

from assay.testing import check_judge, check_metric, check_provider, check_store


def test_the_judge_keeps_its_promises() -> None:
    check_judge(Brief(model="openai/x"), reply="4", other=Brief(model="openai/x", levels=7))


def test_the_metric_keeps_its_promises() -> None:
    check_metric(Worst())


def test_the_provider_keeps_its_promises() -> None:
    check_provider(Parrot, model="2", missing="a word")


def test_the_store_keeps_its_promises(tmp_path: Path) -> None:
    check_store(lambda place, *, read_only: open_vault(f"house+vault://{tmp_path}/{place}", read_only=read_only))


def test_the_worst_attempt_counts() -> None:
    assert Worst().reduce([1.0, 0.0, 1.0]) == 0.0
