"""Events leave with the transaction that caused them, and reach the log afterwards.

``publish`` stores the event in the service's own database. The relay, one per database, moves stored events to the log
in order per key and deletes them. It reads what is there, never "sequence greater than the last one": a transaction
that commits late would be passed over. A repeat after a crash has the same event id.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from opentelemetry import trace
from opentelemetry.trace import SpanKind

from radbridge.contracts.envelope import Event, source_of, to_headers
from radbridge.contracts.events.base import EncodedBody, EventBody, encoded
from radbridge.contracts.identifiers import event_id
from radbridge.runtime.bus.protocol import BusError, EventLog, Message
from radbridge.runtime.clock import Clock, from_micros, to_micros
from radbridge.runtime.database.protocol import Database, DatabaseUnavailable, Row, Transaction, Value
from radbridge.runtime.database.shared_writes import SharedWrites
from radbridge.runtime.telemetry.traces import Tracing, current_traceparent, is_sampled
from radbridge.runtime.waiting import set_within

LARGEST_EVENT = 256 * 1024
"""Bytes of a body. Whatever may be larger is a blob that the body names."""
_BATCH = 100
_BYTES_PER_TURN = 1 << 20
_SWEEP_S = 1.0
_BETWEEN_KNOCKS_S = 0.005
_COUNTED_BACKLOG = 10_000

_COUNT = """
    INSERT INTO aggregate_version (subject, version) {source}
    ON CONFLICT (subject) DO UPDATE SET version = aggregate_version.version + 1 RETURNING version"""
_STORE = """
    INSERT INTO outbox (subject, topic, type, happened_at, traceparent, data, version)
    VALUES ($1, $2, $3, $4, $5, $6, $7)"""
_FETCH = """
    SELECT sequence, topic, subject, type, version, happened_at, traceparent, data
    FROM outbox ORDER BY sequence LIMIT $1"""
_FORGET = "DELETE FROM outbox WHERE sequence = ANY(CAST(string_to_array($1, ',') AS BIGINT[]))"
_STORE_COUNTED = """
    INSERT INTO outbox (subject, topic, type, happened_at, traceparent, data, version)
    SELECT {}, {}, {}, CAST({} AS BIGINT), {}, CAST({} AS BYTEA), version FROM counted
    RETURNING subject, version"""

_log = logging.getLogger(__name__)


class EventTooLarge(ValueError):
    """The body has more than :data:`LARGEST_EVENT` bytes."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Events that wait for the log."""

    count: int
    """Counted up to 10 000; there may be more."""
    oldest_age: timedelta
    """How long the oldest has been waiting; zero without any."""


class _Draft(NamedTuple):
    """An event without its version. A tuple, because two are made for each push."""

    source: str
    subject: str
    topic: str
    type: str
    time: datetime
    traceparent: str | None
    data: bytes

    def values(self) -> tuple[Value, ...]:
        return (self.subject, self.topic, self.type, to_micros(self.time), self.traceparent, self.data)

    def event(self, version: int) -> Event:
        return Event(
            id=event_id(self.source, self.subject, version, self.type),
            source=self.source,
            type=self.type,
            subject=self.subject,
            time=self.time,
            version=version,
            data=self.data,
            traceparent=self.traceparent,
        )


