"""Shanxi's records to the canonical model and back."""

from datetime import UTC, date, datetime

import pytest

from radbridge.contracts.dialects.codec import format_datetime
from radbridge.contracts.dialects.field_table import FieldRule, Kind
from radbridge.contracts.dialects.shanxi_v2_1.pack import load_pack
from radbridge.contracts.model.codes import (
    DocumentType,
    ExamStatus,
    ModalityGroup,
    Positivity,
    ReportStatus,
    Sex,
    SignatureFormat,
    VisitKind,
)
from radbridge.contracts.model.exam import Exam
from radbridge.contracts.model.report import Report
from radbridge.contracts.model.serialization import from_json, to_json

PACK = load_pack()


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (datetime(2026, 1, 5, 2, 0, 0, 999_999, tzinfo=UTC), "2026-01-05 10:00:00"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01 08:00:00"),
        (datetime(9999, 12, 31, 15, 59, 59, tzinfo=UTC), "9999-12-31 23:59:59"),
        (datetime(9999, 12, 31, 23, 0, 0, tzinfo=UTC), "9999-12-31 23:59:59"),
    ],
)
def test_every_moment_has_a_wire_time(moment: datetime, written: str) -> None:
    assert format_datetime(moment) == written


def sample_value(rule: FieldRule) -> object:
    """A valid value of the field that is unlike its neighbours'."""
    if rule.dictionary is not None and not rule.dictionary.prefix_length:
        code = list(rule.dictionary.normal_forms.values())[1]
        return int(code) if rule.kind is Kind.NUMBER else code
    if rule.dictionary is not None:
        return "140105"
    forms = {
        "date": "1980-02-29",
        "datetime": f"2026-01-05 10:{rule.order % 60:02d}:00",
        "datetime_range": "2026-01-05 10:00:00 / 2026-01-05 11:00:00",
        "dicom_uid": f"1.2.{rule.order}",
        "dicom_modality": "MR",
        "http_url": "http://pacs.example.cn/1.pdf",
        "base64": "JVBERi0xLjcK",
    }
    return forms[rule.format.id] if rule.format else f"V{rule.order}"


@pytest.mark.parametrize("name", ["exam", "report"])
def test_every_field_of_a_full_record_survives(name: str) -> None:
    message = PACK.exam if name == "exam" else PACK.report
    assert message is not None
    record: dict[str, object] = {rule.param: sample_value(rule) for rule in PACK.tables[name].rules}
    if name == "exam":
        record["setInfoList"] = [{rule.param: sample_value(rule) for rule in PACK.tables["set_info"].rules}]
    decoded = message.decode(record)
    assert message.encode(decoded) == record
    assert from_json(type(decoded), to_json(decoded)) == decoded


@pytest.mark.proves("SX-006")
def test_an_exam_in_canonical_words(exam: dict[str, object]) -> None:
    assert PACK.exam is not None
    decoded = PACK.exam.decode(exam | {"patName": "  𠮷田 "})
    assert isinstance(decoded, Exam)
    assert decoded.number == "E0000001"
    assert decoded.patient.name == "𠮷田"
    assert decoded.patient.sex is Sex.MALE
    assert decoded.patient.birth_date == date(1980, 2, 29)
    assert decoded.patient.document_type is DocumentType.RESIDENT_ID
    assert decoded.examined_at == datetime(2026, 1, 5, 2, 30, tzinfo=UTC)
    assert decoded.status is ExamStatus.EXAMINED
    assert decoded.is_deleted is False
    assert decoded.is_emergency is False
    assert decoded.modality_groups == (ModalityGroup.CT,)
    assert decoded.item is not None
    assert decoded.item.catalogue_code == "CT020072506"
    assert decoded.visit is not None
    assert decoded.visit.kind is VisitKind.OUTPATIENT
    assert PACK.exam.encode(PACK.exam.decode(exam)) == exam


