"""A lease kept by PostgreSQL's session-level advisory lock."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from radbridge.runtime.database.postgres_session import DRIVER_ERRORS, Connection, translated
from radbridge.runtime.database.statements import lock_number

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_CLOSE_S = 2.0


class AdvisoryLease:
    """Held as long as its connection lives. The holder listens for ``NOTIFY``, whoever stands by sends it."""

    def __init__(
        self, connect: Callable[[], Awaitable[Connection]], name: str, on_knock: Callable[[], None] | None
    ) -> None:
        if not _NAME.fullmatch(name):
            raise ValueError("a lease's name is lower-case letters, digits and _")
        self._connect = connect
        self._number = lock_number(f"lease {name}")
        self._channel = f"lease_{name}"
        self._on_knock = on_knock
        self._connection: Connection | None = None
        self._held = False

    async def hold(self) -> bool:
        connection = await self._live_connection()
        if self._held:
            return True
        try:
            self._held = bool(await connection.fetchval("SELECT pg_try_advisory_lock($1)", self._number))
            if self._held and self._on_knock is not None:
                await connection.add_listener(self._channel, self._knocked)
        except DRIVER_ERRORS as error:
            await self.release()
            raise translated(error) from None
        return self._held

    async def knock(self) -> None:
        connection = await self._live_connection()
        try:
            await connection.execute(f"NOTIFY {self._channel}")
        except DRIVER_ERRORS as error:
            raise translated(error) from None

    async def release(self) -> None:
        connection, self._connection, self._held = self._connection, None, False
        if connection is not None:
            try:
                await connection.close(timeout=_CLOSE_S)
            except DRIVER_ERRORS:
                connection.terminate()

    async def _live_connection(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._held = False
            self._connection = await self._connect()
        return self._connection

    def _knocked(self, *_notification: Any) -> None:
        if self._on_knock is not None:
            self._on_knock()
