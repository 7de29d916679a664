"""Queries of ``portal`` on its own tables (the tables: ``migrations/versions``).

``fact`` holds every event as it came, ``fact_key`` says what it is found by; ``exam`` and ``exam_key`` are projections
for lists. All of these are rebuilt by ``radbridge events rebuild``. ``link`` holds facts of the portal's own (tries,
openings) beside what ``notification.issued`` said, and stays.
"""

from radbridge.contracts.envelope import Event
from radbridge.contracts.events.base import EventBody
from radbridge.contracts.events.exam import ExamRegistered
from radbridge.contracts.events.notification import NotificationIssued
from radbridge.contracts.topics import BY_EVENT_TYPE
from radbridge.portal.domain.exam_page import Position
from radbridge.portal.domain.journey import exam_keys, keys
from radbridge.runtime.clock import from_micros, to_micros
from radbridge.runtime.database.protocol import Row, Transaction


async def add_fact(tx: Transaction, event: Event, body: EventBody) -> None:
    """Keep an event and move every exam it belongs to up in the lists."""
    await tx.execute(
        """INSERT INTO fact (event_id, type, source, subject, version, occurred_at, body)
           VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (event_id) DO NOTHING""",
        event.id,
        event.type,
        event.source,
        event.subject,
        event.version,
        to_micros(event.time),
        event.data.decode(),
    )
    number = await _next_change_number(tx)
    for key in keys(body):
        await tx.execute(
            "INSERT INTO fact_key (key, event_id) VALUES ($1, $2) ON CONFLICT (key, event_id) DO NOTHING",
            key,
            event.id,
        )
        await tx.execute(
            """UPDATE exam SET changed_at = CASE WHEN changed_at < $2 THEN $2 ELSE changed_at END, change_number = $3
               WHERE exam_id IN (SELECT exam_id FROM exam_key WHERE key = $1)""",
            key,
            to_micros(event.time),
            number,
        )


async def save_exam(tx: Transaction, event: Event, body: ExamRegistered) -> None:
    """Project the newest state of an exam and the keys its journey is gathered by."""
    await tx.execute(
        """INSERT INTO exam (exam_id, version, institution_id, body, exam_number, item_name, voided, changed_at)
           VALUES ($1, $2, $3, $4, $5, $6, 0, $7)
           ON CONFLICT (exam_id) DO UPDATE SET version = excluded.version, body = excluded.body,
               item_name = excluded.item_name, voided = 0, changed_at = excluded.changed_at
           WHERE exam.version < excluded.version""",
        body.exam_id,
        event.version,
        body.institution_id,
        event.data.decode(),
        body.exam_number,
        body.item_name,
        to_micros(event.time),
    )
    for key in exam_keys(body):
        await tx.execute(
            "INSERT INTO exam_key (key, exam_id) VALUES ($1, $2) ON CONFLICT (key, exam_id) DO NOTHING",
            key,
            body.exam_id,
        )
    await tx.execute(
        """UPDATE exam SET changed_at = newest.at FROM (
               SELECT MAX(f.occurred_at) AS at FROM exam_key x JOIN fact_key k ON k.key = x.key
               JOIN fact f ON f.event_id = k.event_id WHERE x.exam_id = $1) AS newest
           WHERE exam_id = $1 AND changed_at < newest.at""",
        body.exam_id,
    )


async def clear_projections(tx: Transaction) -> None:
    """Empty what replay fills again."""
    for table in ("fact_key", "fact", "exam_key", "exam"):
        await tx.execute(f"DELETE FROM {table}")  # noqa: S608 (names of our own)


async def void_exam(tx: Transaction, exam_id: str, version: int) -> None:
    """The hospital deleted the exam."""
    await tx.execute("UPDATE exam SET voided = 1, version = $2 WHERE exam_id = $1 AND version < $2", exam_id, version)


async def save_link(tx: Transaction, body: NotificationIssued) -> None:
    """A link exists; a repeat changes nothing, so that tries are kept."""
    await tx.execute(
        """INSERT INTO link (code_digest, notification_id, report_id, institution_id, patient_sealed, hospital_phone,
                             expires_at, failed_tries)
           VALUES ($1, $2, $3, $4, $5, $6, $7, 0) ON CONFLICT (code_digest) DO NOTHING""",
        body.code_digest,
        body.notification_id,
        body.report_id,
        body.institution_id,
        body.patient_sealed,
        body.hospital_phone,
        to_micros(body.expires_at),
    )


