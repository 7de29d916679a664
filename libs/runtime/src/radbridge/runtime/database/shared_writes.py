"""Group commit on PostgreSQL: callers of the same statement share a round trip and a commit.

There is no timer. Whoever comes first is sent at once; whoever comes while that is under way goes with the next.
"""

import asyncio
import contextvars
import logging
from collections.abc import Iterable
from dataclasses import dataclass

from radbridge.runtime.database.protocol import (
    Database,
    DatabaseError,
    DatabaseUnavailable,
    OutcomeUnknown,
    Row,
    Value,
)

_MOST_UNDER_WAY = 2
_MOST_PER_COMMIT = 50
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _Write:
    key: str
    values: tuple[Value, ...]
    answer: asyncio.Future[Row | None]


class SharedWrites:
    """One statement that touches the row of a key, if any, and returns at most one row, with the key in it.

    :param key: the column of the returned row that holds the key.
    """

    def __init__(self, database: Database, sql: str, *, key: str) -> None:
        self._database = database
        self._sql = sql
        self._key = key
        self._waiting: list[_Write] = []
        self._under_way = 0
        self._keys_under_way: set[str] = set()
        self._senders: set[asyncio.Task[None]] = set()

    async def write(self, key: str, values: tuple[Value, ...]) -> Row | None:
        """Run the statement with these values; answers its row once that is durable.

        :raises DatabaseUnavailable: nothing was written; as ``OutcomeUnknown``, all of it or nothing.
        :raises DatabaseError: these values are refused; nothing of them was written.
        """
        write = _Write(key, values, asyncio.get_running_loop().create_future())
        self._waiting.append(write)
        if self._under_way < _MOST_UNDER_WAY:
            self._under_way += 1
            # a context of its own: it sends for many callers, in nobody's trace
            sender = asyncio.create_task(self._send_waiting(), context=contextvars.Context())
            self._senders.add(sender)
            sender.add_done_callback(self._senders.discard)
        return await write.answer

    async def _send_waiting(self) -> None:
        try:
            while writes := self._take():
                keys = {write.key for write in writes}
                self._keys_under_way |= keys
                try:
                    await self._settle(writes)
                except BaseException:
                    _refuse(writes, OutcomeUnknown("the sender was stopped"))
                    _refuse(self._waiting, DatabaseUnavailable("the sender was stopped"))
                    raise
                finally:
                    self._keys_under_way -= keys
        finally:
            self._under_way -= 1  # at once: who comes now finds nobody to be sent by

    async def _settle(self, writes: list[_Write]) -> None:
        try:
            rows = await self._send(writes)
        except DatabaseUnavailable as error:
            _refuse(writes, error)
        except DatabaseError as error:
            if len(writes) == 1:
                _refuse(writes, error)
                return
            for write in writes:  # one of them was refused, and the others with it
                await self._settle([write])
        except Exception as error:
            _log.exception("a shared statement failed")
            _refuse(writes, DatabaseError(f"the statement failed: {type(error).__name__}"))
        else:
            by_key = {row[self._key]: row for row in rows}
            for write in writes:
                if not write.answer.done():
                    write.answer.set_result(by_key.get(write.key))

    def _take(self) -> list[_Write]:
        """The next to go together, in the order of their keys, as all processes lock them. A key goes once, and not
        while it is under way: its writes follow each other.
        """
        taken: dict[str, _Write] = {}
        left: list[_Write] = []
        for write in self._waiting:
            if write.answer.cancelled():
                continue
            if len(taken) < _MOST_PER_COMMIT and write.key not in taken and write.key not in self._keys_under_way:
                taken[write.key] = write
            else:
                left.append(write)
        self._waiting = left
        return [taken[key] for key in sorted(taken)]

    async def _send(self, writes: list[_Write]) -> list[Row]:
        if len(writes) == 1:
            return await self._database.write_one(self._sql, *writes[0].values)
        return await self._database.write_many(self._sql, [write.values for write in writes])


def _refuse(writes: Iterable[_Write], error: DatabaseError) -> None:
    """Each gets an exception of its own, since each caller raises it."""
    for write in writes:
        if not write.answer.done():
            failure = type(error)(*error.args)
            failure.__cause__ = error
            write.answer.set_exception(failure)
