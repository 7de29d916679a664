"""Which sealed objects a service's rows and events name, so that its database alone tells what nobody needs.

Objects are stored before the commit that names them, and a commit may never come. ``sweeper`` deletes what was never
named. An object named by its content may be stored and named again at any moment, also while it is being deleted, so
both sides meet in one row per name, which only one of two transactions can insert:

* a commit inserts the names as named; from then on they are never swept, for events stay for ever;
* the sweeper inserts a name as condemned before it deletes the object, and leaves it as deleted for a day afterwards.

A commit that finds a name condemned or deleted does not happen: the object is stored anew once its deletion is known to
be over, and the commit tried again (``keep``). The day covers whoever stored the object before it was deleted and has
not committed yet.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import timedelta
from enum import IntEnum
from typing import TypeVar

from radbridge.runtime.blobs.protocol import BlobUnavailable
from radbridge.runtime.clock import Clock, to_micros
from radbridge.runtime.database.protocol import Database, Transaction
from radbridge.runtime.database.statements import placeholders

P = TypeVar("P")
R = TypeVar("R")

_TRIES = 50
_PAUSE_SECONDS = 0.2
_MOURNING = timedelta(days=1)
_FORGET_AT_ONCE = 1000

_INSERT = "INSERT INTO stored_blob (name, state, changed_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING"
_REMEMBER = """
    INSERT INTO stored_blob (name, state, changed_at) VALUES ($1, $2, $3)
    ON CONFLICT (name) DO UPDATE SET state = excluded.state, changed_at = excluded.changed_at
    WHERE stored_blob.state <> excluded.state"""
_STATES = "SELECT name, state FROM stored_blob WHERE name IN ({})"
_INSERT_NAMED = (
    "INSERT INTO stored_blob (name, state, changed_at) VALUES {} ON CONFLICT (name) DO NOTHING RETURNING name"
)
_CHANGE = "UPDATE stored_blob SET state = $2, changed_at = $3 WHERE name = $1 AND state = $4"
_IN_STATE = "SELECT name FROM stored_blob WHERE state = $1 AND changed_at < $2 ORDER BY name LIMIT $3"
_FORGET = """
    DELETE FROM stored_blob WHERE state = $1 AND name IN (
        SELECT name FROM stored_blob WHERE state = $1 AND changed_at < $2 LIMIT $3)"""


class _State(IntEnum):
    NAMED = 0
    CONDEMNED = 1
    DELETED = 2


class ObjectsSwept(Exception):
    """Objects that a commit wants to name were or are being deleted.

    :ivar deleted: those whose deletion is over; stored anew, they stay.
    :ivar is_under_way: others change what is known of some right now: it has to be asked again a little later.
    """

    def __init__(self, deleted: frozenset[str], *, is_under_way: bool) -> None:
        super().__init__("stored objects were swept before they were named")
        self.deleted = deleted
        self.is_under_way = is_under_way


class BlobLedger:
    """The names in one service's database (table ``stored_blob``)."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def keep(self, store: Callable[[], Awaitable[P]], commit: Callable[[P, frozenset[str]], Awaitable[R]]) -> R:
        """Store objects, then commit what names them; both again where a sweep came between.

        :param commit: gets what ``store`` answered and what to hand on to ``name``.
        :raises BlobUnavailable: the sweep does not come to its end.
        """
        deleted: frozenset[str] = frozenset()
        for _ in range(_TRIES):
            stored = await store()
            try:
                return await commit(stored, deleted)
            except ObjectsSwept as swept:
                deleted |= swept.deleted
                if swept.is_under_way:
                    await asyncio.sleep(_PAUSE_SECONDS)
        raise BlobUnavailable("objects of the same content are being deleted")

    async def name(self, tx: Transaction, names: Iterable[str], *, stored_anew: Collection[str] = ()) -> None:
        """Record in the transaction that rows or events name these objects.

        :param stored_anew: those that were stored after their deletion was over.
        :raises ObjectsSwept: some are gone, or may be.
        """
        wanted = sorted(set(names))
        if not wanted:
            return
        now = to_micros(self._clock())
        at = f"CAST(${len(wanted) + 1} AS BIGINT)"
        values = ", ".join(f"(${number}, {_State.NAMED:d}, {at})" for number in range(1, len(wanted) + 1))
        inserted = {row["name"] for row in await tx.fetch(_INSERT_NAMED.format(values), *wanted, now)}
        if known := [name for name in wanted if name not in inserted]:
            await self._require_named(tx, known, stored_anew, now)

    async def _require_named(self, tx: Transaction, names: list[str], stored_anew: Collection[str], now: int) -> None:
        states: dict[str, int] = {
            row["name"]: row["state"] for row in await tx.fetch(_STATES.format(placeholders(len(names))), *names)
        }
        deleted = {name for name, state in states.items() if state == _State.DELETED}
        # PostgreSQL shows each statement what others committed before it: the row that was in the way of the insert
        # may be forgotten, or changed, by now
        is_under_way = len(states) < len(names)
        for name in sorted(deleted.intersection(stored_anew)):
            is_under_way |= not await tx.execute(_CHANGE, name, _State.NAMED, now, _State.DELETED)
        gone = frozenset(deleted.difference(stored_anew))
        is_under_way |= _State.CONDEMNED in states.values()
        if gone or is_under_way:
            raise ObjectsSwept(gone, is_under_way=is_under_way)

    async def remember(self, tx: Transaction, names: Iterable[str]) -> None:
        """Record names that events or rows of the past hold. What a restored database believes to be deleted was stored
        again since then."""
        now = to_micros(self._clock())
        await tx.execute_many(_REMEMBER, [(name, _State.NAMED, now) for name in sorted(set(names))])

    async def condemn(self, names: Sequence[str]) -> list[str]:
        """Those of the names that nobody has recorded; from now on nobody can, until they are deleted."""
        if not names:
            return []
        known = {row["name"] for row in await self._database.fetch(_STATES.format(placeholders(len(names))), *names)}
        now = to_micros(self._clock())

        async def work(tx: Transaction) -> list[str]:
            unknown = sorted(set(names) - known)
            return [name for name in unknown if await tx.execute(_INSERT, name, _State.CONDEMNED, now)]

        return await self._database.write(work) if len(known) < len(names) else []

    async def note_deleted(self, names: Sequence[str]) -> None:
        """The deletion of condemned objects is over."""
        now = to_micros(self._clock())
        rows = [(name, _State.DELETED, now, _State.CONDEMNED) for name in names]
        await self._database.write(lambda tx: tx.execute_many(_CHANGE, rows))

    async def left_condemned(self, longer_than: timedelta, limit: int) -> list[str]:
        """Names whose deletion a sweeper began so long ago and did not end."""
        before = to_micros(self._clock() - longer_than)
        return [row["name"] for row in await self._database.fetch(_IN_STATE, _State.CONDEMNED, before, limit)]

    async def forget_deleted(self) -> None:
        """Remove what was deleted a day ago: who stored it before has committed, or never will."""
        before = to_micros(self._clock() - _MOURNING)
        while await self._database.write(lambda tx: tx.execute(_FORGET, _State.DELETED, before, _FORGET_AT_ONCE)):
            pass
