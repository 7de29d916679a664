"""One service while it runs: started step by step, each step tried until it works, and stopped in order."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from opentelemetry.trace import SpanKind
from starlette.types import ASGIApp

from radbridge.contracts.envelope import Event
from radbridge.runtime.bus.protocol import BusError, BusUnavailable
from radbridge.runtime.consumer import Consumer, ConsumerSpec
from radbridge.runtime.database.protocol import DatabaseUnavailable
from radbridge.runtime.directory_copy import DirectoryCopy
from radbridge.runtime.host.lag import measure_lag
from radbridge.runtime.http import make_app
from radbridge.runtime.migrations import migrate, require_current
from radbridge.runtime.presence import Presence
from radbridge.runtime.readiness import Readiness
from radbridge.runtime.service import Check, Resources, Service, ServiceDefinition, Worker
from radbridge.runtime.telemetry.logs import describe_error
from radbridge.runtime.telemetry.traces import ActiveSpan
from radbridge.runtime.waiting import done_within

T = TypeVar("T")

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 10.0
_DRAIN_SECONDS = 5.0
_DATABASE = "database"
_LOG_PATIENCE_SECONDS = 3.0
"""How long a service that has a copy of the institution directory waits for the log at its start, and any service for
the ends of sessions."""

_log = logging.getLogger(__name__)


class RunningService:
    """A service between ``start`` and ``stop``. Its ``app`` answers from the beginning: probes at once, the rest when
    it has started."""

    def __init__(
        self,
        definition: ServiceDefinition,
        resources: Resources,
        *,
        ensure_topics: Callable[[], Awaitable[None]],
    ) -> None:
        self.definition = definition
        self.resources = resources
        self.readiness = Readiness(definition.name, resources.meters.board.check_ok)
        self.service: Service = definition.build(resources)
        self.app: ASGIApp = make_app(self.service, resources, self.readiness)
        self._ensure_topics = ensure_topics
        self._consumers = [_consumer(spec, resources) for spec in self.service.consumers]
        self._copy = DirectoryCopy(resources.directory, resources.database, resources.log)
        self._presence = Presence(
            resources.log,
            service=definition.name,
            instance_id=resources.instance_id,
            directory=resources.directory,
            ready=lambda: self.readiness.is_ready,
            degraded=lambda: self.readiness.degraded,
            clock=resources.clock,
        )
        self._leave = asyncio.Event()
        self._main: asyncio.Task[None] | None = None
        self._relay: asyncio.Task[None] | None = None
        self.readiness.checks = (*self._checks(), *self.service.checks)

    def start(self) -> None:
        """Begin to start; ``readiness`` tells how far it is. Needs the platform's ``run`` beside it."""
        self._main = asyncio.create_task(self._run(), name=f"{self.definition.name}: main")

    async def stop_consuming(self) -> None:
        """Let consumers finish what is under way, commit, and leave their groups."""
        self.readiness.stopping = True
        await asyncio.gather(*(consumer.stop() for consumer in self._consumers))

    async def stop(self) -> None:
        """Stop what is left once requests have ended: the lifespan, workers, the outbox, the database."""
        await self.stop_consuming()
        self._leave.set()
        if self._main is not None:
            if not self.readiness.started:
                self._main.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._main
        await self.resources.database.close()

    async def _run(self) -> None:
        resources = self.resources
        prepare = migrate if resources.settings.migrate == "start" else require_current
        await self._until_done(_DATABASE, lambda: prepare(resources.database.url, self.definition.migrations))
        await self._know_institutions()
        async with contextlib.AsyncExitStack() as stack:
            if self.service.lifespan is not None:
                lifespan = self.service.lifespan
                await self._until_done("service", lambda: stack.enter_async_context(lifespan()))
            tasks = [asyncio.create_task(self._supervise(worker), name=worker.name) for worker in self._workers()]
            self._relay = asyncio.create_task(self._supervise(Worker("outbox", resources.outbox.run)))
            self.readiness.started = True
            try:
                await self._leave.wait()
            finally:
                await _cancel(*tasks)
        await self._drain()
        await _cancel(self._relay)
        await self._presence.leave()

    async def _know_institutions(self) -> None:
        """From the log; where it is away, from the copy that an earlier start made. The platform goes on to ensure the
        topics and to read the directory."""
        is_copied = await self._until_done(_DATABASE, self._copy.load)
        if is_copied:
            try:
                async with asyncio.timeout(_LOG_PATIENCE_SECONDS):
                    await self._ensure_topics()
                    await self.resources.directory.caught_up()
            except (TimeoutError, BusUnavailable) as error:
                _log.warning(
                    "the service starts without the event log, from its copy of the institution directory",
                    extra={"service": self.definition.name, "reason": describe_error(error)},
                )
                return
            except BusError:
                pass  # the log is there, and what is wrong with it does not pass by itself
        await self._until_done("topics", self._ensure_topics)
        await self._until_done("institution directory", self.resources.directory.caught_up)
        # people stay logged in over a restart; nobody else has to wait for that
        await done_within(self.resources.authenticator.ended_sessions.caught_up(), _LOG_PATIENCE_SECONDS)

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                await self.resources.outbox.drained()
        except (TimeoutError, DatabaseUnavailable):
            _log.warning("events stay in the outbox until the next start", extra={"service": self.definition.name})

    def _workers(self) -> list[Worker]:
        resources = self.resources
        groups = frozenset(consumer.group for consumer in self._consumers)
        return [
            *(Worker(f"consumer {consumer.group}", consumer.run) for consumer in self._consumers),
            Worker("lag", lambda: measure_lag(resources.log, groups, resources.meters)),
            Worker("presence", self._presence.run),
            Worker("institution directory's copy", self._copy.run),
            *self.service.workers,
        ]

    def _checks(self) -> list[Check]:
        resources = self.resources
        return [
            Check(_DATABASE, resources.database.ping),
            Check("event log", resources.log.ping, required=False),
            Check("institution directory", resources.directory.check, required=False),
            Check("objects", resources.blobs.ping, required=self.service.requires_objects),
            *(Check(f"consumer {consumer.group}", consumer.check, required=False) for consumer in self._consumers),
        ]

    async def _until_done(self, step: str, work: Callable[[], Awaitable[T]]) -> T:
        """Try a step of the start until it works; ``/readyz`` shows why it does not yet."""
        pause = _FIRST_PAUSE_SECONDS
        self.readiness.waiting_for = f"{step}: under way"
        while True:
            try:
                done = await work()
            except Exception as error:
                reason = describe_error(error)
                if pause == _FIRST_PAUSE_SECONDS:
                    _log.warning(
                        "a step of the start waits",
                        extra={"service": self.definition.name, "step": step, "reason": reason},
                    )
                self.readiness.waiting_for = f"{step}: {reason}"
                self.readiness.database_is_away = step == _DATABASE
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            else:
                self.readiness.database_is_away = False
                return done

    async def _supervise(self, worker: Worker) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await worker.run()
            except Exception:
                _log.exception("a worker failed", extra={"service": self.definition.name, "worker": worker.name})
                meters = self.resources.meters
                meters.board.worker_failures.labels(meters.service, worker.name).inc()
            else:
                return
            if asyncio.get_running_loop().time() - began > _LONGEST_PAUSE_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


def _consumer(spec: ConsumerSpec, resources: Resources) -> Consumer:
    def span(event: Event) -> ActiveSpan:
        return resources.tracing.span(
            f"process {event.type}",
            kind=SpanKind.CONSUMER,
            traceparent=event.traceparent,
            attributes={"messaging.consumer.group.name": spec.group, "messaging.message.id": event.id},
        )

    return Consumer(spec, resources.log, resources.database, meters=resources.meters, span=span, clock=resources.clock)


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
