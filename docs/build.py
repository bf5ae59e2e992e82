"""``python -m docs.build [--check]``: make the reference pages from the code, or say which are out of date."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from docs.generators import api, commands, documents, errors, files, gates, http, parts

FOLDER = Path(__file__).parent / "reference"
PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands.commands_page,
    "settings.md": commands.settings_page,
    "files.md": files.files_page,
    "scorers.md": parts.scorers_page,
    "metrics.md": parts.metrics_page,
    "benchmarks.md": parts.benchmarks_page,
    "providers.md": parts.providers_page,
    "prices.md": parts.prices_page,
    "gates.md": gates.gates_page,
    "json.md": documents.json_page,
    "http.md": http.http_page,
    "errors.md": errors.errors_page,
    "python.md": api.python_page,
    "stats.md": api.stats_page,
    "modules.md": api.modules_page,
}


def out_of_date() -> list[str]:
    """Names of the pages whose file is not what the code gives."""
    return [name for name, make in PAGES.items() if not _is(FOLDER / name, make())]


def _is(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


def main() -> None:
    """Write every page that changed; with ``--check`` write nothing and fail where one would change."""
    if "--check" in sys.argv[1:]:
        old = out_of_date()
        sys.exit(f"out of date: {', '.join(old)}; run: make docs" if old else 0)
    FOLDER.mkdir(exist_ok=True)
    for name, make in PAGES.items():
        text = make()
        if not _is(FOLDER / name, text):
            (FOLDER / name).write_text(text, encoding="utf-8")
            print(f"written {name}")


if __name__ == "__main__":
    main()
