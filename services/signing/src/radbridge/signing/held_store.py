"""Queries on reports whose verdict is held back (the table: ``migrations/versions/0002``)."""

from dataclasses import dataclass

from radbridge.runtime.database.protocol import Row, Transaction


@dataclass(frozen=True, slots=True)
class HeldReport:
    """A held report: the event's body as ``received``, the engine's finding as ``judged``, both JSON. ``retry_at`` is
    when it is judged again without any change of the trust material; never where that is ``None``."""

    report_id: str
    institution_id: str
    report_number: str
    received_version: int
    received: str
    judged: str
    trust_version: int
    held_at: int
    retry_at: int | None = None


async def put(tx: Transaction, held: HeldReport) -> None:
    """Hold a report, or what is known of a held one from now on."""
    await tx.execute(
        """INSERT INTO held_report (report_id, institution_id, report_number, received_version, received, judged,
                                    trust_version, held_at, retry_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           ON CONFLICT (report_id) DO UPDATE SET received_version = excluded.received_version,
               received = excluded.received, judged = excluded.judged, trust_version = excluded.trust_version,
               retry_at = excluded.retry_at""",
        held.report_id,
        held.institution_id,
        held.report_number,
        held.received_version,
        held.received,
        held.judged,
        held.trust_version,
        held.held_at,
        held.retry_at,
    )


async def remove(tx: Transaction, report_id: str) -> None:
    """Hold it no longer."""
    await tx.execute("DELETE FROM held_report WHERE report_id = $1", report_id)


async def is_held(tx: Transaction, held: HeldReport) -> bool:
    """Whether this push of the report is still held, with the same file or none."""
    found = await tx.fetch_one(
        "SELECT 1 FROM held_report WHERE report_id = $1 AND received_version = $2 AND received = $3",
        held.report_id,
        held.received_version,
        held.received,
    )
    return found is not None


async def due(tx: Transaction, trust_version: int, now: int, limit: int) -> list[HeldReport]:
    """Held reports that were judged by older trust material or wait no longer, those held longest first."""
    rows = await tx.fetch(
        "SELECT * FROM held_report WHERE trust_version < $1 OR retry_at <= $2 ORDER BY held_at LIMIT $3",
        trust_version,
        now,
        limit,
    )
    return [_held(row) for row in rows]


async def judged_by(tx: Transaction, report_id: str, trust_version: int, retry_at: int | None) -> None:
    """Note that judging again changed nothing."""
    await tx.execute(
        "UPDATE held_report SET trust_version = $2, retry_at = $3 WHERE report_id = $1",
        report_id,
        trust_version,
        retry_at,
    )


async def all_held(tx: Transaction, limit: int) -> list[HeldReport]:
    """Held reports, those that wait longest first."""
    return [_held(row) for row in await tx.fetch("SELECT * FROM held_report ORDER BY held_at LIMIT $1", limit)]


async def held_number(tx: Transaction, institution_id: str, report_number: str) -> HeldReport | None:
    """The held report of a hospital's number."""
    row = await tx.fetch_one(
        "SELECT * FROM held_report WHERE institution_id = $1 AND report_number = $2", institution_id, report_number
    )
    return None if row is None else _held(row)


def _held(row: Row) -> HeldReport:
    return HeldReport(
        row["report_id"],
        row["institution_id"],
        row["report_number"],
        row["received_version"],
        row["received"],
        row["judged"],
        row["trust_version"],
        row["held_at"],
        row["retry_at"],
    )
