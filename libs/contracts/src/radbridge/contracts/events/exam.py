"""Facts about an exam, published by ``ingest-api``."""

from datetime import datetime
from typing import ClassVar

from radbridge.contracts.events.base import BlobRef, EventBody, Part, PatientRef


class CatalogueItem(Part):
    """What the exam is called in a recognition catalogue (``shanxi``, ``neijiang`` or ``jiangsu``)."""

    catalogue: str
    code: str
    name: str = ""


class ExamRegistered(EventBody):
    """An exam was registered or changed; the newest version replaces the older ones."""

    NAME: ClassVar[str] = "exam.registered"
    TOPIC: ClassVar[str] = "exam"

    exam_id: str
    institution_id: str
    hospital_code: str
    hospital_name: str = ""
    system: str = "ris"
    exam_number: str
    patient: PatientRef
    study_uids: list[str] = []
    accession_numbers: list[str] = []
    modality: str = ""
    item_code: str = ""
    """The hospital's own item code."""
    item_name: str = ""
    catalogue_items: list[CatalogueItem] = []
    body_part: str = ""
    status: str
    """A value of ``contracts.model.codes.ExamStatus``."""
    visit_kind: str = ""
    emergency: bool = False
    requested_at: datetime | None = None
    performed_at: datetime | None = None
    changed_at: datetime
    exam_sealed: str = ""
    """The canonical exam (``contracts.model.exam.Exam``) as JSON, sealed under the institution's ``patient`` key with
    the exam id as associated data. Empty where ``exam_content`` holds it."""
    exam_content: BlobRef | None = None
    """The same JSON as a sealed object, of an exam whose texts and lists are too long for an event."""

    def aggregate_id(self) -> str:
        return self.exam_id


class ExamVoided(EventBody):
    """The hospital deleted the exam (``disableFlag`` 1); nothing may list it any more."""

    NAME: ClassVar[str] = "exam.voided"
    TOPIC: ClassVar[str] = "exam"

    exam_id: str
    institution_id: str
    exam_number: str
    changed_at: datetime

    def aggregate_id(self) -> str:
        return self.exam_id
