"""PostgreSQL as a service's database, through asyncpg. READ COMMITTED; deadlocks are run again."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Literal

from radbridge.runtime.database.postgres_lease import AdvisoryLease
from radbridge.runtime.database.postgres_pool import ConnectionPool
from radbridge.runtime.database.postgres_session import (
    DRIVER_ERRORS,
    Connection,
    PostgresTransaction,
    RepeatableFailure,
    after_commit_was_sent,
    connect,
    translated,
)
from radbridge.runtime.database.protocol import DatabaseError, DatabaseUnavailable, Lease, Row, T, Value, Work

_POOL_SIZE = 16
_ATTEMPTS = 5
_LONGEST_FIRST_PAUSE_S = 0.01
_PING_S = 3.0
_ROLLBACK_S = 5.0
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_log = logging.getLogger(__name__)


class PostgresDatabase:
    """One database on a server. Nothing is opened before the first use."""

    dialect: Literal["postgresql"] = "postgresql"

    def __init__(self, url: str, *, service: str, pool_size: int = _POOL_SIZE) -> None:
        self._url = url
        self._connect = partial(connect, url, service=service)
        self._pool = ConnectionPool(self._connect, size=pool_size)
        self._finishing: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return self._url

    async def write(self, work: Work[T], *, brief: bool = False) -> T:
        return await _repeated(lambda: self._write(work))

    async def write_one(self, sql: str, *values: Value) -> list[Row]:
        return await _repeated(lambda: self._one(sql, values, after_commit_was_sent))

    async def write_many(self, sql: str, rows: Sequence[Sequence[Value]]) -> list[Row]:
        return await _repeated(lambda: self._many(sql, rows))

    async def read(self, work: Work[T]) -> T:
        return await _repeated(lambda: self._read(work))

    async def fetch(self, sql: str, *values: Value) -> list[Row]:
        return await self._one(sql, values, translated)

    async def fetch_one(self, sql: str, *values: Value) -> Row | None:
        rows = await self._one(sql, values, translated)
        return rows[0] if rows else None

    def lease(self, name: str, *, on_knock: Callable[[], None] | None = None) -> Lease:
        """Kept by a session's advisory lock, on a connection of its own; a knock is a ``NOTIFY``."""
        return AdvisoryLease(self._connect, name, on_knock)

    async def ping(self) -> None:
        try:
            async with asyncio.timeout(_PING_S):
                await self.fetch("SELECT 1")
        except TimeoutError:
            raise DatabaseUnavailable("the database does not answer") from None

    async def close(self) -> None:
        await self._pool.close()

    async def _write(self, work: Work[T]) -> T:
        connection = await self._pool.acquire()
        transaction = PostgresTransaction(connection)
        try:
            result = await _ran(transaction, connection, "BEGIN", work)
        except BaseException:
            self._pool.release(connection)
            raise
        # a task of its own: once a commit is sent, cancelling the caller must not tear the connection
        finishing = asyncio.create_task(self._commit(connection, transaction))
        self._finishing.add(finishing)
        finishing.add_done_callback(self._finishing.discard)
        await asyncio.shield(finishing)
        return result

    async def _commit(self, connection: Connection, transaction: PostgresTransaction) -> None:
        try:
            if await connection.execute("COMMIT") != "COMMIT":
                raise DatabaseError("the transaction was rolled back")
        except DRIVER_ERRORS as error:
            raise after_commit_was_sent(error) from None
        finally:
            self._pool.release(connection)
        for callback in transaction.callbacks:
            try:
                callback()
            except Exception:
                _log.exception("a callback after a commit failed")

    async def _read(self, work: Work[T]) -> T:
        connection = await self._pool.acquire()
        try:
            result = await _ran(PostgresTransaction(connection, reading=True), connection, _READ, work)
            await _rolled_back(connection)
        finally:
            self._pool.release(connection)
        return result

    async def _one(
        self, sql: str, values: tuple[Value, ...], failure: Callable[[Exception], DatabaseError]
    ) -> list[Row]:
        connection = await self._pool.acquire()
        try:
            return await connection.fetch(sql, *values)
        except DRIVER_ERRORS as error:
            raise failure(error) from None
        finally:
            self._pool.release(connection)

    async def _many(self, sql: str, rows: Sequence[Sequence[Value]]) -> list[Row]:
        connection = await self._pool.acquire()
        try:
            return await connection.fetchmany(sql, rows)
        except DRIVER_ERRORS as error:
            raise after_commit_was_sent(error) from None
        finally:
            self._pool.release(connection)


async def _ran(transaction: PostgresTransaction, connection: Connection, begin: str, work: Work[T]) -> T:
    """Begin and run the work; what fails is rolled back."""
    try:
        await connection.execute(begin)
    except DRIVER_ERRORS as error:
        raise translated(error) from None
    try:
        result = await work(transaction)
        if transaction.failure is not None:
            raise transaction.failure
    except BaseException:
        await _rolled_back(connection)
        raise
    finally:
        transaction.end()
    return result


async def _rolled_back(connection: Connection) -> None:
    """A connection that cannot even do this is dropped, and the server rolls back."""
    try:
        await connection.execute("ROLLBACK", timeout=_ROLLBACK_S)
    except DRIVER_ERRORS:
        connection.terminate()
    except BaseException:
        connection.terminate()
        raise


async def _repeated(attempt: Callable[[], Awaitable[T]]) -> T:
    """Run again after deadlocks and serialization failures, with growing random pauses."""
    longest = _LONGEST_FIRST_PAUSE_S
    for _ in range(_ATTEMPTS - 1):
        try:
            return await attempt()
        except RepeatableFailure:
            await asyncio.sleep(random.uniform(0, longest))  # noqa: S311 (no secret)
            longest *= 2
    return await attempt()
