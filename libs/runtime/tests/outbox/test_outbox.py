"""Events leave with their transaction and reach the log afterwards, on both databases."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from opentelemetry import trace

from radbridge.contracts.envelope import Event
from radbridge.contracts.events.exam import ExamVoided
from radbridge.runtime.bus.protocol import Message
from radbridge.runtime.clock import utc_now
from radbridge.runtime.database.open import open_database
from radbridge.runtime.database.protocol import ConstraintViolated, Database, DatabaseUnavailable, Row, Transaction
from radbridge.runtime.outbox import Backlog, EventTooLarge, Outbox
from tests.support.bus import until
from tests.support.outbox import KeptLog, relaying, voided

ONLY_POSTGRESQL = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.real)], indirect=True
)
"""SQLite has one writer, so nothing commits out of order, and its processes find each other's events by the sweep."""
INSERT = "INSERT INTO exam (id, number) VALUES ($1, $2)"


async def publish(database: Database, outbox: Outbox, exam_id: str, number: str = "1") -> Event:
    return await database.write(lambda tx: outbox.publish(tx, voided(exam_id, number)))


@pytest.fixture
async def second_database(database_url: str) -> AsyncIterator[Database]:
    """The same database as another process sees it."""
    database = open_database(database_url, service="second")
    yield database
    await database.close()


async def test_an_event_reaches_the_log_as_it_was_published(database: Database, outbox: Outbox, log: KeptLog) -> None:
    moment = datetime(2026, 5, 1, 8, 30, 0, 123456, tzinfo=UTC)
    exact = Outbox(database, log, service="ingest-api", clock=lambda: moment)
    span = trace.NonRecordingSpan(trace.SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=trace.TraceFlags(1)))
    with trace.use_span(span):
        told = await publish(database, exact, "e1")
    async with relaying(outbox):
        await outbox.drained()
    assert log.events == [told]
    assert (log.messages[0].topic, log.messages[0].key) == ("exam", "e1")
    assert (told.source, told.type, told.subject) == ("/radbridge/ingest-api", "radbridge.exam.voided.v1", "e1")
    assert (told.version, told.time) == (1, moment)
    assert told.traceparent == f"00-{0xABC:032x}-{0xDEF:016x}-01"
    assert await database.fetch("SELECT * FROM outbox") == []


async def test_what_is_rolled_back_is_never_sent_and_counts_nothing(
    database: Database, outbox: Outbox, log: KeptLog
) -> None:
    async def fails(tx: Transaction) -> None:
        await tx.execute(INSERT, "e1", 1)
        await outbox.publish(tx, voided("e1"))
        raise LookupError

    async with relaying(outbox):
        with pytest.raises(LookupError):
            await database.write(fails)
        assert (await publish(database, outbox, "e1")).version == 1
        await outbox.drained()
    assert log.versions() == {"e1": [1]}
    assert await database.fetch("SELECT id FROM exam") == []


async def test_versions_rise_per_aggregate_and_keep_their_order(
    database: Database, outbox: Outbox, log: KeptLog
) -> None:
    async def both_ways(number: int) -> None:
        exam_id = f"e{number % 3}"
        if number % 2:
            await publish(database, outbox, exam_id)
        else:
            await outbox.write_one(INSERT, f"row{number}", number, body=voided(exam_id))

    async with relaying(outbox):
        await asyncio.gather(*(both_ways(number) for number in range(120)))
        await outbox.drained()
    assert log.versions() == {f"e{key}": list(range(1, 41)) for key in range(3)}


async def test_an_owner_may_count_by_itself(database: Database, outbox: Outbox, log: KeptLog) -> None:
    told = await database.write(lambda tx: outbox.publish(tx, voided("e1"), version=17))
    async with relaying(outbox):
        await outbox.drained()
    assert told.version == 17
    assert log.events == [told]


async def test_row_and_event_of_one_statement_are_both_there_or_neither(
    database: Database, outbox: Outbox, log: KeptLog
) -> None:
    newer = "UPDATE exam SET number = $2 WHERE id = $1 AND number < $2"
    async with relaying(outbox):
        told = [
            await outbox.write_one(INSERT, "e1", 5, body=voided("e1", "first")),
            await outbox.write_one(newer, "e1", 4, body=voided("e1", "stale")),
            await outbox.write_one(newer, "e1", 6, body=voided("e1", "second")),
        ]
        with pytest.raises(ConstraintViolated):
            await outbox.write_one(INSERT, "e1", 7, body=voided("e1", "refused"))
        await outbox.drained()
    assert told == [1, None, 2]
    assert [ExamVoided.model_validate_json(event.data).exam_number for event in log.events] == ["first", "second"]
    assert log.versions() == {"e1": [1, 2]}


