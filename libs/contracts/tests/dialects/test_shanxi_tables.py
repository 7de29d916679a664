"""Every field of Shanxi's exam and report tables, by every rule that its row states: one passing and one failing value
for each. The cases are drawn from the tables, so a field cannot be forgotten."""

from collections.abc import Iterator

import pytest

from radbridge.contracts.dialects.faults import Rule, Validation
from radbridge.contracts.dialects.field_table import FieldRule, Kind
from radbridge.contracts.dialects.pack import DialectPack
from radbridge.contracts.dialects.record_rules import Context
from radbridge.contracts.dialects.shanxi_v2_1 import examples, rules
from radbridge.contracts.dialects.shanxi_v2_1.pack import load_pack

MESSAGES = ("exam", "report")
PACK = load_pack()

GOOD_VALUES = {
    "date": "2026-01-05",
    "datetime": "2026-01-05 10:30:00",
    "datetime_range": "2026-01-05 10:30:00 / 2026-01-05 11:00:00",
    "dicom_uid": "1.2.840.113619.2.1",
    "dicom_modality": "MR",
    "credit_code": examples.HOSPITAL_CODE,
    "http_url": "http://pacs.example.cn/reports/1.pdf",
    "base64": "JVBERi0xLjcK",
}
BAD_VALUES = {
    "date": ["2026-02-30", "2026/01/05", "20260105", "2026-1-5", "2026-13-01", "2025-02-29", "0001-01-01"],
    "datetime": [
        "2026-02-30 10:00:00",
        "2026-01-05 24:00:00",
        "2026-01-05T10:00:00",
        "2026-01-05",
        "2026-01-05 10:60:00",
        "0001-01-01 00:00:00",
        "2026-01-05 10:30:00.5",
    ],
    "datetime_range": ["2026-01-05 10:30:00", "2026-01-05 11:00:00 / 2026-01-05 10:30:00", "x / y"],
    "dicom_uid": ["1.2.03", "STUDY1", "1." + "2" * 64],
    "dicom_modality": ["ct", "胸部CT", "CT,MR"],
    "http_url": ["ftp://pacs.example.cn/1.pdf", "C:\\1.pdf", "http://"],
    "base64": ["not base64", "AAA", "AAAA=", "====", "A=AA"],
}


def fields(*messages: str) -> Iterator[tuple[str, FieldRule]]:
    for message in messages:
        for rule in PACK.tables[message].rules:
            yield message, rule


def cases(*messages: str, where: str) -> list[object]:
    """Parameters for the fields of which the expression over ``rule`` is true."""
    chosen = {
        "always": lambda rule: rule.presence.is_always,
        "limited": lambda rule: rule.max_length is not None and rule.kind in (Kind.STRING, Kind.TEXT),
        "coded": lambda rule: rule.dictionary is not None,
        "several": lambda rule: bool(rule.separators) and rule.dictionary is not None,
        "formed": lambda rule: rule.format is not None,
        "any": lambda rule: True,
    }[where]
    return [pytest.param(m, rule, id=f"{m}.{rule.param}") for m, rule in fields(*messages) if chosen(rule)]


@pytest.fixture
def records(exam: dict[str, object], report: dict[str, object]) -> dict[str, dict[str, object]]:
    return {"exam": exam, "report": report, "set_info": exam["setInfoList"][0]}  # type: ignore[index]


def validate(message: str, record: object, context: Context) -> Validation:
    found = PACK.exam if message == "exam" else PACK.report
    assert found is not None
    return found.validate(record, context)


def broken(outcome: Validation, field: str) -> set[Rule]:
    return {fault.rule for fault in outcome.faults if fault.field == field}


@pytest.mark.proves("SX-097", "SX-112")
def test_the_tables_are_complete() -> None:
    assert {
        name: len(table.rules) for name, table in PACK.tables.items() if name in ("exam", "report", "set_info")
    } == {
        "exam": 113,
        "report": 70,
        "set_info": 4,
    }


