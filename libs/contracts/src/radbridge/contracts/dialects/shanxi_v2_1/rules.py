"""What Shanxi's exam and report records must satisfy beyond their tables.

An exam is pushed as soon as it is registered, a report possibly before it is audited: conditions name the stage from
which a field is demanded. A record that does not tell its stage is held to the print.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import cast

from radbridge.contracts.dialects.codec import wire_text
from radbridge.contracts.dialects.faults import Fault, Rule, Validation, shown
from radbridge.contracts.dialects.field_table import FieldTable
from radbridge.contracts.dialects.record_rules import (
    RESIDENT_ID_CODE,
    Context,
    Record,
    RecordRule,
    credit_code_rule,
    resident_id_rule,
    same_as_sender_rule,
)
from radbridge.contracts.dialects.validate import RecordValidator, label
from radbridge.contracts.identifiers import is_resident_id, normalize_resident_id, resident_id_birth_date

CONDITION_TEXTS: Mapping[str, str] = {
    "examined": "检查完成后必填",
    "catalogued": "填写 examItemCode 时必填",
    "outpatient": "patientFrom 为 1、2 时必填",
    "inpatient": "patientFrom 为 3 时必填",
    "written": "报告书写后必填",
    "audited": "checkStatus 为 4 时必填",
    "audited_without_file": "checkStatus 为 4 时与 reportPdfBase64 二选一",
    "finally_audited": "isLastAudit 为 1 时必填",
    "device_left_out": "该字段必传，检查设备为空时传 OT",
}

_NOT_DONE_EXAM_STATUSES = {"1", "2", "3", "5"}
_UNWRITTEN_CHECK_STATUSES = {"1", "2", "5"}
_UNEXAMINED_CHECK_STATUSES = {"1", "5"}
_MALE, _FEMALE = "1", "2"
_LONGEST_PLACEHOLDER = 4
"""Characters of what may stand for a document that nobody has, such as ``-`` or ``无``."""


def exam_conditions(record: Record, context: Context) -> frozenset[str]:
    """Conditions of :data:`CONDITION_TEXTS` that hold for an exam."""
    patient_from = wire_text(record.get("patientFrom"))
    is_done = context.is_merged or wire_text(record.get("examStatus")) not in _NOT_DONE_EXAM_STATUSES
    return _holding(
        examined=is_done,
        catalogued=bool(wire_text(record.get("examItemCode"))),
        outpatient=patient_from in ("1", "2"),
        inpatient=patient_from == "3",
    )


def report_conditions(record: Record, context: Context) -> frozenset[str]:
    """Conditions of :data:`CONDITION_TEXTS` that hold for a report."""
    check_status = wire_text(record.get("checkStatus"))
    is_audited = check_status == "4"
    return _holding(
        examined=check_status not in _UNEXAMINED_CHECK_STATUSES,
        written=check_status not in _UNWRITTEN_CHECK_STATUSES,
        audited=is_audited,
        audited_without_file=is_audited and not wire_text(record.get("reportPdfBase64")),
        finally_audited=wire_text(record.get("isLastAudit")) == "1",
        device_left_out=record.get("instra") is None,
    )


def _holding(**conditions: bool) -> frozenset[str]:
    return frozenset(name for name, holds in conditions.items() if holds)


def _birth_date_in_id(table: FieldTable, record: Record, context: Context) -> Iterator[Fault]:
    number = normalize_resident_id(wire_text(record.get("idCard")))
    birthday = wire_text(record.get("patBirthday"))
    if wire_text(record.get("cardType")) != RESIDENT_ID_CODE or not birthday:
        return
    in_number = resident_id_birth_date(number)
    if in_number is not None and in_number.isoformat() != birthday:
        message = f"{label('patBirthday', table.rule('patBirthday').name_zh)}与身份证号码中的出生日期不一致"
        yield Fault("patBirthday", Rule.CONSISTENCY, message, shown(birthday, is_personal=True))


def _sex_in_id(table: FieldTable, record: Record, context: Context) -> Iterator[Fault]:
    number = normalize_resident_id(wire_text(record.get("idCard")))
    sex = wire_text(record.get("sex"))
    if wire_text(record.get("cardType")) != RESIDENT_ID_CODE or sex not in (_MALE, _FEMALE):
        return
    order_digit = number[16:17]
    if order_digit.isascii() and order_digit.isdigit() and sex != (_MALE if int(order_digit) % 2 else _FEMALE):
        yield Fault("sex", Rule.CONSISTENCY, f"{label('sex', table.rule('sex').name_zh)}与身份证号码不一致", sex)


def _access_number(table: FieldTable, record: Record, context: Context) -> Iterator[Fault]:
    access_number = wire_text(record.get("ACCESS_NO"))
    if access_number and access_number != wire_text(record.get("recordNum")):
        quoted = shown(access_number, is_personal=False)
        name = label("ACCESS_NO", table.rule("ACCESS_NO").name_zh)
        yield Fault("ACCESS_NO", Rule.CONSISTENCY, f"{name}应与 recordNum 一致，实际为“{quoted}”", quoted)


def _is_personal(number: str, document: str) -> bool:
    number = normalize_resident_id(number)
    is_document = len(document) > _LONGEST_PLACEHOLDER and number == normalize_resident_id(document)
    return is_document or is_resident_id(number)


def _personal_number_fault(field: str, name: str, number: str) -> Fault:
    message = f"{name}不得使用身份证件号码：该编号以明文保存，请改用医院系统内部编号"
    return Fault(field, Rule.IDENTIFIER, message, shown(number, is_personal=True))


def _impersonal_number_rule(field: str, *, several: bool = False) -> RecordRule:
    """Numbers of exams, reports and orders rest and travel in clear, so nobody's document number may stand there."""

    def check(table: FieldTable, record: Record, context: Context) -> Iterator[Fault]:
        value = wire_text(record.get(field))
        document = wire_text(record.get("idCard"))
        if any(_is_personal(number, document) for number in (value.split(",") if several else [value])):
            yield _personal_number_fault(field, label(field, table.rule(field).name_zh), value)

    text = f"{field} must be no resident ID number (GB 11643) and not the patient's idCard: numbers are kept in clear."
    return RecordRule((field,), text, check)


