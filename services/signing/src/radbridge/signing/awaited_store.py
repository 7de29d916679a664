"""Queries on reports whose file is still asked for (the table: ``migrations/versions/0010``)."""

from dataclasses import dataclass

from radbridge.runtime.database.protocol import Row, Transaction


@dataclass(frozen=True, slots=True)
class AwaitedFile:
    """A report that gave the address of its file: the event's body as ``received`` (JSON), when the file is asked for
    next, and until when. Moments in microseconds."""

    report_id: str
    institution_id: str
    received_version: int
    received: str
    tries: int
    next_try_at: int
    until: int


async def put(tx: Transaction, awaited: AwaitedFile) -> None:
    """Wait for a file. One that is waited for already keeps its times."""
    await tx.execute(
        """INSERT INTO awaited_file (report_id, institution_id, received_version, received, tries, next_try_at, until)
           VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (report_id) DO UPDATE SET received_version = excluded.received_version,
               received = excluded.received, tries = excluded.tries, next_try_at = excluded.next_try_at,
               until = excluded.until
           WHERE awaited_file.received_version <> excluded.received_version""",
        awaited.report_id,
        awaited.institution_id,
        awaited.received_version,
        awaited.received,
        awaited.tries,
        awaited.next_try_at,
        awaited.until,
    )


async def remove(tx: Transaction, report_id: str) -> None:
    """Wait no longer."""
    await tx.execute("DELETE FROM awaited_file WHERE report_id = $1", report_id)


async def take(tx: Transaction, awaited: AwaitedFile) -> bool:
    """End the waiting for the file of this push; ``False`` where it ended meanwhile. Another push waits until the
    transaction ends."""
    taken = await tx.execute(
        "DELETE FROM awaited_file WHERE report_id = $1 AND received_version = $2",
        awaited.report_id,
        awaited.received_version,
    )
    return taken > 0


async def claim(tx: Transaction, awaited: AwaitedFile, next_try_at: int) -> bool:
    """Try now, and put off the next try; ``False`` where another process does, or the waiting ended."""
    claimed = await tx.execute(
        """UPDATE awaited_file SET tries = tries + 1, next_try_at = $4
           WHERE report_id = $1 AND received_version = $2 AND next_try_at = $3""",
        awaited.report_id,
        awaited.received_version,
        awaited.next_try_at,
        next_try_at,
    )
    return claimed > 0


async def institutions_due(tx: Transaction, now: int) -> list[str]:
    """Institutions with files to ask for now."""
    rows = await tx.fetch("SELECT DISTINCT institution_id FROM awaited_file WHERE next_try_at <= $1", now)
    return [row["institution_id"] for row in rows]


async def due(tx: Transaction, institution_id: str, now: int, limit: int) -> list[AwaitedFile]:
    """Files of an institution to ask for now, those that wait longest first."""
    rows = await tx.fetch(
        """SELECT * FROM awaited_file WHERE institution_id = $1 AND next_try_at <= $2
           ORDER BY next_try_at LIMIT $3""",
        institution_id,
        now,
        limit,
    )
    return [_awaited(row) for row in rows]


def _awaited(row: Row) -> AwaitedFile:
    return AwaitedFile(
        row["report_id"],
        row["institution_id"],
        row["received_version"],
        row["received"],
        row["tries"],
        row["next_try_at"],
        row["until"],
    )
