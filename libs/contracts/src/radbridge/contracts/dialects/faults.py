"""What is wrong with a record, said so that a hospital can mend it: field, rule, offending value.

Messages are Chinese and name the wire field. Values of personal fields are masked, all values are shortened; texts of
unlimited length are never quoted.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

_SHOWN_CHARACTERS = 40
_REPORTED_FAULTS = 300
_PERSONAL_NUMBER = re.compile(r"(?<![0-9])(?:[0-9]{17}[0-9Xx]|1[0-9]{10})(?![0-9])")
_UNSHOWABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_JSON_TYPES: Mapping[type[object], str] = {
    str: "字符串",
    int: "数字",
    float: "数字",
    bool: "布尔值",
    list: "数组",
    dict: "对象",
    type(None): "空值",
}


class Rule(StrEnum):
    """The kind of rule that a value breaks; the values are its Chinese labels."""

    REQUIRED = "必填"
    TYPE = "类型"
    LENGTH = "长度"
    CHARACTER = "字符"
    DICTIONARY = "字典"
    FORMAT = "格式"
    IDENTIFIER = "号码"
    CONSISTENCY = "一致性"
    COUNT = "条数"


@dataclass(frozen=True, slots=True)
class Fault:
    """One broken rule. ``field`` is the wire path (``setInfoList[0].examPart``), ``value`` what may be shown of it."""

    field: str
    rule: Rule
    message: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Validation:
    """Outcome for one record. ``faults`` refuse it; ``findings`` are shortcomings of quality that do not."""

    faults: tuple[Fault, ...] = ()
    findings: tuple[Fault, ...] = ()

    @property
    def is_accepted(self) -> bool:
        """Whether nothing refuses the record."""
        return not self.faults


def fault_report(faults: Sequence[Fault]) -> str:
    """All faults in one Chinese text, for the answers of standards whose answer is a text."""
    lines = [f"{number}. [{fault.rule}] {fault.message}" for number, fault in enumerate(faults[:_REPORTED_FAULTS], 1)]
    rest = f"；另有{len(faults) - _REPORTED_FAULTS}处未列出" if len(faults) > _REPORTED_FAULTS else ""
    return f"数据校验未通过，共{len(faults)}处：{'；'.join(lines)}{rest}"


def shown(value: object, *, is_personal: bool) -> str:
    """What of a value may appear in an answer: shortened, personal values masked, containers by type only."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return json_type(value)
    if isinstance(value, int) and value.bit_length() > 64:
        return "超大数字"
    text = str(value)
    if is_personal:
        return masked(text)
    text = _UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", text[: _SHOWN_CHARACTERS + 18])
    text = _PERSONAL_NUMBER.sub(lambda match: masked(match.group()), text)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def masked(text: str) -> str:
    """First character, then stars: enough to find the record, too little to know the person."""
    first = _UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", text[:1])
    return first + "*" * min(max(len(text) - 1, 2), 17)


def json_type(value: object) -> str:
    """Chinese name of a value's JSON type."""
    return _JSON_TYPES.get(type(value), "未知类型")
