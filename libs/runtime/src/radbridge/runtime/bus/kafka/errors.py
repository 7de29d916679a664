# pyright: reportMissingTypeStubs=false
# aiokafka publishes no types
"""aiokafka's errors in the words of the bus."""

import contextlib
from collections.abc import Generator

from aiokafka.errors import (
    CommitFailedError,
    ConsumerStoppedError,
    IllegalArgumentError,
    IllegalStateError,
    InvalidConfigurationError,
    InvalidPartitionsError,
    InvalidReplicationFactorError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordTooLargeError,
    UnknownTopicOrPartitionError,
)

from radbridge.runtime.bus.protocol import BusError, BusUnavailable, Fenced, UnknownTopic

_LOST_PARTITION = (CommitFailedError, IllegalStateError)
_FOR_EVER = (
    IllegalArgumentError,
    InvalidConfigurationError,
    InvalidPartitionsError,
    InvalidReplicationFactorError,
    InvalidTopicError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordTooLargeError,
)


@contextlib.contextmanager
def translated() -> Generator[None]:
    """Raise what the protocol promises instead of what aiokafka raises."""
    try:
        yield
    except BusError:
        raise
    except (KafkaError, ConsumerStoppedError, TimeoutError, OSError) as error:
        raise as_bus_error(error) from error


def as_bus_error(error: BaseException) -> BusError:
    """What is not known to be for ever counts as away: waiting and trying again is right for it."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, _LOST_PARTITION):
        return Fenced(text)
    if isinstance(error, UnknownTopicOrPartitionError):
        return UnknownTopic(text)
    if isinstance(error, _FOR_EVER):
        return BusError(text)
    return BusUnavailable(text)
