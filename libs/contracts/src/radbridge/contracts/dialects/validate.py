"""Checks a record against its field table and returns all faults at once.

A good record passes one plain loop with a handful of cheap tests a field; only a value that fails them is looked at
again, slowly, to say what is wrong with it. Nothing that JSON can express makes the check raise.

What counts as what:

- Missing: absent, ``null``, empty, or blanks only; for arrays also the empty one, which is ill-typed elsewhere.
- A number field takes a whole JSON number or its text (``1``, ``"1"``, ``1.0``): the standards' own samples print both.
  A string field takes strings only: no sample shows a number there, and codes such as ``01`` do not survive as numbers.
- A boolean field takes ``true`` and ``false`` or their texts in any case; elsewhere booleans stand for nothing.
- Lengths count characters (code points), as the tables do.
- NUL, control characters and lone surrogates are refused everywhere; ``text`` fields may hold tabs and line breaks.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Final, cast

from radbridge.contracts.dialects.faults import Fault, Rule, Validation, json_type, shown
from radbridge.contracts.dialects.field_table import FieldRule, FieldTable, Kind, Presence

MAX_FAULTS: Final = 1000
"""A record is given up after so many: enough for any honest one, too few to fill the memory."""

_NO_CONDITIONS: Final[frozenset[str]] = frozenset()
_FORBIDDEN_IN_STRINGS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_FORBIDDEN_IN_TEXTS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_WHOLE_NUMBER: Final = re.compile(r"-?[0-9]+")
_LARGEST_NUMBER: Final = 10**18

_EXPECTED: Final[Mapping[Kind, str]] = {
    Kind.NUMBER: "数字",
    Kind.BOOLEAN: "布尔值",
    Kind.ARRAY: "数组",
    Kind.OBJECT: "对象",
}

_Check = Callable[[str], bool]

# One field as the loop sees it, everything looked up beforehand: name, longest length, codes, check of the text,
# whether it must be printable, whether it may be absent, and its rule. A plain tuple, because those unpack fastest.
_Step = tuple[str, int, frozenset[object] | None, _Check | None, bool, bool, FieldRule]


class RecordValidator:
    """The checks of one table, prepared once and used for every record. ``condition_texts`` say in Chinese when a
    conditional field is demanded."""

    def __init__(self, table: FieldTable, condition_texts: Mapping[str, str] | None = None) -> None:
        self.table = table
        self._condition_texts = condition_texts or {}
        self._steps: tuple[_Step, ...] = tuple(_step(rule) for rule in table.rules)
        self._items = {
            rule.param: RecordValidator(rule.items, condition_texts) for rule in table.rules if rule.items is not None
        }

    def validate(self, record: object, conditions: frozenset[str] = _NO_CONDITIONS, path: str = "") -> Validation:
        """Every fault and finding of one record. ``conditions`` are those that hold for it, ``path`` is put in front of
        the field names (``setInfoList[0].``)."""
        faults: list[Fault] = []
        findings: list[Fault] = []
        self._collect(record, conditions, path, faults, findings)
        return Validation(tuple(faults), tuple(findings))

    def _collect(
        self, record: object, conditions: frozenset[str], path: str, faults: list[Fault], findings: list[Fault]
    ) -> None:
        if not isinstance(record, dict):
            faults.append(_not_an_object(record, path))
            return
        get = self.table.with_printed_names(cast("dict[str, object]", record)).get
        for param, limit, codes, check, needs_printable, may_be_absent, rule in self._steps:
            value = get(param)
            if type(value) is str:
                if (
                    value
                    and len(value) <= limit
                    and (not needs_printable or value.isprintable())
                    and (codes is None or value in codes)
                    and (check is None or check(value))
                    and not value.isspace()
                ):
                    continue
                if value and not value.isspace():
                    faults.extend(_faults_of_value(rule, value, path + param))
                    continue
            elif value is None:
                pass
            elif type(value) is int and codes is not None and value in codes:
                continue
            elif value != [] or rule.kind is not Kind.ARRAY:
                self._collect_other(rule, value, conditions, path + param, faults, findings)
                continue
            if may_be_absent:
                continue
            if rule.presence.is_demanded(conditions):
                faults.append(self._missing(rule, path + param))
            elif rule.presence.is_finding:
                findings.append(self._missing(rule, path + param))

    def _collect_other(
        self,
        rule: FieldRule,
        value: object,
        conditions: frozenset[str],
        path: str,
        faults: list[Fault],
        findings: list[Fault],
    ) -> None:
        """A value that is no text: an array, an object, or something that does not belong there."""
        if rule.kind is Kind.ARRAY and isinstance(value, list):
            self._collect_items(rule.param, cast("list[object]", value), conditions, path, faults, findings)
        elif not (
            (rule.kind is Kind.OBJECT and isinstance(value, dict))
            or (rule.kind is Kind.BOOLEAN and isinstance(value, bool))
        ):
            faults.extend(_faults_of_value(rule, value, path))

    def _collect_items(
        self,
        param: str,
        items: list[object],
        conditions: frozenset[str],
        path: str,
        faults: list[Fault],
        findings: list[Fault],
    ) -> None:
        validator = self._items.get(param)
        if validator is None:
            return
        for index, item in enumerate(items):
            validator._collect(item, conditions, f"{path}[{index}].", faults, findings)
            if len(faults) >= MAX_FAULTS:
                del faults[MAX_FAULTS:]
                return

    def _missing(self, rule: FieldRule, field: str) -> Fault:
        condition = self._condition_texts.get(rule.presence.condition or "", "")
        when = f"（{condition}）" if condition else ""
        return Fault(field, Rule.REQUIRED, f"{label(field, rule.name_zh)}不能为空{when}")


def label(field: str, name_zh: str) -> str:
    """How a field is called in messages: wire path and Chinese name."""
    return f"{field}（{name_zh}）" if name_zh else field


def _step(rule: FieldRule) -> _Step:
    takes_text = rule.kind not in (Kind.ARRAY, Kind.OBJECT)
    limit = -1 if not takes_text else sys.maxsize if rule.max_length is None else rule.max_length
    codes: frozenset[object] | None = None
    check: _Check | None = rule.format.matches if rule.format else None
    if rule.separators:
        check = _every_piece_passes(rule)
    elif rule.dictionary is not None and rule.dictionary.prefix_length:
        check = rule.dictionary.contains
    elif rule.dictionary is not None:
        codes = frozenset(rule.dictionary.names)
        if rule.kind is Kind.NUMBER:
            codes |= {int(code) for code in rule.dictionary.names}
    elif rule.kind is Kind.NUMBER and rule.format is None:
        check = _is_whole_number
    elif rule.kind is Kind.BOOLEAN:
        check = _is_boolean_text
    return rule.param, limit, codes, check, rule.kind is not Kind.BASE64, rule.presence == Presence(), rule


def _every_piece_passes(rule: FieldRule) -> _Check:
    codes = rule.dictionary.names if rule.dictionary else None
    nothing = rule.separators + " "

    def passes(value: str) -> bool:
        if codes is None:
            return bool(value.strip(nothing))
        return value in codes or all(piece in codes for piece in rule.pieces(value))

    return passes


def _is_boolean_text(value: str) -> bool:
    return value.lower() in ("true", "false")


def _is_whole_number(value: str) -> bool:
    return _WHOLE_NUMBER.fullmatch(value) is not None


def _not_an_object(value: object, path: str) -> Fault:
    field = path.removesuffix(".") or "data"
    return Fault(field, Rule.TYPE, f"{field}应为对象，实际为{json_type(value)}")


def _faults_of_value(rule: FieldRule, value: object, field: str) -> Iterator[Fault]:
    """What is wrong with a value that is there, in the order: type, length, characters, dictionary, format."""
    name = label(field, rule.name_zh)
    text = _text_of(rule, value)
    if text is None:
        expected = _EXPECTED.get(rule.kind, "字符串")
        quoted = shown(value, is_personal=rule.is_personal)
        yield Fault(field, Rule.TYPE, f"{name}应为{expected}，实际为{json_type(value)}", quoted)
        return
    value_shown = "" if rule.kind in (Kind.TEXT, Kind.BASE64) else shown(text, is_personal=rule.is_personal)
    if rule.max_length is not None and len(text) > rule.max_length:
        yield Fault(field, Rule.LENGTH, f"{name}长度{len(text)}超过上限{rule.max_length}", value_shown)
    if rule.kind is not Kind.BASE64:
        yield from _forbidden_characters(rule, text, field)
    pieces = rule.pieces(text)
    if rule.dictionary is not None:
        contains = rule.dictionary.contains
        for wrong in dict.fromkeys(piece for piece in pieces if not contains(piece)):
            quoted = shown(wrong, is_personal=rule.is_personal)
            yield Fault(field, Rule.DICTIONARY, f"{name}的值“{quoted}”不在“{rule.dictionary.title}”中", quoted)
    if rule.separators and not any(pieces):
        yield Fault(field, Rule.REQUIRED, f"{name}只有分隔符，没有内容", value_shown)
    if rule.format is not None and not rule.format.matches(text):
        quoted = f"，实际为“{value_shown}”" if value_shown else ""
        yield Fault(field, Rule.FORMAT, f"{name}格式应为{rule.format.description}{quoted}", value_shown)


def _text_of(rule: FieldRule, value: object) -> str | None:
    """The value as the text that the other checks look at, or ``None`` when it has the wrong type."""
    if rule.kind is Kind.NUMBER:
        if isinstance(value, str):
            return value if _WHOLE_NUMBER.fullmatch(value) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if not -_LARGEST_NUMBER < value < _LARGEST_NUMBER or value != int(value):
            return None
        return str(int(value))
    if rule.kind is Kind.BOOLEAN:
        return value if isinstance(value, str) and _is_boolean_text(value) else None
    return value if isinstance(value, str) and rule.kind not in (Kind.ARRAY, Kind.OBJECT) else None


def _forbidden_characters(rule: FieldRule, text: str, field: str) -> Iterator[Fault]:
    pattern = _FORBIDDEN_IN_TEXTS if rule.kind is Kind.TEXT else _FORBIDDEN_IN_STRINGS
    match = pattern.search(text)
    if match is not None:
        code_point = f"U+{ord(match.group()):04X}"
        name = label(field, rule.name_zh)
        message = f"{name}第{match.start() + 1}个字符是不允许的控制字符（{code_point}）"
        yield Fault(field, Rule.CHARACTER, message, code_point)
