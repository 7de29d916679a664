"""Leaves an event for every look at a patient's data."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from radbridge.contracts.envelope import Event
from radbridge.contracts.events.audit import AccessRecorded
from radbridge.contracts.identifiers import new_id
from radbridge.runtime.clock import Clock
from radbridge.runtime.database.protocol import Database, Transaction
from radbridge.runtime.outbox import Outbox

ONCE_PER = timedelta(minutes=5)
"""Looks of one reader at one thing leave one event in this time."""
_REMEMBERED_MAX = 50_000


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


class ReadTrail:
    """Leaves an audit event for what a reader looks at, once in a while: pages and viewers ask again and again."""

    def __init__(self, audit: Audit, *, clock: Clock, once_per: timedelta = ONCE_PER) -> None:
        self._audit = audit
        self._clock = clock
        self._once_per = once_per
        self._recorded: dict[tuple[str, str, str | None, str | None, str | None, bool], datetime] = {}

    async def record(
        self,
        *,
        actor: str,
        action: str,
        institution_id: str | None = None,
        exam_ids: Sequence[str] = (),
        study_uid: str | None = None,
        allowed: bool = True,
    ) -> None:
        """Leave one event that names those exams, or else the study, of which the reader left none just before.

        :raises DatabaseUnavailable: nothing was recorded; so nothing should be shown.
        """
        now = self._clock()
        things: list[str | None] = [*dict.fromkeys(exam_ids)] or [None]
        keys = {exam_id: (actor, action, institution_id, exam_id, study_uid, allowed) for exam_id in things}
        fresh = [exam_id for exam_id, key in keys.items() if not self._is_recent(self._recorded.get(key), now)]
        if not fresh:
            return
        await self._audit.record_now(
            actor=actor,
            action=action,
            institution_id=institution_id,
            exam_ids=[exam_id for exam_id in fresh if exam_id is not None],
            study_uid=study_uid,
            allowed=allowed,
        )
        if len(self._recorded) >= _REMEMBERED_MAX:
            self._recorded.clear()
        self._recorded.update({keys[exam_id]: now for exam_id in fresh})

    def _is_recent(self, last: datetime | None, now: datetime) -> bool:
        return last is not None and now - last < self._once_per
