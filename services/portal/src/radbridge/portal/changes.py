"""Following the exams whose journeys grow."""

from radbridge.portal import store
from radbridge.runtime.database.protocol import Database, Row, Transaction

OVERLAP = 200
"""Change numbers looked at again: on PostgreSQL a transaction may commit behind others with higher numbers."""
_PAGE = 1000


class Changes:
    """One reader's place among the changes; it begins behind those that there are at the first call."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._after: int | None = None
        self._seen: dict[str, int] = {}

    async def exams(self) -> list[str]:
        """Exams that changed since the last call, the first change first; those of the next 1000 numbers at most.

        :raises DatabaseUnavailable: ask again; nothing is passed over.
        """

        async def work(tx: Transaction) -> tuple[int, list[Row]]:
            last = await store.last_change(tx)
            upto = last if self._after is None else max(self._after, min(last, self._after + _PAGE))
            after = upto if self._after is None else self._after
            return upto, await store.changed_exams(tx, after - OVERLAP, upto)

        is_first = self._after is None
        upto, rows = await self._database.read(work)
        found = {row["exam_id"]: int(row["change_number"]) for row in rows}
        fresh = [exam_id for exam_id, number in found.items() if self._seen.get(exam_id) != number]
        self._after = upto
        self._seen = {e: n for e, n in (self._seen | found).items() if n > upto - OVERLAP}
        return [] if is_first else fresh
