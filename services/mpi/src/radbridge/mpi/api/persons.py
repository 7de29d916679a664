"""People and their records, for services and administrators: identifiers only, nothing that names a person."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from radbridge.contracts.events.patient import PatientLinked, PatientMerged, PatientSplit
from radbridge.contracts.identifiers import new_id
from radbridge.mpi import store
from radbridge.mpi.domain.matching import Rule, person_lock
from radbridge.runtime.clock import to_micros
from radbridge.runtime.database.protocol import Transaction
from radbridge.runtime.outbox import Outbox
from radbridge.runtime.problems import Problem
from radbridge.runtime.security.principal import Principal, require
from radbridge.runtime.service import Resources


class RecordView(BaseModel):
    """One hospital's patient number of a person."""

    record_id: str
    institution_id: str
    person_id: str
    rule: Rule


class PersonView(BaseModel):
    """A person and the records that belong to them."""

    person_id: str
    records: list[RecordView]
    merged_into: str | None = Field(default=None, description="Who has the records of a person that was merged away")


class MergeRequest(BaseModel):
    """Two people are one."""

    retired_id: str = Field(description="The person whose records move to the one in the path")


class SplitRequest(BaseModel):
    """One person is two."""

    record_ids: list[str] = Field(min_length=1, description="The records that become a person of their own")


Reader = Annotated[Principal, Depends(require("admin", "service"))]
Administrator = Annotated[Principal, Depends(require("admin"))]


def router(resources: Resources) -> APIRouter:
    """Routes below ``/api/mpi/v1``."""
    api = APIRouter(prefix="/api/mpi/v1", tags=["people"])

    @api.get("/records/{record_id}")
    async def get_record(record_id: str, _: Reader) -> RecordView:
        """The person that a hospital's patient record belongs to."""
        found = await resources.database.read(lambda tx: store.record(tx, record_id))
        if found is None:
            raise Problem(404, "No such patient record", f"record_id {record_id} was never linked")
        return _view(found)

    @api.get("/persons/{person_id}")
    async def get_person(person_id: str, _: Reader) -> PersonView:
        """A person's records at all hospitals; of one who was merged away, who has them now."""

        async def work(tx: Transaction) -> tuple[store.Person | None, list[store.LinkedRecord]]:
            return await store.person(tx, person_id), await store.records_of_person(tx, person_id)

        person, records = await resources.database.read(work)
        if person is None:
            raise Problem(404, "No such person", f"person {person_id} does not exist")
        return PersonView(person_id=person_id, records=[_view(r) for r in records], merged_into=person.merged_into)

    @api.post("/persons/{person_id}/merge")
    async def merge(person_id: str, request: MergeRequest, _: Administrator) -> PersonView:
        """Move every record of ``retired_id`` to this person."""

        async def work(tx: Transaction) -> list[store.LinkedRecord]:
            await tx.lock(person_lock(person_id), person_lock(request.retired_id))
            if person_id == request.retired_id:
                raise Problem(422, "A person cannot be merged into itself", "retired_id equals the person in the path")
            for each in (person_id, request.retired_id):
                if not await store.person_exists(tx, each):
                    raise Problem(404, "No such person", f"person {each} does not exist or was merged before")
            moved = await store.records_of_person(tx, request.retired_id)
            now = resources.clock()
            await store.retire_person(tx, request.retired_id, person_id)
            await resources.outbox.publish(
                tx,
                PatientMerged(
                    person_id=person_id,
                    retired_id=request.retired_id,
                    rule=Rule.MANUAL.value,
                    merged_at=now,
                ),
            )
            await _move(tx, resources.outbox, moved, person_id, now)
            return await store.records_of_person(tx, person_id)

        records = await resources.database.write(work)
        return PersonView(person_id=person_id, records=[_view(r) for r in records])

    @api.post("/persons/{person_id}/split")
    async def split(person_id: str, request: SplitRequest, _: Administrator) -> PersonView:
        """Give the named records a person of their own."""

        async def work(tx: Transaction) -> tuple[str, list[store.LinkedRecord]]:
            await tx.lock(person_lock(person_id))
            owned = {r.record_id: r for r in await store.records_of_person(tx, person_id)}
            strangers = sorted(set(request.record_ids) - owned.keys())
            if strangers:
                raise Problem(422, "Not records of this person", f"record_ids: {', '.join(strangers)}")
            new_person = new_id()
            now = resources.clock()
            await store.add_person(tx, new_person, to_micros(now))
            await resources.outbox.publish(
                tx,
                PatientSplit(
                    person_id=person_id, new_person_id=new_person, record_ids=request.record_ids, split_at=now
                ),
            )
            moved = [owned[record_id] for record_id in sorted(set(request.record_ids))]
            await _move(tx, resources.outbox, moved, new_person, now)
            return new_person, await store.records_of_person(tx, new_person)

        new_person, records = await resources.database.write(work)
        return PersonView(person_id=new_person, records=[_view(r) for r in records])

    return api


async def _move(
    tx: Transaction, outbox: Outbox, records: Sequence[store.LinkedRecord], person_id: str, now: datetime
) -> None:
    """Give records to a person, and say so of each: the version of the record decides what others believe."""
    await store.move_records(tx, [record.record_id for record in records], person_id)
    for record in records:
        await outbox.publish(
            tx,
            PatientLinked(
                person_id=person_id,
                record_id=record.record_id,
                institution_id=record.institution_id,
                rule=Rule.MANUAL.value,
                document_index=record.document_index,
                linked_at=now,
            ),
        )


def _view(linked: store.LinkedRecord) -> RecordView:
    return RecordView(
        record_id=linked.record_id, institution_id=linked.institution_id, person_id=linked.person_id, rule=linked.rule
    )