def test_a_report_in_canonical_words(report: dict[str, object]) -> None:
    assert PACK.report is not None
    decoded = PACK.report.decode(report)
    assert isinstance(decoded, Report)
    assert decoded.exam_numbers == ("E0000001",)
    assert decoded.status is ReportStatus.AUDITED
    assert decoded.positivity is Positivity.NEGATIVE
    assert decoded.audited is not None
    assert decoded.audited.doctor is not None
    assert decoded.audited.doctor.name == "示例医师丙"
    assert decoded.audited.at == datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
    assert decoded.signature is not None
    assert decoded.signature.format is SignatureFormat.PKCS1
    assert PACK.report.encode(decoded) == report


@pytest.mark.proves("SX-067")
def test_the_signed_text_keeps_every_character(report: dict[str, object]) -> None:
    assert PACK.report is not None
    signed = " \r\n 报告原文\t\n "
    decoded = PACK.report.decode(report | {"CAData": signed})
    assert decoded.signature is not None
    assert decoded.signature.signed_text == signed
    assert PACK.report.encode(decoded)["CAData"] == signed


@pytest.mark.proves("SX-113", "SX-105")
def test_several_numbers(exam: dict[str, object], report: dict[str, object]) -> None:
    assert PACK.exam is not None
    assert PACK.report is not None
    assert PACK.report.decode(report | {"risStudyId": "E1, E2，E3,"}).exam_numbers == ("E1", "E2", "E3")
    assert PACK.exam.decode(exam | {"accessionNumber": "A1,A2"}).accession_numbers == ("A1", "A2")


@pytest.mark.proves("SX-116")
def test_defaults_of_the_print(report: dict[str, object]) -> None:
    assert PACK.report is not None
    decoded = PACK.report.decode(report | {"instra": "", "appointDate": ""})
    assert decoded.device == "OT"
    assert decoded.appointed_at == decoded.registered_at


@pytest.mark.proves("SX-114")
def test_no_insurance_code_is_no_code(report: dict[str, object]) -> None:
    assert PACK.report is not None
    decoded = PACK.report.decode(report | {"itemNumSbh": "Z" * 15 + ",001"})
    assert decoded.insurance_item_codes == ("", "001")
    assert PACK.report.encode(decoded)["itemNumSbh"] == "Z" * 15 + ",001"


@pytest.mark.proves("SX-115")
def test_the_two_imaging_types_differ(exam: dict[str, object], report: dict[str, object]) -> None:
    assert PACK.exam is not None
    assert PACK.report is not None
    assert PACK.exam.decode(exam | {"imgExamType": "9"}).modality_groups == (ModalityGroup.OTHER,)
    assert PACK.report.decode(report | {"dep": 9}).modality_group is ModalityGroup.NUCLEAR_MEDICINE


def test_a_check_up_has_no_code_of_its_own(exam: dict[str, object]) -> None:
    assert PACK.exam is not None
    record = exam | {"patientFrom": 9, "examPatientId": "T1"}
    decoded = PACK.exam.decode(record)
    assert decoded.visit is not None
    assert decoded.visit.kind is VisitKind.CHECKUP
    assert PACK.exam.encode(decoded) == record


@pytest.mark.parametrize(("disable_flag", "check_status", "is_void"), [(0, 4, False), (1, 4, True), (0, 5, True)])
@pytest.mark.proves("SX-106", "SX-120")
def test_either_flag_deletes(report: dict[str, object], disable_flag: int, check_status: int, is_void: bool) -> None:
    assert PACK.report is not None
    decoded = PACK.report.decode(report | {"disableFlag": disable_flag, "checkStatus": check_status})
    assert decoded.is_void == is_void


def test_a_record_without_its_key_cannot_be_decoded(exam: dict[str, object]) -> None:
    assert PACK.exam is not None
    with pytest.raises(ValueError, match="risStudyId"):
        PACK.exam.decode(exam | {"risStudyId": ""})


@pytest.mark.proves("SX-130")
def test_the_catalogue_has_320_items() -> None:
    codes = list(PACK.dictionaries["recognition_items"].names)
    assert {modality: sum(code.startswith(modality) for code in codes) for modality in ("DR", "CT", "MR")} == {
        "DR": 120,
        "CT": 120,
        "MR": 80,
    }