class Outbox:
    """The outbox of one service's database.

    :param observe: told of the backlog about once a second while this process is the relay.
    :param tracing: records the sending of events whose trace is recorded; ``None``: nobody records.
    """

    def __init__(
        self,
        database: Database,
        log: EventLog,
        *,
        service: str,
        clock: Clock,
        observe: Callable[[Backlog], None] | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self._database = database
        self._log = log
        self._source = source_of(service)
        self._clock = clock
        self._observe = observe
        self._tracing = tracing
        self._next_report = 0.0
        self._kicked = asyncio.Event()
        self._shared: dict[str, SharedWrites] = {}
        self._sent: list[int] = []
        self._lease = database.lease("outbox", on_knock=self._kicked.set)

    async def publish(self, tx: Transaction, body: EventBody | EncodedBody, *, version: int | None = None) -> Event:
        """Store an event in the transaction; it is sent after the commit.

        :param version: the aggregate's version when its owner counts it under a row lock of its own; otherwise it is
            counted here. An aggregate is counted in one of the two ways, never in both.
        :raises EventTooLarge: the body belongs into a blob.
        """
        draft = self._draft(body)
        return draft.event(await self._store(tx, draft, version))

    async def write_one(self, sql: str, *values: Value, body: EventBody | EncodedBody) -> int | None:
        """Run one ``INSERT``, ``UPDATE`` or ``DELETE`` without ``RETURNING``, and publish if it touched a row.

        Answers the event's version, or ``None`` when no row was touched and nothing published. The way for hot paths:
        SQLite runs it on the event loop; on PostgreSQL row and event are one statement, and who comes while another
        such statement is under way shares the next round trip and commit.

        :raises EventTooLarge: the body belongs into a blob.
        :raises DatabaseUnavailable: neither row nor event was written; as ``OutcomeUnknown``, both or neither.
        """
        draft = self._draft(body)
        if self._database.dialect == "sqlite":

            async def write(tx: Transaction) -> int | None:
                return await self._store(tx, draft, None) if await tx.execute(sql, *values) else None

            return await self._database.write(write, brief=True)
        statement = _write_statement(sql, len(values))
        shared = self._shared.get(statement)
        if shared is None:
            shared = self._shared[statement] = SharedWrites(self._database, statement, key="subject")
        with self._span_of_write(statement):
            row = await shared.write(draft.subject, (*values, *draft.values()))
        if row is None:
            return None
        self._kicked.set()
        return int(row["version"])

    def _span_of_write(self, statement: str) -> contextlib.AbstractContextManager[object]:
        """The caller's share in a statement that is sent for many."""
        if self._tracing is None or not trace.get_current_span().is_recording():
            return contextlib.nullcontext()
        attributes = {
            "db.system.name": self._database.dialect,
            "db.operation.name": "write",
            "db.query.text": statement,
        }
        return self._tracing.span("database write", kind=SpanKind.CLIENT, attributes=attributes)

    async def run(self) -> None:
        """Relay events for ever. One relay per database works, the others stand by to take over."""
        away = False
        try:
            while True:
                try:
                    if await self._lease.hold():
                        await self._relay_once()
                    else:
                        await self._stand_by()
                except (BusError, DatabaseUnavailable) as error:
                    if not away:
                        _log.warning("outbox of %s waits: %s: %s", self._source, type(error).__name__, error)
                    away = True
                    await asyncio.sleep(_SWEEP_S)  # no kick may shorten it: every commit kicks
                    continue
                away = False
        finally:
            await self._lease.release()

    async def drained(self) -> None:
        """Return when no event waits for the log. Some relay has to run meanwhile."""
        while await self._database.fetch_one("SELECT 1 AS waiting FROM outbox LIMIT 1") is not None:
            self._kicked.set()
            await asyncio.sleep(0.02)

    async def backlog(self) -> Backlog:
        """How much waits, for metrics and readiness."""
        row = await self._database.fetch_one(
            "SELECT COUNT(*) AS waiting, MIN(happened_at) AS oldest"
            " FROM (SELECT happened_at FROM outbox ORDER BY sequence LIMIT $1) AS first_rows",
            _COUNTED_BACKLOG,
        )
        if row is None or not row["waiting"]:
            return Backlog(0, timedelta())
        return Backlog(int(row["waiting"]), max(timedelta(), self._clock() - from_micros(row["oldest"])))

    def _draft(self, body: EventBody | EncodedBody) -> _Draft:
        written = body if isinstance(body, EncodedBody) else encoded(body)
        if len(written.data) > LARGEST_EVENT:
            raise EventTooLarge(f"{written.type} has {len(written.data)} bytes, {LARGEST_EVENT} at most")
        return _Draft(
            source=self._source,
            subject=written.subject,
            topic=written.topic,
            type=written.type,
            time=self._clock(),
            traceparent=current_traceparent(),
            data=written.data,
        )

    async def _store(self, tx: Transaction, draft: _Draft, version: int | None) -> int:
        if version is not None:
            await tx.execute(_STORE, *draft.values(), version)
        elif tx.dialect == "postgresql":
            version = int((await tx.fetch(_publish_statement(), *draft.values()))[0]["version"])
        else:
            version = int((await tx.fetch(_COUNT.format(source="VALUES ($1, 1)"), draft.subject))[0]["version"])
            await tx.execute(_STORE, *draft.values(), version)
        tx.on_commit(self._kicked.set)
        return version

    async def _relay_once(self) -> None:
        """Send a batch; where there is none, wait for a commit here, a knock, or the next sweep."""
        self._kicked.clear()
        rows = await self._forget_sent_and_fetch()
        await self._report()
        if not rows:
            await set_within(self._kicked, _SWEEP_S)
            return
        with contextlib.ExitStack() as spans:
            await self._log.append([self._message(row, self._sent_from(row, spans)) for row in rows])
        self._sent = [row["sequence"] for row in rows]

    async def _stand_by(self) -> None:
        """For one sweep, pass kicks on to the relay in another process. It would find the events by itself, later."""
        loop = asyncio.get_running_loop()
        end = loop.time() + _SWEEP_S
        while (left := end - loop.time()) > 0 and await set_within(self._kicked, left):
            self._kicked.clear()
            await self._lease.knock()
            await asyncio.sleep(_BETWEEN_KNOCKS_S)

    async def _report(self) -> None:
        loop = asyncio.get_running_loop()
        if self._observe is not None and loop.time() >= self._next_report:
            self._next_report = loop.time() + _SWEEP_S
            self._observe(await self.backlog())

    async def _forget_sent_and_fetch(self) -> list[Row]:
        """Delete what is in the log by now; the next events. On SQLite that is one commit, for what was sent."""
        sent, dialect = self._sent, self._database.dialect

        async def step(tx: Transaction) -> list[Row]:
            if sent:
                # one writer at a time commits in the order of the numbers: up to the last one, all were read and sent
                await tx.execute("DELETE FROM outbox WHERE sequence <= $1", sent[-1])
            sizes = await tx.fetch("SELECT sequence, LENGTH(data) FROM outbox ORDER BY sequence LIMIT $1", _BATCH)
            return await tx.fetch(_FETCH, _fit_for_one_turn(size for _, size in sizes)) if sizes else []

        if dialect == "sqlite":
            rows = await self._database.write(step, brief=True)
        else:
            if sent:
                await self._database.write_one(_FORGET, ",".join(map(str, sent)))
            rows = await self._database.fetch(_FETCH, _BATCH)
        self._sent = []
        return rows

    def _sent_from(self, row: Row, spans: contextlib.ExitStack) -> str | None:
        """The ``traceparent`` that consumers continue: of the sending, where the trace is recorded."""
        traceparent: str | None = row["traceparent"]
        if self._tracing is None or not is_sampled(traceparent):
            return traceparent
        attributes = {"messaging.destination.name": row["topic"]}
        span = self._tracing.span(
            f"send {row['type']}", kind=SpanKind.PRODUCER, traceparent=traceparent, attributes=attributes
        )
        return spans.enter_context(span).traceparent

    def _message(self, row: Row, traceparent: str | None) -> Message:
        draft = _Draft(
            source=self._source,
            subject=row["subject"],
            topic=row["topic"],
            type=row["type"],
            time=from_micros(row["happened_at"]),
            traceparent=traceparent,
            data=row["data"],
        )
        event = draft.event(row["version"])
        return Message(topic=draft.topic, key=draft.subject, value=draft.data, headers=tuple(to_headers(event)))


def _fit_for_one_turn(sizes: Iterable[int]) -> int:
    """How many of these may be read on the event loop: one at least."""
    total = count = 0
    for size in sizes:
        total += size
        if count and total > _BYTES_PER_TURN:
            break
        count += 1
    return count


@lru_cache(maxsize=1)
def _publish_statement() -> str:
    return f"WITH counted AS ({_COUNT.format(source='VALUES ($1, 1)')}) {_store_counted(after=0)}"


@lru_cache(maxsize=256)
def _write_statement(sql: str, count: int) -> str:
    """``sql`` with ``count`` values, and the event for PostgreSQL, as one statement."""
    of_written = f"SELECT CAST(${count + 1} AS TEXT), 1 FROM written LIMIT 1"  # noqa: S608 (no values in it)
    counted = _COUNT.format(source=of_written)
    return f"WITH written AS ({sql} RETURNING 1 AS touched), counted AS ({counted}) {_store_counted(after=count)}"


def _store_counted(*, after: int) -> str:
    return _STORE_COUNTED.format(*(f"${after + number}" for number in range(1, 7)))
