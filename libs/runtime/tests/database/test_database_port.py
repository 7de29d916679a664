"""What both databases promise alike."""

import asyncio
import contextvars

import pytest

from radbridge.runtime.database.open import open_database
from radbridge.runtime.database.protocol import (
    ConstraintViolated,
    Database,
    DatabaseError,
    DatabaseUnavailable,
    Transaction,
)
from radbridge.runtime.testing import eventually

INSERT = "INSERT INTO item (name, amount) VALUES ($1, $2)"


async def amounts(database: Database) -> dict[str, int]:
    return {row["name"]: row["amount"] for row in await database.fetch("SELECT name, amount FROM item")}


async def test_rows_are_read_by_name_and_by_position(database: Database) -> None:
    async def work(tx: Transaction) -> object:
        await tx.execute("INSERT INTO item (name, amount, body) VALUES ($1, $2, $3)", "a", 2**62, b"\x00\xff")
        return await tx.fetch_one("SELECT name, amount, body FROM item WHERE name = $1", "a")

    row = await database.write(work)
    assert (row["name"], row["amount"], row["body"]) == (row[0], row[1], row[2]) == ("a", 2**62, b"\x00\xff")


async def test_statements_answer_what_they_touched(database: Database) -> None:
    async def work(tx: Transaction) -> list[int]:
        await tx.execute_many(INSERT, [(f"n{number}", number) for number in range(5)])
        return [
            await tx.execute("UPDATE item SET amount = amount + 1 WHERE amount >= $1", 3),
            await tx.execute("DELETE FROM item WHERE name = $1", "missing"),
            await tx.execute(f"{INSERT} ON CONFLICT (name) DO NOTHING", "n1", 9),
            await tx.execute("DELETE FROM item WHERE amount < $1 RETURNING name", 2),
        ]

    assert await database.write(work) == [2, 0, 0, 2]
    assert await amounts(database) == {"n2": 2, "n3": 4, "n4": 5}


async def test_a_placeholder_may_repeat_and_stand_in_any_order(database: Database) -> None:
    await database.write_one("INSERT INTO item (name, amount) VALUES ($2, $1)", 7, "it's $1")
    rows = await database.fetch("SELECT name FROM item WHERE amount = $1 AND amount >= $1 AND name <> '$2'", 7)
    assert [row["name"] for row in rows] == ["it's $1"]


async def test_fetch_one_answers_the_first_row_or_none(database: Database) -> None:
    await database.write_one(INSERT, "a", 1)
    await database.write_one(INSERT, "b", 2)
    assert (await database.fetch_one("SELECT name FROM item ORDER BY name DESC"))["name"] == "b"
    assert await database.fetch_one("SELECT name FROM item WHERE amount > $1", 5) is None


async def test_write_one_answers_the_rows_of_returning(database: Database) -> None:
    assert await database.write_one(INSERT, "a", 1) == []
    rows = await database.write_one("UPDATE item SET amount = 5 WHERE name = $1 RETURNING amount", "a")
    assert [row["amount"] for row in rows] == [5]


async def test_an_exception_undoes_its_own_work_and_no_other(database: Database) -> None:
    async def good(tx: Transaction, number: int) -> int:
        await tx.execute(INSERT, f"good{number}", number)
        return number

    async def bad(tx: Transaction, number: int) -> int:
        await tx.execute(INSERT, f"bad{number}", number)
        raise LookupError(number)

    outcomes = await asyncio.gather(
        *(database.write(lambda tx, n=n: bad(tx, n) if n % 3 == 0 else good(tx, n)) for n in range(60)),
        return_exceptions=True,
    )
    for number, outcome in enumerate(outcomes):
        if number % 3 == 0:
            assert isinstance(outcome, LookupError)
            assert outcome.args == (number,)
        else:
            assert outcome == number
    assert sorted((await amounts(database)).values()) == [n for n in range(60) if n % 3]


async def test_a_failed_statement_fails_the_work_that_swallows_it(database: Database) -> None:
    await database.write_one(INSERT, "a", 1)

    async def work(tx: Transaction) -> str:
        await tx.execute(INSERT, "b", 2)
        try:
            await tx.execute(INSERT, "a", 3)
        except ConstraintViolated:
            return "went on"
        return "never refused"

    with pytest.raises(ConstraintViolated):
        await database.write(work)
    assert await amounts(database) == {"a": 1}


async def test_errors_name_no_values(database: Database) -> None:
    await database.write_one(INSERT, "张三 110101199003070011", 1)
    for statement, values in (
        (INSERT, ("张三 110101199003070011", 2)),
        ("INSERT INTO item (name, amount) SELECT name, NULL FROM item WHERE name = $1", ("张三 110101199003070011",)),
        ("INSERT INTO item (name, amount, nothing) VALUES ($1, $2, 3)", ("张三", 2)),
        (INSERT, ("张三\ud800", 2)),
    ):
        with pytest.raises(DatabaseError) as caught:
            await database.write_one(statement, *values)
        assert not isinstance(caught.value, DatabaseUnavailable)
        assert "张三" not in str(caught.value)


async def test_on_commit_runs_after_the_commit_only(database: Database) -> None:
    seen: list[tuple[str, object]] = []
    loop = asyncio.get_running_loop()

    async def commits(tx: Transaction) -> None:
        tx.on_commit(lambda: seen.append(("committed", asyncio.get_running_loop())))
        await tx.execute(INSERT, "a", 1)
        assert seen == []

    async def fails(tx: Transaction) -> None:
        tx.on_commit(lambda: seen.append(("rolled back", None)))
        await tx.execute(INSERT, "b", 1)
        raise LookupError

    await database.write(commits)
    assert seen == [("committed", loop)]
    with pytest.raises(LookupError):
        await database.write(fails)
    assert seen == [("committed", loop)]


