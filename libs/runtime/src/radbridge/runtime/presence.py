"""Which service processes are alive, ready, and how far each has followed the institution directory."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pydantic import ValidationError

from radbridge.contracts.envelope import EnvelopeError, from_headers, make_event, to_headers
from radbridge.contracts.events.presence import InstanceSeen
from radbridge.runtime.bus.protocol import BusError, EventLog, Message
from radbridge.runtime.clock import Clock, to_micros
from radbridge.runtime.directory import Directory
from radbridge.runtime.waiting import done_within

HEARTBEAT_SECONDS = 3.0
ALIVE_SECONDS = 10.0
_RETRY_SECONDS = 1.0
_LOOK_AGAIN_SECONDS = 0.5

_log = logging.getLogger(__name__)


class Presence:
    """The heartbeats of one instance of a service: every 3 s, and at once when the directory has changed."""

    def __init__(
        self,
        log: EventLog,
        *,
        service: str,
        instance_id: str,
        directory: Directory,
        ready: Callable[[], bool],
        degraded: Callable[[], Iterable[str]],
        clock: Clock,
    ) -> None:
        self._log = log
        self._service = service
        self._instance_id = instance_id
        self._directory = directory
        self._ready = ready
        self._degraded = degraded
        self._clock = clock

    async def run(self) -> None:
        """Send heartbeats for ever."""
        while True:
            version = self._directory.version
            try:
                await self._send(version, leaving=False)
            except BusError:
                _log.debug("a heartbeat was not sent", extra={"service": self._service})
            await done_within(self._directory.wait_for_change(version), HEARTBEAT_SECONDS)

    async def leave(self) -> None:
        """Send the farewell, so that nobody waits for this instance."""
        with contextlib.suppress(BusError):
            await self._send(self._directory.version, leaving=True)

    async def _send(self, version: int, *, leaving: bool) -> None:
        now = self._clock()
        body = InstanceSeen(
            instance_id=self._instance_id,
            service=self._service,
            ready=self._ready() and not leaving,
            degraded=list(self._degraded()),
            leaving=leaving,
            directory_version=version,
            seen_at=now,
        )
        event = make_event(body, service=self._service, version=to_micros(now), time=now)
        await self._log.append([Message(body.TOPIC, event.subject, event.data, tuple(to_headers(event)))])


@dataclass(frozen=True, slots=True)
class _Seen:
    body: InstanceSeen
    version: int
    heard_at: float
    """On this process's monotonic clock: the senders' clocks may differ."""


class PresenceView:
    """Every instance that is alive, for whoever runs it."""

    def __init__(self, log: EventLog, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._monotonic = monotonic
        self._seen: dict[str, _Seen] = {}
        self._following = asyncio.Event()
        self._followed_since = 0.0
        self._changed = asyncio.Condition()

    def alive(self) -> list[InstanceSeen]:
        """The newest heartbeat of each instance that is alive, by service and instance."""
        oldest = self._monotonic() - ALIVE_SECONDS
        bodies = [seen.body for seen in self._seen.values() if seen.heard_at >= oldest and not seen.body.leaving]
        return sorted(bodies, key=lambda body: (body.service, body.instance_id))

    async def settled(self) -> None:
        """Return once this view has listened long enough to have heard of everybody alive."""
        await self._following.wait()
        await asyncio.sleep(max(0.0, self._followed_since + HEARTBEAT_SECONDS + 0.5 - self._monotonic()))

    async def wait_until_directory(self, version: int) -> None:
        """Return once every instance alive has applied this version of the institution directory."""
        await self.settled()
        while any(body.directory_version < version for body in self.alive()):
            async with self._changed:
                # instances that die do not notify: look again now and then
                await done_within(self._changed.wait(), _LOOK_AGAIN_SECONDS)

    async def run(self) -> None:
        """Follow the presence topic for ever; waits while the log is away."""
        while True:
            try:
                async for record in self._log.follow(InstanceSeen.TOPIC, from_beginning=False):
                    if record is None:
                        if not self._following.is_set():
                            self._followed_since = self._monotonic()
                            self._following.set()
                        continue
                    with contextlib.suppress(EnvelopeError, ValidationError):
                        event = from_headers(record.headers, record.value)
                        await self._take(InstanceSeen.model_validate_json(event.data), event.version)
            except BusError as error:
                _log.warning("the presence view waits for the event log", extra={"reason": str(error)})
                self._following.clear()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _take(self, body: InstanceSeen, version: int) -> None:
        key = f"{body.service}/{body.instance_id}"
        known = self._seen.get(key)
        if known is not None and known.version >= version:
            return
        async with self._changed:
            self._seen[key] = _Seen(body, version, self._monotonic())
            self._forget_the_dead()
            self._changed.notify_all()

    def _forget_the_dead(self) -> None:
        oldest = self._monotonic() - 10 * ALIVE_SECONDS
        for key in [key for key, seen in self._seen.items() if seen.heard_at < oldest]:
            del self._seen[key]
