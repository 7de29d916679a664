"""Queries of ``recognition`` on its own tables (the tables: ``migrations/versions``).

``exam``, ``report``, ``report_exam``, ``record_person`` and ``images`` are projections and are rebuilt by
``radbridge events rebuild``; ``item_mapping`` and ``mark`` are this service's own facts and stay.
"""

from collections.abc import Sequence

from radbridge.contracts.events.exam import ExamRegistered
from radbridge.contracts.events.images import ImagesStored
from radbridge.recognition.domain.listing import ReportState
from radbridge.runtime.clock import to_micros
from radbridge.runtime.database.protocol import Row, Transaction
from radbridge.runtime.database.statements import placeholders


async def save_exam(tx: Transaction, body: ExamRegistered, exam_sealed: str) -> None:
    """Project the newest state of an exam, whose canonical value stands sealed with its id as associated data."""
    moment = body.performed_at or body.requested_at or body.changed_at
    await tx.execute(
        """INSERT INTO exam (exam_id, institution_id, exam_number, hospital_code, hospital_name, record_id,
               document_index, item_code, item_name, modality, body_part, visit_kind, study_uids, accession_numbers,
               moment, performed_at, exam_sealed, voided)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 0)
           ON CONFLICT (exam_id) DO UPDATE SET hospital_code = excluded.hospital_code,
               hospital_name = excluded.hospital_name, record_id = excluded.record_id,
               document_index = excluded.document_index, item_code = excluded.item_code,
               item_name = excluded.item_name, modality = excluded.modality, body_part = excluded.body_part,
               visit_kind = excluded.visit_kind, study_uids = excluded.study_uids,
               accession_numbers = excluded.accession_numbers, moment = excluded.moment,
               performed_at = excluded.performed_at, exam_sealed = excluded.exam_sealed, voided = 0""",
        body.exam_id,
        body.institution_id,
        body.exam_number,
        body.hospital_code,
        body.hospital_name,
        body.patient.record_id,
        body.patient.document_index,
        body.item_code,
        body.item_name,
        body.modality,
        body.body_part,
        body.visit_kind,
        " ".join(body.study_uids),
        "\n".join(body.accession_numbers),
        to_micros(moment),
        to_micros(body.performed_at) if body.performed_at else None,
        exam_sealed,
    )


async def void_exam(tx: Transaction, exam_id: str) -> None:
    """The hospital deleted the exam."""
    await tx.execute("UPDATE exam SET voided = 1 WHERE exam_id = $1", exam_id)


async def save_report(
    tx: Transaction,
    *,
    report_id: str,
    institution_id: str,
    report_number: str,
    exam_ids: Sequence[str],
    state: ReportState,
    received_version: int,
    content_sealed: str | None,
) -> None:
    """Project a report's state. A verdict on an older version than the one known is ignored."""
    changed = await tx.execute(
        """INSERT INTO report (report_id, institution_id, report_number, state, received_version, content_sealed)
           VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (report_id) DO UPDATE SET state = excluded.state, received_version = excluded.received_version,
               content_sealed = excluded.content_sealed
           WHERE excluded.received_version >= report.received_version""",
        report_id,
        institution_id,
        report_number,
        state.value,
        received_version,
        content_sealed,
    )
    if not changed:
        return
    await tx.execute("DELETE FROM report_exam WHERE report_id = $1", report_id)
    await tx.execute_many(
        "INSERT INTO report_exam (report_id, exam_id) VALUES ($1, $2) ON CONFLICT (report_id, exam_id) DO NOTHING",
        [(report_id, exam_id) for exam_id in exam_ids],
    )


async def link_record(tx: Transaction, record_id: str, person_id: str, document_index: str | None) -> None:
    """A patient record belongs to a person."""
    await tx.execute(
        """INSERT INTO record_person (record_id, person_id, document_index) VALUES ($1, $2, $3)
           ON CONFLICT (record_id) DO UPDATE SET person_id = excluded.person_id,
               document_index = excluded.document_index""",
        record_id,
        person_id,
        document_index,
    )


