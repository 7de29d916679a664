"""Shanxi's codes for the canonical enumerations."""

from radbridge.contracts.dialects.codec import coded
from radbridge.contracts.model.codes import (
    AgeUnit,
    DocumentType,
    ExamStatus,
    FilmType,
    ModalityGroup,
    Positivity,
    PrintStatus,
    ReportStatus,
    Sex,
    SignatureFormat,
    VisitKind,
    WritingStatus,
)

SEX = coded({"0": Sex.UNKNOWN, "1": Sex.MALE, "2": Sex.FEMALE, "9": Sex.OTHER})
AGE_UNIT = coded({"Y": AgeUnit.YEAR, "M": AgeUnit.MONTH, "D": AgeUnit.DAY, "H": AgeUnit.HOUR})
DOCUMENT_TYPE = coded(
    {
        "01": DocumentType.RESIDENT_ID,
        "02": DocumentType.HOUSEHOLD_REGISTER,
        "03": DocumentType.PASSPORT,
        "04": DocumentType.MILITARY_OFFICER,
        "05": DocumentType.DRIVING_LICENCE,
        "06": DocumentType.HONG_KONG_MACAO_PERMIT,
        "07": DocumentType.TAIWAN_PERMIT,
        "08": DocumentType.TEMPORARY_RESIDENT_ID,
        "09": DocumentType.ARMED_POLICE_OFFICER,
        "10": DocumentType.HONG_KONG_MACAO_RESIDENCE,
        "11": DocumentType.TAIWAN_RESIDENCE,
        "12": DocumentType.SOCIAL_SECURITY_CARD,
        "99": DocumentType.OTHER,
    }
)
VISIT_KIND = coded(
    {"1": VisitKind.OUTPATIENT, "2": VisitKind.EMERGENCY, "3": VisitKind.INPATIENT, "9": VisitKind.OTHER},
    is_number=True,
    also_written={VisitKind.CHECKUP: "9"},
)
EXAM_STATUS = coded(
    {
        "1": ExamStatus.ORDERED,
        "2": ExamStatus.BOOKED,
        "3": ExamStatus.ARRIVED,
        "4": ExamStatus.EXAMINED,
        "5": ExamStatus.TERMINATED,
    },
    is_number=True,
)
WRITING_STATUS = coded(
    {
        "0": WritingStatus.UNWRITTEN,
        "1": WritingStatus.AWAITING_AUDIT,
        "2": WritingStatus.FIRST_AUDITED,
        "3": WritingStatus.FINALLY_AUDITED,
        "4": WritingStatus.RETURNED,
        "5": WritingStatus.NO_REPORT,
        "6": WritingStatus.DISCARDED,
    },
    is_number=True,
)
CHECK_STATUS = coded(
    {
        "1": ReportStatus.NOT_EXAMINED,
        "2": ReportStatus.NOT_REPORTED,
        "3": ReportStatus.NOT_AUDITED,
        "4": ReportStatus.AUDITED,
        "5": ReportStatus.DELETED,
    },
    is_number=True,
)
EXAM_IMAGING_TYPE = coded(
    {
        "1": ModalityGroup.XRAY,
        "2": ModalityGroup.CT,
        "3": ModalityGroup.MR,
        "4": ModalityGroup.ULTRASOUND,
        "5": ModalityGroup.NUCLEAR_MEDICINE,
        "9": ModalityGroup.OTHER,
    },
    also_written={
        ModalityGroup.PET_CT: "5",
        ModalityGroup.ANGIOGRAPHY: "1",
        ModalityGroup.DIAPHANOGRAPHY: "9",
        ModalityGroup.ENDOSCOPY: "9",
        ModalityGroup.ECG: "9",
    },
)
"""imgExamType: 5 is nuclear medicine and 9 anything else; see :data:`REPORT_IMAGING_TYPE`."""
REPORT_IMAGING_TYPE = coded(
    {
        "1": ModalityGroup.XRAY,
        "2": ModalityGroup.CT,
        "3": ModalityGroup.MR,
        "4": ModalityGroup.ULTRASOUND,
        "5": ModalityGroup.DIAPHANOGRAPHY,
        "6": ModalityGroup.ANGIOGRAPHY,
        "7": ModalityGroup.PET_CT,
        "8": ModalityGroup.ENDOSCOPY,
        "9": ModalityGroup.NUCLEAR_MEDICINE,
        "10": ModalityGroup.ECG,
        "99": ModalityGroup.OTHER,
    },
    is_number=True,
)
"""dep: another list than imgExamType; 9 is nuclear medicine here."""
POSITIVITY = coded({"0": Positivity.UNKNOWN, "1": Positivity.POSITIVE, "2": Positivity.NEGATIVE}, is_number=True)
PRINT_STATUS = coded({"0": PrintStatus.UNKNOWN, "1": PrintStatus.PRINTED, "2": PrintStatus.NOT_PRINTED}, is_number=True)
FILM_TYPE = coded({"1": FilmType.PHYSICAL, "2": FilmType.ELECTRONIC, "3": FilmType.BOTH}, is_number=True)
SIGN_TYPE = coded({"1": SignatureFormat.PKCS1, "2": SignatureFormat.PKCS7}, is_number=True)
