"""Shanxi's rules over several fields and stages, the decisions that leave the print, and the wording of refusals."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from radbridge.contracts.dialects.faults import Rule, Validation
from radbridge.contracts.dialects.pack import DialectPack
from radbridge.contracts.dialects.record_rules import Context
from radbridge.contracts.dialects.shanxi_v2_1 import answers, examples

DONE_ONLY = [
    "studyUid",
    "accessionNumber",
    "checkFinishTime",
    "examDeptName",
    "examDoctorIndustryCode",
    "setInfoList",
]
AUDITED_ONLY = [
    "confirmDoctorName",
    "confirmDate",
    "CAData",
    "ClientCert",
    "SignType",
    "SignValue",
    "Timestampvalue",
]
WRITTEN_ONLY = ["reportDoctorName", "reportDate", "findings", "inspectExamResult"]
Record = dict[str, object]


@pytest.fixture
def check_exam(shanxi: DialectPack):
    assert shanxi.exam is not None
    return shanxi.exam.validate


@pytest.fixture
def check_report(shanxi: DialectPack):
    assert shanxi.report is not None
    return shanxi.report.validate


def broken(outcome: Validation) -> list[tuple[str, Rule]]:
    return [(fault.field, fault.rule) for fault in outcome.faults]


def without(record: Record, *fields: str) -> Record:
    return {name: value for name, value in record.items() if name not in fields}


@pytest.mark.proves("SX-010")
@pytest.mark.parametrize("status", [1, "2", 3, 5])
def test_what_cannot_exist_yet_is_a_finding_before_the_exam(status, exam, check_exam, context) -> None:
    outcome = check_exam(without(exam, *DONE_ONLY) | {"examStatus": status}, context)
    assert outcome.faults == ()
    assert {fault.field for fault in outcome.findings} == set(DONE_ONLY)


def test_an_exam_as_pushed_at_registration_is_accepted(example, check_exam, context) -> None:
    assert check_exam(examples.registered_exam_record(example), context).is_accepted


@pytest.mark.parametrize("field", DONE_ONLY)
@pytest.mark.parametrize("status", [4, "4", None])
def test_a_done_exam_has_them(field, status, exam, check_exam, context) -> None:
    outcome = check_exam(without(exam, field) | {"examStatus": status}, context)
    assert broken(outcome) == [(field, Rule.REQUIRED)]


@pytest.mark.proves("SX-043")
@pytest.mark.parametrize("field", DONE_ONLY)
def test_a_merged_upload_has_them_whatever_the_status(field, exam, report, shanxi, context) -> None:
    merged = {"patient": without(exam, field) | {"examStatus": 1}, "report": report}
    outcome = shanxi.exam_with_report.validate(merged, context)
    assert broken(outcome) == [(f"patient.{field}", Rule.REQUIRED)]


@pytest.mark.proves("SX-043")
def test_a_merged_upload_names_the_faults_of_both_parts(exam, report, shanxi, context) -> None:
    validate = shanxi.exam_with_report.validate
    assert validate({"patient": exam, "report": report}, context) == Validation()
    outcome = validate({"patient": exam | {"sex": "7"}, "report": report | {"dep": 77}}, context)
    assert broken(outcome) == [("patient.sex", Rule.DICTIONARY), ("report.dep", Rule.DICTIONARY)]
    assert broken(validate({"patient": exam}, context)) == [("report", Rule.REQUIRED)]
    assert broken(validate({"patient": "x", "report": report}, context)) == [("patient", Rule.TYPE)]
    assert broken(validate([], context)) == [("data", Rule.TYPE)]


@pytest.mark.proves("SX-100")
@pytest.mark.parametrize(
    ("patient_from", "demanded"),
    [(1, "outPatientId"), (2, "outPatientId"), ("3", "inPatientId"), (9, None), (None, None)],
)
def test_the_patients_number_follows_the_source(patient_from, demanded, exam, check_exam, context) -> None:
    record = without(exam, "outPatientId", "inPatientId") | {"patientFrom": patient_from}
    outcome = check_exam(record, context)
    assert broken(outcome) == ([(demanded, Rule.REQUIRED)] if demanded else [])


@pytest.mark.parametrize("field", AUDITED_ONLY)
def test_an_audited_report_is_signed(field, report, check_report, context) -> None:
    assert broken(check_report(without(report, field), context)) == [(field, Rule.REQUIRED)]


@pytest.mark.proves("SX-116")
@pytest.mark.parametrize("status", [1, 2, 3, 5])
def test_an_unaudited_report_need_not_be_signed(status, report, check_report, context) -> None:
    record = without(report, *AUDITED_ONLY, "reportPdfBase64") | {"checkStatus": status}
    assert check_report(record, context).faults == ()


@pytest.mark.parametrize("field", WRITTEN_ONLY)
def test_a_written_report_has_its_text(field, report, check_report, context) -> None:
    for status in (3, 4):
        record = without(report, field) | {"checkStatus": status}
        assert broken(check_report(record, context)) == [(field, Rule.REQUIRED)]
    for status in (1, 2, 5):
        assert check_report(without(report, field) | {"checkStatus": status}, context).faults == ()


@pytest.mark.proves("SX-116")
def test_the_exam_date_is_demanded_once_examined(report, check_report, context) -> None:
    for status in (2, 3, 4):
        outcome = check_report(without(report, "checkDate") | {"checkStatus": status}, context)
        assert broken(outcome) == [("checkDate", Rule.REQUIRED)]
    assert check_report(without(report, "checkDate") | {"checkStatus": 1}, context).faults == ()


@pytest.mark.proves("SX-116")
def test_a_report_names_its_device_or_that_there_is_none(report, check_report, context) -> None:
    for record in (without(report, "instra"), report | {"instra": None}):
        outcome = check_report(record, context)
        assert broken(outcome) == [("instra", Rule.REQUIRED)]
        assert "OT" in outcome.faults[0].message
    outcome = check_report(report | {"instra": ""}, context)
    assert outcome.faults == ()
    assert [finding.field for finding in outcome.findings] == ["instra"]


@pytest.mark.proves("SX-112")
def test_one_of_address_and_file_must_be_there(report, check_report, context) -> None:
    neither = without(report, "reportPdfBase64")
    outcome = check_report(neither, context)
    assert broken(outcome) == [("pdf_path", Rule.REQUIRED)]
    assert "reportPdfBase64" in outcome.faults[0].message
    assert check_report(neither | {"pdf_path": "http://pacs.example.cn/1.pdf"}, context) == Validation()
    assert check_report(neither | {"pdfBase64": "JVBERi0xLjcK"}, context) == Validation()
    assert broken(check_report(neither | {"pdfBase64": "?"}, context)) == [("reportPdfBase64", Rule.FORMAT)]


@pytest.mark.proves("SX-118")
def test_the_final_auditor_is_demanded_when_there_is_one(report, check_report, context) -> None:
    outcome = check_report(report | {"isLastAudit": 1}, context)
    assert broken(outcome) == [("lastAuditDoctor", Rule.REQUIRED)]
    assert check_report(report | {"isLastAudit": "1", "lastAuditDoctor": "示例医师戊"}, context) == Validation()


def test_the_hospital_is_that_of_the_envelope(exam, report, check_exam, check_report) -> None:
    other = Context(hospital_code="91350100M000100Y43")
    for check, record in ((check_exam, exam), (check_report, report)):
        assert broken(check(record, other)) == [("hospitalCode", Rule.CONSISTENCY)]


def test_a_credit_code_is_checked_to_its_last_character(exam, report, check_exam, check_report, context) -> None:
    outcome = check_exam(exam | {"hospitalCode": "12140000MB1X000108"}, Context())
    assert broken(outcome) == [("hospitalCode", Rule.IDENTIFIER)]
    for field in ("reportMedinsCode", "auditMedinsCode", "lastAuditMedinsCode"):
        assert broken(check_report(report | {field: "12140000MB1X000108"}, context)) == [(field, Rule.IDENTIFIER)]
        assert check_report(report | {field: "91350100M000100Y43"}, context) == Validation()


def test_the_senders_own_code_was_judged_at_registration(exam, check_exam) -> None:
    assert check_exam(exam | {"hospitalCode": "10001201"}, Context(hospital_code="10001201")) == Validation()


@pytest.mark.parametrize(
    "number",
    [
        *("140000198002290012", "14000019800229001", "140000198013290019", "E12345678"),
        *("140105209901010018", "990000198001010012"),
    ],
)
def test_a_resident_id_must_pass_gb_11643(number, exam, check_exam, context) -> None:
    context = replace(context, today=date(2026, 6, 15))
    outcome = check_exam(exam | {"idCard": number}, context)
    assert broken(outcome) == [("idCard", Rule.IDENTIFIER)]
    said = outcome.faults[0].message + outcome.faults[0].value
    assert number not in said
    assert check_exam(exam | {"cardType": "03", "idCard": number}, context).faults == ()


@pytest.mark.parametrize(
    ("type_field", "number_field"),
    [
        ("diagnosticDoctorType", "diagnosticDoctorNo"),
        ("applyDoctorIdType", "applyDoctorIdNo"),
        ("examDoctorIdType", "examDoctorIdNo"),
    ],
)
def test_doctors_resident_ids_too(type_field, number_field, exam, check_exam, context) -> None:
    doctor = {type_field: "01", number_field: "140000198002290012"}
    assert broken(check_exam(exam | doctor, context)) == [(number_field, Rule.IDENTIFIER)]


@pytest.mark.parametrize(
    ("type_field", "number_field"),
    [
        ("reportDoctorIdType", "reportDoctorIdNo"),
        ("auditDoctorIdType", "auditDoctorIdNo"),
        ("lastAuditDoctorIdType", "lastAuditDoctorNo"),
    ],
)
def test_report_doctors_resident_ids_too(type_field, number_field, report, check_report, context) -> None:
    doctor = {type_field: "01", number_field: "140000198002290012"}
    assert broken(check_report(report | doctor, context)) == [(number_field, Rule.IDENTIFIER)]


def test_a_resident_id_may_end_in_a_small_x(shanxi, exam, check_exam, context) -> None:
    number = next(
        number
        for sequence in range(1000)
        if (number := examples.invented_resident_id(examples.ExamplePatient().birth_date, sequence)).endswith("X")
        and sequence % 2
    )
    record = exam | {"idCard": number.lower()}
    assert check_exam(record, context) == Validation()
    assert shanxi.exam.decode(record).patient.document_number == number


@pytest.mark.parametrize("field", ["risStudyId", "labNum"])
def test_no_number_of_an_exam_is_a_document(field, exam, check_exam, context) -> None:
    other = examples.ExamplePatient(sequence=7).resident_id
    assert other != exam["idCard"]
    for number in (exam["idCard"], other, f" {other.lower()}"):
        outcome = check_exam(exam | {field: number}, context)
        assert broken(outcome) == [(field, Rule.IDENTIFIER)]
        assert field in outcome.faults[0].message
        assert str(number).strip() not in repr(outcome)
    passport = {"cardType": "03", "idCard": "E12345678"}
    assert broken(check_exam(exam | passport | {field: "e12345678"}, context)) == [(field, Rule.IDENTIFIER)]
    assert check_exam(exam | passport | {"idCard": "-", field: "-"}, context).faults == ()


@pytest.mark.parametrize("field", ["risStudyId", "labNum", "recordNum"])
def test_no_number_of_a_report_is_a_document(field, exam, report, check_report, shanxi, context) -> None:
    number = examples.ExamplePatient(sequence=7).resident_id
    assert broken(check_report(report | {field: number}, context)) == [(field, Rule.IDENTIFIER)]
    patient = exam | {"cardType": "03", "idCard": "E12345678"}
    merged = {"patient": patient, "report": report | {field: "E12345678"}}
    assert (f"report.{field}", Rule.IDENTIFIER) in broken(shanxi.exam_with_report.validate(merged, context))


def test_one_of_several_exams_named_by_a_report_may_be_no_document(report, check_report, context) -> None:
    numbers = f"E1,{examples.ExamplePatient().resident_id}"
    assert broken(check_report(report | {"risStudyId": numbers}, context)) == [("risStudyId", Rule.IDENTIFIER)]


def test_the_report_of_a_merged_upload_is_about_its_exam(exam, report, shanxi, context) -> None:
    validate = shanxi.exam_with_report.validate
    several = report | {"risStudyId": f"E0, {exam['risStudyId']}"}
    assert validate({"patient": exam, "report": several}, context).faults == ()
    outcome = validate({"patient": exam, "report": report | {"risStudyId": "E0"}}, context)
    assert broken(outcome) == [("report.risStudyId", Rule.CONSISTENCY)]


def test_disagreement_with_the_resident_id_is_a_finding(exam, check_exam, context) -> None:
    outcome = check_exam(exam | {"patBirthday": "1980-03-01", "sex": "2"}, context)
    assert outcome.faults == ()
    assert [(f.field, f.rule) for f in outcome.findings] == [
        ("patBirthday", Rule.CONSISTENCY),
        ("sex", Rule.CONSISTENCY),
    ]


def test_an_access_number_of_its_own_is_a_finding(report, check_report, context) -> None:
    outcome = check_report(report | {"ACCESS_NO": "A1"}, context)
    assert outcome.faults == ()
    assert [fault.field for fault in outcome.findings] == ["ACCESS_NO"]


@pytest.mark.proves("SX-101")
def test_an_exam_outside_the_catalogue_is_a_finding(exam, check_exam, context) -> None:
    outcome = check_exam(exam | {"examItemCode": "", "examItemName": ""}, context)
    assert outcome.faults == ()
    assert [fault.field for fault in outcome.findings] == ["examItemName", "examItemCode"]
    assert broken(check_exam(exam | {"examItemCode": "CT999992506"}, context)) == [("examItemCode", Rule.DICTIONARY)]
    assert broken(check_exam(exam | {"examItemName": ""}, context)) == [("examItemName", Rule.REQUIRED)]


@pytest.mark.proves("SX-104", "SX-128")
def test_techniques_are_accepted_as_printed_and_as_corrected(exam, shanxi, check_exam, context) -> None:
    for code in ("BW23ZYZZZ", "BG3ZYZZZ", "BG30ZYZZZ", "BD0", "BW23ZYZZZ,BB24ZYZZZ"):
        assert check_exam(exam | {"bodyCode": code}, context) == Validation(), code
    for code in ("BW23ZYZZ", "bw23zyzzz", "BW23ZYZZZ;BB24ZYZZZ"):
        assert broken(check_exam(exam | {"bodyCode": code}, context)) == [("bodyCode", Rule.DICTIONARY)], code
    assert shanxi.exam.decode(exam | {"bodyCode": "BG3ZYZZZ"}).item.technique_codes == ("BG30ZYZZZ",)
    assert shanxi.dictionaries["radiology_technique"].name_of("BB24ZYZZZ") == "肺部CT普通扫描"


@pytest.mark.proves("SX-124")
def test_ethnic_groups_have_three_forms(exam, shanxi, check_exam, context) -> None:
    for given, stored in (("05", "05"), ("5", "05"), ("UG", "05"), ("25", "25"), ("SUI", None), ("57", None)):
        outcome = check_exam(exam | {"ethnic": given}, context)
        assert outcome.is_accepted == (stored is not None), given
        if stored:
            assert shanxi.exam.decode(exam | {"ethnic": given}).patient.ethnic_group_code == stored


@pytest.mark.proves("SX-124")
def test_divisions_are_any_below_a_known_province(exam, check_exam, context) -> None:
    for code in ("140105", "110000", "820000"):
        assert check_exam(exam | {"currentDivisionCode": code}, context) == Validation(), code
    for code in ("990105", "1401", "14010501", "14010x", "１４０１０５"):
        assert broken(check_exam(exam | {"registeredDivisionCode": code}, context)) == [
            ("registeredDivisionCode", Rule.DICTIONARY)
        ], code


@pytest.mark.proves("SX-102", "SX-103")
def test_several_values(exam, shanxi, check_exam, context) -> None:
    for field, value in (("examWay", "1,3"), ("examWay", "1，3"), ("imgExamType", "2 3"), ("imgExamType", "2|3")):
        assert check_exam(exam | {field: value}, context) == Validation(), value
    for field, value in (("examWay", "11"), ("examWay", "1 3"), ("imgExamType", "2,3"), ("imgExamType", "2 8")):
        assert broken(check_exam(exam | {field: value}, context)) == [(field, Rule.DICTIONARY)], value
    groups = shanxi.exam.decode(exam | {"imgExamType": "2 3"}).modality_groups
    assert groups == ("ct", "mr")


@pytest.mark.proves("SX-109")
def test_any_run_of_zeros_stands_for_no_insurance(exam, shanxi, check_exam, context) -> None:
    for zeros in ("0" * 18, "0" * 20, "0"):
        row = exam["setInfoList"][0] | {"setId": zeros, "feeDetailSn": zeros}
        record = exam | {"setInfoList": [row]}
        assert check_exam(record, context) == Validation()
        assert shanxi.exam.decode(record).settlements[0].is_self_paid


@pytest.mark.parametrize("value", [[], {}, ["x"], True])
@pytest.mark.parametrize("field", ["isEmergency", "bedNo", "patName", "patientFrom", "chiefComplaint"])
def test_a_list_is_no_value_of_a_plain_field(field, value, exam, check_exam, context) -> None:
    assert (field, Rule.TYPE) in broken(check_exam(exam | {field: value}, context))


def test_an_empty_list_of_settlements_is_missing(exam, check_exam, context) -> None:
    assert broken(check_exam(exam | {"setInfoList": []}, context)) == [("setInfoList", Rule.REQUIRED)]


def test_long_signature_fields_are_no_fault(report, check_report, context) -> None:
    long = {"CAData": "签\n" * 50_000, "ClientCert": "A" * 4000, "SignValue": "B" * 4000, "Timestampvalue": "C" * 9000}
    assert check_report(report | long, context) == Validation()


def test_all_faults_are_said_at_once_with_field_and_rule(exam, check_exam, context) -> None:
    wrong = {"patName": "", "sex": "5", "lastChangeTime": "昨天", "patTelephone": "1" * 51, "disableFlag": True}
    outcome = check_exam(exam | wrong, context)
    answer = answers.refusal(outcome.faults)
    assert answer["code"] == 0
    message = answer["message"]
    assert isinstance(message, str)
    assert "共5处" in message
    for field, rule in (
        ("patName（姓名）", "必填"),
        ("sex（性别）", "字典"),
        ("lastChangeTime（最后更新时间）", "格式"),
        ("patTelephone（手机号）", "长度"),
        ("disableFlag（删除标识）", "类型"),
    ):
        assert field in message
        assert f"[{rule}] {field}" in message


@pytest.mark.proves("SX-022")
def test_answers_have_the_printed_members() -> None:
    assert answers.success("E1") == {"code": 1, "message": "成功", "content": "E1"}
    assert answers.failure("原因") == {"code": 0, "message": "原因", "content": ""}


def test_refusals_hold_no_personal_data(exam, check_exam, context) -> None:
    secret = {"patName": "欧阳示例\x00", "idCard": "140000198002290012", "patTelephone": "199000000019900000001" * 3}
    misplaced = {"sex": "140000198002290011", "hosplv": "19900000001"}
    said = str(answers.refusal(check_exam(exam | secret | misplaced, context).faults))
    for value in ("欧阳示例", "140000198002290012", "140000198002290011", "19900000001", "\x00"):
        assert value not in said


def test_a_flood_of_faults_is_cut(exam, check_exam, context) -> None:
    outcome = check_exam(exam | {"setInfoList": [1] * 100_000}, context)
    assert len(outcome.faults) <= 1000
    assert len(str(answers.refusal(outcome.faults))) < 50_000


def test_examples_take_other_people_and_times(check_exam, check_report) -> None:
    example = examples.ExampleExam(
        examined_at=datetime(2025, 12, 31, 16, 30, tzinfo=UTC),
        patient=examples.ExamplePatient(name="测试乙", sequence=2),
        number="E2",
        hospital_code="10001201",
    )
    record = examples.exam_record(example)
    assert record["checkFinishTime"] == "2026-01-01 00:30:00"
    assert check_exam(record, Context(hospital_code="10001201")) == Validation()
    assert check_report(examples.report_record(example), Context(hospital_code="10001201")) == Validation()
