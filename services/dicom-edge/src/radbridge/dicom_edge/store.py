"""Queries on the index that write: new objects, announcements, moves, quarantine."""

from dataclasses import dataclass
from enum import Enum, auto

from radbridge.runtime.database.protocol import Row, Transaction
from radbridge.runtime.database.statements import placeholders


class Added(Enum):
    """What became of a new object's row."""

    NEW = auto()
    IDENTICAL = auto()
    """The same object is there already."""
    DIFFERENT = auto()
    """Another object of the institution has its SOP Instance UID."""


@dataclass(frozen=True, slots=True)
class NewStudy:
    """What the first object of a study tells of it."""

    study_id: str
    institution_id: str
    study_uid: str
    accession_number: str
    study_date: str
    patient_id_index: str | None
    sealed: str


@dataclass(frozen=True, slots=True)
class NewSeries:
    """What the first object of a series tells of it."""

    study_id: str
    series_uid: str
    modality: str
    series_number: int | None
    sealed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """An object that lies synced on a volume, or moved to the object store."""

    institution_id: str
    sop_instance_uid: str
    study_id: str
    series_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    instance_number: int | None
    number_of_frames: int
    rows: int
    columns: int
    samples_per_pixel: int
    bits_allocated: int
    photometric_interpretation: str
    pixel_tag: int
    pixel_offset: int
    pixel_length: int
    encapsulated: int
    head_bytes: int
    size: int
    data_set_sha256: str
    object_name: str
    volume_id: str | None
    received_at: int
    received_by: str


_INSTANCE_COLUMNS = tuple(Instance.__dataclass_fields__)
_ADD_INSTANCE = f"""
    INSERT INTO instance ({", ".join(_INSTANCE_COLUMNS)}, announced, quarantine_reason)
    VALUES ({placeholders(len(_INSTANCE_COLUMNS))}, 0, '')
    ON CONFLICT (institution_id, sop_instance_uid) DO NOTHING"""  # noqa: S608 (column names, no values)


def instance_of(row: Row) -> Instance:
    """The object of a row of ``SELECT *``."""
    return Instance(**{column: row[column] for column in _INSTANCE_COLUMNS})


async def add_instance(tx: Transaction, instance: Instance, study: NewStudy | None, series: NewSeries | None) -> Added:
    """Index an object. Study and series are given unless their rows are known to be there."""
    values = [getattr(instance, column) for column in _INSTANCE_COLUMNS]
    if not await tx.execute(_ADD_INSTANCE, *values):
        there = await tx.fetch_one(
            "SELECT data_set_sha256, transfer_syntax_uid, quarantined_at FROM instance"
            " WHERE institution_id = $1 AND sop_instance_uid = $2",
            instance.institution_id,
            instance.sop_instance_uid,
        )
        same = there is not None and (there["data_set_sha256"], there["transfer_syntax_uid"]) == (
            instance.data_set_sha256,
            instance.transfer_syntax_uid,
        )
        if not same:
            return Added.DIFFERENT
        if there is None or there["quarantined_at"] is None:
            return Added.IDENTICAL
        await replace_copy(tx, instance)
        return Added.NEW
    if study is not None:
        await tx.execute(
            """INSERT INTO study (study_id, institution_id, study_uid, accession_number, study_date, patient_id_index,
                                  sealed, received_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING""",
            study.study_id,
            study.institution_id,
            study.study_uid,
            study.accession_number,
            study.study_date,
            study.patient_id_index,
            study.sealed,
            instance.received_at,
        )
    if series is not None:
        await tx.execute(
            """INSERT INTO series (study_id, series_uid, modality, series_number, sealed)
               VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING""",
            series.study_id,
            series.series_uid,
            series.modality,
            series.series_number,
            series.sealed,
        )
    return Added.NEW


async def replace_copy(tx: Transaction, instance: Instance) -> None:
    """The object's first copy is damaged or gone: another one takes its place."""
    await tx.execute(
        """UPDATE instance SET object_name = $3, volume_id = $4, head_bytes = $5, size = $6, received_at = $7,
               announced = 0, quarantined_at = NULL, quarantine_reason = ''
           WHERE institution_id = $1 AND sop_instance_uid = $2""",
        instance.institution_id,
        instance.sop_instance_uid,
        instance.object_name,
        instance.volume_id,
        instance.head_bytes,
        instance.size,
        instance.received_at,
    )


