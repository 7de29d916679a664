"""Who is involved: the patient, practitioners, departments and institutions."""

from datetime import date

from radbridge.contracts.model.codes import AgeUnit, DocumentType, Sex
from radbridge.contracts.model.value import Value


class Patient(Value, frozen=True, kw_only=True):
    """A patient as one hospital knows him or her. All of it is personal data: sealed wherever it travels or rests."""

    name: str | None = None
    name_pinyin: str | None = None
    document_type: DocumentType | None = None
    document_number: str | None = None
    """Number of the identity document; a resident ID with its check character in upper case."""
    sex: Sex | None = None
    birth_date: date | None = None
    age: str | None = None
    """Age at the exam in ``age_unit``, as the hospital writes it."""
    age_unit: AgeUnit | None = None
    phone: str | None = None
    health_card_number: str | None = None
    current_division_code: str | None = None
    """GB/T 2260, six digits; likewise ``registered_division_code``."""
    current_address: str | None = None
    current_postcode: str | None = None
    registered_division_code: str | None = None
    registered_address: str | None = None
    marital_status_code: str | None = None
    """GB/T 2261.2."""
    ethnic_group_code: str | None = None
    """GB/T 3304, two digits."""
    occupation_code: str | None = None
    """GB/T 2261.4."""
    hospital_patient_id: str | None = None
    """The hospital's master patient index number."""
    imaging_number: str | None = None
    """The imaging department's patient number (影像号; DICOM PatientID), the same over several exams."""
    outpatient_number: str | None = None
    inpatient_number: str | None = None
    checkup_number: str | None = None


class Practitioner(Value, frozen=True, kw_only=True):
    """A doctor or technician. ``code`` is the hospital's, ``industry_code`` that of the national insurance."""

    code: str | None = None
    industry_code: str | None = None
    document_type: DocumentType | None = None
    document_number: str | None = None
    name: str | None = None


class Department(Value, frozen=True, kw_only=True):
    """A department of a hospital."""

    code: str | None = None
    name: str | None = None


class Institution(Value, frozen=True, kw_only=True):
    """A hospital as a record names it; ``code`` is its unified social credit code."""

    code: str | None = None
    name: str | None = None
    insurance_code: str | None = None
    """定点医药机构代码 of the national insurance; ``insurance_name`` goes with it."""
    insurance_name: str | None = None
    insurance_division_code: str | None = None
    level_code: str | None = None