async def save_images(tx: Transaction, body: ImagesStored) -> None:
    """Project a stored study."""
    await tx.execute(
        """INSERT INTO images (study_id, institution_id, study_uid, accession_number, instances)
           VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (study_id) DO UPDATE SET accession_number = excluded.accession_number,
               instances = excluded.instances""",
        body.study_id,
        body.institution_id,
        body.study_uid,
        body.accession_number,
        body.instances,
    )


async def clear_projections(tx: Transaction) -> None:
    """Empty what replay fills again."""
    for table in ("exam", "report", "report_exam", "record_person", "images"):
        await tx.execute(f"DELETE FROM {table}")  # noqa: S608 (names of our own)


async def exams_of_document(tx: Transaction, document_index: str, *, since: int = 0) -> list[Row]:
    """Every exam of the person who holds an identity document, from a moment on, newest first.

    The person's records are those linked by ``mpi``; an exam that carries the document itself counts at once, before
    its record was linked. ``person_id`` is null there. Where an operator split a document's records, the oldest person
    (the smallest id, UUIDv7) holds it, as for ``mpi``: what was split off is somebody else's.
    """
    return await tx.fetch(
        """SELECT e.*, rp.person_id AS person_id FROM exam e LEFT JOIN record_person rp ON rp.record_id = e.record_id
           WHERE e.moment >= $2 AND e.exam_id IN (
               SELECT exam_id FROM exam WHERE record_id IN (
                   SELECT record_id FROM record_person WHERE person_id = (
                       SELECT MIN(person_id) FROM record_person WHERE document_index = $1))
               UNION SELECT x.exam_id FROM exam x WHERE x.document_index = $1
                   AND NOT EXISTS (SELECT 1 FROM record_person l WHERE l.record_id = x.record_id))
           ORDER BY e.moment DESC, e.exam_id""",
        document_index,
        since,
    )


async def exam(tx: Transaction, exam_id: str) -> list[Row]:
    """One exam with its person, or nothing."""
    return await tx.fetch(
        """SELECT e.*, rp.person_id AS person_id FROM exam e LEFT JOIN record_person rp ON rp.record_id = e.record_id
           WHERE e.exam_id = $1""",
        exam_id,
    )


async def exams_of_record(tx: Transaction, record_id: str) -> list[Row]:
    """Every exam of the person to whom a hospital's patient record belongs, newest first."""
    return await tx.fetch(
        """SELECT e.*, rp.person_id AS person_id FROM exam e LEFT JOIN record_person rp ON rp.record_id = e.record_id
           WHERE e.record_id = $1 OR e.record_id IN (
               SELECT record_id FROM record_person WHERE person_id IN (
                   SELECT person_id FROM record_person WHERE record_id = $1))
           ORDER BY e.moment DESC, e.exam_id""",
        record_id,
    )


async def reports_of_exams(tx: Transaction, exam_ids: Sequence[str]) -> list[Row]:
    """All reports that name any of the exams, each as often as it names one (``exam_id``)."""
    if not exam_ids:
        return []
    return await tx.fetch(
        f"""SELECT r.*, x.exam_id AS exam_id FROM report r JOIN report_exam x ON x.report_id = r.report_id
            WHERE x.exam_id IN ({placeholders(len(exam_ids))}) ORDER BY r.report_id""",  # noqa: S608 (placeholders alone)
        *exam_ids,
    )


async def report(tx: Transaction, report_id: str) -> Row | None:
    """One report with its first exam, or ``None``."""
    return await tx.fetch_one(
        """SELECT r.*, x.exam_id AS exam_id FROM report r JOIN report_exam x ON x.report_id = r.report_id
           WHERE r.report_id = $1 ORDER BY x.exam_id LIMIT 1""",
        report_id,
    )


