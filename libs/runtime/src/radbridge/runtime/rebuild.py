"""Rebuilds what a group projects: its tables are emptied and every fact is handled again, from the beginning.

The consumer goes on meanwhile, in this process and in others. What it applies after the tables were emptied may lack
what came before, so the rebuild does not trust it: it keeps a memory of its own, beside the group's, and takes every
key through its whole history in the order of the log, up to the end. The newest event of a key is thus applied last,
whoever else applied it; and the group's memory learns each event, so that nothing is handled once more afterwards.

This asks two things of the handlers: they only project (nothing is sent or called), and applying an event again, in
order, changes nothing. Dead letters that were never put back stay what they are.

The memory of a rebuild lies in the database. When its process ends before it does, ``resume`` goes on.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final

from radbridge.contracts.envelope import Event
from radbridge.contracts.topics import BY_NAME, Retention
from radbridge.runtime.bus.protocol import BusUnavailable, EventLog, Record
from radbridge.runtime.clock import Clock
from radbridge.runtime.consumer.handling import RecordHandler
from radbridge.runtime.consumer.inbox import Inbox
from radbridge.runtime.consumer.metering import ConsumerMeters, Outcome
from radbridge.runtime.consumer.policy import RetryPolicy
from radbridge.runtime.consumer.spec import ConsumerSpec, Order
from radbridge.runtime.database.protocol import Database, Transaction, Work
from radbridge.runtime.deadletters import list_dead
from radbridge.runtime.telemetry.logs import describe_error

_PAGE: Final = 500
_LOG_AWAY_S: Final = 1.0
_FORGET: Final = (
    "DELETE FROM inbox WHERE group_name = $1",
    "DELETE FROM inbox_version WHERE group_name = $1",
)
_BEGIN: Final = "INSERT INTO inbox_version (group_name, source, subject, version) VALUES ($1, '', '', 0)"
_UNFINISHED: Final = "SELECT 1 AS one FROM inbox_version WHERE group_name = $1 AND source = '' AND subject = ''"

_logger = logging.getLogger(__name__)


class RebuildUnderWay(Exception):
    """Another rebuild of the group has not ended."""


class RebuildStopped(Exception):
    """Too many events failed. The projection is incomplete until a rebuild ends."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild did."""

    events: int
    """Messages that were read."""
    applied: int
    """Events that a handler applied."""
    skipped: int
    """Events older than what was applied, and repeats."""
    left_dead: int
    """Dead letters that were never put back, and stay."""
    failed: int
    """Events that could not be handled now: they are dead letters."""


class Rebuilder:
    """Rebuilds the projection of one group.

    :param clear: empties the tables of the projection, and no table of the service's own facts
    :raises ValueError: a topic of the group does not keep its events for ever.
    """

    def __init__(
        self,
        spec: ConsumerSpec,
        log: EventLog,
        database: Database,
        clear: Work[None],
        clock: Clock,
        *,
        policy: RetryPolicy | None = None,
    ) -> None:
        forgetful = [topic for topic in spec.topics if BY_NAME[topic].retention is not Retention.FOREVER]
        if forgetful:
            raise ValueError(f"group {spec.group} cannot be rebuilt from {', '.join(forgetful)}")
        self._spec = spec
        self._log = log
        self._database = database
        self._clear = clear
        self._clock = clock
        self._policy = policy or RetryPolicy()
        self._memory = f"{spec.group}.rebuild"

    async def run(self) -> Rebuilt:
        """Empty the projection and handle everything again. Until this ends, readers see an incomplete projection.

        :raises RebuildUnderWay: nothing was done.
        :raises RebuildStopped: too many events failed.
        :raises DatabaseUnavailable: at the beginning nothing was done; at the end ``resume`` does the rest.
        """
        return await self._alone(begin=True)

    async def resume(self) -> None:
        """Go on with a rebuild whose process ended before it did, if there is one and nobody else does."""
        if await self._database.read(lambda tx: tx.fetch_one(_UNFINISHED, self._memory)) is None:
            return
        _logger.info("a rebuild goes on", extra={"group": self._spec.group})
        try:
            await self._alone(begin=False)
        except RebuildUnderWay:
            _logger.info("another process rebuilds", extra={"group": self._spec.group})

    async def _alone(self, *, begin: bool) -> Rebuilt:
        lease = self._database.lease("rebuild")
        if not await lease.hold():
            raise RebuildUnderWay(f"group {self._spec.group} is being rebuilt")
        try:
            if begin:
                await self._database.write(self._begin)
            reading = _Reading(self._spec, self._log, self._database, self._clock, self._policy, self._memory)
            for topic in self._spec.topics:
                await reading.read(topic)
            await self._database.write(lambda tx: _forget(tx, self._memory))
            return reading.result()
        finally:
            await lease.release()

    async def _begin(self, tx: Transaction) -> None:
        await self._clear(tx)
        await _forget(tx, self._spec.group)
        await _forget(tx, self._memory)
        await tx.execute(_BEGIN, self._memory)


