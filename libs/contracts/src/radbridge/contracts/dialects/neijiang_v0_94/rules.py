"""What 501 and its marks must satisfy beyond their tables."""

from collections.abc import Callable, Iterator, Mapping
from typing import cast

from radbridge.contracts.dialects.codec import wire_text
from radbridge.contracts.dialects.faults import Fault, Rule, Validation, shown
from radbridge.contracts.dialects.field_table import FieldTable
from radbridge.contracts.dialects.record_rules import Context, Record, RecordRule, same_as_sender_rule
from radbridge.contracts.dialects.validate import label
from radbridge.contracts.identifiers import is_possible_resident_id, normalize_resident_id

CONDITION_TEXTS: Mapping[str, str] = {"not_recognised": "smrMark 为 2（不互认）时必填"}

_NOT_RECOGNISED = "2"


def no_conditions(record: Record, context: Context) -> frozenset[str]:
    """Requests whose tables have no conditional fields."""
    return frozenset()


def flat_mark_conditions(record: Record, context: Context) -> frozenset[str]:
    """Conditions of :data:`CONDITION_TEXTS` that hold for a mark in the shape of 502."""
    return frozenset({"not_recognised"} if wire_text(record.get("smrMark")) == _NOT_RECOGNISED else ())


def is_listed_mark(record: object) -> bool:
    """Whether a mark has the shape of 501, a list of decisions; otherwise that of 502, one flat decision. A body that
    shows neither is taken for 501."""
    if not isinstance(record, dict):
        return True
    return "smrInfo" in record or not ("Code" in record or "smrMark" in record)


def _resident_id(table: FieldTable, record: Record, context: Context) -> Iterator[Fault]:
    number = wire_text(record.get("ICCard"))
    if number and not is_possible_resident_id(normalize_resident_id(number), context.today):
        message = f"{label('ICCard', table.rule('ICCard').name_zh)}不是有效的居民身份证号码（GB 11643）"
        yield Fault("ICCard", Rule.IDENTIFIER, message, shown(number, is_personal=True))


def _reasons(table: FieldTable, record: Record, context: Context) -> Iterator[Fault]:
    items = record.get("smrInfo")
    if not isinstance(items, list):
        return
    for index, item in enumerate(cast("list[object]", items)):
        if not isinstance(item, dict):
            continue
        members = cast("Record", item)
        if wire_text(members.get("smrMark")) == _NOT_RECOGNISED and not wire_text(members.get("smrMessage")):
            field = f"smrInfo[{index}].smrMessage"
            message = f"{label(field, '不互认原因')}不能为空（{CONDITION_TEXTS['not_recognised']}）"
            yield Fault(field, Rule.REQUIRED, message)


_RESIDENT_ID_RULE = RecordRule(
    ("ICCard",),
    "Finding: ICCard should pass GB 11643; a visit without real name carries `-` and finds nothing.",
    _resident_id,
    is_finding=True,
)

QUERY_RULES: tuple[RecordRule, ...] = (same_as_sender_rule("hospitalCode"), _RESIDENT_ID_RULE)
LISTED_MARK_RULES: tuple[RecordRule, ...] = (
    same_as_sender_rule("hospitalCode"),
    _RESIDENT_ID_RULE,
    RecordRule(("smrInfo[].smrMessage",), "smrMessage is demanded of every decision whose smrMark is 2.", _reasons),
)
FLAT_MARK_RULES: tuple[RecordRule, ...] = (same_as_sender_rule("hospitalCode"),)


def mark_validator(
    listed: Callable[[object, Context], Validation], flat: Callable[[object, Context], Validation]
) -> Callable[[object, Context], Validation]:
    """The check of a mark in whichever of the two printed shapes it comes."""

    def validate(record: object, context: Context) -> Validation:
        return (listed if is_listed_mark(record) else flat)(record, context)

    return validate
