"""Transactions over SQLite or PostgreSQL, written once.

SQL is the common subset of both (``INSERT … ON CONFLICT … DO UPDATE``, ``RETURNING``, ``WITH``) with ``$1`` … ``$n``
placeholders. Columns are TEXT, BIGINT, DOUBLE PRECISION or bytes (``BYTEA``/``BLOB``); moments are BIGINT microseconds
since 1970 UTC (``radbridge.runtime.clock``); flags are BIGINT 0 or 1. PostgreSQL wants ``CAST($1 AS BIGINT)`` where a
placeholder's type does not follow from its column, and text without NUL.

A unit of work is an ``async`` function of one transaction. It may await nothing but that transaction: on SQLite it runs
on the writer thread (a brief one on the event loop) and shares its commit with whatever else waits, on PostgreSQL it
holds a connection. It may be run again from its beginning when PostgreSQL reports a deadlock, so it changes nothing but
the database. The caller's context variables are visible in it. When a statement fails, the whole unit of work fails,
even if it swallows the exception.

A cancelled caller does not learn whether its work was committed; it was, or was not, as a whole.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

T = TypeVar("T")

Value: TypeAlias = str | int | float | bytes | None
Row: TypeAlias = Any
"""Read by column name (``row["code"]``) or position."""


class DatabaseError(Exception):
    """The database refused the work. The text names no values."""


class ConstraintViolated(DatabaseError):
    """A unique, foreign-key, not-null or check constraint refused the work."""


class ForeignAwait(DatabaseError):
    """A unit of work awaited something else than its transaction. SQLite alone notices it."""


class DatabaseUnavailable(DatabaseError):
    """The database does not answer, or has no room; nothing was committed, trying again later may help."""


class OutcomeUnknown(DatabaseUnavailable):
    """The connection broke while the commit was under way: the work was committed as a whole, or not at all."""


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
        """All rows of a query, or of ``RETURNING``."""
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


class Lease(Protocol):
    """A name that one holder at a time has, among all processes that use the database.

    It falls free when its holder releases it, ends, is killed, or loses the database.
    """

    async def hold(self) -> bool:
        """Take the lease if it is free; answers whether it is this object's now. Cheap when it is already.

        :raises DatabaseUnavailable: the database is away; the lease is not held.
        """
        ...

    async def knock(self) -> None:
        """Call the holder's ``on_knock``, as far as the database can; for whoever does not hold the lease."""
        ...

    async def release(self) -> None:
        """Give the lease up."""
        ...


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

    async def write(self, work: Work[T], *, brief: bool = False) -> T:
        """Run ``work`` in one transaction and answer its result once that is durable. An exception rolls it back.

        :param brief: the work is a few statements that find their rows by key. SQLite runs them on the event loop
            instead of the writer thread, which is much faster where many callers write.
        :raises DatabaseUnavailable: the database is away, or the disk is full; nothing was written.
        """
        ...

    async def write_one(self, sql: str, *values: Value) -> list[Row]:
        """Run one statement as a transaction of its own; answers the rows of its ``RETURNING``, if any.

        One round trip on PostgreSQL, where ``write`` takes two more: the way for hot paths.
        """
        ...

    async def write_many(self, sql: str, rows: Sequence[Sequence[Value]]) -> list[Row]:
        """Run one statement once per row of values, all in one transaction; answers the rows of ``RETURNING`` in order.

        One round trip on PostgreSQL.
        """
        ...

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` against one consistent snapshot; writing in it is an error."""
        ...

    async def fetch(self, sql: str, *values: Value) -> list[Row]:
        """All rows of one query; one round trip on PostgreSQL, where ``read`` takes two more."""
        ...

    async def fetch_one(self, sql: str, *values: Value) -> Row | None:
        """The first row of one query, or ``None``."""
        ...

    def lease(self, name: str, *, on_knock: Callable[[], None] | None = None) -> Lease:
        """A lease of that name, not yet held. ``on_knock`` is called on the event loop when somebody knocks."""
        ...

    async def ping(self) -> None:
        """Answer quickly if the database can be used.

        :raises DatabaseUnavailable: it cannot.
        """
        ...

    async def close(self) -> None:
        """Finish what is under way and release."""
        ...
