"""Facts about people, published by ``mpi``."""

from datetime import datetime
from typing import ClassVar

from radbridge.contracts.events.base import EventBody


class PatientLinked(EventBody):
    """A hospital's patient record belongs to a person."""

    NAME: ClassVar[str] = "patient.linked"
    TOPIC: ClassVar[str] = "patient"

    person_id: str
    record_id: str
    institution_id: str
    rule: str
    """The match rule that decided: ``document``, ``demographics`` or ``new``; ``manual``: an operator merged or
    split."""
    document_index: str | None = None
    linked_at: datetime

    def aggregate_id(self) -> str:
        return self.record_id


class PatientMerged(EventBody):
    """Two people were one. Every record that moves to ``person_id`` has a ``patient.linked`` of its own beside this."""

    NAME: ClassVar[str] = "patient.merged"
    TOPIC: ClassVar[str] = "patient"

    person_id: str
    retired_id: str
    rule: str
    merged_at: datetime

    def aggregate_id(self) -> str:
        return self.person_id


class PatientSplit(EventBody):
    """One person was two. Each of the named records has a ``patient.linked`` of its own beside this."""

    NAME: ClassVar[str] = "patient.split"
    TOPIC: ClassVar[str] = "patient"

    person_id: str
    new_person_id: str
    record_ids: list[str]
    split_at: datetime

    def aggregate_id(self) -> str:
        return self.person_id