async def test_rows_touched_together_are_one_event(database: Database, outbox: Outbox, log: KeptLog) -> None:
    for number in range(3):
        await database.write_one(INSERT, f"e{number}", number)
    await outbox.write_one("DELETE FROM exam WHERE number >= $1", 1, body=voided("e1"))
    async with relaying(outbox):
        await outbox.drained()
    assert log.versions() == {"e1": [1]}
    assert len(await database.fetch("SELECT id FROM exam")) == 1


async def test_a_log_that_is_away_lets_the_outbox_fill_and_drain_in_order(
    database: Database, outbox: Outbox, log: KeptLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("radbridge.runtime.outbox._SWEEP_S", 0.05)
    log.away = True
    async with relaying(outbox):
        for _ in range(4):
            await asyncio.gather(*(publish(database, outbox, f"e{key}") for key in range(100)))
        await until(lambda: log.refusals >= 3)
        assert (await outbox.backlog()).count == 400
        log.away = False
        await outbox.drained()
    assert log.versions() == {f"e{key}": [1, 2, 3, 4] for key in range(100)}
    assert await outbox.backlog() == Backlog(0, timedelta())


async def test_commits_kick_the_relay(
    database: Database, outbox: Outbox, log: KeptLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("radbridge.runtime.outbox._SWEEP_S", 3600)
    async with relaying(outbox), asyncio.timeout(60):
        for number in range(5):
            if number % 2:
                await publish(database, outbox, "e1")
            else:
                await outbox.write_one(INSERT, f"row{number}", number, body=voided("e1"))
            await until(lambda sent=number + 1: len(log.events) == sent)


async def test_a_kick_at_the_moment_of_the_stop_does_not_keep_the_relay(outbox: Outbox, database: Database) -> None:
    for _ in range(10):
        relay = asyncio.create_task(outbox.run())
        await publish(database, outbox, "e1")
        await outbox.drained()
        await asyncio.sleep(0.01)

        async def kick_and_stop(tx: Transaction, relay: asyncio.Task[None] = relay) -> None:
            def stop() -> None:
                relay.cancel()

            await outbox.publish(tx, voided("e2"))
            tx.on_commit(stop)

        await database.write(kick_and_stop)
        async with asyncio.timeout(60):
            await asyncio.wait([relay])
        assert relay.cancelled()


async def test_the_sweep_finds_what_nobody_kicked_for(
    second_database: Database, outbox: Outbox, log: KeptLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("radbridge.runtime.outbox._SWEEP_S", 0.05)
    elsewhere = Outbox(second_database, log, service="ingest-api", clock=utc_now)
    async with relaying(outbox), asyncio.timeout(60):
        await asyncio.sleep(0.1)
        await publish(second_database, elsewhere, "e1")
        await until(lambda: bool(log.events))


async def test_of_two_relays_one_works_and_the_other_takes_over(
    database: Database, second_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("radbridge.runtime.outbox._SWEEP_S", 0.05)
    first_log, second_log = KeptLog(), KeptLog()
    first = Outbox(database, first_log, service="ingest-api", clock=utc_now)
    second = Outbox(second_database, second_log, service="ingest-api", clock=utc_now)
    async with asyncio.timeout(60), relaying(second):
        await publish(database, first, "e1")
        await second.drained()
        async with relaying(first):
            for _ in range(20):
                await publish(database, first, "e1")
                await publish(second_database, second, "e1")
            await first.drained()
        assert (len(first_log.events), len(second_log.events)) == (0, 41)
    async with relaying(first), asyncio.timeout(60):
        await publish(second_database, second, "e1")
        await first.drained()
    assert first_log.versions() == {"e1": [42]}


@ONLY_POSTGRESQL
async def test_whoever_stands_by_passes_its_kicks_on(
    database: Database, second_database: Database, outbox: Outbox, log: KeptLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("radbridge.runtime.outbox._SWEEP_S", 3600)
    stand_by = Outbox(second_database, log, service="ingest-api", clock=utc_now)
    async with asyncio.timeout(60), relaying(outbox):
        await publish(database, outbox, "e1")
        await outbox.drained()
        async with relaying(stand_by):
            await publish(second_database, stand_by, "e2")
            await until(lambda: "e2" in log.versions())


@ONLY_POSTGRESQL
async def test_what_commits_late_is_not_passed_over(database: Database, outbox: Outbox, log: KeptLog) -> None:
    numbered, others_sent = asyncio.Event(), asyncio.Event()

    async def late(tx: Transaction) -> None:
        await outbox.publish(tx, voided("late"))
        numbered.set()
        await others_sent.wait()

    async with relaying(outbox), asyncio.timeout(60):
        task = asyncio.create_task(database.write(late))
        await numbered.wait()
        await publish(database, outbox, "early")
        await outbox.drained()
        assert list(log.versions()) == ["early"]
        others_sent.set()
        await task
        await outbox.drained()
    assert list(log.versions()) == ["early", "late"]


async def test_a_repeat_after_a_crash_is_the_same_event(database: Database, outbox: Outbox, log: KeptLog) -> None:
    await publish(database, outbox, "e1")
    append = log.append

    async def appended_and_killed(messages: Sequence[Message]) -> list[tuple[int, int]]:
        await append(messages)
        raise asyncio.CancelledError

    log.append = appended_and_killed  # type: ignore[method-assign]
    with pytest.raises(asyncio.CancelledError):
        await outbox.run()
    log.append = append  # type: ignore[method-assign]
    assert (await outbox.backlog()).count == 1
    restarted = Outbox(database, log, service="ingest-api", clock=utc_now)
    async with relaying(restarted):
        await restarted.drained()
    assert len(log.events) == 2
    assert log.events[0] == log.events[1]


async def test_what_was_sent_is_not_sent_again_though_the_database_was_away(
    database: Database, outbox: Outbox, log: KeptLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("radbridge.runtime.outbox._SWEEP_S", 0.05)
    await publish(database, outbox, "e1")
    forget, failures = outbox._forget_sent_and_fetch, [1, 2]

    async def fails_twice() -> list[Row]:
        if log.events and failures:
            failures.pop()
            raise DatabaseUnavailable("away")
        return await forget()

    monkeypatch.setattr(outbox, "_forget_sent_and_fetch", fails_twice)
    async with relaying(outbox):
        await outbox.drained()
    assert not failures
    assert len(log.events) == 1


async def test_a_body_beyond_the_limit_belongs_into_a_blob(database: Database, outbox: Outbox) -> None:
    with pytest.raises(EventTooLarge):
        await publish(database, outbox, "e1", "x" * (256 * 1024))
    with pytest.raises(EventTooLarge):
        await outbox.write_one(INSERT, "e1", 1, body=voided("e1", "x" * (256 * 1024)))
    assert await database.fetch("SELECT id FROM exam") == []
    assert (await outbox.backlog()).count == 0


async def test_the_backlog_tells_how_long_the_oldest_waits(database: Database, log: KeptLog) -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    reported: list[Backlog] = []
    outbox = Outbox(database, log, service="ingest-api", clock=lambda: now, observe=reported.append)
    await publish(database, outbox, "e1")
    now += timedelta(seconds=30)
    await publish(database, outbox, "e2")
    assert await outbox.backlog() == Backlog(2, timedelta(seconds=30))
    async with relaying(outbox):
        await outbox.drained()
        await until(lambda: reported[-1:] == [Backlog(0, timedelta())])
    assert reported[0] == Backlog(2, timedelta(seconds=30))


async def test_a_turn_of_the_relay_reads_a_megabyte_at_most(database: Database, outbox: Outbox, log: KeptLog) -> None:
    batches: list[int] = []
    append = log.append

    async def counted(messages: Sequence[Message]) -> list[tuple[int, int]]:
        batches.append(sum(len(message.value) for message in messages))
        return await append(messages)

    log.append = counted  # type: ignore[method-assign]
    for number in range(12):
        await publish(database, outbox, f"e{number}", "x" * (250 * 1024))
    async with relaying(outbox):
        await outbox.drained()
    assert len(log.events) == 12
    if database.dialect == "sqlite":
        assert max(batches) <= 1 << 20
