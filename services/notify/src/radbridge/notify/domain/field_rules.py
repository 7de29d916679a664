"""The vendors' rules for template fields: what each kind may hold, how long it may be, and how we make a value fit.

WeChat names a field by its kind and a number (``thing1``); the rules are those of its subscription-message page.
SMS variables have no kind in their name: their limit comes from the attribute under which the template was audited.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

ELLIPSIS = "…"


class FieldKind(StrEnum):
    """WeChat's kinds, and ``sms_variable`` for the SMS vendors."""

    THING = "thing"
    NUMBER = "number"
    LETTER = "letter"
    SYMBOL = "symbol"
    CHARACTER_STRING = "character_string"
    TIME = "time"
    DATE = "date"
    AMOUNT = "amount"
    PHONE_NUMBER = "phone_number"
    CAR_NUMBER = "car_number"
    NAME = "name"
    PHRASE = "phrase"
    SMS_VARIABLE = "sms_variable"


@dataclass(frozen=True, slots=True)
class FieldRule:
    """``pattern`` is what the vendor lets through at any length, ``limit`` its length in characters.

    Only prose may be shortened: half a number, code or time would be a wrong one.
    """

    pattern: re.Pattern[str]
    limit: int
    prose: bool = False


_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Cn"})
_CLOCK = r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?"
_DAY = r"\d{4}(?:年\d{1,2}月\d{1,2}日|-\d{1,2}-\d{1,2}|/\d{1,2}/\d{1,2})"
_URL = re.compile(r"https?:|www\.|[a-z0-9-]+\.(?:com|cn|net|org|top|link|me|io)\b", re.IGNORECASE)

FIELD_RULES: dict[FieldKind, FieldRule] = {
    FieldKind.THING: FieldRule(re.compile(r".+"), 20, prose=True),
    FieldKind.NUMBER: FieldRule(re.compile(r"-?\d+(?:\.\d+)?"), 32),
    FieldKind.LETTER: FieldRule(re.compile(r"[A-Za-z]+"), 32),
    FieldKind.SYMBOL: FieldRule(re.compile(r"[^\w\s]+"), 5),
    FieldKind.CHARACTER_STRING: FieldRule(re.compile(r"[\x21-\x7e]+"), 32),
    FieldKind.TIME: FieldRule(re.compile(rf"(?:{_DAY} ?)?{_CLOCK}(?:~(?:{_DAY} ?)?{_CLOCK})?"), 64),
    FieldKind.DATE: FieldRule(re.compile(rf"{_DAY}(?: ?{_CLOCK})?"), 32),
    FieldKind.AMOUNT: FieldRule(re.compile(r"[¥￥$€£]?\d{1,10}(?:\.\d+)?元?"), 13),
    FieldKind.PHONE_NUMBER: FieldRule(re.compile(r"[\d+-]+"), 17),
    FieldKind.CAR_NUMBER: FieldRule(re.compile(r"[一-鿿A-Z0-9]+"), 8),
    FieldKind.NAME: FieldRule(re.compile(r"[一-鿿]{1,10}|[A-Za-z .·-]{1,20}"), 20),
    FieldKind.PHRASE: FieldRule(re.compile(r"[一-鿿]+"), 5),
    FieldKind.SMS_VARIABLE: FieldRule(re.compile(r".+"), 35, prose=True),
}


def wechat_kind(field_name: str) -> FieldKind:
    """``thing1`` -> THING. Raises ValueError for a name that WeChat would not issue."""
    kind = FieldKind(field_name.rstrip("0123456789"))
    if kind is FieldKind.SMS_VARIABLE or field_name == kind:
        raise ValueError(f"{field_name} is not a WeChat field name")
    return kind


def holds_url(text: str) -> bool:
    """Whether an SMS vendor would see a URL in a variable, and refuse it."""
    return _URL.search(text) is not None


def length(text: str) -> int:
    """Characters as the vendors count them: UTF-16 units, so a rare character outside the basic plane counts twice."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def fits(kind: FieldKind, text: str, limit: int | None = None) -> bool:
    """Whether the vendor would let ``text`` through; ``limit`` replaces the kind's own."""
    rule = FIELD_RULES[kind]
    if kind is FieldKind.SMS_VARIABLE and holds_url(text):
        return False
    return length(text) <= (limit or rule.limit) and rule.pattern.fullmatch(text) is not None


def on_one_line(text: str) -> str:
    """``text`` in NFC with every run of white space as one blank and without control or format characters."""
    visible = "".join(
        " " if character.isspace() else character
        for character in unicodedata.normalize("NFC", text)
        if character.isspace() or unicodedata.category(character) not in _INVISIBLE
    )
    return " ".join(visible.split())


def shorten(text: str, limit: int) -> str:
    """At most ``limit`` (>= 1) characters of ``text``, the cut marked by an ellipsis.

    A character is never separated from its combining marks.
    """
    if length(text) <= limit:
        return text
    kept = len(text)
    while kept and (length(text[:kept]) >= limit or unicodedata.combining(text[kept])):
        kept -= 1
    return text[:kept].rstrip() + ELLIPSIS