def test_the_examples_are_accepted_without_findings(records: dict[str, dict[str, object]], context: Context) -> None:
    for message in MESSAGES:
        assert validate(message, records[message], context) == Validation()


@pytest.mark.proves("SX-038", "SX-097", "SX-112")
@pytest.mark.parametrize("missing", [None, "", "  "], ids=["null", "empty", "blank"])
@pytest.mark.parametrize(("message", "rule"), cases(*MESSAGES, where="always"))
def test_a_required_field_must_be_there(
    message: str, rule: FieldRule, missing: object, records: dict[str, dict[str, object]], context: Context
) -> None:
    record = records[message] | {rule.param: missing}
    outcome = validate(message, record, context)
    assert broken(outcome, rule.param) == {Rule.REQUIRED}
    assert rule.param in outcome.faults[0].message
    del record[rule.param]
    assert broken(validate(message, record, context), rule.param) == {Rule.REQUIRED}


@pytest.mark.proves("SX-038")
def test_optional_fields_may_be_missing(records: dict[str, dict[str, object]], context: Context) -> None:
    for message in MESSAGES:
        needed = {
            rule.param
            for rule in PACK.tables[message].rules
            if rule.presence.is_always or rule.presence.condition or rule.presence.is_finding
        } | {"checkStatus", "examStatus", "patientFrom", "reportPdfBase64"}
        record = {name: value for name, value in records[message].items() if name in needed}
        assert validate(message, record, context).faults == ()


@pytest.mark.proves("SX-097", "SX-112")
@pytest.mark.parametrize(("message", "rule"), cases(*MESSAGES, where="limited"))
def test_lengths_count_characters(
    message: str, rule: FieldRule, records: dict[str, dict[str, object]], context: Context
) -> None:
    assert rule.max_length is not None
    overlong = records[message] | {rule.param: "影" * (rule.max_length + 1)}
    assert Rule.LENGTH in broken(validate(message, overlong, context), rule.param)
    fitting = records[message] | {rule.param: "影" * rule.max_length}
    assert Rule.LENGTH not in broken(validate(message, fitting, context), rule.param)


@pytest.mark.proves("SX-097", "SX-123", "SX-124", "SX-125", "SX-126", "SX-127", "SX-129")
@pytest.mark.parametrize(("message", "rule"), cases(*MESSAGES, where="coded"))
def test_codes_are_those_of_the_dictionary(
    message: str, rule: FieldRule, records: dict[str, dict[str, object]], context: Context
) -> None:
    assert rule.dictionary is not None
    for code in rule.dictionary.names:
        record = records[message] | {rule.param: code}
        assert Rule.DICTIONARY not in broken(validate(message, record, context), rule.param), code
    for code in ("77777", "-1", "未知代码"):
        outcome = validate(message, records[message] | {rule.param: code}, context)
        assert broken(outcome, rule.param) & {Rule.DICTIONARY, Rule.TYPE}, code


@pytest.mark.proves("SX-097")
@pytest.mark.parametrize(("message", "rule"), cases(*MESSAGES, where="several"))
def test_several_codes_may_stand_in_one_field(
    message: str, rule: FieldRule, records: dict[str, dict[str, object]], context: Context
) -> None:
    assert rule.dictionary is not None
    one, other = list(rule.dictionary.names)[:2]
    for separator in rule.separators:
        good = records[message] | {rule.param: f"{one}{separator}{other}"}
        assert broken(validate(message, good, context), rule.param) == set()
        for wrong in (f"{one}{separator}ZZ", f"{one}{separator}", f"{separator}{one}"):
            bad = records[message] | {rule.param: wrong}
            assert Rule.DICTIONARY in broken(validate(message, bad, context), rule.param), wrong
    unseparated = records[message] | {rule.param: f"{one};{other}"}
    assert Rule.DICTIONARY in broken(validate(message, unseparated, context), rule.param)


