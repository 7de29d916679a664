"""One PostgreSQL connection: how it is opened, its transaction object, its errors in the words of the protocol."""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, Protocol, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs]

from radbridge.runtime.database.protocol import (
    ConstraintViolated,
    DatabaseError,
    DatabaseUnavailable,
    OutcomeUnknown,
    Row,
    Value,
)
from radbridge.runtime.database.statements import lock_number


class Connection(Protocol):
    """The part of ``asyncpg.Connection`` that is used here; asyncpg itself has no types."""

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str: ...  # noqa: ASYNC109
    async def executemany(self, command: str, args: Sequence[Sequence[Any]]) -> None: ...
    async def fetch(self, query: str, *args: Any) -> list[Row]: ...
    async def fetchmany(self, query: str, args: Sequence[Sequence[Any]]) -> list[Row]: ...
    async def fetchrow(self, query: str, *args: Any) -> Row | None: ...
    async def fetchval(self, query: str, *args: Any) -> Any: ...
    async def add_listener(self, channel: str, callback: Callable[..., None]) -> None: ...
    async def close(self, *, timeout: float | None = None) -> None: ...  # noqa: ASYNC109
    def terminate(self) -> None: ...
    def is_closed(self) -> bool: ...
    def is_in_transaction(self) -> bool: ...


DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, UnicodeError)
"""All that asyncpg raises; a timeout is an ``OSError``."""

_CONNECT_TIMEOUT_S = 5.0
_COMMAND_TIMEOUT_S = 30.0
_CACHED_STATEMENTS = 256
# A dead peer's session, and with it its locks and leases, ends within 2 + 3 x 1 s.
_SERVER_SETTINGS = {
    "timezone": "UTC",
    "jit": "off",
    "tcp_keepalives_idle": "2",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
}

# Classes and codes of SQLSTATE (PostgreSQL documentation, appendix A)
_UNAVAILABLE_CLASSES = frozenset({"08", "28", "3D", "53", "57", "58"})
_UNAVAILABLE_CODES = frozenset({"55P03"})
_REPEATABLE_CODES = frozenset({"40001", "40P01"})
_CONSTRAINT_CLASS = "23"
_PROGRAM_CLASS = "42"
_READ_ONLY = "25006"


class RepeatableFailure(DatabaseUnavailable):
    """A deadlock or a serialization failure: the same work may succeed when run again."""


async def connect(url: str, *, service: str) -> Connection:
    """A new connection.

    :raises DatabaseUnavailable: the server does not answer, or refuses.
    """
    try:
        connect_to: Callable[..., Awaitable[Any]] = cast(Any, asyncpg).connect
        return await connect_to(
            re.sub(r"^postgres(ql)?(\+asyncpg)?:", "postgresql:", url),
            timeout=_CONNECT_TIMEOUT_S,
            command_timeout=_COMMAND_TIMEOUT_S,
            statement_cache_size=_CACHED_STATEMENTS,
            server_settings={**_SERVER_SETTINGS, "application_name": f"radbridge {service}"},
        )
    except DRIVER_ERRORS as error:
        raise DatabaseUnavailable(_text(error)) from None


def translated(error: Exception, *, reading: bool = False) -> DatabaseError:
    """The protocol's error for one of the driver's. PostgreSQL's details quote values: they are left out."""
    text = _text(error)
    if not isinstance(error, asyncpg.PostgresError):
        # asyncpg.DataError: a value that does not fit its column. Other interface errors come from a lost connection.
        refused = isinstance(error, asyncpg.DataError | UnicodeError)
        return DatabaseError(text) if refused else DatabaseUnavailable(text)
    code = _detail(error, "sqlstate")
    if code in _REPEATABLE_CODES:
        return RepeatableFailure(text)
    if code == _READ_ONLY:
        # a standby refuses to write as well
        return DatabaseError("a read may not write") if reading else DatabaseUnavailable(text)
    if code[:2] in _UNAVAILABLE_CLASSES or code in _UNAVAILABLE_CODES:
        return DatabaseUnavailable(text)
    return ConstraintViolated(text) if code[:2] == _CONSTRAINT_CLASS else DatabaseError(text)


