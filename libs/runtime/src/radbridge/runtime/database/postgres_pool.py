"""Connections kept open between transactions.

Of its own because asyncpg's pool spends a third of a round trip on each borrowing: it resets the session, which the
transactions here never change, and wraps every connection.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

from radbridge.runtime.database.postgres_session import Connection
from radbridge.runtime.database.protocol import DatabaseUnavailable

_WAIT_S = 10.0
_CLOSE_S = 10.0


class ConnectionPool:
    """At most ``size`` connections, opened when needed; the one used last is given out first.

    For one event loop. A connection that broke, or was left inside a transaction, is closed instead of kept.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]], *, size: int) -> None:
        self._connect = connect
        self._size = size
        self._open = 0
        self._idle: list[Connection] = []
        self._waiters: deque[asyncio.Future[Connection | None]] = deque()
        self._closing = False
        self._all_back = asyncio.Event()

    async def acquire(self) -> Connection:
        """A connection that is the caller's until :meth:`release`.

        :raises DatabaseUnavailable: the server is away, all connections stay busy, or the pool is closed.
        """
        while True:
            if self._closing:
                raise DatabaseUnavailable("the database is closed")
            while self._idle:
                connection = self._idle.pop()
                if not connection.is_closed():
                    return connection
                self._open -= 1
            if self._open < self._size:
                return await self._opened()
            # woken with nothing: a connection was closed, so that there is room for a new one
            if (connection := await self._wait()) is not None:
                return connection

    def release(self, connection: Connection) -> None:
        """Give a connection back."""
        if connection.is_closed() or connection.is_in_transaction() or self._closing:
            connection.terminate()
            self._forget()
        elif (waiter := self._next_waiter()) is not None:
            waiter.set_result(connection)
        else:
            self._idle.append(connection)

    async def close(self) -> None:
        """Let what is under way finish, for some seconds, and close all connections."""
        self._closing = True
        while (waiter := self._next_waiter()) is not None:
            waiter.set_result(None)
        while self._idle:
            await self._idle.pop().close(timeout=_CLOSE_S)
            self._open -= 1
        if self._open:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await self._all_back.wait()

    async def _opened(self) -> Connection:
        self._open += 1
        try:
            return await self._connect()
        except BaseException:
            self._forget()
            raise

    def _forget(self) -> None:
        self._open -= 1
        if (waiter := self._next_waiter()) is not None:
            waiter.set_result(None)
        if not self._open:
            self._all_back.set()

    def _next_waiter(self) -> asyncio.Future[Connection | None] | None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                return waiter
        return None

    async def _wait(self) -> Connection | None:
        waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(_WAIT_S):
                return await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled() and (connection := waiter.result()) is not None:
                self.release(connection)
            if isinstance(error, TimeoutError):
                raise DatabaseUnavailable(f"all {self._size} connections to the database are busy") from None
            raise
