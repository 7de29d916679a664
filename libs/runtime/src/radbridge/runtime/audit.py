"""Leaves an event for every look at a patient's data."""

from collections.abc import Sequence

from radbridge.contracts.envelope import Event
from radbridge.contracts.events.audit import AccessRecorded
from radbridge.contracts.identifiers import new_id
from radbridge.runtime.clock import Clock
from radbridge.runtime.database.protocol import Database, Transaction
from radbridge.runtime.outbox import Outbox


class Audit:
    """Publishes ``access.recorded`` through the service's outbox, so that it is lost only with the database."""

    def __init__(self, database: Database, outbox: Outbox, *, service: str, clock: Clock) -> None:
        self._database = database
        self._outbox = outbox
        self._service = service
        self._clock = clock

    async def record(
        self,
        tx: Transaction,
        *,
        actor: str,
        action: str,
        institution_id: str | None = None,
        person_id: str | None = None,
        exam_ids: Sequence[str] = (),
        study_uid: str | None = None,
        allowed: bool = True,
    ) -> Event:
        """Record that ``actor`` (``Principal.actor``) did ``action`` (``recognition.query``, ``report.open``, …), in
        the caller's transaction."""
        body = AccessRecorded(
            access_id=new_id(),
            actor=actor,
            action=action,
            service=self._service,
            institution_id=institution_id,
            person_id=person_id,
            exam_ids=list(exam_ids),
            study_uid=study_uid,
            allowed=allowed,
            at=self._clock(),
        )
        return await self._outbox.publish(tx, body, version=1)

    async def record_now(
        self,
        *,
        actor: str,
        action: str,
        institution_id: str | None = None,
        person_id: str | None = None,
        exam_ids: Sequence[str] = (),
        study_uid: str | None = None,
        allowed: bool = True,
    ) -> Event:
        """Like ``record``, in a transaction of its own."""
        return await self._database.write(
            lambda tx: self.record(
                tx,
                actor=actor,
                action=action,
                institution_id=institution_id,
                person_id=person_id,
                exam_ids=exam_ids,
                study_uid=study_uid,
                allowed=allowed,
            )
        )
