"""What doctors were reminded of, what they did with it, and which items compare, published by ``recognition``."""

from datetime import datetime
from typing import ClassVar

from radbridge.contracts.events.base import EventBody, Part


class ExamReminded(EventBody):
    """A doctor was shown these exams at order time. One event per asking request."""

    NAME: ClassVar[str] = "recognition.reminded"
    TOPIC: ClassVar[str] = "recognition"

    reminder_id: str
    person_id: str | None = None
    asking_institution_id: str
    asking_hospital_code: str
    request_number: str = ""
    exam_ids: list[str] = []
    report_ids: list[str] = []
    reminded_at: datetime

    def aggregate_id(self) -> str:
        return self.reminder_id


class ExamMarked(EventBody):
    """A doctor accepted an exam of another hospital, or said why not."""

    NAME: ClassVar[str] = "recognition.marked"
    TOPIC: ClassVar[str] = "recognition"

    mark_id: str
    exam_id: str
    report_id: str
    asking_institution_id: str
    asking_hospital_code: str
    recognised: bool
    reason_code: str = ""
    marked_at: datetime

    def aggregate_id(self) -> str:
        return self.mark_id


class MappedItem(Part):
    """A hospital's item as a recognition catalogue knows it."""

    item_code: str
    item_name: str = ""
    catalogue: str
    """``shanxi``, ``neijiang`` or ``jiangsu``"""
    catalogue_code: str


class ItemsMapped(EventBody):
    """Items of one hospital were mapped; each replaces what was said of it before, others stay."""

    NAME: ClassVar[str] = "recognition.items_mapped"
    TOPIC: ClassVar[str] = "recognition"

    institution_id: str
    items: list[MappedItem]
    mapped_at: datetime

    def aggregate_id(self) -> str:
        return self.institution_id