EXAM_RULES: tuple[RecordRule, ...] = (
    same_as_sender_rule("hospitalCode"),
    credit_code_rule("hospitalCode"),
    resident_id_rule("cardType", "idCard"),
    resident_id_rule("diagnosticDoctorType", "diagnosticDoctorNo"),
    resident_id_rule("applyDoctorIdType", "applyDoctorIdNo"),
    resident_id_rule("examDoctorIdType", "examDoctorIdNo"),
    _impersonal_number_rule("risStudyId"),
    _impersonal_number_rule("labNum"),
    RecordRule(
        ("patBirthday", "idCard"),
        "Finding: patBirthday should be the date of birth in a resident ID number.",
        _birth_date_in_id,
        is_finding=True,
    ),
    RecordRule(
        ("sex", "idCard"),
        "Finding: sex 1 or 2 should agree with the 17th digit of a resident ID number.",
        _sex_in_id,
        is_finding=True,
    ),
)

REPORT_RULES: tuple[RecordRule, ...] = (
    same_as_sender_rule("hospitalCode"),
    credit_code_rule("hospitalCode"),
    credit_code_rule("reportMedinsCode"),
    credit_code_rule("auditMedinsCode"),
    credit_code_rule("lastAuditMedinsCode"),
    resident_id_rule("reportDoctorIdType", "reportDoctorIdNo"),
    resident_id_rule("auditDoctorIdType", "auditDoctorIdNo"),
    resident_id_rule("lastAuditDoctorIdType", "lastAuditDoctorNo"),
    _impersonal_number_rule("risStudyId", several=True),
    _impersonal_number_rule("labNum"),
    _impersonal_number_rule("recordNum"),
    RecordRule(
        ("ACCESS_NO", "recordNum"),
        "Finding: ACCESS_NO should equal recordNum.",
        _access_number,
        is_finding=True,
    ),
)


def _parts(merged: Record) -> tuple[Record, Record]:
    exam, report = merged.get("patient"), merged.get("report")
    return (
        cast("Record", exam) if isinstance(exam, dict) else {},
        cast("Record", report) if isinstance(report, dict) else {},
    )


def _report_of_its_exam(table: FieldTable, record: Record, context: Context) -> Iterator[Fault]:
    exam, report = _parts(record)
    number = wire_text(exam.get("risStudyId"))
    named = wire_text(report.get("risStudyId"))
    if number and named and number not in (part.strip() for part in named.split(",")):
        message = "report.risStudyId（检查唯一标识）应包含 patient.risStudyId"
        yield Fault("report.risStudyId", Rule.CONSISTENCY, message, shown(named, is_personal=False))


def _report_without_the_document(table: FieldTable, record: Record, context: Context) -> Iterator[Fault]:
    exam, report = _parts(record)
    document = wire_text(exam.get("idCard"))
    for field in ("risStudyId", "labNum", "recordNum"):
        value = wire_text(report.get(field))
        if any(_is_personal(number, document) for number in value.split(",")):
            yield _personal_number_fault(f"report.{field}", f"report.{field}", value)


MERGED_RULES: tuple[RecordRule, ...] = (
    RecordRule(
        ("report.risStudyId", "patient.risStudyId"),
        "report.risStudyId must contain patient.risStudyId.",
        _report_of_its_exam,
    ),
    RecordRule(
        ("report.risStudyId", "report.labNum", "report.recordNum", "patient.idCard"),
        "No number of the report may be patient.idCard: numbers are kept in clear.",
        _report_without_the_document,
    ),
)
"""Rules between the two parts of a merged upload."""


def merged_validator(
    table: FieldTable,
    exam: Callable[[object, Context], Validation],
    report: Callable[[object, Context], Validation],
) -> Callable[[object, Context], Validation]:
    """The check of a merged upload: both parts there, each by its own table and rules, faults of both at once."""
    parts = {"patient": exam, "report": report}
    validator = RecordValidator(table)

    def validate(record: object, context: Context) -> Validation:
        whole = validator.validate(record)
        faults = list(whole.faults)
        findings = list(whole.findings)
        if isinstance(record, dict):
            members = cast("dict[str, object]", record)
            merged = replace(context, is_merged=True)
            for name, validate_part in parts.items():
                part = members.get(name)
                if isinstance(part, dict):
                    outcome = validate_part(cast("object", part), merged)
                    faults.extend(_below(name, outcome.faults))
                    findings.extend(_below(name, outcome.findings))
            wrong_already = {fault.field for fault in faults}
            for rule in MERGED_RULES:
                faults.extend(f for f in rule.check(table, members, merged) if f.field not in wrong_already)
        return Validation(tuple(faults), tuple(findings))

    return validate


def _below(name: str, faults: tuple[Fault, ...]) -> Iterator[Fault]:
    for fault in faults:
        yield Fault(f"{name}.{fault.field}", fault.rule, f"{name}.{fault.message}", fault.value)
