"""One record on its way: decoded, tried until it works, or set aside with the reason."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

from pydantic import ValidationError

from radbridge.contracts.envelope import EnvelopeError, Event, from_headers
from radbridge.runtime.blobs.protocol import BlobUnavailable
from radbridge.runtime.bus.protocol import BusError, BusUnavailable, EventLog, Record
from radbridge.runtime.clock import Clock
from radbridge.runtime.consumer.inbox import Inbox
from radbridge.runtime.consumer.metering import ConsumerMeters, Outcome
from radbridge.runtime.consumer.policy import DeadLetterLimit, RetryPolicy
from radbridge.runtime.consumer.spec import ConsumerSpec, On, Received
from radbridge.runtime.database.protocol import Database, DatabaseUnavailable, Transaction
from radbridge.runtime.deadletters import bury
from radbridge.runtime.telemetry.logs import describe_error
from radbridge.runtime.waiting import set_within

_AWAY = (DatabaseUnavailable, BusUnavailable, BlobUnavailable)
_ATTEMPTS_AT_ONCE = 32
_UNDECODABLE = "undecodable"

OpenSpan: TypeAlias = Callable[[Event], AbstractContextManager[object]]
"""A span around the handling of an event, continuing the trace in its headers."""

_log = logging.getLogger(__name__)


class _Undecodable(Exception):
    """The message is no event that its handler can read; the text quotes no value."""


class RecordHandler:
    """Takes records of one consumer to their end."""

    def __init__(
        self,
        spec: ConsumerSpec,
        log: EventLog,
        database: Database,
        *,
        policy: RetryPolicy,
        meters: ConsumerMeters,
        span: OpenSpan,
        clock: Clock,
        inbox: Inbox | None = None,
    ) -> None:
        self._group = spec.group
        self._handlers: dict[str, On[Any, Any]] = {on.event.event_type(): on for on in spec.handlers}
        self._log = log
        self._database = database
        self._policy = policy
        self._meters = meters
        self._span = span
        self._clock = clock
        self._slots = asyncio.Semaphore(_ATTEMPTS_AT_ONCE)
        self.inbox = inbox or Inbox(spec.group, clock)
        self.limit = DeadLetterLimit(policy, time.monotonic)

    async def handle(self, record: Record, give_up: asyncio.Event) -> bool:
        """Apply the event, recognise that it is not ours or known, or put it to the dead letters.

        Answers ``False``, with the record unfinished, once ``give_up`` is set.
        """
        try:
            event = _event_of(record)
            on = self._handlers.get(event.type)
            if on is None:
                return True
            received = Received(_body_of(on, event), event)
        except _Undecodable as error:
            return await self._set_aside(record, _UNDECODABLE, error, 1, give_up)
        return await self._try_until_done(record, on, received, give_up)

    async def _try_until_done(
        self, record: Record, on: On[Any, Any], received: Received[Any], give_up: asyncio.Event
    ) -> bool:
        failures = waits = 0
        type_ = received.event.type
        while await self._goes_on(give_up):
            try:
                async with self._slots, asyncio.timeout(self._policy.longest_attempt.total_seconds()):
                    await self._attempt(on, received)
            except _AWAY as error:
                waits += 1
                if _is_power_of_two(waits):
                    self._report("an event waits for what is away", record, type_, error, waits)
                pause = self._policy.pause_after(waits)
            except Exception as error:
                failures += 1
                if failures >= self._policy.attempts:
                    return await self._set_aside(record, type_, error, failures, give_up)
                self._meters.event(type_, Outcome.RETRIED)
                self._report("an event is tried again", record, type_, error, failures)
                pause = self._policy.pause_after(failures)
            else:
                return True
            if await set_within(give_up, pause):
                return False
        return False

    async def _attempt(self, on: On[Any, Any], received: Received[Any]) -> None:
        event = received.event
        started = time.perf_counter()
        with self._span(event):
            applied = await self._apply(on, received)
        self._meters.event(event.type, Outcome.APPLIED if applied else Outcome.SKIPPED)
        if applied:
            self._meters.handled(
                event.type,
                seconds=time.perf_counter() - started,
                delay_seconds=(self._clock() - event.time).total_seconds(),
            )

    async def _apply(self, on: On[Any, Any], received: Received[Any]) -> bool:
        event = received.event
        prepared: Any = None
        if on.prepare is not None and (on.prepare_when is None or on.prepare_when(received)):
            if await self._database.read(lambda tx: self.inbox.knows(tx, event, on.order)):
                return False
            prepared = await on.prepare(received)

        async def work(tx: Transaction) -> bool:
            entered = await self.inbox.enter(tx, event, on.order)
            if entered:
                await on.apply(tx, received, prepared)
            return entered

        return await self._database.write(work)

    async def _goes_on(self, give_up: asyncio.Event) -> bool:
        """Whether to try. Once too many went to the dead letters, nothing is tried any more: the answer comes with
        ``give_up``."""
        if self.limit.reached:
            await give_up.wait()
        return not give_up.is_set()

    def _may_set_aside(self) -> bool:
        """Whether another dead letter may be written. If not, everything pauses."""
        was_paused = self.limit.reached
        if self.limit.take():
            return True
        if not was_paused:
            self._meters.paused()
            _log.error("too many dead letters: the consumer pauses", extra={"group": self._group})
        return False

    async def _set_aside(
        self, record: Record, type_: str, error: Exception, attempts: int, give_up: asyncio.Event
    ) -> bool:
        """Write the dead letter, if another one may be written, however long the log is away."""
        if not self._may_set_aside():
            await give_up.wait()
            return False
        waits = 0
        while not give_up.is_set():
            try:
                await bury(
                    self._log, record, self._group, reason=describe_error(error), attempts=attempts, at=self._clock()
                )
            except BusError as bus_error:
                waits += 1
                if _is_power_of_two(waits):
                    self._report("a dead letter waits", record, type_, bus_error, waits)
                await set_within(give_up, self._policy.pause_after(waits))
            else:
                self._meters.event(type_, Outcome.DEAD)
                self._report("an event went to the dead letters", record, type_, error, attempts)
                return True
        self.limit.give_back()
        return False

    def _report(self, what: str, record: Record, type_: str, error: Exception, count: int) -> None:
        _log.warning(
            what,
            extra={
                "group": self._group,
                "type": type_,
                "topic": record.topic,
                "partition": record.partition,
                "offset": record.offset,
                "count": count,
                "reason": describe_error(error),
            },
        )


def _event_of(record: Record) -> Event:
    try:
        return from_headers(record.headers, record.value)
    except EnvelopeError as error:
        raise _Undecodable(str(error)) from None


def _body_of(on: On[Any, Any], event: Event) -> Any:
    try:
        return on.event.model_validate_json(event.data)
    except ValidationError as error:
        faults = ", ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'body'}: {fault['type']}"
            for fault in error.errors(include_input=False, include_url=False, include_context=False)
        )
        raise _Undecodable(f"{event.type}: {faults}") from None


def _is_power_of_two(count: int) -> bool:
    """The first, second, fourth, eighth … time: what lasts is not said again and again."""
    return count & (count - 1) == 0
