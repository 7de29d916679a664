"""Work in order per key: one lane for each key that has work, lanes side by side."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from radbridge.runtime.bus.protocol import Partition, Record

Handle: TypeAlias = Callable[[Record, asyncio.Event], Awaitable[bool]]
"""Takes a record to its end; answers whether it got there. It stops after the attempt under way once the event is
set."""


@dataclass(slots=True, eq=False)
class _Lane:
    waiting: deque[Record] = field(default_factory=deque[Record])
    current: Record | None = None
    give_up: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Future[bool] | None = None


class Lanes:
    """Runs records through ``handle``.

    :param finished: told of each record that came to its end
    :param failed: told of what ``handle`` raised, which it should not
    """

    def __init__(
        self, handle: Handle, *, finished: Callable[[Record], None], failed: Callable[[BaseException], None]
    ) -> None:
        self._handle = handle
        self._finished = finished
        self._failed = failed
        self._lanes: dict[Hashable, _Lane] = {}

    def add(self, key: Hashable, record: Record) -> None:
        """Handle the record after all others of its key."""
        lane = self._lanes.setdefault(key, _Lane())
        lane.waiting.append(record)
        if lane.task is None:
            self._start_next(key, lane)

    async def abandon(self, partitions: Iterable[Partition], grace_s: float) -> None:
        """Drop what these partitions have waiting; let what has begun finish its attempt, for so long, then cancel."""
        affected = frozenset(partitions)
        begun: list[asyncio.Future[bool]] = []
        for lane in self._lanes.values():
            lane.waiting = deque(record for record in lane.waiting if record.home not in affected)
            if lane.task is not None and lane.current is not None and lane.current.home in affected:
                lane.give_up.set()
                begun.append(lane.task)
        if begun:
            _, late = await asyncio.wait(begun, timeout=grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _start_next(self, key: Hashable, lane: _Lane) -> None:
        if not lane.waiting:
            del self._lanes[key]
            return
        lane.current = lane.waiting.popleft()
        lane.give_up = asyncio.Event()
        lane.task = asyncio.ensure_future(self._handle(lane.current, lane.give_up))
        lane.task.add_done_callback(partial(self._done, key, lane, lane.current))

    def _done(self, key: Hashable, lane: _Lane, record: Record, task: asyncio.Future[bool]) -> None:
        lane.task = lane.current = None
        error = None if task.cancelled() else task.exception()
        if error is not None:
            lane.waiting.clear()  # the order of this key is broken: everything is torn down and read again
            self._failed(error)
        elif not task.cancelled() and task.result():
            self._finished(record)
        self._start_next(key, lane)
