"""Moments: aware UTC in code, whole microseconds since 1970 in the databases."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]
"""Answers the present moment, aware and in UTC. Passed as an argument wherever time matters."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def utc_now() -> datetime:
    """The present moment by this machine's clock."""
    return datetime.now(UTC)


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970-01-01T00:00Z, exactly.

    :raises TypeError: ``moment`` has no time zone.
    """
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The moment in UTC, the inverse of :func:`to_micros`."""
    return _EPOCH + timedelta(microseconds=micros)
