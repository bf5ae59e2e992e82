"""What every self-contained HTML file carries: its style, its scripts, their licences, and who may run."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from markupsafe import Markup

from assay.core.errors import StoreError
from assay.report.render import CHART_SCRIPTS, SCRIPT, STATIC, STYLE, asset, render


def standalone(template: str, context: Mapping[str, Any], *, more_scripts: Sequence[str] = ()) -> bytes:
    """A page whose template extends ``standalone.html``; nothing in it is fetched from anywhere."""
    style = asset(STYLE).decode()
    scripts = [asset(name).decode() for name in (SCRIPT, *more_scripts, *CHART_SCRIPTS)]
    return render(
        template,
        {
            **context,
            "style": Markup(style),  # noqa: S704 - ships with the package
            "scripts": [Markup(script) for script in scripts],  # noqa: S704 - ships with the package
            "icon": "data:image/svg+xml;base64," + base64.b64encode(asset("icon.svg")).decode(),
            "policy": _policy(style, scripts),
            "licences": Markup(_licences()),  # noqa: S704 - ships with the package
        },
    )


def write_file(page: bytes, path: str | Path, *, kept: str) -> str:
    """Write the page and return its path.

    Args:
        kept: What is there all the same when the file cannot be written.

    Raises:
        StoreError: ``report.unwritable``.
    """
    try:
        Path(path).write_bytes(page)
    except OSError as error:
        raise StoreError(
            f"the report could not be written to {path}: {error.strerror}; {kept}",
            hint="choose another place",
            code="report.unwritable",
        ) from error
    return str(path)


def _licences() -> str:
    """Licences of the scripts inside, for the comment that must go where they go."""
    texts = (path.read_text(encoding="utf-8") for path in sorted((STATIC / "licences").glob("vega*.txt")))
    return "\n\n".join(texts).replace("--", "- -")


def _policy(style: str, scripts: list[str]) -> str:
    """Only these very scripts and this style: whatever a text from a run may smuggle in does not run."""
    allowed = " ".join(_hash(script) for script in scripts)
    images, forms = "img-src data:", "base-uri 'none'; form-action 'none'"
    return f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; {images}; {forms}"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"
