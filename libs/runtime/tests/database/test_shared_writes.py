"""Callers of one statement share round trips and commits, and each hears of its own row."""

import asyncio
from collections.abc import Sequence

import pytest

from radbridge.runtime.database.protocol import (
    ConstraintViolated,
    Database,
    DatabaseError,
    DatabaseUnavailable,
    OutcomeUnknown,
    Row,
    Value,
)
from radbridge.runtime.database.shared_writes import SharedWrites

SAVE = (
    "INSERT INTO item (name, amount) VALUES ($1, CAST($2 AS BIGINT)) ON CONFLICT (name) DO UPDATE"
    " SET amount = excluded.amount WHERE excluded.amount > item.amount RETURNING name, amount"
)


@pytest.fixture
def together(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many writes went together, time after time."""
    sizes: list[int] = []
    write_many = database.write_many

    async def watched(sql: str, rows: Sequence[Sequence[Value]]) -> list[Row]:
        sizes.append(len(rows))
        return await write_many(sql, rows)

    monkeypatch.setattr(database, "write_many", watched)
    return sizes


async def test_who_comes_meanwhile_goes_together(database: Database, together: list[int]) -> None:
    shared = SharedWrites(database, SAVE, key="name")
    rows = await asyncio.gather(*(shared.write(f"item{number}", (f"item{number}", number)) for number in range(80)))
    assert [(row["name"], row["amount"]) for row in rows if row] == [(f"item{n}", n) for n in range(80)]
    assert len(together) <= 4
    assert sum(together) >= 78
    assert await shared.write("item1", ("item1", 0)) is None


async def test_one_that_is_refused_fails_alone(database: Database) -> None:
    shared = SharedWrites(database, SAVE, key="name")
    amounts: list[Value] = [None if number == 17 else number for number in range(40)]
    outcomes = await asyncio.gather(
        *(shared.write(f"item{number}", (f"item{number}", amount)) for number, amount in enumerate(amounts)),
        return_exceptions=True,
    )
    assert [number for number, outcome in enumerate(outcomes) if isinstance(outcome, BaseException)] == [17]
    assert isinstance(outcomes[17], ConstraintViolated)
    assert len(await database.fetch("SELECT name FROM item")) == 39


async def test_writes_of_one_key_follow_each_other(database: Database) -> None:
    shared = SharedWrites(database, SAVE, key="name")
    rows = await asyncio.gather(*(shared.write("item", ("item", amount)) for amount in (1, 3, 2, 4)))
    assert [row and row["amount"] for row in rows] == [1, 3, None, 4]


async def test_all_hear_that_the_outcome_is_unknown_and_the_next_go_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = SharedWrites(database, SAVE, key="name")

    async def broken(sql: str, rows: object) -> list[Row]:
        raise OutcomeUnknown("the connection broke")

    with monkeypatch.context() as patched:
        patched.setattr(database, "write_many", broken)
        outcomes = await asyncio.gather(
            *(shared.write(f"item{number}", (f"item{number}", number)) for number in range(20)), return_exceptions=True
        )
    lost = [outcome for outcome in outcomes if isinstance(outcome, OutcomeUnknown)]
    assert len(lost) >= 18
    assert len(set(map(id, lost))) == len(lost)
    assert await shared.write("later", ("later", 1)) is not None


async def test_a_caller_that_gave_up_is_not_waited_for(database: Database) -> None:
    shared = SharedWrites(database, SAVE, key="name")
    calls = [asyncio.create_task(shared.write(f"item{n}", (f"item{n}", n))) for n in range(10)]
    await asyncio.sleep(0)
    for call in calls[5:]:
        call.cancel()
    rows = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(row, asyncio.CancelledError) for row in rows] == [False] * 5 + [True] * 5
    assert await shared.write("later", ("later", 1)) is not None


async def test_nobody_waits_for_ever_after_a_fault_that_nobody_foresaw(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = SharedWrites(database, SAVE, key="name")
    write_one = database.write_one

    async def refused(sql: str, rows: object) -> list[Row]:
        raise ConstraintViolated("one of them")

    async def faulty(sql: str, *values: Value) -> list[Row]:
        if values[0] == "item7":
            raise MemoryError
        return await write_one(sql, *values)

    monkeypatch.setattr(database, "write_many", refused)
    monkeypatch.setattr(database, "write_one", faulty)
    outcomes = await asyncio.gather(
        *(shared.write(f"item{number}", (f"item{number}", number)) for number in range(20)), return_exceptions=True
    )
    assert [number for number, outcome in enumerate(outcomes) if isinstance(outcome, BaseException)] == [7]
    assert isinstance(outcomes[7], DatabaseError)


async def test_all_hear_of_a_sender_that_is_stopped(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = SharedWrites(database, SAVE, key="name")

    async def stopped(sql: str, *values: Value) -> list[Row]:
        await asyncio.sleep(0)
        raise asyncio.CancelledError

    monkeypatch.setattr(database, "write_one", stopped)
    monkeypatch.setattr(database, "write_many", stopped)
    outcomes = await asyncio.gather(
        *(shared.write(f"item{number}", (f"item{number}", number)) for number in range(20)), return_exceptions=True
    )
    assert all(isinstance(outcome, DatabaseUnavailable) for outcome in outcomes)
