"""A database whose work appears in recorded traces."""

from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

from opentelemetry import trace
from opentelemetry.trace import SpanKind

from radbridge.runtime.database.protocol import Database, Lease, Row, Value, Work
from radbridge.runtime.telemetry.traces import ActiveSpan, Tracing

T = TypeVar("T")


class TracedDatabase:
    """Passes everything on to another database; inside a recorded span, each call is a span below it. Statements are
    shown, values are not. Used only where a collector is set."""

    def __init__(self, database: Database, tracing: Tracing) -> None:
        self._database = database
        self._tracing = tracing

    @property
    def dialect(self) -> Literal["sqlite", "postgresql"]:
        """Which database stands behind it."""
        return self._database.dialect

    @property
    def url(self) -> str:
        """The SQLAlchemy URL."""
        return self._database.url

    async def write(self, work: Work[T], *, brief: bool = False) -> T:
        """See ``Database``."""
        if not _recording():
            return await self._database.write(work, brief=brief)
        with self._span("write"):
            return await self._database.write(work, brief=brief)

    async def write_one(self, sql: str, *values: Value) -> list[Row]:
        """See ``Database``."""
        if not _recording():
            return await self._database.write_one(sql, *values)
        with self._span("write", sql):
            return await self._database.write_one(sql, *values)

    async def write_many(self, sql: str, rows: Sequence[Sequence[Value]]) -> list[Row]:
        """See ``Database``."""
        if not _recording():
            return await self._database.write_many(sql, rows)
        with self._span("write", sql):
            return await self._database.write_many(sql, rows)

    async def read(self, work: Work[T]) -> T:
        """See ``Database``."""
        if not _recording():
            return await self._database.read(work)
        with self._span("read"):
            return await self._database.read(work)

    async def fetch(self, sql: str, *values: Value) -> list[Row]:
        """See ``Database``."""
        if not _recording():
            return await self._database.fetch(sql, *values)
        with self._span("read", sql):
            return await self._database.fetch(sql, *values)

    async def fetch_one(self, sql: str, *values: Value) -> Row | None:
        """See ``Database``."""
        if not _recording():
            return await self._database.fetch_one(sql, *values)
        with self._span("read", sql):
            return await self._database.fetch_one(sql, *values)

    def lease(self, name: str, *, on_knock: Callable[[], None] | None = None) -> Lease:
        """See ``Database``."""
        return self._database.lease(name, on_knock=on_knock)

    async def ping(self) -> None:
        """See ``Database``."""
        await self._database.ping()

    async def close(self) -> None:
        """See ``Database``."""
        await self._database.close()

    def _span(self, operation: str, sql: str = "") -> ActiveSpan:
        attributes = {"db.system.name": self.dialect, "db.operation.name": operation}
        if sql:
            attributes["db.query.text"] = sql
        return self._tracing.span(f"database {operation}", kind=SpanKind.CLIENT, attributes=attributes)


def _recording() -> bool:
    return trace.get_current_span().is_recording()
