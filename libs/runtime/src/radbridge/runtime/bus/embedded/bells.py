"""What wakes readers: at once for what this process commits, within 50 ms for what other processes commit."""

import asyncio
import contextlib
from collections.abc import Generator, Iterable

from radbridge.runtime.bus.embedded.storage import Storage, data_version
from radbridge.runtime.bus.protocol import BusError

WATCH_INTERVAL_S = 0.05


class Bells:
    """Wakes who waits for a topic or a group. Ringing once too often is harmless, waiters look for themselves."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._waiting: dict[asyncio.Event, frozenset[str]] = {}
        self._watch: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def attached(self, names: Iterable[str]) -> Generator[asyncio.Event]:
        """An event that is set when one of these names rings, or another process wrote anything."""
        event = asyncio.Event()
        self._waiting[event] = frozenset(names)
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._watch_file(), name="events-watch")
        try:
            yield event
        finally:
            del self._waiting[event]

    def ring(self, names: Iterable[str]) -> None:
        """Wake who waits for one of these names."""
        rung = frozenset(names)
        for event, waited_for in self._waiting.items():
            if not waited_for.isdisjoint(rung):
                event.set()

    async def close(self) -> None:
        """Stop watching; who waits is woken to find the log closed."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        for event in self._waiting:
            event.set()

    async def _watch_file(self) -> None:
        while True:
            with contextlib.suppress(BusError):  # the file is away: readers find that out and say so
                await self._compare_versions()
            await asyncio.sleep(1.0)

    async def _compare_versions(self) -> None:
        connection = await self._storage.open_watcher()
        seen: int | None = None
        while True:
            version = data_version(connection)
            if version != seen:
                seen = version
                for event in self._waiting:
                    event.set()
            await asyncio.sleep(WATCH_INTERVAL_S)
