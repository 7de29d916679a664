"""Shanxi's exam record to and from the canonical exam."""

from collections.abc import Mapping
from typing import cast

from radbridge.contracts.dialects.codec import (
    DATE,
    DATETIME,
    FLAG,
    TEXT,
    UPPER_CASE_TEXT,
    Converter,
    Field,
    Section,
    format_datetime,
    parse_datetime,
    several,
)
from radbridge.contracts.dialects.dictionaries import Dictionary
from radbridge.contracts.dialects.record_rules import Record
from radbridge.contracts.dialects.shanxi_v2_1.codes import (
    AGE_UNIT,
    DOCUMENT_TYPE,
    EXAM_IMAGING_TYPE,
    EXAM_STATUS,
    FILM_TYPE,
    SEX,
    VISIT_KIND,
)
from radbridge.contracts.dialects.shanxi_v2_1.parts import COMMA, TEXTS, department, practitioner
from radbridge.contracts.model.codes import VisitKind
from radbridge.contracts.model.exam import (
    ClinicalInformation,
    Device,
    Exam,
    ExamItem,
    Order,
    Period,
    Reservation,
    Settlement,
    Visit,
)
from radbridge.contracts.model.people import Institution, Patient
from radbridge.contracts.model.value import changed


class ExamCodec:
    """Exam records both ways. A visit of kind ``other`` with a check-up number is a check-up, for which the standard
    has no code."""

    def __init__(self, dictionaries: Mapping[str, Dictionary]) -> None:
        self._exam = _exam_section(dictionaries)
        self._settlement = _settlement_section(dictionaries)

    def decode(self, wire: Record) -> Exam:
        """The exam of an accepted record."""
        rows = wire.get("setInfoList")
        rows = cast("list[Record]", rows) if isinstance(rows, list) else ()
        exam = self._exam.decode(wire, settlements=tuple(self._settlement.decode(row) for row in rows))
        if exam.visit and exam.visit.kind is VisitKind.OTHER and exam.patient.checkup_number:
            return changed(exam, visit=changed(exam.visit, kind=VisitKind.CHECKUP))
        return exam

    def encode(self, exam: Exam) -> dict[str, object]:
        """The record of an exam."""
        wire = self._exam.encode(exam)
        if exam.settlements:
            wire["setInfoList"] = [self._settlement.encode(settlement) for settlement in exam.settlements]
        return wire


def _parse_period(text: str) -> Period:
    begin, _, end = text.partition("/")
    return Period(begins_at=parse_datetime(begin.strip()), ends_at=parse_datetime(end.strip()))


def _format_period(period: Period) -> str:
    return f"{format_datetime(period.begins_at)} / {format_datetime(period.ends_at)}"


_PERIOD = Converter(_parse_period, _format_period)


def _exam_section(dictionaries: Mapping[str, Dictionary]) -> Section[Exam]:
    """The exam record. Ethnic groups and techniques are stored in the corrected code."""
    ethnic_group = Converter(dictionaries["ethnic_groups"].normalize)
    techniques = several(COMMA, Converter(dictionaries["radiology_technique"].normalize))
    return Section(
        Exam,
        (
            Field("number", "risStudyId", TEXT, is_required=True),
            Field("changed_at", "lastChangeTime", DATETIME, is_required=True),
            Field("status", "examStatus", EXAM_STATUS),
            Field("is_deleted", "disableFlag", FLAG),
            Field("study_instance_uid", "studyUid", TEXT),
            Field("accession_numbers", "accessionNumber", TEXTS),
            Field("modality", "modality", TEXT),
            Field("modality_groups", "imgExamType", several(" |", EXAM_IMAGING_TYPE)),
            Field("is_emergency", "isEmergency", FLAG),
            Field("registered_at", "registerTime", DATETIME),
            Field("arrived_at", "arrivalTime", DATETIME),
            Field("examined_at", "checkFinishTime", DATETIME),
            Field("film_type", "efilmType", FILM_TYPE),
            Field("fee_source_code", "chargeType", TEXT),
            Field("fee", "examCharge", TEXT),
            Field("recognition_mark", "mtuRecMark", TEXT),
        ),
        {
            "patient": _patient(ethnic_group),
            "hospital": _EXAM_HOSPITAL,
            "order": _ORDER,
            "item": Section(
                ExamItem,
                (
                    Field("local_code", "inhospExamItemCode", TEXT),
                    Field("local_name", "inhospExamItemName", TEXT),
                    Field("catalogue_code", "examItemCode", TEXT),
                    Field("catalogue_name", "examItemName", TEXT),
                    Field("ways", "examWay", TEXTS),
                    Field("method_code", "examMethodCode", TEXT),
                    Field("method_name", "examMethod", TEXT),
                    Field("technique_codes", "bodyCode", techniques),
                    Field("body_part", "bodyPart", TEXT),
                ),
            ),
            "visit": _VISIT,
            "clinical": _CLINICAL,
            "reservation": Section(
                Reservation,
                (Field("period", "reserveTime", _PERIOD),),
                {"made_by": practitioner(code="reserveStaffCode", name="reserveStaffName")},
            ),
            "diagnostic_department": department("diagnosticDeptCode", "diagnosticDeptName"),
            "diagnostic_doctor": practitioner(
                code="diagnosticDoctorCode",
                industry_code="diagnosticDoctorIndustryCode",
                document_type="diagnosticDoctorType",
                document_number="diagnosticDoctorNo",
                name="diagnosticDoctorName",
            ),
            "performing_department": department("examDeptCode", "examDeptName"),
            "performing_doctor": practitioner(
                code="examDoctorCode",
                industry_code="examDoctorIndustryCode",
                document_type="examDoctorIdType",
                document_number="examDoctorIdNo",
                name="examDoctorName",
            ),
            "device": Section(
                Device,
                (
                    Field("code", "deviceCode", TEXT),
                    Field("room", "deviceRoom", TEXT),
                    Field("name", "device", TEXT),
                    Field("type", "deviceType", TEXT),
                ),
            ),
        },
    )


