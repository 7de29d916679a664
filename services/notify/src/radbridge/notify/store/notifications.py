"""Notifications: what patients are told."""

from dataclasses import dataclass, field
from datetime import datetime

import orjson

from radbridge.runtime.clock import from_micros, to_micros
from radbridge.runtime.database.protocol import Row, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredNotification:
    """One notification. The sealed members have its id as their place; they are ``None`` where it was restored from
    events, and nothing is sent any more."""

    notification_id: str
    report_id: str
    institution_id: str
    exam_ids: list[str]
    content: str
    hospital_name: str
    record_id: str | None
    phone_index: str | None
    patient_sealed: str | None = field(repr=False)
    code_sealed: str | None = field(repr=False)
    reported_at: datetime
    issued_at: datetime
    expires_at: datetime


async def told(tx: Transaction, report_id: str) -> tuple[int, StoredNotification | None]:
    """How many notifications a report has, and the newest that was not withdrawn."""
    rows = await tx.fetch("SELECT * FROM notification WHERE report_id = $1 ORDER BY issued_at DESC", report_id)
    newest = next((_notification(row) for row in rows if not row["withdrawn"]), None)
    return len(rows), newest


async def add(tx: Transaction, notification: StoredNotification) -> bool:
    """Store a notification; ``False`` where it is there already."""
    touched = await tx.execute(
        """INSERT INTO notification (notification_id, report_id, institution_id, exam_ids, content, hospital_name,
               record_id, phone_index, patient_sealed, code_sealed, reported_at, issued_at, expires_at, withdrawn)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0)
           ON CONFLICT (notification_id) DO NOTHING""",
        notification.notification_id,
        notification.report_id,
        notification.institution_id,
        orjson.dumps(notification.exam_ids).decode(),
        notification.content,
        notification.hospital_name,
        notification.record_id,
        notification.phone_index,
        notification.patient_sealed,
        notification.code_sealed,
        to_micros(notification.reported_at),
        to_micros(notification.issued_at),
        to_micros(notification.expires_at),
    )
    return touched > 0


async def withdraw_unsent(tx: Transaction, report_id: str) -> None:
    """Let a report be told anew where nothing of what was told has left."""
    await tx.execute(
        """UPDATE notification SET withdrawn = 1 WHERE report_id = $1 AND NOT EXISTS (
               SELECT 1 FROM delivery WHERE delivery.notification_id = notification.notification_id
               AND delivery.state <> 'suppressed')""",
        report_id,
    )


async def find(tx: Transaction, notification_id: str) -> StoredNotification | None:
    """One notification."""
    row = await tx.fetch_one("SELECT * FROM notification WHERE notification_id = $1", notification_id)
    return None if row is None else _notification(row)


def _notification(row: Row) -> StoredNotification:
    return StoredNotification(
        notification_id=row["notification_id"],
        report_id=row["report_id"],
        institution_id=row["institution_id"],
        exam_ids=orjson.loads(row["exam_ids"]),
        content=row["content"],
        hospital_name=row["hospital_name"],
        record_id=row["record_id"],
        phone_index=row["phone_index"],
        patient_sealed=row["patient_sealed"],
        code_sealed=row["code_sealed"],
        reported_at=from_micros(row["reported_at"]),
        issued_at=from_micros(row["issued_at"]),
        expires_at=from_micros(row["expires_at"]),
    )
