"""Prefixed ids that sort by time: ``run_01jd…`` (ULID: 48 bits of milliseconds, 80 random bits, base 32)."""

from __future__ import annotations

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def make_id(prefix: str, *, now_ms: int, entropy: bytes) -> str:
    """An id that sorts by ``now_ms``.

    Args:
        prefix: Kind of thing, e.g. ``run``.
        now_ms: Milliseconds since the epoch, from the caller's clock.
        entropy: Ten random bytes, from the caller's source.

    Examples:
        >>> make_id("run", now_ms=0, entropy=bytes(10))
        'run_00000000000000000000000000'
    """
    number = (now_ms << 80) | int.from_bytes(entropy[:10], "big")
    digits = [_ALPHABET[(number >> (5 * shift)) & 31] for shift in range(25, -1, -1)]
    return f"{prefix}_{''.join(digits)}"