def _settlement_section(dictionaries: Mapping[str, Dictionary]) -> Section[Settlement]:
    """One member of setInfoList."""
    return Section(
        Settlement,
        (
            Field("settlement_id", "setId", TEXT),
            Field("catalogue_code", "medListCode", TEXT),
            Field("fee_detail_number", "feeDetailSn", TEXT),
            Field(
                "technique_codes",
                "examPart",
                several(COMMA, Converter(dictionaries["radiology_technique"].normalize)),
            ),
        ),
    )


def _patient(ethnic_group: Converter) -> Section[object]:
    return Section(
        Patient,
        (
            Field("name", "patName", TEXT),
            Field("name_pinyin", "patSpellName", TEXT),
            Field("document_type", "cardType", DOCUMENT_TYPE),
            Field("document_number", "idCard", UPPER_CASE_TEXT),
            Field("health_card_number", "magCardNum", TEXT),
            Field("sex", "sex", SEX),
            Field("birth_date", "patBirthday", DATE),
            Field("age", "patAge", TEXT),
            Field("age_unit", "ageUnit", AGE_UNIT),
            Field("phone", "patTelephone", TEXT),
            Field("current_division_code", "currentDivisionCode", TEXT),
            Field("current_address", "currentDetailAddr", TEXT),
            Field("current_postcode", "currentPoscode", TEXT),
            Field("registered_division_code", "registeredDivisionCode", TEXT),
            Field("registered_address", "registeredDetailAdr", TEXT),
            Field("marital_status_code", "maritalStatus", TEXT),
            Field("ethnic_group_code", "ethnic", ethnic_group),
            Field("occupation_code", "occupationCode", TEXT),
            Field("hospital_patient_id", "hisPatientId", TEXT),
            Field("imaging_number", "patientId", TEXT),
            Field("outpatient_number", "outPatientId", TEXT),
            Field("inpatient_number", "inPatientId", TEXT),
            Field("checkup_number", "examPatientId", TEXT),
        ),
        is_always=True,
    )


_EXAM_HOSPITAL: Section[object] = Section(
    Institution,
    (
        Field("code", "hospitalCode", TEXT),
        Field("name", "hospitalName", TEXT),
        Field("insurance_code", "fixmedinsCode", TEXT),
        Field("insurance_name", "fixmedinsName", TEXT),
        Field("insurance_division_code", "examAdmndvs", TEXT),
        Field("level_code", "hosplv", TEXT),
    ),
    is_always=True,
)

_ORDER: Section[object] = Section(
    Order,
    (
        Field("request_number", "labNum", TEXT),
        Field("placer_order_number", "applyNo", TEXT),
        Field("order_record_id", "orderName", TEXT),
        Field("form_name", "applyName", TEXT),
        Field("requested_at", "applyTime", DATETIME),
        Field("verified_at", "applyVerifyTime", DATETIME),
    ),
    {
        "department": department("deptNum", "deptName"),
        "doctor": practitioner(
            code="applyDoctorCode",
            industry_code="applyDoctorIndustryCode",
            document_type="applyDoctorIdType",
            document_number="applyDoctorIdNo",
            name="applyDoctorName",
        ),
        "verifier": practitioner(code="applyVerifyDoctorCode", name="applyVerifyDoctorName"),
        "billing_doctor": practitioner(code="billgDrCode", name="billgDrName"),
    },
)

_VISIT: Section[object] = Section(
    Visit,
    (
        Field("kind", "patientFrom", VISIT_KIND),
        Field("number", "medicalRecordNumber", TEXT),
        Field("ward_code", "wardCode", TEXT),
        Field("ward_name", "ward", TEXT),
        Field("room", "wardRoom", TEXT),
        Field("bed", "bedNo", TEXT),
    ),
    {"department": department("iptptCode", "iptDepName")},
)

_CLINICAL: Section[object] = Section(
    ClinicalInformation,
    (
        Field("chief_complaint", "chiefComplaint", TEXT),
        Field("symptoms", "illnessSummary", TEXT),
        Field("history", "illnessHistory", TEXT),
        Field("clinical_diagnosis", "clinicalDiagnosis", TEXT),
        Field("diagnosed_at", "diagnosisTime", DATETIME),
        Field("diagnosis_category_code", "diagnosisCategoryCode", TEXT),
        Field("diagnosis_category_name", "diagnosisCategoryName", TEXT),
        Field("diagnosis_code", "diagnosisCode", TEXT),
        Field("diagnosis_name", "diagnosisName", TEXT),
        Field("allergies", "algs", TEXT),
        Field("symptoms_began", "sympBegdate", TEXT),
        Field("symptoms_ended", "sympEnddate", TEXT),
    ),
)
