"""What ``mpi`` does when an exam arrives: link its patient record to a person."""

from dataclasses import dataclass

from radbridge.contracts.events.exam import ExamRegistered
from radbridge.contracts.events.patient import PatientLinked
from radbridge.contracts.identifiers import new_id
from radbridge.mpi import store
from radbridge.mpi.domain.matching import Candidate, RecordTraits, decide, lock_names, person_lock
from radbridge.runtime.clock import Clock, to_micros
from radbridge.runtime.consumer import ConsumerSpec, On, Received
from radbridge.runtime.database.protocol import Transaction
from radbridge.runtime.outbox import Outbox

GROUP = "mpi"


@dataclass(frozen=True, slots=True)
class LinkPatients:
    """Handler of ``exam.registered``."""

    outbox: Outbox
    clock: Clock

    async def apply(self, tx: Transaction, received: Received[ExamRegistered], prepared: object) -> None:
        """Decide under the locks of the record's traits; publish the link when it is new or changed."""
        patient = received.body.patient
        traits = RecordTraits(patient.record_id, patient.document_index, patient.demographics_index)
        await tx.lock(*lock_names(traits))
        known = await _candidates(tx, traits)
        own = next((c for c in known if c.record_id == traits.record_id), None)
        decision = decide(traits, known)
        now = self.clock()
        person_id = decision.person_id
        if person_id is None:
            person_id = new_id()
            await store.add_person(tx, person_id, to_micros(now))
        await store.save_record(tx, received.body.institution_id, patient, person_id, decision.rule, to_micros(now))
        if own is not None and own.person_id == person_id and own.document_index == traits.document_index:
            return
        await self.outbox.publish(
            tx,
            PatientLinked(
                person_id=person_id,
                record_id=patient.record_id,
                institution_id=received.body.institution_id,
                rule=decision.rule.value,
                document_index=patient.document_index,
                linked_at=now,
            ),
        )


async def _candidates(tx: Transaction, traits: RecordTraits) -> list[Candidate]:
    """The candidates, under the locks of their people: until the end of the transaction none of them is merged away or
    split, so the record cannot land on a person who is gone."""
    locked: set[str] = set()
    while True:
        known = await store.candidates(tx, traits)
        missing = {candidate.person_id for candidate in known} - locked
        if not missing:
            return known
        await tx.lock(*map(person_lock, missing))
        locked |= missing


def consumer(outbox: Outbox, clock: Clock) -> ConsumerSpec:
    """The event edge of the service."""
    return ConsumerSpec(GROUP, (On(ExamRegistered, LinkPatients(outbox, clock).apply),))
