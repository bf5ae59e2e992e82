"""A circuit breaker per endpoint: open after five failures in a row, then one probe at a time."""

from __future__ import annotations

from assay.core.protocols import Clock

FAILURES_TO_OPEN = 5
COOL_DOWN_S = 5.0
MAX_COOL_DOWN_S = 60.0


class Breaker:
    """Keeps calls from an endpoint that is down.

    Closed: calls pass. Open: none pass until the cool-down is over. Half-open: one call probes; its success closes the
    breaker, its failure opens it for twice as long (at most a minute).

    Attributes:
        down_since: When it opened first without having been closed again; ``None`` while closed.
    """

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._cool_down_s = COOL_DOWN_S
        self._probe_at = 0.0
        self._probing = False
        self.down_since: float | None = None

    @property
    def closed(self) -> bool:
        return self.down_since is None

    def wait_s(self) -> float:
        """Seconds until a call may pass: 0 when one may now."""
        if self.down_since is None:
            return 0.0
        if self._probing:
            return COOL_DOWN_S / 10.0
        return max(0.0, self._probe_at - self._clock())

    def enter(self) -> bool:
        """A call is about to be sent; whether it is the probe."""
        if self.down_since is None:
            return False
        self._probing = True
        return True

    def leave(self, *, probe: bool) -> None:
        """A call ended without telling anything (it was cancelled): another may probe."""
        if probe:
            self._probing = False

    def success(self) -> None:
        """The endpoint answered, if only with an error of the caller's."""
        self._failures = 0
        if self.down_since is not None:
            self.down_since, self._probing, self._cool_down_s = None, False, COOL_DOWN_S

    def failure(self, *, probe: bool = False) -> None:
        """The endpoint did not answer, or with an error of its own; only the probe's failure keeps an open one open."""
        self._failures += 1
        now = self._clock()
        if self.down_since is None:
            if self._failures >= FAILURES_TO_OPEN:
                self.down_since, self._probe_at = now, now + self._cool_down_s
        elif probe:
            self._probing = False
            self._cool_down_s = min(MAX_COOL_DOWN_S, 2.0 * self._cool_down_s)
            self._probe_at = now + self._cool_down_s
