"""Neijiang's 501 query, its answer and the marks to and from the canonical model."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import cast

from radbridge.contracts.dialects.codec import (
    CHINA_STANDARD_TIME,
    DATE,
    TEXT,
    UPPER_CASE_TEXT,
    Converter,
    Field,
    Section,
    coded,
    format_datetime,
    several,
    wire_text,
)
from radbridge.contracts.dialects.field_table import FieldTable
from radbridge.contracts.dialects.neijiang_v0_94.rules import is_listed_mark
from radbridge.contracts.dialects.record_rules import Record
from radbridge.contracts.model.codes import AgeUnit, MarkDecision, Sex, VisitKind
from radbridge.contracts.model.people import Department, Patient, Practitioner
from radbridge.contracts.model.recognition import Mark, OfferedStudy, StudiesQuery
from radbridge.contracts.model.value import changed

_TEXTS = several(",，", TEXT)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MARK_NODE = "003"

SEX = coded({"M": Sex.MALE, "F": Sex.FEMALE, "O": Sex.OTHER}, also_written={Sex.UNKNOWN: "O"})
DECISION = coded({"1": MarkDecision.RECOGNISED, "2": MarkDecision.NOT_RECOGNISED})
PATIENT_SOURCES: Mapping[VisitKind, str] = {
    VisitKind.OUTPATIENT: "1",
    VisitKind.EMERGENCY: "2",
    VisitKind.INPATIENT: "3",
    VisitKind.CHECKUP: "4",
    VisitKind.OTHER: "9",
}


def _parse_milliseconds(text: str) -> datetime:
    return _EPOCH + timedelta(milliseconds=int(text))


def _format_milliseconds(moment: datetime) -> str:
    return str((moment - _EPOCH) // timedelta(milliseconds=1))


EPOCH_MILLISECONDS = Converter(_parse_milliseconds, _format_milliseconds)
DATE_OF_DATETIME = Converter(lambda text: date.fromisoformat(text[:10]), date.isoformat)

_DOCTOR: Section[object] = Section(
    Practitioner, (Field("code", "opUid", TEXT), Field("name", "opName", TEXT)), is_always=True
)

_QUERY: Section[StudiesQuery] = Section(
    StudiesQuery,
    (
        Field("request_number", "requestId", TEXT, is_required=True),
        Field("hospital_code", "hospitalCode", TEXT, is_required=True),
        Field("hospital_name", "hospitalName", TEXT),
        Field("visit_number", "visitId", TEXT),
        Field("visit_kind", "clinicSource", TEXT),
        Field("station_ip", "stationIP", TEXT),
        Field("station_mac", "stationMAC", TEXT),
        Field("asked_at", "timeStamp", EPOCH_MILLISECONDS, is_required=True),
        Field("scopes", "shareHR", _TEXTS),
        Field("item_code", "smrCode", TEXT),
        Field("item_name", "smrName", TEXT),
        Field("category", "smrType", TEXT),
    ),
    {
        "patient": Section(
            Patient,
            (
                Field("name", "PatName", TEXT),
                Field("sex", "PatSex", SEX),
                Field("birth_date", "BirthDate", DATE),
                Field("document_number", "ICCard", UPPER_CASE_TEXT),
            ),
            is_always=True,
        ),
        "department": Section(Department, (Field("code", "DeptCode", TEXT), Field("name", "DeptName", TEXT))),
        "doctor": _DOCTOR,
    },
)

_MARK_HEAD = (
    Field("request_number", "requestId", TEXT),
    Field("visit_number", "visitId", TEXT),
    Field("hospital_code", "hospitalCode", TEXT, is_required=True),
    Field("marked_at", "timeStamp", EPOCH_MILLISECONDS, is_required=True),
    Field("document_number", "ICCard", UPPER_CASE_TEXT),
    Field("department_name", "deptName", TEXT),
    Field("station_ip", "stationIP", TEXT),
    Field("station_mac", "stationMAC", TEXT),
)
_MARK_DECISION = (
    Field("origin_hospital_code", "originHospitalCode", TEXT, is_required=True),
    Field("decision", "smrMark", DECISION, is_required=True),
    Field("reason_code", "smrMessage", TEXT),
    Field("item_codes", "smrCode", _TEXTS),
    Field("item_name", "smrName", TEXT),
)
_MARK_DECISION_IN_LIST = (*_MARK_DECISION, Field("report_id", "ReportID", TEXT, is_required=True))
_LISTED_MARK: Section[Mark] = Section(Mark, (*_MARK_HEAD, *_MARK_DECISION_IN_LIST), {"doctor": _DOCTOR})
_FLAT_MARK: Section[Mark] = Section(
    Mark, (*_MARK_HEAD, *_MARK_DECISION, Field("study_date", "studyTime", DATE_OF_DATETIME)), {"doctor": _DOCTOR}
)


def decode_query(record: Record) -> StudiesQuery:
    """The query of an accepted 501 request."""
    return _QUERY.decode(record)


def encode_query(query: StudiesQuery) -> dict[str, object]:
    """The parameters of a 501 request, unsigned."""
    return _QUERY.encode(query)


class MarkCodec:
    """Marks both ways, in the shape of 501 (a list of decisions) or of 502 (one). The tables know the aliases."""

    def __init__(self, listed: FieldTable, item: FieldTable, flat: FieldTable) -> None:
        self._listed = listed
        self._item = item
        self._flat = flat

    def decode(self, record: Record) -> tuple[Mark, ...]:
        """The decisions of an accepted request."""
        if not is_listed_mark(record):
            return (_FLAT_MARK.decode(self._flat.with_printed_names(record)),)
        head = self._listed.with_printed_names(record)
        items = cast("list[Record]", head["smrInfo"])
        return tuple(_LISTED_MARK.decode({**head, **self._item.with_printed_names(item)}) for item in items)

    def encode(self, marks: tuple[Mark, ...]) -> dict[str, object]:
        """The request for decisions made together: that of 501 when they name reports, else that of 502.

        :raises ValueError: several decisions that name no report, for which no shape is printed.
        """
        if all(mark.report_id for mark in marks):
            in_list = {entry.param for entry in _MARK_DECISION_IN_LIST}
            wires = [_LISTED_MARK.encode(mark) for mark in marks]
            head = {name: value for name, value in wires[0].items() if name not in in_list}
            items = [{name: value for name, value in wire.items() if name in in_list} for wire in wires]
            return {**head, "smrInfo": items}
        if len(marks) != 1:
            raise ValueError("only one decision without a report fits in a request")
        mark = changed(marks[0], request_number=None, visit_number=None, station_ip=None, station_mac=None)
        return {"Code": _MARK_NODE, **_FLAT_MARK.encode(mark)}


def studies_result(query: StudiesQuery, studies: Sequence[OfferedStudy]) -> dict[str, object]:
    """``result`` of the 501 answer: an entry for each offered study. Laboratory tests (``examine``) are not ours."""
    return {
        "requestId": query.request_number,
        "visitId": query.visit_number or "",
        "study": [_study(study) for study in studies],
        "examine": [],
    }


def _study(study: OfferedStudy) -> dict[str, object]:
    patient = study.patient
    ward, room = study.ward or "", study.room or ""
    return {
        "shareHR": ",".join(study.scopes),
        "smrCodes": [{"smrCode": item.code, "smrName": item.name} for item in study.items],
        "patient": {
            "patName": patient.name or "",
            "ICCard": patient.document_number or "",
            "phone": patient.phone or "",
            "patAge": wire_age(patient, study.examined_at),
            "patSex": SEX.encode(patient.sex or Sex.UNKNOWN),
            "BirthDate": f"{patient.birth_date:%Y%m%d}" if patient.birth_date else "",
        },
        "originHospitalCode": study.hospital_code,
        "hisId": patient.hospital_patient_id or "",
        "PatNo": patient.imaging_number or "",
        "patSource": PATIENT_SOURCES.get(study.visit_kind or VisitKind.OTHER, PATIENT_SOURCES[VisitKind.OTHER]),
        "clinicId": study.visit_number or "",
        "hisExamineId": study.request_number or "",
        "patSection": ward,
        "PatSection": room,
        "bed": study.bed or "",
        "ReqDept": study.requesting_department or "",
        "reqDate": _wire_time(study.requested_at),
        "reqDoctor": study.requesting_doctor or "",
        "docAdvice": study.order_purpose or "",
        "chiefComplain": study.chief_complaint or "",
        "clinicDiagnosis": study.clinical_diagnosis or "",
        "reportId": study.report_id,
        "StudyInstanceUID": study.study_instance_uid or "",
        "modality": study.modality or "",
        "StudyTime": _wire_time(study.examined_at),
        "ExamineItem": study.item_name,
        "ExamineBody": study.body_part or "",
        "reportDateTime": _wire_time(study.reported_at),
        "ReportDoctor": study.report_doctor or "",
        "AuditDateTime": _wire_time(study.audited_at),
        "AuditDoctor": study.audit_doctor or "",
        "conclusion": study.impression or "",
        "finding": study.findings or "",
        "pntStudyUuid": study.study_uuid,
        "viewUrl": study.view_url,
    }


def wire_age(patient: Patient, at: datetime | None) -> str:
    """Age at the exam in four characters (``068Y``, under one year ``007M``), from the date of birth where it is known;
    empty when neither it nor an age is."""
    if patient.birth_date is not None and at is not None:
        day = at.astimezone(CHINA_STANDARD_TIME).date()
        born = patient.birth_date
        months = (day.year - born.year) * 12 + day.month - born.month - (day.day < born.day)
        if months >= 0:
            return f"{months // 12:03d}Y" if months >= 12 else f"{months:03d}M"
    number = wire_text(patient.age)
    if not (number.isascii() and number.isdigit()):
        return ""
    if patient.age_unit in (AgeUnit.DAY, AgeUnit.HOUR):
        return "000M"
    return f"{int(number[-3:]):03d}{'M' if patient.age_unit is AgeUnit.MONTH else 'Y'}"


def _wire_time(moment: datetime | None) -> str:
    return format_datetime(moment) if moment is not None else ""
