"""Neijiang 501: signature against the printed example, tables, both shapes of the mark, codec and answer."""

import hashlib
from datetime import UTC, date, datetime

import pytest

from radbridge.contracts.dialects.faults import Rule, Validation
from radbridge.contracts.dialects.field_table import FieldRule
from radbridge.contracts.dialects.neijiang_v0_94 import answers, codec, examples, signature
from radbridge.contracts.dialects.neijiang_v0_94.pack import load_pack
from radbridge.contracts.dialects.record_rules import Context
from radbridge.contracts.dialects.shanxi_v2_1.examples import ExamplePatient
from radbridge.contracts.model.codes import AgeUnit, MarkDecision, Sex, VisitKind
from radbridge.contracts.model.people import Patient
from radbridge.contracts.model.recognition import CatalogueCode, OfferedStudy

PACK = load_pack()
assert PACK.studies_query is not None
assert PACK.mark is not None
QUERY, MARK = PACK.studies_query, PACK.mark
CONTEXT = Context(hospital_code=examples.ASKING_HOSPITAL_CODE)
PATIENT = ExamplePatient()
EXAMPLE = examples.ExampleQuery(
    asked_at=datetime(2026, 1, 6, 1, 0, tzinfo=UTC),
    name=PATIENT.name,
    resident_id=PATIENT.resident_id,
    birth_date=PATIENT.birth_date,
)
ORIGIN = "12140000MB1X000107"
PRINTED = {
    "hospitalCode": "b",
    "ICCard": "c",
    "smrCode": "d",
    "timeStamp": "1640145238083",
    "opName": "zhang",
    "opUid": "001f",
}


@pytest.fixture
def query() -> dict[str, object]:
    return examples.query_parameters(EXAMPLE)


@pytest.fixture
def listed() -> dict[str, object]:
    return examples.mark_body(EXAMPLE, origin_hospital_code=ORIGIN, report_id="R1")


@pytest.fixture
def flat() -> dict[str, object]:
    return examples.flat_mark_body(EXAMPLE, origin_hospital_code=ORIGIN, item_code="BW23ZYZZZ-00")


def rules_broken(outcome: Validation, field: str) -> set[Rule]:
    return {fault.rule for fault in outcome.faults if fault.field == field}


@pytest.mark.proves("NJ-077")
def test_the_printed_example_verifies_in_template_order() -> None:
    expected = "48CB92D91B1086881976697749DD98CE"
    assert signature.sign(PRINTED, access_key="a", access_secret="") == expected
    assert expected[8:24] == "1B10868819766977"  # as printed


@pytest.mark.proves("NJ-077")
def test_ascii_order_is_an_option() -> None:
    ascii_order = signature.sign(PRINTED, access_key="a", access_secret="", order=signature.SignOrder.ASCII)
    text = "ahospitalCode=b&idCard=c&opName=zhang&opUid=001f&smrCode=d&timeStamp=1640145238083"
    assert ascii_order == hashlib.md5(text.encode()).hexdigest().upper()


@pytest.mark.proves("NJ-077")
@pytest.mark.parametrize("empty", ["", None])
def test_empty_values_are_left_out(empty: object) -> None:
    expected = "405701C6C3B2C978A67F3DFDADD61B17"
    assert signature.sign(PRINTED | {"smrCode": empty}, access_key="a", access_secret="") == expected


def test_only_the_templates_names_are_signed() -> None:
    more = PRINTED | {"requestId": "x", "visitId": "y", "smrName": "z"}
    assert signature.signed_parameters(more) == signature.signed_parameters(PRINTED)
    assert signature.signed_parameters(PRINTED | {"reportRequired": "Y"}).endswith("&reportRequired=Y")


def test_verification_takes_32_digits_and_16_only_where_allowed() -> None:
    def verified(value: str, **options: bool) -> bool:
        return signature.verify(PRINTED, value, access_key="a", access_secret="", **options)

    assert verified("48CB92D91B1086881976697749DD98CE")
    assert not verified("1B10868819766977")
    assert verified("1B10868819766977", accepts_middle_16=True)
    for wrong in ("", "48cb92d91b1086881976697749dd98ce", "1B10868819766978", "签名", "\ud800"):
        assert not verified(wrong, accepts_middle_16=True)


