"""Canonical codes. Each standard has its own values for them; the dialect packs translate.

The values are stable texts that travel in events and rest in databases.
"""

from enum import StrEnum


class Sex(StrEnum):
    """Administrative sex (GB/T 2261.1)."""

    UNKNOWN = "unknown"
    MALE = "male"
    FEMALE = "female"
    OTHER = "other"


class AgeUnit(StrEnum):
    """Unit of an age."""

    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    HOUR = "hour"


class DocumentType(StrEnum):
    """Kind of an identity document (WS/T 364.3)."""

    RESIDENT_ID = "resident_id"
    HOUSEHOLD_REGISTER = "household_register"
    PASSPORT = "passport"
    MILITARY_OFFICER = "military_officer"
    DRIVING_LICENCE = "driving_licence"
    HONG_KONG_MACAO_PERMIT = "hong_kong_macao_permit"
    TAIWAN_PERMIT = "taiwan_permit"
    TEMPORARY_RESIDENT_ID = "temporary_resident_id"
    ARMED_POLICE_OFFICER = "armed_police_officer"
    HONG_KONG_MACAO_RESIDENCE = "hong_kong_macao_residence"
    TAIWAN_RESIDENCE = "taiwan_residence"
    SOCIAL_SECURITY_CARD = "social_security_card"
    OTHER = "other"


class VisitKind(StrEnum):
    """Where the patient comes from (WS/T 364.17)."""

    OUTPATIENT = "outpatient"
    EMERGENCY = "emergency"
    INPATIENT = "inpatient"
    CHECKUP = "checkup"
    OTHER = "other"


class ExamStatus(StrEnum):
    """How far an exam has come."""

    ORDERED = "ordered"
    BOOKED = "booked"
    ARRIVED = "arrived"
    EXAMINED = "examined"
    TERMINATED = "terminated"


class ReportStatus(StrEnum):
    """What has become of an exam's report. Only an audited one is published."""

    NOT_EXAMINED = "not_examined"
    NOT_REPORTED = "not_reported"
    NOT_AUDITED = "not_audited"
    AUDITED = "audited"
    DELETED = "deleted"


class WritingStatus(StrEnum):
    """Where the text of a report stands in the department's own workflow."""

    UNWRITTEN = "unwritten"
    AWAITING_AUDIT = "awaiting_audit"
    FIRST_AUDITED = "first_audited"
    FINALLY_AUDITED = "finally_audited"
    RETURNED = "returned"
    NO_REPORT = "no_report"
    DISCARDED = "discarded"


class Positivity(StrEnum):
    """Whether a report's finding is positive (阳性) or negative (阴性)."""

    UNKNOWN = "unknown"
    POSITIVE = "positive"
    NEGATIVE = "negative"


class ModalityGroup(StrEnum):
    """Kind of imaging that the standards count by; a DICOM Modality is finer."""

    XRAY = "xray"
    CT = "ct"
    MR = "mr"
    ULTRASOUND = "ultrasound"
    NUCLEAR_MEDICINE = "nuclear_medicine"
    PET_CT = "pet_ct"
    ANGIOGRAPHY = "angiography"
    DIAPHANOGRAPHY = "diaphanography"
    ENDOSCOPY = "endoscopy"
    ECG = "ecg"
    OTHER = "other"


class SignatureFormat(StrEnum):
    """Form of an electronic signature value."""

    PKCS1 = "pkcs1"
    PKCS7 = "pkcs7"


class FilmType(StrEnum):
    """What film the patient gets."""

    PHYSICAL = "physical"
    ELECTRONIC = "electronic"
    BOTH = "both"


class PrintStatus(StrEnum):
    """Whether the report was printed."""

    UNKNOWN = "unknown"
    PRINTED = "printed"
    NOT_PRINTED = "not_printed"


class MarkDecision(StrEnum):
    """What a doctor decided about another hospital's exam (互认, 不互认)."""

    RECOGNISED = "recognised"
    NOT_RECOGNISED = "not_recognised"