async def _forget(tx: Transaction, group: str) -> None:
    for statement in _FORGET:
        await tx.execute(statement, group)


class _Inbox(Inbox):
    """Decides by what this rebuild handled, and lets the group remember it too."""

    def __init__(self, group: str, memory: str, clock: Clock) -> None:
        super().__init__(group, clock)
        self._handled = Inbox(memory, clock, by_age=False)

    async def enter(self, tx: Transaction, event: Event, order: Order) -> bool:
        await super().enter(tx, event, order)
        return await self._handled.enter(tx, event, order)

    async def knows(self, tx: Transaction, event: Event, order: Order) -> bool:
        return await self._handled.knows(tx, event, order)


class _Counts(ConsumerMeters):
    """Counts for the answer, not for the consumer's metrics."""

    def __init__(self, group: str) -> None:
        super().__init__(None, group)
        self.outcomes: Counter[Outcome] = Counter()
        self.stop = asyncio.Event()

    def event(self, type_: str, outcome: Outcome) -> None:
        self.outcomes[outcome] += 1

    def paused(self, is_paused: bool) -> None:
        if is_paused:
            self.stop.set()


class _Reading:
    """One way through the topics."""

    def __init__(
        self,
        spec: ConsumerSpec,
        log: EventLog,
        database: Database,
        clock: Clock,
        policy: RetryPolicy,
        memory: str,
    ) -> None:
        self._group = spec.group
        self._log = log
        self._counts = _Counts(spec.group)
        self._events = self._left_dead = 0
        self._handler = RecordHandler(
            spec,
            log,
            database,
            policy=policy,
            meters=self._counts,
            span=_no_span,
            clock=clock,
            inbox=_Inbox(spec.group, memory, clock),
        )

    def result(self) -> Rebuilt:
        outcomes = self._counts.outcomes
        return Rebuilt(
            events=self._events,
            applied=outcomes[Outcome.APPLIED],
            skipped=outcomes[Outcome.SKIPPED],
            left_dead=self._left_dead,
            failed=outcomes[Outcome.DEAD],
        )

    async def read(self, topic: str) -> None:
        """Handle a topic to its end: the end is where nothing is left after all that was read has been applied."""
        dead = await self._dead(topic)
        after: dict[int, int] = {}
        while page := await self._page(topic, after):
            after.update({record.partition: record.offset for record in page})
            self._events += len(page)
            living = [record for record in page if (record.partition, record.offset) not in dead]
            self._left_dead += len(page) - len(living)
            await self._handle(living)

    async def _handle(self, page: Sequence[Record]) -> None:
        keys: dict[str, list[Record]] = {}
        for record in page:
            keys.setdefault(record.key, []).append(record)
        await asyncio.gather(*map(self._handle_key, keys.values()))
        if self._counts.stop.is_set():
            raise RebuildStopped(f"too many events failed while group {self._group} was rebuilt")

    async def _handle_key(self, records: Sequence[Record]) -> None:
        for record in records:
            if not await self._handler.handle(record, self._counts.stop):
                return

    async def _dead(self, topic: str) -> set[tuple[int, int]]:
        """Where the messages stand that are dead letters and were never put back."""
        while True:
            try:
                letters = await list_dead(self._log, topic, self._group)
            except BusUnavailable as error:
                await self._wait_for_log(error)
            else:
                return {
                    (letter.origin_partition, letter.origin_offset)
                    for letter in letters
                    if letter.origin_topic == topic and not letter.replayed
                }

    async def _page(self, topic: str, after: dict[int, int]) -> list[Record]:
        while True:
            try:
                return await self._log.read(topic, after=after, limit=_PAGE)
            except BusUnavailable as error:
                await self._wait_for_log(error)

    async def _wait_for_log(self, error: BusUnavailable) -> None:
        _logger.warning(
            "a rebuild waits for the event log", extra={"group": self._group, "reason": describe_error(error)}
        )
        await asyncio.sleep(_LOG_AWAY_S)


def _no_span(_event: Event) -> AbstractContextManager[object]:
    return nullcontext()
