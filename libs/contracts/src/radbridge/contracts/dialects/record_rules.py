"""Rules over several fields of a record, and what the record alone does not tell.

A field table judges each field by itself; what fields say about each other stands here, as objects that carry their own
text for the reference page.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import cast

from radbridge.contracts.dialects.codec import wire_text
from radbridge.contracts.dialects.faults import Fault, Rule, Validation, shown
from radbridge.contracts.dialects.field_table import FieldTable
from radbridge.contracts.dialects.formats import FORMATS
from radbridge.contracts.dialects.validate import RecordValidator, label
from radbridge.contracts.identifiers import is_credit_code, is_possible_resident_id, normalize_resident_id

RESIDENT_ID_CODE = "01"


@dataclass(frozen=True, slots=True)
class Context:
    """What is known about a record from outside of it. ``hospital_code`` is the code whose credentials the request
    carried, ``is_merged`` that exam and report came in one message, ``today`` the day in China on which it arrived
    (``None``: nothing is compared with it)."""

    hospital_code: str | None = None
    is_merged: bool = False
    today: date | None = None


Record = Mapping[str, object]
Check = Callable[[FieldTable, Record, Context], Iterator[Fault]]


@dataclass(frozen=True, slots=True)
class RecordRule:
    """A rule over fields of one record: ``text`` for the reference page, ``check`` yields what breaks it. A finding
    does not refuse the record."""

    fields: tuple[str, ...]
    text: str
    check: Check
    is_finding: bool = False


def validator_of(
    table: FieldTable,
    *,
    rules: Sequence[RecordRule],
    conditions: Callable[[Record, Context], frozenset[str]],
    condition_texts: Mapping[str, str],
) -> Callable[[object, Context], Validation]:
    """The whole check of one kind of record: its fields, then its rules. It never raises."""
    validator = RecordValidator(table, condition_texts)

    def validate(record: object, context: Context) -> Validation:
        if not isinstance(record, dict):
            return validator.validate(record)
        named = table.with_printed_names(cast("dict[str, object]", record))
        outcome = validator.validate(named, conditions(named, context))
        faults = list(outcome.faults)
        findings = list(outcome.findings)
        wrong_already = {fault.field for fault in faults}
        for rule in rules:
            for fault in rule.check(table, named, context):
                if fault.field not in wrong_already:
                    (findings if rule.is_finding else faults).append(fault)
        return Validation(tuple(faults), tuple(findings))

    return validate


def resident_id_rule(type_field: str, number_field: str) -> RecordRule:
    """A document of type 01 must carry a number that passes GB 11643."""

    def check(table: FieldTable, record: Record, context: Context) -> Iterator[Fault]:
        number = wire_text(record.get(number_field))
        if wire_text(record.get(type_field)) != RESIDENT_ID_CODE or not number:
            return
        if not is_possible_resident_id(normalize_resident_id(number), context.today):
            name = label(number_field, table.rule(number_field).name_zh)
            message = f"{name}不是有效的居民身份证号码（GB 11643：18位、省份代码、出生日期、校验码）"
            yield Fault(number_field, Rule.IDENTIFIER, message, shown(number, is_personal=True))

    text = (
        f"With {type_field} = {RESIDENT_ID_CODE}, {number_field} must pass GB 11643 "
        "(length, province, a date that is not to come, check character)."
    )
    return RecordRule((type_field, number_field), text, check)


def credit_code_rule(field: str) -> RecordRule:
    """A credit code must pass GB 32100. The code under which the sender is registered was judged when it was
    registered."""

    def check(table: FieldTable, record: Record, context: Context) -> Iterator[Fault]:
        code = wire_text(record.get(field))
        if code and code != context.hospital_code and not is_credit_code(code):
            quoted = shown(code, is_personal=False)
            name = label(field, table.rule(field).name_zh)
            yield Fault(
                field, Rule.IDENTIFIER, f"{name}应为{FORMATS['credit_code'].description}，实际为“{quoted}”", quoted
            )

    text = f"{field} must pass GB 32100 (alphabet, length, last character) unless it is the sender's registered code."
    return RecordRule((field,), text, check)


def same_as_sender_rule(field: str) -> RecordRule:
    """The hospital code in the record must be that of the request's credentials."""

    def check(table: FieldTable, record: Record, context: Context) -> Iterator[Fault]:
        code = wire_text(record.get(field))
        if code and context.hospital_code is not None and code != context.hospital_code:
            quoted = shown(code, is_personal=False)
            name = label(field, table.rule(field).name_zh)
            yield Fault(field, Rule.CONSISTENCY, f"{name}“{quoted}”与请求的 hospitalCode 不一致", quoted)

    return RecordRule((field,), f"{field} must equal the hospitalCode of the envelope.", check)
