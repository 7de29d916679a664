"""Transactions over SQLite or PostgreSQL, written once.

SQL is the common subset of both (``INSERT … ON CONFLICT … DO UPDATE``, ``RETURNING``, ``WITH``) with ``$1`` … ``$n``
placeholders. Columns are TEXT, BIGINT, DOUBLE PRECISION or bytes (``BYTEA``/``BLOB``); moments are BIGINT microseconds
since 1970 UTC (``radbridge.runtime.clock``); flags are BIGINT 0 or 1.

A unit of work is an ``async`` function of one transaction. It may await nothing but that transaction: on SQLite it runs
on the writer thread and shares its commit with whatever else waits, on PostgreSQL it holds a connection.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

T = TypeVar("T")

Value: TypeAlias = str | int | float | bytes | None
Row: TypeAlias = Any
"""Read by column name (``row["code"]``) or position."""


class DatabaseError(Exception):
    """The database refused the work."""


class DatabaseUnavailable(DatabaseError):
    """The database does not answer; nothing was committed, trying again later may help."""


class Transaction(Protocol):
    """One open transaction."""

    @property
    def dialect(self) -> Literal["sqlite", "postgresql"]:
        """Which database stands behind it, for the rare statement that differs."""
        ...

    async def execute(self, sql: str, *values: Value) -> int:
        """Run a statement; answers the number of rows it touched."""
        ...

    async def execute_many(self, sql: str, rows: Sequence[Sequence[Value]]) -> None:
        """Run a statement once per row."""
        ...

    async def fetch(self, sql: str, *values: Value) -> list[Row]:
        """All rows of a query."""
        ...

    async def fetch_one(self, sql: str, *values: Value) -> Row | None:
        """The first row of a query, or ``None``."""
        ...

    async def lock(self, *names: str) -> None:
        """Hold named locks until the transaction ends. Taken in sorted order, so that two callers cannot deadlock."""
        ...

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Run ``callback`` on the event loop after the commit; never after a rollback."""
        ...


Work: TypeAlias = Callable[[Transaction], Awaitable[T]]


class Database(Protocol):
    """A service's database."""

    @property
    def dialect(self) -> Literal["sqlite", "postgresql"]:
        """Which database stands behind it."""
        ...

    @property
    def url(self) -> str:
        """The SQLAlchemy URL, for migrations and cold queries."""
        ...

    async def write(self, work: Work[T]) -> T:
        """Run ``work`` in one transaction and answer its result once that is durable. An exception rolls it back.

        :raises DatabaseUnavailable: the database is away, or the disk is full; nothing was written.
        """
        ...

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` against one consistent snapshot; writing in it is an error."""
        ...

    async def ping(self) -> None:
        """Answer quickly if the database can be used.

        :raises DatabaseUnavailable: it cannot.
        """
        ...

    async def close(self) -> None:
        """Finish what is under way and release."""
        ...
