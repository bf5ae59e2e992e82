"""Reasons of a missing verdict that speak of the provider, and of neither the output nor the judge."""

from __future__ import annotations

MENDABLE = frozenset({"provider_error", "timeout", "rate_limited", "unavailable", "bad_reply"})
"""Another attempt may get the verdict."""
OUTAGES = MENDABLE | {"degraded"}
"""The judge itself was never heard: there was no reply, or that of another model in its place."""
