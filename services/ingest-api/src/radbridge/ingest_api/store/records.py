"""Exams and reports as received. What names a person stands sealed."""

from radbridge.runtime.database.protocol import Row, Transaction

SAVE_EXAM = """
INSERT INTO exam (exam_id, institution_id, exam_number, digest, changed_at, received_at, sealed, interface)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (exam_id) DO UPDATE SET digest = excluded.digest, changed_at = excluded.changed_at,
    received_at = excluded.received_at, sealed = excluded.sealed, interface = excluded.interface
WHERE excluded.changed_at >= exam.changed_at AND excluded.digest <> exam.digest"""
"""Stores a push unless the stored one stands against it: then no row is touched."""

SAVE_REPORT = """
INSERT INTO report (report_id, institution_id, report_number, digest, changed_at, received_at, exam_ids, blobs,
    interface)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (report_id) DO UPDATE SET digest = excluded.digest, changed_at = excluded.changed_at,
    received_at = excluded.received_at, exam_ids = excluded.exam_ids, blobs = excluded.blobs,
    interface = excluded.interface
WHERE excluded.changed_at >= report.changed_at AND excluded.digest <> report.digest"""
"""Stores a push unless the stored one stands against it: then no row is touched."""


async def exam_digest(tx: Transaction, exam_id: str) -> str:
    """Digest of the stored push of an exam that exists."""
    row = await tx.fetch_one("SELECT digest FROM exam WHERE exam_id = $1", exam_id)
    return "" if row is None else row["digest"]


async def report_digest(tx: Transaction, report_id: str) -> str:
    """Digest of the stored push of a report that exists."""
    row = await tx.fetch_one("SELECT digest FROM report WHERE report_id = $1", report_id)
    return "" if row is None else row["digest"]


async def recent_exams(tx: Transaction, institution_id: str, limit: int) -> list[Row]:
    """The newest accepted exam pushes; all institutions where ``institution_id`` is empty."""
    columns = "exam_id, institution_id, exam_number, received_at, digest, interface"
    return await _recent(tx, f"SELECT {columns} FROM exam", institution_id, limit)  # noqa: S608 (no values in it)


async def recent_reports(tx: Transaction, institution_id: str, limit: int) -> list[Row]:
    """The newest accepted report pushes; all institutions where ``institution_id`` is empty."""
    columns = "report_id, institution_id, report_number, received_at, digest, interface, exam_ids"
    return await _recent(tx, f"SELECT {columns} FROM report", institution_id, limit)  # noqa: S608 (no values in it)


async def _recent(tx: Transaction, select: str, institution_id: str, limit: int) -> list[Row]:
    if not institution_id:
        return await tx.fetch(f"{select} ORDER BY received_at DESC LIMIT $1", limit)
    return await tx.fetch(
        f"{select} WHERE institution_id = $1 ORDER BY received_at DESC LIMIT $2", institution_id, limit
    )