async def link(tx: Transaction, code_digest: str) -> Row | None:
    """A link, or ``None``."""
    return await tx.fetch_one("SELECT * FROM link WHERE code_digest = $1", code_digest)


async def count_failed_try(tx: Transaction, code_digest: str) -> None:
    """Somebody typed wrong characters."""
    await tx.execute("UPDATE link SET failed_tries = failed_tries + 1 WHERE code_digest = $1", code_digest)


async def note_opened(tx: Transaction, code_digest: str, now: int) -> None:
    """The right characters were typed: the tries start over."""
    await tx.execute("UPDATE link SET failed_tries = 0, opened_at = $2 WHERE code_digest = $1", code_digest, now)


async def exam_row(tx: Transaction, exam_id: str) -> Row | None:
    """One exam, or ``None``."""
    return await tx.fetch_one("SELECT * FROM exam WHERE exam_id = $1", exam_id)


async def list_exams(
    tx: Transaction, *, query: str, institution_id: str | None, behind: Position, limit: int
) -> list[Row]:
    """Exams by newest event, those of one moment by id: one event changes all exams that it speaks of. ``query``: an
    exact number, UID or report id, or the start of an item's name."""
    return await tx.fetch(
        """SELECT * FROM exam WHERE ($1 = '' OR exam_number = $1 OR item_name LIKE $2 ESCAPE '!' OR exam_id IN (
                 SELECT k.exam_id FROM exam_key k WHERE k.key LIKE $3 ESCAPE '!' OR k.key LIKE $4 ESCAPE '!')
               OR exam_id IN (SELECT k.exam_id FROM exam_key k JOIN fact_key f ON f.key = k.key
                              JOIN fact e ON e.event_id = f.event_id WHERE e.subject = $1))
             AND ($5 = '' OR institution_id = $5) AND changed_at <= $6 AND (changed_at < $6 OR exam_id > $8)
           ORDER BY changed_at DESC, exam_id LIMIT $7""",
        query,
        _like_prefix(query),
        "study:%:" + _like_escape(query),
        "accession:%:" + _like_escape(query),
        institution_id or "",
        behind.changed_at,
        limit,
        behind.exam_id,
    )


async def last_change(tx: Transaction) -> int:
    """The highest change number that any exam has."""
    row = await tx.fetch_one("SELECT MAX(change_number) AS last FROM exam")
    return int(row["last"] or 0) if row else 0


async def changed_exams(tx: Transaction, after: int, upto: int) -> list[Row]:
    """Exams with change numbers in ``(after, upto]``, in the order in which the changes were noticed here."""
    return await tx.fetch(
        """SELECT exam_id, change_number FROM exam WHERE change_number > $1 AND change_number <= $2
           ORDER BY change_number, exam_id""",
        after,
        upto,
    )


async def _next_change_number(tx: Transaction) -> int:
    if tx.dialect == "postgresql":
        row = await tx.fetch_one("SELECT nextval('exam_change') AS last")
    else:
        row = await tx.fetch_one("UPDATE exam_change SET last = last + 1 RETURNING last")
    return int(row["last"]) if row else 0


async def facts_of_exam(tx: Transaction, exam_id: str) -> list[tuple[Event, EventBody]]:
    """Every event of an exam's journey."""
    rows = await tx.fetch(
        """SELECT DISTINCT f.* FROM fact f JOIN fact_key k ON k.event_id = f.event_id
           WHERE k.key IN (SELECT key FROM exam_key WHERE exam_id = $1) ORDER BY f.occurred_at, f.event_id""",
        exam_id,
    )
    return [_fact(row) for row in rows]


async def facts_of_report(tx: Transaction, report_id: str) -> list[tuple[Event, EventBody]]:
    """Every event that names a report, oldest first."""
    rows = await tx.fetch(
        """SELECT f.* FROM fact f JOIN fact_key k ON k.event_id = f.event_id WHERE k.key = $1
           ORDER BY f.occurred_at, f.event_id""",
        f"report:{report_id}",
    )
    return [_fact(row) for row in rows]


def _fact(row: Row) -> tuple[Event, EventBody]:
    event = Event(
        id=row["event_id"],
        source=row["source"],
        type=row["type"],
        subject=row["subject"],
        time=from_micros(row["occurred_at"]),
        version=row["version"],
        data=row["body"].encode(),
    )
    return event, BY_EVENT_TYPE[event.type].model_validate_json(event.data)


def _like_escape(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _like_prefix(text: str) -> str:
    return _like_escape(text) + "%"
