"""Appends that wait together are written together, in one statement for all their messages."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from radbridge.runtime.bus.embedded.records import Places
from radbridge.runtime.bus.protocol import BusError, Message

MAX_MESSAGES_PER_WRITE = 1000

Write: TypeAlias = Callable[[list[Sequence[Message]]], Awaitable[list[Places | BusError]]]


class Appender:
    """Gathers what comes while a write is under way; there is no timer, a lone append is written at once."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._waiting: list[tuple[Sequence[Message], asyncio.Future[Places]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def append(self, messages: Sequence[Message]) -> Places:
        """Write the messages in order; answers when they are durable."""
        answer: asyncio.Future[Places] = asyncio.get_running_loop().create_future()
        self._waiting.append((messages, answer))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_waiting(), name="events-append")
        return await answer

    async def finish(self) -> None:
        """Return when nothing waits any more."""
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)

    async def _write_waiting(self) -> None:
        while self._waiting:
            batch = self._take()
            try:
                answers = await self._write([messages for messages, _ in batch])
            except BaseException as error:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(_copy(error) if isinstance(error, BusError) else BusError(repr(error)))
                if not isinstance(error, Exception):
                    raise
            else:
                for (_, future), answer in zip(batch, answers, strict=True):
                    if future.done():
                        continue
                    if isinstance(answer, BusError):
                        future.set_exception(answer)
                    else:
                        future.set_result(answer)

    def _take(self) -> list[tuple[Sequence[Message], asyncio.Future[Places]]]:
        size = count = 0
        while count < len(self._waiting) and size < MAX_MESSAGES_PER_WRITE:
            size += len(self._waiting[count][0])
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return batch


def _copy(error: BusError) -> BusError:
    """An exception of its own for each caller, since each raises it."""
    copied = type(error)(*error.args)
    copied.__cause__ = error.__cause__
    return copied
