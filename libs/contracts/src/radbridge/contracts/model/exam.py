"""An imaging exam with what was ordered, for whom, why, and how it was done."""

from datetime import datetime

from radbridge.contracts.model.codes import ExamStatus, FilmType, ModalityGroup, VisitKind
from radbridge.contracts.model.people import Department, Institution, Patient, Practitioner
from radbridge.contracts.model.value import Value


class Order(Value, frozen=True, kw_only=True):
    """The request that led to the exam."""

    request_number: str | None = None
    """Number of the request form (Shanxi: labNum, the applyId of its queries)."""
    placer_order_number: str | None = None
    """Number of the medical order; several exams may share it."""
    order_record_id: str | None = None
    form_name: str | None = None
    department: Department | None = None
    doctor: Practitioner | None = None
    requested_at: datetime | None = None
    verified_at: datetime | None = None
    verifier: Practitioner | None = None
    billing_doctor: Practitioner | None = None


class ExamItem(Value, frozen=True, kw_only=True):
    """What was examined and how: the hospital's own item and the catalogue's, body site and technique."""

    local_code: str | None = None
    local_name: str | None = None
    catalogue_code: str | None = None
    """Code in the mutual-recognition catalogue of the standard that the record came by."""
    catalogue_name: str | None = None
    ways: tuple[str, ...] = ()
    """Exam ways (检查方式), codes of the standard."""
    method_code: str | None = None
    method_name: str | None = None
    technique_codes: tuple[str, ...] = ()
    """Body site and technique, WS/T 364.8 CV04.30.002."""
    body_part: str | None = None


class Visit(Value, frozen=True, kw_only=True):
    """The visit during which the exam took place."""

    kind: VisitKind | None = None
    number: str | None = None
    """Serial number of the visit (就诊流水号)."""
    ward_code: str | None = None
    ward_name: str | None = None
    room: str | None = None
    bed: str | None = None
    department: Department | None = None


class ClinicalInformation(Value, frozen=True, kw_only=True):
    """Why the exam was asked for."""

    chief_complaint: str | None = None
    symptoms: str | None = None
    history: str | None = None
    clinical_diagnosis: str | None = None
    diagnosed_at: datetime | None = None
    diagnosis_category_code: str | None = None
    diagnosis_category_name: str | None = None
    diagnosis_code: str | None = None
    diagnosis_name: str | None = None
    allergies: str | None = None
    symptoms_began: str | None = None
    """Free text: no standard fixes its form; likewise ``symptoms_ended``."""
    symptoms_ended: str | None = None


class Device(Value, frozen=True, kw_only=True):
    """The equipment used."""

    code: str | None = None
    room: str | None = None
    name: str | None = None
    type: str | None = None


class Period(Value, frozen=True, kw_only=True):
    """A span of time; both ends belong to it."""

    begins_at: datetime
    ends_at: datetime


class Reservation(Value, frozen=True, kw_only=True):
    """The appointment: when, and who made it."""

    period: Period | None = None
    made_by: Practitioner | None = None


class Settlement(Value, frozen=True, kw_only=True):
    """One row of the exam's insurance settlement."""

    settlement_id: str | None = None
    catalogue_code: str | None = None
    """医疗目录编码."""
    fee_detail_number: str | None = None
    technique_codes: tuple[str, ...] = ()

    @property
    def is_self_paid(self) -> bool:
        """Whether the fixed zeros stand in place of an insurance settlement."""
        return bool(self.settlement_id) and not self.settlement_id.strip("0")


class Exam(Value, frozen=True, kw_only=True):
    """One exam. ``number`` is the hospital's own exam number; with institution and system it makes the exam id."""

    number: str
    changed_at: datetime
    """When the hospital last changed the record: the newest wins."""
    patient: Patient
    hospital: Institution
    status: ExamStatus | None = None
    is_deleted: bool = False
    study_instance_uid: str | None = None
    accession_numbers: tuple[str, ...] = ()
    modality: str | None = None
    """DICOM Modality."""
    modality_groups: tuple[ModalityGroup, ...] = ()
    is_emergency: bool | None = None
    order: Order | None = None
    item: ExamItem | None = None
    visit: Visit | None = None
    clinical: ClinicalInformation | None = None
    reservation: Reservation | None = None
    registered_at: datetime | None = None
    arrived_at: datetime | None = None
    examined_at: datetime | None = None
    """When the exam was finished."""
    diagnostic_department: Department | None = None
    """Department of the imaging service (检查科室); ``performing_department`` did the exam (检查执行科室)."""
    diagnostic_doctor: Practitioner | None = None
    performing_department: Department | None = None
    performing_doctor: Practitioner | None = None
    device: Device | None = None
    film_type: FilmType | None = None
    fee_source_code: str | None = None
    fee: str | None = None
    settlements: tuple[Settlement, ...] = ()
    recognition_mark: str | None = None
    """Mark that allows other hospitals to recognise the exam, for example 全国HR."""
