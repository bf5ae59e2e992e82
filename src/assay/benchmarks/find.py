"""Where a benchmark's data is: ``--data``, then ``ASSAY_DATA``, then the cache, then the Hugging Face hub."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from assay.benchmarks.entry import Benchmark, Found, Role
from assay.core.errors import DataError, MissingExtraError, NotFoundError

ENDINGS = (".jsonl", ".jsonl.gz", ".csv", ".csv.gz", ".parquet", ".json", ".json.gz")


def find_data(benchmark: Benchmark, *, data: str | Path | None = None) -> Found:
    """The files of a benchmark from the first place that has them.

    An explicit ``data`` is the only place looked at: a file (the first role's), a folder, or an ``hf:`` address.

    Raises:
        NotFoundError: No place has them; the message names every place and the names looked for.
        MissingExtraError: Only the hub could have them and the extra ``[hub]`` is not installed.
        DataError: The hub could not be reached.
    """
    roles = benchmark.roles
    if not roles:
        return Found(place="Assay", files={})
    if data is not None:
        return _given(benchmark, data)
    looked: list[str] = []
    for label, folder in _folders():
        found = _in_folder(benchmark, folder, own=False)
        if found is not None:
            return Found(place=str(folder), files=found)
        looked.append(f"{label} ({folder})" if folder.is_dir() else f"{label} ({folder}, which does not exist)")
    if "ASSAY_DATA" not in os.environ:
        looked.insert(0, "ASSAY_DATA (not set)")
    return _from_hub(benchmark, looked)


def _folders() -> list[tuple[str, Path]]:
    from assay.datasets import cache_directory

    given = os.environ.get("ASSAY_DATA")
    folders = [("ASSAY_DATA", Path(given).expanduser())] if given else []
    return [*folders, ("the cache", cache_directory())]


def _given(benchmark: Benchmark, data: str | Path) -> Found:
    first = next(iter(benchmark.roles))
    if str(data).startswith("hf:"):
        from assay.datasets.hub import HubAddress, fetch

        return Found(place=str(data), files={first: [fetch(HubAddress.parse(str(data)))]})
    path = Path(data).expanduser()
    if path.is_dir():
        found = _in_folder(benchmark, path, own=True)
        if found is None:
            raise _missing(benchmark, [f"--data ({path})"], hint=f"looked for {_names(benchmark)}")
        return Found(place=str(path), files=found)
    from assay.datasets.source import existing_file

    file = existing_file(path)
    files: dict[str, Sequence[Path]] = {first: [file]}
    for role, spec in list(benchmark.roles.items())[1:]:
        same = set(spec.names) & set(benchmark.roles[first].names)  # one file may hold several splits
        files[role] = [file] if same else _match(file.parent, spec.names)
    return Found(place=str(file), files=_present(files))


def _present(files: Mapping[str, Sequence[Path]]) -> dict[str, Sequence[Path]]:
    return {role: paths for role, paths in files.items() if paths}


def _in_folder(benchmark: Benchmark, folder: Path, *, own: bool) -> dict[str, Sequence[Path]] | None:
    """Files of every role in one folder or its folder for this benchmark; ``None`` when a required role is missing."""
    for place, whole in ((folder / benchmark.name, True), (folder, own), (folder / "benchmarks", False)):
        if not place.is_dir():
            continue
        found = {
            role: _match(place, spec.names) or (_match(place, spec.original) if whole else [])
            for role, spec in benchmark.roles.items()
        }
        if all(found[role] for role, spec in benchmark.roles.items() if spec.required):
            return _present(found)
    return None


def _match(folder: Path, names: Sequence[str]) -> list[Path]:
    for name in names:
        if "*" in name:
            several = sorted(folder.glob(name))
            if several:
                return several
            continue
        candidates = [name] if "." in name else [name + ending for ending in ENDINGS]
        for candidate in candidates:
            if (folder / candidate).is_file():
                return [folder / candidate]
    return []


def _from_hub(benchmark: Benchmark, looked: Sequence[str]) -> Found:
    from assay.datasets.hub import HubAddress, fetch

    wanted = {role: spec for role, spec in benchmark.roles.items() if spec.hub}
    places = [*looked, *(f"the hub ({spec.hub})" for spec in wanted.values())]
    if not all(role in wanted for role, spec in benchmark.roles.items() if spec.required):
        raise _missing(benchmark, looked, hint=_hint(benchmark))
    try:
        files = {role: [fetch(HubAddress.parse(str(spec.hub)))] for role, spec in wanted.items()}
    except MissingExtraError as error:
        missing = _missing(benchmark, places, hint=f"{_hint(benchmark)}; or {error.hint}")
        raise NotFoundError(
            f"{missing}; the hub needs the extra [hub], which is not installed", hint=missing.hint, code=missing.code
        ) from error
    except (DataError, NotFoundError) as error:
        raise _missing(benchmark, places, hint=_hint(benchmark), why=f": {error}") from error
    return Found(place="the hub", files=files)


def _hint(benchmark: Benchmark) -> str:
    return f"give a file or folder with --data, or set ASSAY_DATA to a folder that holds {_names(benchmark)}"


def _names(benchmark: Benchmark) -> str:
    return " and ".join(_shown(spec) for spec in benchmark.roles.values() if spec.required)


def _shown(role: Role) -> str:
    name = role.names[0]
    return name if "." in name or "*" in name else f"{name}.jsonl (or .csv, .parquet, .json, .gz)"


def _missing(benchmark: Benchmark, looked: Sequence[str], *, hint: str, why: str = "") -> NotFoundError:
    return NotFoundError(
        f"the data of {benchmark.name} was not found; looked at: {', '.join(looked)}{why}",
        hint=hint,
        code="benchmark.no_data",
        details={"looked": list(looked)},
    )