def after_commit_was_sent(error: Exception) -> DatabaseError:
    """As :func:`translated`, for a statement that commits: a lost connection leaves its outcome open."""
    answered = isinstance(error, asyncpg.PostgresError) and not isinstance(error, asyncpg.PostgresConnectionError)
    failure = translated(error)
    return OutcomeUnknown(str(failure)) if isinstance(failure, DatabaseUnavailable) and not answered else failure


def _text(error: Exception) -> str:
    name = type(error).__name__
    if not isinstance(error, asyncpg.PostgresError):
        return error.strerror or name if isinstance(error, OSError) else name
    code = _detail(error, "sqlstate")
    if code[:2] == _CONSTRAINT_CLASS:
        place = _detail(error, "constraint_name") or _detail(error, "column_name")
        return f"{name}: {place} of {_detail(error, 'table_name')}"
    if code[:2] == _PROGRAM_CLASS or code[:2] in _UNAVAILABLE_CLASSES:
        return f"{name}: {error.args[0] if error.args else code}"
    return f"{name} ({code})"


def _detail(error: Exception, field: str) -> str:
    """A field of the server's answer; asyncpg sets only those that came."""
    return getattr(error, field, None) or ""


class PostgresTransaction:
    """The transaction that a unit of work sees."""

    dialect: Literal["postgresql"] = "postgresql"
    __slots__ = ("_connection", "_reading", "callbacks", "failure")

    def __init__(self, connection: Connection, *, reading: bool = False) -> None:
        self._connection: Connection | None = connection
        self._reading = reading
        self.callbacks: list[Callable[[], None]] = []
        self.failure: DatabaseError | None = None
        """The first statement's failure; it dooms the unit of work."""

    def end(self) -> None:
        """A unit of work that kept the transaction finds it closed."""
        self._connection = None

    def _usable(self) -> Connection:
        if self._connection is None:
            raise DatabaseError("the transaction is over")
        if self.failure is not None:
            raise self.failure
        return self._connection

    def _failed(self, error: Exception) -> DatabaseError:
        self.failure = translated(error, reading=self._reading)
        return self.failure

    async def execute(self, sql: str, *values: Value) -> int:
        connection = self._usable()
        try:
            return _touched(await connection.execute(sql, *values))
        except DRIVER_ERRORS as error:
            raise self._failed(error) from None

    async def execute_many(self, sql: str, rows: Sequence[Sequence[Value]]) -> None:
        connection = self._usable()
        try:
            await connection.executemany(sql, rows)
        except DRIVER_ERRORS as error:
            raise self._failed(error) from None

    async def fetch(self, sql: str, *values: Value) -> list[Row]:
        connection = self._usable()
        try:
            return await connection.fetch(sql, *values)
        except DRIVER_ERRORS as error:
            raise self._failed(error) from None

    async def fetch_one(self, sql: str, *values: Value) -> Row | None:
        connection = self._usable()
        try:
            return await connection.fetchrow(sql, *values)
        except DRIVER_ERRORS as error:
            raise self._failed(error) from None

    async def lock(self, *names: str) -> None:
        numbers: Any = sorted(map(lock_number, names))
        # unnest keeps the order of its array, and the function is called row by row
        await self.fetch("SELECT pg_advisory_xact_lock(number) FROM unnest($1::bigint[]) AS number", numbers)

    def on_commit(self, callback: Callable[[], None]) -> None:
        self.callbacks.append(callback)


def _touched(status: str) -> int:
    """The count at the end of a command tag such as ``INSERT 0 3`` or ``UPDATE 2``."""
    count = status.rpartition(" ")[2]
    return int(count) if count.isdigit() else 0
