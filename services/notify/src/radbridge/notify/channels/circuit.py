"""A circuit breaker for one vendor's host."""

from datetime import datetime, timedelta

from radbridge.notify.channels.protocol import Clock


class Circuit:
    """Opens after ``threshold`` failures in a row; after ``cool_down`` lets one request through to try the host again.

    Not shared between hosts nor event loops.
    """

    def __init__(self, clock: Clock, threshold: int = 5, cool_down: timedelta = timedelta(seconds=30)) -> None:
        self._clock = clock
        self._threshold = threshold
        self._cool_down = cool_down
        self._failures = 0
        self._closed_again_at: datetime | None = None

    def open_until(self) -> datetime | None:
        """None where a request may leave now, else the moment from which one may.

        The caller that is let through on trial pushes that moment on, so others wait for its result.
        """
        if self._closed_again_at is None:
            return None
        now = self._clock()
        if now < self._closed_again_at:
            return self._closed_again_at
        self._closed_again_at = now + self._cool_down
        return None

    def succeeded(self) -> None:
        """The host answered."""
        self._failures = 0
        self._closed_again_at = None

    def failed(self) -> None:
        """The host could not be reached, did not answer, or answered that it is broken."""
        self._failures += 1
        if self._failures >= self._threshold:
            self._closed_again_at = self._clock() + self._cool_down