@pytest.mark.parametrize("name", list(PRINTED))
def test_each_signed_value_counts(name: str) -> None:
    given = signature.sign(PRINTED, access_key="a", access_secret="s")
    changed = PRINTED | {name: PRINTED[name] + "0"}
    assert not signature.verify(changed, given, access_key="a", access_secret="s")
    assert not signature.verify(PRINTED, given, access_key="a", access_secret="t")


@pytest.mark.proves("NJ-068")
def test_the_examples_are_accepted(
    query: dict[str, object], listed: dict[str, object], flat: dict[str, object]
) -> None:
    assert QUERY.validate(query, CONTEXT) == Validation()
    assert MARK.validate(listed, CONTEXT) == Validation()
    assert MARK.validate(flat, CONTEXT) == Validation()


REQUIRED = [
    pytest.param(table, rule, id=f"{table}.{rule.param}")
    for table in ("501_studies_request", "501_smrMark_request", "502_smrMark_request")
    for rule in PACK.tables[table].rules
    if rule.presence.is_always
]


@pytest.mark.proves("NJ-068")
@pytest.mark.parametrize(("table", "rule"), REQUIRED)
def test_each_required_field_is_demanded(
    table: str, rule: FieldRule, query: dict[str, object], listed: dict[str, object], flat: dict[str, object]
) -> None:
    record = {"501_studies_request": query, "501_smrMark_request": listed, "502_smrMark_request": flat}[table]
    message = QUERY if table == "501_studies_request" else MARK
    outcome = message.validate(record | {rule.param: ""}, CONTEXT)
    assert [(fault.field, fault.rule) for fault in outcome.faults] == [(rule.param, Rule.REQUIRED)]


LIMITED = [
    pytest.param(table, rule, id=f"{table}.{rule.param}")
    for table in ("501_studies_request", "501_smrMark_request", "502_smrMark_request")
    for rule in PACK.tables[table].rules
    if rule.max_length is not None and rule.kind == "string" and rule.dictionary is None
]


@pytest.mark.parametrize(("table", "rule"), LIMITED)
def test_lengths_are_kept(
    table: str, rule: FieldRule, query: dict[str, object], listed: dict[str, object], flat: dict[str, object]
) -> None:
    assert rule.max_length is not None
    record = {"501_studies_request": query, "501_smrMark_request": listed, "502_smrMark_request": flat}[table]
    message = QUERY if table == "501_studies_request" else MARK
    outcome = message.validate(record | {rule.param: "检" * (rule.max_length + 1)}, CONTEXT)
    assert Rule.LENGTH in rules_broken(outcome, rule.param)
    outcome = message.validate(record | {rule.param: "检" * rule.max_length}, CONTEXT)
    assert Rule.LENGTH not in rules_broken(outcome, rule.param)


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("PatSex", "1", Rule.DICTIONARY),
        ("PatSex", "m", Rule.DICTIONARY),
        ("BirthDate", "19800229", Rule.FORMAT),
        ("BirthDate", "1981-02-29", Rule.FORMAT),
        ("timeStamp", "1767661200", Rule.FORMAT),
        ("timeStamp", "now", Rule.TYPE),
        ("smrType", "用药", Rule.DICTIONARY),
        ("shareHR", ",", Rule.REQUIRED),
        ("PatName", "测\x00试", Rule.CHARACTER),
        ("hospitalCode", "12140000MB1X000107", Rule.CONSISTENCY),
    ],
)
def test_what_a_query_may_not_hold(field: str, value: str, rule: Rule, query: dict[str, object]) -> None:
    assert rule in rules_broken(QUERY.validate(query | {field: value}, CONTEXT), field)


def test_personal_values_are_masked(query: dict[str, object]) -> None:
    outcome = QUERY.validate(query | {"ICCard": "14000019800229001" * 2, "BirthDate": "1980/02/29"}, CONTEXT)
    said = answers.refusal(outcome.faults)["message"]
    assert isinstance(said, str)
    assert "ICCard" in said
    assert "14000019800229001" not in said
    assert "1980/02/29" not in said


