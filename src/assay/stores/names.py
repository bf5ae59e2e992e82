"""Names that become file names: checked so that none can leave its directory."""

from __future__ import annotations

import re

from assay.core.errors import InvalidInputError

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+=-]{0,199}")


def checked_name(name: str) -> str:
    """The name itself when it is safe: parts of letters, digits and ``_.@+=-`` joined by ``/``, none hidden.

    Raises:
        InvalidInputError: It is empty, absolute, goes upwards or holds another character.

    Examples:
        >>> checked_name("reports/run_01.html")
        'reports/run_01.html'
    """
    if not all(_PART.fullmatch(part) for part in name.split("/")):
        raise InvalidInputError(
            f"{name!r} cannot be the name of something stored",
            hint="use letters, digits and _ . @ + = - in parts joined by /, none starting with a dot",
            code="store.bad_name",
        )
    return name