async def unannounced_studies(tx: Transaction) -> list[str]:
    """Studies with objects that no event counts yet."""
    rows = await tx.fetch("SELECT DISTINCT study_id FROM instance WHERE announced = 0")
    return [row["study_id"] for row in rows]


async def mark_announced(tx: Transaction, study_id: str) -> int:
    """Count a study's new objects as announced; answers how many they are."""
    return await tx.execute("UPDATE instance SET announced = 1 WHERE study_id = $1 AND announced = 0", study_id)


async def study_row(tx: Transaction, study_id: str) -> Row | None:
    """One study."""
    return await tx.fetch_one("SELECT * FROM study WHERE study_id = $1", study_id)


async def series_counts(tx: Transaction, study_id: str) -> list[Row]:
    """Series of a study with ``instances`` and ``bytes``, quarantined objects left out."""
    return await tx.fetch(
        """SELECT s.series_uid, s.modality, s.series_number, COUNT(*) AS instances, SUM(i.size) AS bytes
           FROM series s JOIN instance i ON i.study_id = s.study_id AND i.series_uid = s.series_uid
           WHERE s.study_id = $1 AND i.quarantined_at IS NULL
           GROUP BY s.series_uid, s.modality, s.series_number
           ORDER BY s.series_number, s.series_uid""",
        study_id,
    )


async def instances_on_volume(tx: Transaction, volume_id: str, before: int, limit: int) -> list[Row]:
    """Objects received before a moment that lie on a volume, oldest first."""
    return await tx.fetch(
        """SELECT * FROM instance WHERE volume_id = $1 AND received_at <= $2 AND quarantined_at IS NULL
           ORDER BY received_at LIMIT $3""",
        volume_id,
        before,
        limit,
    )


async def names_on_volume(tx: Transaction, volume_id: str, after: tuple[int, str], limit: int) -> list[tuple[int, str]]:
    """Objects that lie on a volume, quarantined ones too, as (time of reception, name), in this order."""
    rows = await tx.fetch(
        """SELECT received_at, object_name FROM instance
           WHERE volume_id = $1 AND received_at >= $2 AND (received_at > $2 OR object_name > $3)
           ORDER BY received_at, object_name LIMIT $4""",
        volume_id,
        *after,
        limit,
    )
    return [(row["received_at"], row["object_name"]) for row in rows]


async def row_of(tx: Transaction, institution_id: str, sop_instance_uid: str) -> Row | None:
    """One object."""
    return await tx.fetch_one(
        "SELECT * FROM instance WHERE institution_id = $1 AND sop_instance_uid = $2", institution_id, sop_instance_uid
    )


async def row_of_name(tx: Transaction, sop_instance_uid: str, object_name: str) -> Row | None:
    """The object of which the file of that name is the copy that counts."""
    return await tx.fetch_one(
        "SELECT * FROM instance WHERE sop_instance_uid = $1 AND object_name = $2", sop_instance_uid, object_name
    )


async def mark_on_volume(tx: Transaction, instance: Instance, volume_id: str) -> None:
    """The object's file lies on a volume, whatever the row said."""
    await tx.execute(
        """UPDATE instance SET volume_id = $3
           WHERE institution_id = $1 AND sop_instance_uid = $2 AND object_name = $4""",
        instance.institution_id,
        instance.sop_instance_uid,
        volume_id,
        instance.object_name,
    )


async def mark_moved(tx: Transaction, objects: list[tuple[str, str]]) -> None:
    """Objects, as (institution id, SOP Instance UID), are durable in the object store."""
    await tx.execute_many(
        "UPDATE instance SET volume_id = NULL WHERE institution_id = $1 AND sop_instance_uid = $2", objects
    )


async def quarantine(tx: Transaction, institution_id: str, sop_instance_uid: str, *, reason: str, at: int) -> None:
    """Keep an object, but serve it no longer."""
    await tx.execute(
        """UPDATE instance SET quarantined_at = $3, quarantine_reason = $4
           WHERE institution_id = $1 AND sop_instance_uid = $2 AND quarantined_at IS NULL""",
        institution_id,
        sop_instance_uid,
        at,
        reason,
    )
