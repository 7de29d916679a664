"""The report on one or more exams, with its signature package and file."""

from datetime import datetime

from radbridge.contracts.model.codes import (
    ModalityGroup,
    Positivity,
    PrintStatus,
    ReportStatus,
    SignatureFormat,
    VisitKind,
    WritingStatus,
)
from radbridge.contracts.model.people import Department, Institution, Practitioner
from radbridge.contracts.model.value import Value


class ReportStep(Value, frozen=True, kw_only=True):
    """One step of a report's making: written, audited, or finally audited."""

    institution_code: str | None = None
    doctor: Practitioner | None = None
    department: Department | None = None
    at: datetime | None = None


class SignaturePackage(Value, frozen=True, kw_only=True):
    """What a signature is verified from. Everything is text as it was sent, because the signature and the timestamp are
    over the UTF-8 bytes of ``signed_text``."""

    signed_text: str | None = None
    certificate: str | None = None
    format: SignatureFormat | None = None
    value: str | None = None
    timestamp_token: str | None = None


class ReportFile(Value, frozen=True, kw_only=True):
    """The published file: an address where the hospital offers it, or the file itself in base64, or both."""

    url: str | None = None
    base64: str | None = None


class Report(Value, frozen=True, kw_only=True):
    """One report. ``number`` is the hospital's own; with institution and system it makes the report id."""

    number: str
    exam_numbers: tuple[str, ...]
    changed_at: datetime
    """When the hospital last changed the record: the newest wins."""
    hospital: Institution
    status: ReportStatus
    writing_status: WritingStatus | None = None
    is_deleted: bool = False
    """The hospital's deletion flag; a report with status ``deleted`` is deleted too, see ``is_void``."""
    hospital_patient_id: str | None = None
    imaging_number: str | None = None
    request_number: str | None = None
    access_number: str | None = None
    """The hospital's image access number of the report; images are not found by it."""
    visit_kind: VisitKind | None = None
    body_part_code: str | None = None
    """The hospital's own code."""
    body_parts: tuple[str, ...] = ()
    item_names: tuple[str, ...] = ()
    item_codes: tuple[str, ...] = ()
    insurance_item_codes: tuple[str, ...] = ()
    ways: tuple[str, ...] = ()
    modality: str | None = None
    modality_group: ModalityGroup | None = None
    device: str | None = None
    registered_at: datetime | None = None
    appointed_at: datetime | None = None
    examined_at: datetime | None = None
    exam_department: Department | None = None
    exam_doctor: Practitioner | None = None
    written: ReportStep | None = None
    audited: ReportStep | None = None
    finally_audited: ReportStep | None = None
    has_final_audit: bool | None = None
    findings: str | None = None
    """What is seen (影像所见)."""
    impression: str | None = None
    """What it means (诊断结论)."""
    advice: str | None = None
    positivity: Positivity | None = None
    critical_value: str | None = None
    published_on: str | None = None
    """Free text: no standard fixes its form."""
    remark: str | None = None
    print_status: PrintStatus | None = None
    is_film_paid: bool | None = None
    file: ReportFile | None = None
    signature: SignaturePackage | None = None

    @property
    def is_void(self) -> bool:
        """Whether the hospital withdrew the report, by either of the two ways."""
        return self.is_deleted or self.status is ReportStatus.DELETED
