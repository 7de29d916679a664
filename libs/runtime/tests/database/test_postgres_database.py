"""What is PostgreSQL's own: a server that goes away, deadlocks, connections that run out."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from radbridge.runtime.database.postgres import PostgresDatabase
from radbridge.runtime.database.protocol import DatabaseError, DatabaseUnavailable, OutcomeUnknown, Transaction
from radbridge.runtime.testing import eventually
from tests.servers.postgres import PostgresCluster

pytestmark = pytest.mark.real

INSERT = "INSERT INTO item (name, amount) VALUES ($1, $2)"


@pytest.fixture
async def database(postgres_database: str) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(postgres_database, service="test", pool_size=4)
    await database.write_one("CREATE TABLE item (name TEXT PRIMARY KEY, amount BIGINT NOT NULL)")
    yield database
    await database.close()


async def test_a_deadlock_is_run_again(database: PostgresDatabase) -> None:
    await database.write_one(INSERT, "a", 0)
    await database.write_one(INSERT, "b", 0)
    both_began = asyncio.Barrier(2)
    runs = 0

    async def raise_both(tx: Transaction, first: str, second: str) -> None:
        nonlocal runs
        runs += 1
        await tx.execute("UPDATE item SET amount = amount + 1 WHERE name = $1", first)
        if runs <= 2:
            await both_began.wait()
        await tx.execute("UPDATE item SET amount = amount + 1 WHERE name = $1", second)

    await asyncio.gather(
        database.write(lambda tx: raise_both(tx, "a", "b")), database.write(lambda tx: raise_both(tx, "b", "a"))
    )
    assert runs > 2  # the repeat may overtake the survivor, and they meet once more
    assert [row["amount"] for row in await database.fetch("SELECT amount FROM item")] == [2, 2]


async def test_more_callers_than_connections_wait_their_turn(database: PostgresDatabase) -> None:
    await asyncio.gather(*(database.write_one(INSERT, str(n), n) for n in range(100)))
    row = await database.fetch_one(
        "SELECT COUNT(*) AS sessions FROM pg_stat_activity"
        " WHERE datname = current_database() AND backend_type = 'client backend'"
    )
    assert row["sessions"] == 4
    assert (await database.fetch_one("SELECT COUNT(*) AS n FROM item"))["n"] == 100


async def test_cancelled_callers_give_their_connections_back(database: PostgresDatabase) -> None:
    for _ in range(10):
        calls = [asyncio.create_task(database.fetch("SELECT pg_sleep(20)")) for _ in range(8)]
        await asyncio.sleep(0.02)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    async with asyncio.timeout(60):
        await asyncio.gather(*(database.write_one(INSERT, str(n), n) for n in range(8)))


async def test_a_transaction_left_open_by_a_statement_ends_with_it(database: PostgresDatabase) -> None:
    await database.write_one("BEGIN")
    await database.write_one(INSERT, "a", 1)
    other = await database.read(lambda tx: tx.fetch("SELECT name FROM item"))
    assert [row["name"] for row in other] == ["a"]


async def test_a_commit_under_way_outlives_its_caller(database: PostgresDatabase) -> None:
    await database.write_one("CREATE TABLE slow (n BIGINT)")
    await database.write_one(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END'"
    )
    await database.write_one(
        "CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION wait()"
    )
    committed = asyncio.Event()

    async def work(tx: Transaction) -> None:
        tx.on_commit(committed.set)
        await tx.execute("INSERT INTO slow (n) VALUES (1)")

    async def commits() -> bool:
        return bool(
            await database.fetch("SELECT 1 FROM pg_stat_activity WHERE query = 'COMMIT' AND wait_event = 'advisory'")
        )

    async def hold_up_commits(tx: Transaction) -> None:
        await tx.execute("SELECT pg_advisory_xact_lock(7)")
        caller = asyncio.create_task(database.write(work))
        await eventually(commits)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert not committed.is_set()

    await database.write(hold_up_commits)
    async with asyncio.timeout(60):
        await committed.wait()
    assert len(await database.fetch("SELECT n FROM slow")) == 1


async def test_a_constraint_checked_at_commit_refuses_the_work(database: PostgresDatabase) -> None:
    await database.write_one("CREATE TABLE late (n BIGINT UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    seen: list[str] = []

    async def work(tx: Transaction) -> None:
        tx.on_commit(lambda: seen.append("committed"))
        await tx.execute("INSERT INTO late (n) VALUES (1), (1)")

    with pytest.raises(DatabaseError, match="late"):
        await database.write(work)
    assert seen == []
    await database.ping()


async def test_a_session_cut_in_the_middle_is_unavailable_and_replaced(database: PostgresDatabase) -> None:
    async def work(tx: Transaction) -> None:
        await tx.execute(INSERT, "half", 1)
        await tx.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(DatabaseUnavailable):
        await database.write(work)
    with pytest.raises(OutcomeUnknown):
        await database.write_one("SELECT pg_terminate_backend(pg_backend_pid())")
    assert await database.fetch("SELECT name FROM item") == []


@pytest.mark.faults
async def test_a_server_away_is_unavailable_and_back_is_used(own_postgres: PostgresCluster) -> None:
    url = own_postgres.create_database()
    database = PostgresDatabase(url, service="test")
    await database.write_one("CREATE TABLE item (name TEXT, amount BIGINT)")
    relay = database.lease("relay")
    assert await relay.hold()
    own_postgres.kill()
    with pytest.raises(DatabaseUnavailable):
        await database.write(lambda tx: tx.execute(INSERT, "lost", 1))
    with pytest.raises(DatabaseUnavailable):
        await database.ping()
    with pytest.raises(DatabaseUnavailable):
        await relay.hold()
    await asyncio.to_thread(own_postgres.start)
    await database.write_one(INSERT, "kept", 1)
    assert [row["name"] for row in await database.fetch("SELECT name FROM item")] == ["kept"]
    assert await relay.hold()
    await relay.release()
    await database.close()


async def test_an_unknown_database_is_unavailable_by_name(postgres_server: PostgresCluster) -> None:
    database = PostgresDatabase(postgres_server.url.rpartition("/")[0] + "/no_such_database", service="test")
    with pytest.raises(DatabaseUnavailable, match="no_such_database"):
        await database.ping()
    await database.close()


async def test_a_knock_reaches_the_holder_only(database: PostgresDatabase, postgres_database: str) -> None:
    knocked = asyncio.Event()
    stand_by = asyncio.Event()
    holder = database.lease("relay", on_knock=knocked.set)
    other = PostgresDatabase(postgres_database, service="other")
    waiting = other.lease("relay", on_knock=stand_by.set)
    assert await holder.hold()
    assert not await waiting.hold()
    await waiting.knock()
    async with asyncio.timeout(60):
        await knocked.wait()
    assert not stand_by.is_set()
    await holder.release()
    await waiting.release()
    await other.close()
