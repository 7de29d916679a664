"""Recognises events that were handled already, inside the handler's own transaction."""

from datetime import timedelta
from typing import Final

from radbridge.contracts.envelope import Event
from radbridge.runtime.clock import Clock, to_micros
from radbridge.runtime.consumer.spec import Order
from radbridge.runtime.database.protocol import Database, Transaction

KEEP: Final = timedelta(days=30)
"""Event ids are remembered for so long; older repeats are recognised by their version."""
_MARGIN = timedelta(days=1)
_FORGET_PER_STEP = 1000

_RAISE_MARK = """
    INSERT INTO inbox_version (group_name, source, subject, version) VALUES ($1, $2, $3, $4)
    ON CONFLICT (group_name, source, subject) DO UPDATE SET version = excluded.version
    WHERE inbox_version.version < excluded.version RETURNING version"""
_REMEMBER = """
    INSERT INTO inbox (group_name, event_id, handled_at) VALUES ($1, $2, $3)
    ON CONFLICT (group_name, event_id) DO NOTHING RETURNING event_id"""
_MARK = "SELECT version FROM inbox_version WHERE group_name = $1 AND source = $2 AND subject = $3"
_KNOWN = "SELECT event_id FROM inbox WHERE group_name = $1 AND event_id = $2"
_FORGET = """
    DELETE FROM inbox WHERE (group_name, event_id) IN (
        SELECT group_name, event_id FROM inbox WHERE handled_at < $1 LIMIT $2)"""


class Inbox:
    """The memory of one group in its service's database.

    :param by_age: whether old events are recognised by version; ``False`` where none is older than the memory, as in
        a rebuild
    """

    def __init__(self, group: str, clock: Clock, *, by_age: bool = True) -> None:
        self._group = group
        self._clock = clock
        self._by_age = by_age

    async def enter(self, tx: Transaction, event: Event, order: Order) -> bool:
        """Remember the event; ``False`` if it must not be handled (again). Concurrent entries wait for one another."""
        raised = await tx.fetch_one(_RAISE_MARK, self._group, event.source, event.subject, event.version) is not None
        if order == "newest":
            return raised
        if not raised and self._is_beyond_memory(event):
            return False
        handled_at = to_micros(self._clock())
        return await tx.fetch_one(_REMEMBER, self._group, event.id, handled_at) is not None

    async def knows(self, tx: Transaction, event: Event, order: Order) -> bool:
        """Whether ``enter`` would refuse the event now; for whoever wants to know before costly work."""
        if order == "newest" or self._is_beyond_memory(event):
            mark = await tx.fetch_one(_MARK, self._group, event.source, event.subject)
            if mark is not None and mark["version"] >= event.version:
                return True
        return order == "every" and await tx.fetch_one(_KNOWN, self._group, event.id) is not None

    async def forget_old(self, database: Database) -> int:
        """Remove ids older than 30 days, in small steps; answers how many."""
        before = to_micros(self._clock() - KEEP)
        total = 0
        while removed := await database.write(lambda tx: tx.execute(_FORGET, before, _FORGET_PER_STEP)):
            total += removed
        return total

    def _is_beyond_memory(self, event: Event) -> bool:
        return self._by_age and event.time < self._clock() - KEEP + _MARGIN
