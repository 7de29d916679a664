"""What Shanxi's exam and report records must satisfy beyond their tables.

An exam is pushed as soon as it is registered, a report possibly before it is audited: conditions name the stage from
which a field is demanded. A record that does not tell its stage is held to the print.
"""

from collections.abc import Callable, Iterator, Mapping
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
from radbridge.contracts.identifiers import normalize_resident_id, resident_id_birth_date

CONDITION_TEXTS: Mapping[str, str] = {
    "examined": "检查完成后必填",
    "catalogued": "填写 examItemCode 时必填",
    "outpatient": "patientFrom 为 1、2 时必填",
    "inpatient": "patientFrom 为 3 时必填",
    "written": "报告书写后必填",
    "audited": "checkStatus 为 4 时必填",
    "audited_without_file": "checkStatus 为 4 时与 reportPdfBase64 二选一",
    "finally_audited": "isLastAudit 为 1 时必填",
}

_NOT_DONE_EXAM_STATUSES = {"1", "2", "3", "5"}
_UNWRITTEN_CHECK_STATUSES = {"1", "2", "5"}
_UNEXAMINED_CHECK_STATUSES = {"1", "5"}
_MALE, _FEMALE = "1", "2"


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


EXAM_RULES: tuple[RecordRule, ...] = (
    same_as_sender_rule("hospitalCode"),
    credit_code_rule("hospitalCode"),
    resident_id_rule("cardType", "idCard"),
    resident_id_rule("diagnosticDoctorType", "diagnosticDoctorNo"),
    resident_id_rule("applyDoctorIdType", "applyDoctorIdNo"),
    resident_id_rule("examDoctorIdType", "examDoctorIdNo"),
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
    RecordRule(
        ("ACCESS_NO", "recordNum"),
        "Finding: ACCESS_NO should equal recordNum.",
        _access_number,
        is_finding=True,
    ),
)


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
            merged = Context(hospital_code=context.hospital_code, is_merged=True)
            for name, validate_part in parts.items():
                part = members.get(name)
                if isinstance(part, dict):
                    outcome = validate_part(cast("object", part), merged)
                    faults.extend(_below(name, outcome.faults))
                    findings.extend(_below(name, outcome.findings))
        return Validation(tuple(faults), tuple(findings))

    return validate


def _below(name: str, faults: tuple[Fault, ...]) -> Iterator[Fault]:
    for fault in faults:
        yield Fault(f"{name}.{fault.field}", fault.rule, f"{name}.{fault.message}", fault.value)
