"""Mutual recognition: what a doctor asks at order time, what is offered, and what was decided."""

from datetime import date, datetime

from radbridge.contracts.model.codes import MarkDecision, VisitKind
from radbridge.contracts.model.people import Department, Patient, Practitioner
from radbridge.contracts.model.value import Value


class StudiesQuery(Value, frozen=True, kw_only=True):
    """A hospital asks which recent exams of a person need not be repeated."""

    request_number: str
    """Chosen by the asking hospital, one for each request."""
    hospital_code: str
    patient: Patient
    asked_at: datetime
    hospital_name: str | None = None
    visit_number: str | None = None
    visit_kind: str | None = None
    """As the hospital calls it: no standard fixes the values."""
    department: Department | None = None
    doctor: Practitioner | None = None
    station_ip: str | None = None
    station_mac: str | None = None
    scopes: tuple[str, ...] = ()
    """Recognition scopes, for example 川渝HR."""
    item_code: str | None = None
    item_name: str | None = None
    category: str | None = None


class CatalogueCode(Value, frozen=True, kw_only=True):
    """An item of a recognition catalogue."""

    code: str
    name: str


class OfferedStudy(Value, frozen=True, kw_only=True):
    """One signed report that the asking doctor may recognise, with its exam."""

    study_uuid: str
    """Names the offer in a later mark."""
    report_id: str
    patient: Patient
    hospital_code: str
    """Of the hospital where the exam took place."""
    items: tuple[CatalogueCode, ...]
    item_name: str
    """The exam hospital's own item name."""
    study_instance_uid: str | None
    modality: str | None
    findings: str | None
    impression: str | None
    view_url: str
    scopes: tuple[str, ...] = ()
    visit_kind: VisitKind | None = None
    visit_number: str | None = None
    request_number: str | None = None
    ward: str | None = None
    room: str | None = None
    bed: str | None = None
    requesting_department: str | None = None
    requested_at: datetime | None = None
    requesting_doctor: str | None = None
    order_purpose: str | None = None
    chief_complaint: str | None = None
    clinical_diagnosis: str | None = None
    body_part: str | None = None
    examined_at: datetime | None = None
    reported_at: datetime | None = None
    report_doctor: str | None = None
    audited_at: datetime | None = None
    audit_doctor: str | None = None


class Mark(Value, frozen=True, kw_only=True):
    """A doctor's decision about one offered study."""

    hospital_code: str
    """Of the hospital that decided; ``origin_hospital_code`` of the one where the exam took place."""
    origin_hospital_code: str
    decision: MarkDecision
    marked_at: datetime
    doctor: Practitioner
    reason_code: str | None = None
    """Why not; codes of the standard."""
    report_id: str | None = None
    item_codes: tuple[str, ...] = ()
    item_name: str | None = None
    study_date: date | None = None
    document_number: str | None = None
    request_number: str | None = None
    visit_number: str | None = None
    department_name: str | None = None
    station_ip: str | None = None
    station_mac: str | None = None