async def report_of_number(tx: Transaction, institution_id: str, report_number: str) -> Row | None:
    """The report of a hospital's report number with its first exam, or ``None``."""
    return await tx.fetch_one(
        """SELECT r.*, x.exam_id AS exam_id FROM report r JOIN report_exam x ON x.report_id = r.report_id
           WHERE r.institution_id = $1 AND r.report_number = $2 ORDER BY x.exam_id LIMIT 1""",
        institution_id,
        report_number,
    )


async def mappings(tx: Transaction, institution_ids: Sequence[str], item_codes: Sequence[str]) -> list[Row]:
    """Items with any of these codes of any of these hospitals, in all catalogues."""
    if not institution_ids:
        return []
    return await tx.fetch(
        f"""SELECT * FROM item_mapping WHERE institution_id IN ({placeholders(len(institution_ids))})
            AND item_code IN ({placeholders(len(item_codes), after=len(institution_ids))})
            ORDER BY catalogue""",  # noqa: S608 (placeholders alone)
        *institution_ids,
        *item_codes,
    )


async def all_mappings(tx: Transaction, institution_id: str) -> list[Row]:
    """All mapped items of a hospital."""
    return await tx.fetch(
        "SELECT * FROM item_mapping WHERE institution_id = $1 ORDER BY item_code, catalogue", institution_id
    )


async def save_mappings(tx: Transaction, rows: Sequence[tuple[str, str, str, str, str]]) -> None:
    """Store (institution, item code, catalogue, catalogue code, item name); a known item is replaced."""
    await tx.execute_many(
        """INSERT INTO item_mapping (institution_id, item_code, catalogue, catalogue_code, item_name)
           VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (institution_id, item_code, catalogue) DO UPDATE SET
               catalogue_code = excluded.catalogue_code, item_name = excluded.item_name""",
        rows,
    )


async def images_of_studies(tx: Transaction, institution_ids: Sequence[str], study_uids: Sequence[str]) -> list[Row]:
    """Stored studies with any of these UIDs, of any of these institutions."""
    if not study_uids:
        return []
    return await tx.fetch(
        f"""SELECT institution_id, study_uid FROM images
            WHERE institution_id IN ({placeholders(len(institution_ids))})
            AND study_uid IN ({placeholders(len(study_uids), after=len(institution_ids))})""",  # noqa: S608 (placeholders alone)
        *institution_ids,
        *study_uids,
    )


async def images_of_accessions(
    tx: Transaction, institution_ids: Sequence[str], accession_numbers: Sequence[str]
) -> list[Row]:
    """Stored studies with any of these accession numbers, of any of these institutions."""
    if not accession_numbers:
        return []
    return await tx.fetch(
        f"""SELECT institution_id, study_uid, accession_number FROM images
            WHERE institution_id IN ({placeholders(len(institution_ids))})
            AND accession_number IN ({placeholders(len(accession_numbers), after=len(institution_ids))})
            ORDER BY study_uid""",  # noqa: S608 (placeholders alone)
        *institution_ids,
        *accession_numbers,
    )


async def save_mark(
    tx: Transaction,
    *,
    mark_id: str,
    asking_institution_id: str,
    report_id: str,
    exam_id: str,
    recognised: bool,
    reason_code: str,
    marked_at: int,
) -> None:
    """Record or update a hospital's decision about a report."""
    await tx.execute(
        """INSERT INTO mark (mark_id, asking_institution_id, report_id, exam_id, recognised, reason_code, marked_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (mark_id) DO UPDATE SET recognised = excluded.recognised, reason_code = excluded.reason_code,
               marked_at = excluded.marked_at""",
        mark_id,
        asking_institution_id,
        report_id,
        exam_id,
        int(recognised),
        reason_code,
        marked_at,
    )


async def mark_counts(tx: Transaction) -> list[Row]:
    """Marks by asking hospital and decision."""
    return await tx.fetch(
        """SELECT asking_institution_id, recognised, COUNT(*) AS marks FROM mark
           GROUP BY asking_institution_id, recognised ORDER BY asking_institution_id, recognised"""
    )
