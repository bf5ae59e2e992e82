"""For tests of Assay and of its plug-ins: a scripted model server (``assay.testing.server``) and conformance suites.

The suites are ``check_scorer``, ``check_judge``, ``check_metric``, ``check_provider`` and ``check_store``: each raises
AssertionError where a part breaks a promise that the rest of Assay relies on.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.testing.judges import check_judge
    from assay.testing.metrics import check_metric
    from assay.testing.providers import check_provider
    from assay.testing.scorers import check_scorer
    from assay.testing.stores import check_store

_WHERE = {
    "check_judge": "judges",
    "check_metric": "metrics",
    "check_provider": "providers",
    "check_scorer": "scorers",
    "check_store": "stores",
}

__all__ = ["check_judge", "check_metric", "check_provider", "check_scorer", "check_store"]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
