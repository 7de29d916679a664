"""What a consumer counts."""

from enum import StrEnum

from radbridge.runtime.telemetry.meters import Meters


class Outcome(StrEnum):
    """How an event fared."""

    APPLIED = "applied"
    SKIPPED = "skipped"
    RETRIED = "retried"
    DEAD = "dead"


class ConsumerMeters:
    """The meters of one group; without ``meters`` nothing is counted."""

    def __init__(self, meters: Meters | None, group: str) -> None:
        self._meters = meters
        self._group = group

    def event(self, type_: str, outcome: Outcome) -> None:
        """Count an event by its outcome."""
        if self._meters is not None:
            self._meters.board.events_handled.labels(self._meters.service, self._group, type_, outcome.value).inc()

    def handled(self, type_: str, *, seconds: float, delay_seconds: float) -> None:
        """Time an event that was applied."""
        if self._meters is not None:
            board, service = self._meters.board, self._meters.service
            board.event_seconds.labels(service, self._group, type_).observe(seconds)
            board.event_delay_seconds.labels(service, self._group, type_).observe(max(0.0, delay_seconds))

    def paused(self) -> None:
        """Tell that too many dead letters paused the consumer."""
        if self._meters is not None:
            self._meters.board.consumer_paused.labels(self._meters.service, self._group).set(1)
