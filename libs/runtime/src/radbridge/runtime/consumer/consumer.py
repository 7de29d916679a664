"""Runs the handlers of one consumer group in this process."""

import asyncio
import contextlib
import logging
from contextlib import AbstractContextManager

from radbridge.contracts.envelope import Event
from radbridge.contracts.topics import replay_topic
from radbridge.runtime.bus.protocol import BusError, EventLog
from radbridge.runtime.clock import Clock, utc_now
from radbridge.runtime.consumer.flow import FlowLimits
from radbridge.runtime.consumer.handling import OpenSpan, RecordHandler
from radbridge.runtime.consumer.membership import Membership
from radbridge.runtime.consumer.metering import ConsumerMeters
from radbridge.runtime.consumer.policy import RetryPolicy
from radbridge.runtime.consumer.spec import ConsumerSpec
from radbridge.runtime.database.protocol import Database, DatabaseError
from radbridge.runtime.telemetry.logs import describe_error
from radbridge.runtime.telemetry.meters import Meters
from radbridge.runtime.waiting import set_within

_RECONNECT_S = 1.0
_FORGET_EVERY_S = 3600.0

_log = logging.getLogger(__name__)


class ConsumerNotReady(Exception):
    """The consumer handles nothing now; the text says why."""


def _no_span(_event: Event) -> AbstractContextManager[object]:
    return contextlib.nullcontext()


class Consumer:
    """One member of a group: ``run`` until ``stop``.

    Keys are handled side by side, each in order. The committed offset is the lowest unfinished one, so a stuck key
    keeps nobody else waiting and nothing is lost with the process. A repeat is recognised by the inbox.

    :param span: opens a span around the handling of an event
    :param grace_s: how long ``stop`` lets attempts finish
    """

    def __init__(
        self,
        spec: ConsumerSpec,
        log: EventLog,
        database: Database,
        *,
        policy: RetryPolicy | None = None,
        meters: Meters | None = None,
        span: OpenSpan = _no_span,
        clock: Clock = utc_now,
        limits: FlowLimits | None = None,
        grace_s: float = 10.0,
    ) -> None:
        self._spec = spec
        self._log = log
        self._database = database
        self._limits = limits or FlowLimits()
        self._grace_s = grace_s
        self._handler = RecordHandler(
            spec,
            log,
            database,
            policy=policy or RetryPolicy(),
            meters=ConsumerMeters(meters, spec.group),
            span=span,
            clock=clock,
        )
        self._main_topics = {replay_topic(topic, spec.group): topic for topic in spec.topics}
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._ended.set()
        self._member: Membership | None = None

    @property
    def group(self) -> str:
        """The consumer group."""
        return self._spec.group

    async def run(self) -> None:
        """Handle events until ``stop``; a log that is away is waited for."""
        self._ended.clear()
        forgetting = asyncio.create_task(self._forget_for_ever(), name=f"inbox {self.group}")
        away = False
        try:
            while not self._stopping.is_set():
                try:
                    await self._be_member()
                    away = False
                except BusError as error:
                    if not away:
                        _log.warning(
                            "a consumer waits for the event log",
                            extra={"group": self.group, "reason": describe_error(error)},
                        )
                    away = True
                    await set_within(self._stopping, _RECONNECT_S)
        finally:
            forgetting.cancel()
            await asyncio.gather(forgetting, return_exceptions=True)
            self._ended.set()

    async def stop(self) -> None:
        """Finish what is under way, commit, and leave the group."""
        self._stopping.set()
        if self._member is not None:
            self._member.interrupt()
        await self._ended.wait()

    async def check(self) -> None:
        """Return if events are handled.

        :raises ConsumerNotReady: the consumer has not joined its group, or too many dead letters paused it.
        """
        if self._handler.limit.reached:
            raise ConsumerNotReady(f"too many dead letters of group {self.group}: it is paused")
        if self._member is None:
            raise ConsumerNotReady(f"not in group {self.group} yet")

    async def _be_member(self) -> None:
        """Join, handle, leave.

        :raises BusError: the log is away, or a topic is missing.
        """
        member = Membership(self._handler.handle, self._main_topics, self._limits)
        subscription = await self._log.subscribe(self.group, self._spec.subscribed_topics, listener=member)
        self._member = member
        try:
            if not self._stopping.is_set():
                await member.consume(subscription)
        finally:
            self._member = None
            await member.finish(self._grace_s if self._stopping.is_set() else 0)
            await subscription.close()

    async def _forget_for_ever(self) -> None:
        while True:
            with contextlib.suppress(DatabaseError):
                await self._handler.inbox.forget_old(self._database)
            await asyncio.sleep(_FORGET_EVERY_S)