async def test_a_failing_callback_harms_nobody(database: Database) -> None:
    seen: list[str] = []

    async def work(tx: Transaction) -> str:
        tx.on_commit(lambda: [].pop())
        tx.on_commit(lambda: seen.append("second"))
        await tx.execute(INSERT, "a", 1)
        return "done"

    assert await database.write(work) == "done"
    assert seen == ["second"]


async def test_reads_see_one_snapshot(database: Database) -> None:
    await database.write_one(INSERT, "a", 1)

    async def count(tx: Transaction) -> int:
        return (await tx.fetch_one("SELECT COUNT(*) AS n FROM item"))["n"]

    async def work(tx: Transaction) -> tuple[int, int]:
        first = await count(tx)
        await insert_elsewhere(tx, database)
        return first, await count(tx)

    assert await database.read(work) == (1, 1)
    assert await database.read(count) == 2


async def insert_elsewhere(reading: Transaction, database: Database) -> None:
    """Write through another connection while a read is open; there, nothing else may be awaited."""
    if reading.dialect == "postgresql":
        await database.write_one(INSERT, "b", 2)
        return
    import sqlite3

    from radbridge.runtime.database.sqlite import path_of

    with sqlite3.connect(path_of(database.url)) as other:
        other.execute("INSERT INTO item (name, amount) VALUES ('b', 2)")
    other.close()


async def test_a_read_may_not_write(database: Database) -> None:
    with pytest.raises(DatabaseError) as caught:
        await database.read(lambda tx: tx.execute(INSERT, "a", 1))
    assert not isinstance(caught.value, DatabaseUnavailable)
    assert await amounts(database) == {}
    await database.write_one(INSERT, "a", 1)


async def test_a_kept_transaction_is_of_no_use(database: Database) -> None:
    kept: list[Transaction] = []

    async def work(tx: Transaction) -> None:
        kept.append(tx)

    await database.write(work)
    with pytest.raises(DatabaseError, match="over"):
        await kept[0].execute(INSERT, "a", 1)


async def test_work_sees_the_context_of_its_caller(database: Database) -> None:
    variable = contextvars.ContextVar("variable", default="")

    async def work(tx: Transaction) -> str:
        return variable.get()

    variable.set("here")
    assert await database.write(work) == "here"
    assert await database.read(work) == "here"


async def test_a_cancelled_caller_leaves_whole_work_and_a_usable_database(database: Database) -> None:
    async def pair(tx: Transaction, number: int) -> None:
        await tx.execute(INSERT, f"left{number}", number)
        await tx.execute(INSERT, f"right{number}", number)

    tasks = [asyncio.create_task(database.write(lambda tx, n=n: pair(tx, n))) for n in range(80)]
    for number, task in enumerate(tasks):
        if number % 2:
            await asyncio.sleep(0)
            task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes[1::2] if outcome is not None)
    await database.ping()
    names = set(await amounts(database))
    assert {f"left{n}" for n in range(0, 80, 2)} <= names
    assert {n.removeprefix("left") for n in names if n.startswith("left")} == {
        n.removeprefix("right") for n in names if n.startswith("right")
    }


async def test_named_locks_let_no_two_read_then_write_at_once(database: Database) -> None:
    async def work(tx: Transaction) -> None:
        await tx.lock("person b", "person a")
        row = await tx.fetch_one("SELECT amount FROM item WHERE name = $1", "counter")
        if row is None:
            await tx.execute(INSERT, "counter", 1)
        else:
            await tx.execute("UPDATE item SET amount = $1 WHERE name = $2", row["amount"] + 1, "counter")

    await asyncio.gather(*(database.write(work) for _ in range(60)))
    assert await amounts(database) == {"counter": 60}


async def test_a_lease_has_one_holder(database: Database, database_url: str) -> None:
    other_process = open_database(database_url, service="other")
    first, second = database.lease("relay"), other_process.lease("relay")
    try:
        assert await first.hold()
        assert await first.hold()
        assert not await second.hold()
        assert await database.lease("something_else").hold()
        await first.release()
        await eventually(second.hold)
        assert not await first.hold()
    finally:
        await first.release()
        await second.release()
        await other_process.close()


async def test_a_closed_database_says_so(database_url: str) -> None:
    database = open_database(database_url, service="test")
    await database.ping()
    await database.close()
    await database.close()
    for call in (database.ping(), database.write_one("SELECT 1"), database.fetch("SELECT 1")):
        with pytest.raises(DatabaseUnavailable):
            await call


async def test_closing_finishes_what_is_under_way(database_url: str) -> None:
    database = open_database(database_url, service="test")
    await database.write_one("CREATE TABLE item (name TEXT, amount BIGINT)")
    writes = [asyncio.create_task(database.write_one(INSERT, str(n), n)) for n in range(10)]
    await asyncio.sleep(0)
    await database.close()
    await asyncio.gather(*writes)
    again = open_database(database_url, service="test")
    assert len(await amounts(again)) == 10
    await again.close()


def test_other_urls_are_refused() -> None:
    with pytest.raises(ValueError, match="mysql"):
        open_database("mysql://secret@host/db", service="test")
    with pytest.raises(DatabaseError):
        open_database("sqlite+aiosqlite://", service="test")