@pytest.mark.proves("SX-097")
@pytest.mark.parametrize(("message", "rule"), cases(*MESSAGES, where="formed"))
def test_forms_are_kept(message: str, rule: FieldRule, records: dict[str, dict[str, object]], context: Context) -> None:
    assert rule.format is not None
    good = records[message] | {rule.param: GOOD_VALUES[rule.format.id]}
    assert broken(validate(message, good, context), rule.param) == set()
    for value in BAD_VALUES[rule.format.id]:
        bad = records[message] | {rule.param: value}
        assert Rule.FORMAT in broken(validate(message, bad, context), rule.param), value


@pytest.mark.proves("SX-097", "SX-112")
@pytest.mark.parametrize(("message", "rule"), cases(*MESSAGES, where="any"))
def test_types_are_kept(message: str, rule: FieldRule, records: dict[str, dict[str, object]], context: Context) -> None:
    wrong: list[object] = [True, False, {"a": 1}, 1.5]
    wrong += ["文本"] if rule.kind is Kind.ARRAY else [["文本"]]
    wrong += [] if rule.kind is Kind.NUMBER else [12]
    for value in wrong:
        outcome = validate(message, records[message] | {rule.param: value}, context)
        assert broken(outcome, rule.param) == {Rule.TYPE}, value


@pytest.mark.parametrize(("message", "rule"), cases(*MESSAGES, where="any"))
def test_no_control_characters(
    message: str, rule: FieldRule, records: dict[str, dict[str, object]], context: Context
) -> None:
    if rule.kind not in (Kind.STRING, Kind.TEXT):
        return
    for character in ("\x00", "\x1b", "\x7f", "\x85", "\ud800"):
        outcome = validate(message, records[message] | {rule.param: f"a{character}b"}, context)
        assert Rule.CHARACTER in broken(outcome, rule.param), hex(ord(character))
    outcome = validate(message, records[message] | {rule.param: "第一行\r\n\t第二行"}, context)
    assert (Rule.CHARACTER in broken(outcome, rule.param)) == (rule.kind is Kind.STRING)


@pytest.mark.parametrize(("message", "rule"), cases(*MESSAGES, where="any"))
def test_number_fields_take_numbers_and_their_text(
    message: str, rule: FieldRule, records: dict[str, dict[str, object]], context: Context
) -> None:
    if rule.kind is not Kind.NUMBER:
        return
    assert rule.dictionary is not None
    code = next(iter(rule.dictionary.names))
    for value in (code, int(code), float(code)):
        outcome = validate(message, records[message] | {rule.param: value}, context)
        assert broken(outcome, rule.param) == set()
    for value in (10**30, float("inf"), float("nan"), "1e3", "０", "9" * 5000):
        outcome = validate(message, records[message] | {rule.param: value}, context)
        assert broken(outcome, rule.param), value


@pytest.mark.proves("SX-108", "SX-104")
def test_settlements_are_checked_row_by_row(exam: dict[str, object], context: Context, shanxi: DialectPack) -> None:
    good = exam["setInfoList"][0]  # type: ignore[index]
    for rule in shanxi.tables["set_info"].rules:
        rows = [good, good | {rule.param: ""}]
        outcome = validate("exam", exam | {"setInfoList": rows}, context)
        assert [fault.field for fault in outcome.faults] == [f"setInfoList[1].{rule.param}"]
    outcome = validate("exam", exam | {"setInfoList": [good | {"examPart": "BW23ZYZZ"}, "x"]}, context)
    assert [(fault.field, fault.rule) for fault in outcome.faults] == [
        ("setInfoList[0].examPart", Rule.DICTIONARY),
        ("setInfoList[1]", Rule.TYPE),
    ]


def test_every_condition_has_a_text() -> None:
    named = {rule.presence.condition for _, rule in fields(*MESSAGES) if rule.presence.condition}
    assert named == set(rules.CONDITION_TEXTS)