def test_a_wrong_resident_id_is_a_finding_not_a_fault(query: dict[str, object]) -> None:
    outcome = QUERY.validate(query | {"ICCard": "-"}, CONTEXT)
    assert outcome.is_accepted
    assert [fault.field for fault in outcome.findings] == ["ICCard"]


def test_the_spellings_of_samples_and_template_are_accepted(
    query: dict[str, object], listed: dict[str, object]
) -> None:
    def renamed(record: dict[str, object], names: dict[str, str]) -> dict[str, object]:
        return {names.get(name, name): value for name, value in record.items()}

    spelled = renamed(query, {"opUid": "opUId", "stationIP": "stationIp"})
    assert QUERY.validate(spelled, CONTEXT) == Validation()
    assert QUERY.decode(spelled) == QUERY.decode(query)
    item = listed["smrInfo"][0]  # type: ignore[index]
    for name in ("reportId", "reportID"):
        spelled = listed | {"smrInfo": [renamed(item, {"ReportID": name})]}
        assert MARK.validate(spelled, CONTEXT) == Validation()
        assert MARK.decode(spelled) == MARK.decode(listed)


@pytest.mark.proves("NJ-065", "NJ-076")
def test_not_recognising_needs_a_reason(listed: dict[str, object], flat: dict[str, object]) -> None:
    item = listed["smrInfo"][0]  # type: ignore[index]
    outcome = MARK.validate(listed | {"smrInfo": [item, item | {"smrMark": "2"}]}, CONTEXT)
    assert [(fault.field, fault.rule) for fault in outcome.faults] == [("smrInfo[1].smrMessage", Rule.REQUIRED)]
    outcome = MARK.validate(flat | {"smrMark": 2}, CONTEXT)
    assert [(fault.field, fault.rule) for fault in outcome.faults] == [("smrMessage", Rule.REQUIRED)]


@pytest.mark.proves("NJ-079")
def test_reasons_are_the_six_of_the_dictionary(listed: dict[str, object]) -> None:
    item = listed["smrInfo"][0]  # type: ignore[index]
    for code in "123456":
        body = listed | {"smrInfo": [item | {"smrMark": "2", "smrMessage": code}]}
        assert MARK.validate(body, CONTEXT) == Validation()
    outcome = MARK.validate(listed | {"smrInfo": [item | {"smrMark": "2", "smrMessage": "7"}]}, CONTEXT)
    assert rules_broken(outcome, "smrInfo[0].smrMessage") == {Rule.DICTIONARY}


@pytest.mark.proves("NJ-076", "NJ-078")
def test_the_flat_marks_node_is_003(flat: dict[str, object]) -> None:
    assert rules_broken(MARK.validate(flat | {"Code": "001"}, CONTEXT), "Code") == {Rule.DICTIONARY}
    assert list(PACK.dictionaries["node"].names) == ["001", "002", "003"]


def test_a_body_without_either_shape_is_told_what_it_lacks() -> None:
    for body in ({}, {"requestId": "1"}, [], None, "x"):
        outcome = MARK.validate(body, CONTEXT)
        assert outcome.faults
    assert "smrInfo" in {fault.field for fault in MARK.validate({}, CONTEXT).faults}


def test_a_query_survives_both_ways(query: dict[str, object]) -> None:
    decoded = QUERY.decode(query)
    assert decoded.patient.document_number == PATIENT.resident_id
    assert decoded.patient.sex is Sex.MALE
    assert decoded.asked_at == EXAMPLE.asked_at
    assert QUERY.encode(decoded) == query


@pytest.mark.proves("NJ-071")
def test_marks_survive_both_ways(listed: dict[str, object], flat: dict[str, object]) -> None:
    item = listed["smrInfo"][0]  # type: ignore[index]
    two = listed | {"smrInfo": [item, item | {"ReportID": "R2", "smrMark": 2, "smrMessage": "4"}]}
    marks = MARK.decode(two)
    assert [(mark.report_id, mark.decision, mark.reason_code) for mark in marks] == [
        ("R1", MarkDecision.RECOGNISED, None),
        ("R2", MarkDecision.NOT_RECOGNISED, "4"),
    ]
    assert marks[0].doctor.code == "D201"
    assert marks[0].station_mac == "00-00-5E-00-53-01"
    assert MARK.decode(MARK.encode(marks)) == marks
    (one,) = MARK.decode(flat)
    assert one.item_codes == ("BW23ZYZZZ-00",)
    assert one.study_date == date(2026, 1, 5)
    assert MARK.decode(MARK.encode((one,))) == (one,)
    assert MARK.validate(MARK.encode((one,)), CONTEXT) == Validation()


