"""Queries of ``mpi`` on its own tables (the tables: ``migrations/versions``)."""

from collections.abc import Iterable
from dataclasses import dataclass

from radbridge.contracts.events.base import PatientRef
from radbridge.mpi.domain.matching import Candidate, RecordTraits, Rule
from radbridge.runtime.database.protocol import Row, Transaction

_RECORD_COLUMNS = "record_id, institution_id, person_id, rule, document_index, demographics_index"


@dataclass(frozen=True, slots=True)
class LinkedRecord:
    """A patient record and whose it is."""

    record_id: str
    institution_id: str
    person_id: str
    rule: Rule
    document_index: str | None


@dataclass(frozen=True, slots=True)
class Person:
    """A person, also one who was merged away."""

    person_id: str
    merged_into: str | None
    """The person that the records moved to; may itself have been merged since."""


async def candidates(tx: Transaction, traits: RecordTraits) -> list[Candidate]:
    """Every linked record of the people who share an index with ``traits`` or have the record itself."""
    rows = await tx.fetch(
        f"""SELECT {_RECORD_COLUMNS} FROM patient_record WHERE person_id IN (
                SELECT person_id FROM patient_record WHERE record_id = $1
                UNION SELECT person_id FROM patient_record WHERE document_index = $2
                UNION SELECT person_id FROM patient_record WHERE demographics_index = $3)""",  # noqa: S608
        traits.record_id,
        traits.document_index,
        traits.demographics_index,
    )
    return [
        Candidate(
            record_id=row["record_id"],
            person_id=row["person_id"],
            document_index=row["document_index"],
            demographics_index=row["demographics_index"],
            rule=Rule(row["rule"]),
        )
        for row in rows
    ]


async def add_person(tx: Transaction, person_id: str, now: int) -> None:
    """A person without records yet."""
    await tx.execute("INSERT INTO person (person_id, created_at) VALUES ($1, $2)", person_id, now)


async def save_record(
    tx: Transaction, institution_id: str, patient: PatientRef, person_id: str, rule: Rule, now: int
) -> None:
    """Store or replace a record and its link."""
    await tx.execute(
        """INSERT INTO patient_record (record_id, institution_id, person_id, rule, document_index, demographics_index,
                                       phone_index, sealed, changed_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           ON CONFLICT (record_id) DO UPDATE SET person_id = excluded.person_id, rule = excluded.rule,
               document_index = excluded.document_index, demographics_index = excluded.demographics_index,
               phone_index = excluded.phone_index, sealed = excluded.sealed, changed_at = excluded.changed_at""",
        patient.record_id,
        institution_id,
        person_id,
        rule.value,
        patient.document_index,
        patient.demographics_index,
        patient.phone_index,
        patient.sealed,
        now,
    )


async def records_of_person(tx: Transaction, person_id: str) -> list[LinkedRecord]:
    """A person's records, oldest change first."""
    rows = await tx.fetch(
        f"SELECT {_RECORD_COLUMNS} FROM patient_record WHERE person_id = $1 ORDER BY changed_at, record_id",  # noqa: S608
        person_id,
    )
    return [_linked(row) for row in rows]


async def record(tx: Transaction, record_id: str) -> LinkedRecord | None:
    """One record, or ``None``."""
    row = await tx.fetch_one(f"SELECT {_RECORD_COLUMNS} FROM patient_record WHERE record_id = $1", record_id)  # noqa: S608
    return _linked(row) if row is not None else None


async def person(tx: Transaction, person_id: str) -> Person | None:
    """One person, or ``None``."""
    row = await tx.fetch_one("SELECT merged_into FROM person WHERE person_id = $1", person_id)
    return Person(person_id, row["merged_into"]) if row is not None else None


async def person_exists(tx: Transaction, person_id: str) -> bool:
    """Whether the person exists and was not merged away."""
    row = await tx.fetch_one("SELECT 1 AS one FROM person WHERE person_id = $1 AND merged_into IS NULL", person_id)
    return row is not None


async def move_records(tx: Transaction, record_ids: Iterable[str], person_id: str) -> None:
    """An operator's decision: these records belong to ``person_id``."""
    await tx.execute_many(
        "UPDATE patient_record SET person_id = $2, rule = $3 WHERE record_id = $1",
        [(record_id, person_id, Rule.MANUAL.value) for record_id in record_ids],
    )


async def retire_person(tx: Transaction, person_id: str, survivor: str) -> None:
    """Note that ``person_id`` was merged into ``survivor``."""
    await tx.execute("UPDATE person SET merged_into = $2 WHERE person_id = $1", person_id, survivor)


def _linked(row: Row) -> LinkedRecord:
    return LinkedRecord(
        row["record_id"], row["institution_id"], row["person_id"], Rule(row["rule"]), row["document_index"]
    )
