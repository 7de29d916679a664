"""What a sweep deletes, what it leaves, and that no order of a push and a sweep loses an object."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta

import pytest

from radbridge.runtime.blob_ledger import BlobLedger
from radbridge.runtime.blobs.protocol import BlobInfo, BlobStore, BlobUnavailable
from radbridge.runtime.clock import utc_now
from radbridge.runtime.database.protocol import Database, Row, Transaction, Value
from radbridge.runtime.outbox import Outbox
from radbridge.runtime.sweeper import Sweeper, SweepTooSlow
from radbridge.runtime.telemetry.meters import MeterBoard, Meters
from tests.support.bus import until
from tests.support.outbox import KeptLog, voided

OLD = timedelta(hours=25)


class Gate:
    """A blob store whose deletions wait until they are let through."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self.reached = asyncio.Event()
        self.open = asyncio.Event()
        self.refuses = False

    async def delete(self, name: str) -> None:
        self.reached.set()
        await self.open.wait()
        if self.refuses:
            raise BlobUnavailable("gone")
        await self._blobs.delete(name)

    def list(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        return self._blobs.list(prefix)


class Stage:
    """A service's objects, as old as ``later`` says."""

    def __init__(self, blobs: BlobStore, database: Database) -> None:
        self.blobs = blobs
        self.database = database
        self.later = timedelta()
        self.ledger = BlobLedger(database, self.clock)
        self.outbox = Outbox(database, KeptLog(), service="lamp", clock=self.clock)
        self.board = MeterBoard()

    def clock(self) -> datetime:
        return utc_now() + self.later

    def sweeper(self, blobs: BlobStore | Gate | None = None, prefixes: Sequence[str] = ("a/",)) -> Sweeper:
        async def own() -> Sequence[str]:
            return prefixes

        return Sweeper(
            blobs=blobs or self.blobs,  # pyright: ignore[reportArgumentType] (the part that a sweep uses)
            database=self.database,
            ledger=self.ledger,
            outbox=self.outbox,
            meters=Meters(self.board, "lamp"),
            clock=self.clock,
            prefixes=own,
        )

    async def keep(
        self, name: str, *, stored: Callable[[], None] | None = None, commit_after: asyncio.Event | None = None
    ) -> int:
        """Store and name an object as a push does; answers how often it was stored."""
        times = 0

        async def store() -> None:
            nonlocal times
            await self.blobs.put(name, b"content")
            times += 1
            if stored is not None:
                stored()

        async def commit(_: None, stored_anew: frozenset[str]) -> None:
            if commit_after is not None:
                await commit_after.wait()

            async def work(tx: Transaction) -> None:
                await self.ledger.name(tx, [name], stored_anew=stored_anew)

            await self.database.write(work)

        await self.ledger.keep(store, commit)
        return times

    async def names(self) -> set[str]:
        return {info.name async for info in self.blobs.list()}

    def swept(self, what: str) -> float | None:
        return self.board.registry.get_sample_value(f"radbridge_blobs_swept{what}_total", {"service": "lamp"})


@pytest.fixture
def stage(blobs: BlobStore, lamp_database: Database) -> Stage:
    return Stage(blobs, lamp_database)


async def test_what_nobody_named_for_a_day_is_deleted(stage: Stage) -> None:
    await stage.keep("a/named")
    for name in ("a/orphan", "a/other", "b/orphan", "dicom/a/1.dcm"):
        await stage.blobs.put(name, b"content")
    assert await stage.sweeper().sweep() == 0
    stage.later = OLD
    assert await stage.sweeper().sweep() == 2
    assert await stage.names() == {"a/named", "b/orphan", "dicom/a/1.dcm"}
    assert (stage.swept(""), stage.swept("_bytes")) == (2, 14)
    assert await stage.sweeper().sweep() == 0


async def test_more_than_a_batch_is_swept(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("radbridge.runtime.sweeper._BATCH", 2)
    await stage.keep("a/3")
    for number in range(6):
        await stage.blobs.put(f"a/{number}", b"x")
    stage.later = OLD
    assert await stage.sweeper().sweep() == 5
    assert await stage.names() == {"a/3"}


async def test_a_push_that_meets_the_deletion_stores_its_object_again(stage: Stage) -> None:
    await stage.blobs.put("a/x", b"content")
    stage.later = OLD
    gate = Gate(stage.blobs)
    sweeping = asyncio.create_task(stage.sweeper(gate).sweep())
    await gate.reached.wait()
    stored: list[str] = []
    keeping = asyncio.create_task(stage.keep("a/x", stored=lambda: stored.append("again")))
    await until(lambda: len(stored) > 1)  # so the first commit met the deletion
    assert not keeping.done()
    gate.open.set()
    assert await sweeping == 1
    assert await keeping > 2
    assert await stage.names() == {"a/x"}
    stage.later = 3 * OLD
    assert await stage.sweeper().sweep() == 0
    assert await stage.blobs.get("a/x") == b"content"


async def test_a_push_that_stored_before_the_deletion_and_commits_after_it_stores_again(stage: Stage) -> None:
    await stage.blobs.put("a/x", b"content")
    stored, swept = asyncio.Event(), asyncio.Event()
    keeping = asyncio.create_task(stage.keep("a/x", stored=stored.set, commit_after=swept))
    await stored.wait()
    stage.later = OLD  # the sweep lists the object as old, whatever the push did to it
    assert await stage.sweeper().sweep() == 1
    swept.set()
    assert await keeping == 2
    assert await stage.names() == {"a/x"}


async def test_a_push_that_commits_before_it_is_condemned_keeps_its_object(stage: Stage) -> None:
    await stage.blobs.put("a/x", b"content")
    stage.later = OLD
    sweeper = stage.sweeper()
    listed = [info async for info in stage.blobs.list("a/")]
    await stage.keep("a/x")
    assert await sweeper._delete_unnamed(listed) == 0
    assert await stage.names() == {"a/x"}


@pytest.mark.parametrize("round_number", range(5))
async def test_whatever_happens_first_an_object_that_was_named_is_there(stage: Stage, round_number: int) -> None:
    names = [f"a/{round_number}-{number}" for number in range(20)]
    for name in names:
        await stage.blobs.put(name, b"content")
    stage.later = OLD
    await asyncio.gather(stage.sweeper().sweep(), *(stage.keep(name) for name in names[::2]))
    stage.later = 2 * OLD
    await stage.sweeper().sweep()
    assert await stage.names() == set(names[::2])


async def test_one_process_at_a_time_sweeps(stage: Stage) -> None:
    await stage.blobs.put("a/x", b"content")
    stage.later = OLD
    gate = Gate(stage.blobs)
    sweeping = asyncio.create_task(stage.sweeper(gate).sweep())
    await gate.reached.wait()
    assert await stage.sweeper().sweep() == 0
    gate.open.set()
    assert await sweeping == 1


async def test_a_sweep_that_was_cut_off_is_ended_later(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("radbridge.runtime.blob_ledger._TRIES", 2)
    await stage.blobs.put("a/x", b"content")
    stage.later = OLD
    gate = Gate(stage.blobs)
    gate.refuses = True
    gate.open.set()
    with pytest.raises(BlobUnavailable):
        await stage.sweeper(gate).sweep()
    with pytest.raises(BlobUnavailable):  # whoever needs it comes again
        await stage.keep("a/x")
    await stage.sweeper().sweep()
    assert await stage.names() == {"a/x"}  # the other sweeper may still be at it
    stage.later = OLD + timedelta(minutes=11)
    await stage.sweeper().sweep()
    assert await stage.names() == set()
    assert await stage.keep("a/x") == 2
    assert await stage.names() == {"a/x"}


async def test_a_sweeper_that_is_late_deletes_no_more(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("radbridge.runtime.sweeper._DELETE_WITHIN_SECONDS", -1.0)
    await stage.blobs.put("a/x", b"content")
    stage.later = OLD
    with pytest.raises(SweepTooSlow):
        await stage.sweeper().sweep()
    assert await stage.names() == {"a/x"}


async def test_an_event_knows_better_than_a_restored_database(stage: Stage) -> None:
    await stage.blobs.put("a/x", b"content")
    stage.later = OLD
    await stage.sweeper().sweep()
    await stage.blobs.put("a/x", b"content")
    await stage.database.write(lambda tx: stage.ledger.remember(tx, ["a/x", "a/y"]))
    stage.later = 3 * OLD
    for _ in range(2):
        assert await stage.sweeper().sweep() == 0
    assert await stage.names() == {"a/x"}


async def test_while_events_wait_nothing_is_judged(stage: Stage) -> None:
    await stage.blobs.put("a/x", b"content")
    await stage.database.write(lambda tx: stage.outbox.publish(tx, voided("e1")))
    stage.later = OLD
    assert await stage.sweeper().sweep() == 0
    assert await stage.names() == {"a/x"}


async def test_what_was_deleted_is_forgotten_after_a_day(stage: Stage) -> None:
    await stage.blobs.put("a/x", b"content")
    await stage.keep("a/named")
    stage.later = OLD
    await stage.sweeper().sweep()
    stage.later = 2 * OLD
    await stage.sweeper().sweep()
    rows = await stage.database.fetch("SELECT name FROM stored_blob")
    assert [row["name"] for row in rows] == ["a/named"]
    assert await stage.keep("a/x") == 1


class Overtaken:
    """A transaction in which a row of the ledger is gone when a statement is reached, as PostgreSQL shows it where
    another one forgot the row and committed in between."""

    def __init__(self, tx: Transaction, statement: str) -> None:
        self._tx = tx
        self._statement = statement

    async def _overtake(self, sql: str) -> None:
        if sql.startswith(self._statement):
            await self._tx.execute("DELETE FROM stored_blob")

    async def fetch(self, sql: str, *values: Value) -> list[Row]:
        await self._overtake(sql)
        return await self._tx.fetch(sql, *values)

    async def execute(self, sql: str, *values: Value) -> int:
        await self._overtake(sql)
        return await self._tx.execute(sql, *values)


@pytest.mark.parametrize("statement", ["SELECT name, state FROM", "UPDATE stored_blob"])
async def test_a_name_that_is_forgotten_while_a_commit_looks_at_it_is_recorded_all_the_same(
    stage: Stage, statement: str
) -> None:
    await stage.blobs.put("a/x", b"content")
    stage.later = OLD
    await stage.sweeper().sweep()
    overtaken = 0

    async def store() -> None:
        await stage.blobs.put("a/x", b"content")

    async def commit(_: None, stored_anew: frozenset[str]) -> None:
        async def work(tx: Transaction) -> None:
            nonlocal overtaken
            is_overtaken = overtaken < 2  # the first time the deletion is found, the second time undone
            overtaken += 1
            seen: object = Overtaken(tx, statement) if is_overtaken else tx
            await stage.ledger.name(seen, ["a/x"], stored_anew=stored_anew)  # pyright: ignore[reportArgumentType]

        await stage.database.write(work)

    await stage.ledger.keep(store, commit)
    [row] = await stage.database.fetch("SELECT state FROM stored_blob WHERE name = 'a/x'")
    assert row["state"] == 0
    stage.later = 3 * OLD
    assert await stage.sweeper().sweep() == 0
    assert await stage.names() == {"a/x"}


async def test_a_name_that_is_revived_while_it_is_about_to_be_forgotten_stays(stage: Stage) -> None:
    await stage.blobs.put("a/x", b"content")
    stage.later = OLD
    await stage.sweeper().sweep()
    stage.later = 3 * OLD

    async def revive(tx: Transaction) -> None:
        await stage.ledger.name(tx, ["a/x"], stored_anew={"a/x"})
        if tx.dialect == "postgresql":  # holds the row while the other transaction wants to delete it
            await tx.fetch("SELECT pg_sleep(0.5)")

    reviving = asyncio.create_task(stage.database.write(revive))
    await asyncio.sleep(0.1)
    await stage.ledger.forget_deleted()
    await reviving
    assert [row["name"] for row in await stage.database.fetch("SELECT name FROM stored_blob")] == ["a/x"]