OFFERED = OfferedStudy(
    study_uuid="u1",
    report_id="r1",
    patient=Patient(name="测试甲", sex=Sex.FEMALE, birth_date=date(1980, 2, 29), document_number="X"),
    hospital_code=ORIGIN,
    items=(CatalogueCode(code="BW23ZYZZZ-00", name="胸部平扫"),),
    item_name="(CT)胸部平扫",
    study_instance_uid="1.2.3",
    modality="CT",
    findings="所见",
    impression="诊断",
    view_url="http://127.0.0.1/v",
    visit_kind=VisitKind.INPATIENT,
    examined_at=datetime(2026, 2, 27, 16, 30, tzinfo=UTC),
)


@pytest.mark.proves("NJ-063", "NJ-070")
def test_the_answer_has_exactly_the_printed_members(query: dict[str, object]) -> None:
    result = codec.studies_result(QUERY.decode(query), [OFFERED])

    def paths(value: object, prefix: str) -> set[str]:
        found: set[str] = set()
        if isinstance(value, dict):
            for name, member in value.items():
                found |= {f"{prefix}.{name}"} | paths(member, f"{prefix}.{name}")
        elif isinstance(value, list):
            for member in value:
                found |= paths(member, prefix + "[]")
        return found

    printed = {rule.param for rule in PACK.tables["501_studies_response"].rules}
    expected = {path for path in printed if path.startswith("result.") and not path.startswith("result.examine[]")}
    assert paths(result, "result") == expected
    study = result["study"][0]  # type: ignore[index]
    assert study["patSource"] == "3"
    assert study["StudyTime"] == "2026-02-28 00:30:00"
    assert study["patient"]["BirthDate"] == "19800229"
    assert study["patient"]["patSex"] == "F"
    assert (study["finding"], study["conclusion"], study["pntStudyUuid"]) == ("所见", "诊断", "u1")


@pytest.mark.proves("NJ-044")
@pytest.mark.parametrize(
    ("patient", "expected"),
    [
        (Patient(birth_date=date(1980, 2, 29)), "045Y"),
        (Patient(birth_date=date(1980, 2, 28)), "046Y"),
        (Patient(birth_date=date(2025, 12, 28)), "002M"),
        (Patient(birth_date=date(2026, 2, 20)), "000M"),
        (Patient(age="68", age_unit=AgeUnit.YEAR), "068Y"),
        (Patient(age="7", age_unit=AgeUnit.MONTH), "007M"),
        (Patient(age="10", age_unit=AgeUnit.DAY), "000M"),
        (Patient(age="六十八"), ""),
        (Patient(), ""),
    ],
)
def test_ages_have_four_characters(patient: Patient, expected: str) -> None:
    assert codec.wire_age(patient, OFFERED.examined_at) == expected


@pytest.mark.proves("NJ-072")
def test_answers_carry_the_recognition_codes() -> None:
    assert answers.success({"study": []}) == {"code": "N0000", "message": "成功", "result": {"study": []}}
    assert answers.failure("原因") == {"code": "E0000", "message": "原因", "result": ""}
    assert answers.wrong_signature()["code"] == "E9000"


@pytest.mark.proves("NJ-019", "NJ-080", "NJ-088", "NJ-089", "NJ-090", "NJ-091")
def test_dictionaries_are_complete() -> None:
    sizes = {name: len(dictionary.names) for name, dictionary in PACK.dictionaries.items()}
    assert sizes["recognition_items"] == 53
    assert sizes["person_id_type"] == 13
    assert "11" not in PACK.dictionaries["person_id_type"].names
    tables = [d for d in PACK.dictionaries.values() if "OID" in d.source]
    assert len(tables) == 13
    assert sum(len(dictionary.names) for dictionary in tables) == 159
    assert PACK.dictionaries["modality"].name_of("DX") == "数字X光"
