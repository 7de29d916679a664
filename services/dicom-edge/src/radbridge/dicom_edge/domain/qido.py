"""QIDO-RS queries (PS3.18 section 8.3.4 and 10.6): parameters to conditions, conditions against data sets."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

from radbridge.dicom_edge.domain.dataset import tag_text
from radbridge.dicom_edge.domain.dictionary import tag_of, vr_of
from radbridge.dicom_edge.domain.json_model import Json, JsonDataSet, JsonElement

LIMIT_DEFAULT = 200
LIMIT_MAX = 5000

_TAG = re.compile(r"[0-9A-Fa-f]{8}", re.ASCII)
_OPTIONS = frozenset({"limit", "offset", "includefield", "fuzzymatching", "emptyvaluematching", "token"})
_RANGE_VRS = frozenset({"DA", "TM", "DT"})
_CASELESS_VRS = frozenset({"PN"})
_WILDCARD_VRS = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
MODALITIES_IN_STUDY = 0x00080061


class QueryError(ValueError):
    """The query is malformed; the text names the parameter, never its value."""


class Level(IntEnum):
    """What one result is."""

    STUDY = 1
    SERIES = 2
    INSTANCE = 3


@dataclass(frozen=True, slots=True)
class Condition:
    """One attribute must match one of the values (PS3.4 section C.2.2.2)."""

    tag: int
    vr: str
    values: tuple[str, ...]

    @property
    def has_wildcards(self) -> bool:
        """Whether a value holds ``*`` or ``?`` where they mean something."""
        return self.vr in _WILDCARD_VRS and any("*" in value or "?" in value for value in self.values)

    @property
    def range(self) -> tuple[str, str] | None:
        """Bounds of a date or time range, either of them possibly empty; ``None`` for single values."""
        value = self.values[0]
        if self.vr not in _RANGE_VRS or "-" not in value:
            return None
        low, _, high = value.partition("-")
        return low, high

    def matches(self, data_set: JsonDataSet) -> bool:
        """Whether a data set's attribute matches. A missing attribute matches only ``*``."""
        found = list(_texts(data_set.get(tag_text(self.tag), {})))
        if not found:
            return all(value.strip("*") == "" for value in self.values)
        return any(self._matches_one(value, text) for value in self.values for text in found)

    def _matches_one(self, value: str, text: str) -> bool:
        if (bounds := self.range) is not None:
            low, high = bounds
            return (not low or text[: len(low)] >= low) and (not high or text[: len(high)] <= high)
        if self.vr in _RANGE_VRS:
            return text.startswith(value)
        if self.vr in _CASELESS_VRS:
            value, text = value.casefold().rstrip("^"), text.casefold().rstrip("^")
        if self.vr in _WILDCARD_VRS:
            return _wildcard(value).fullmatch(text) is not None
        return value == text


@dataclass(frozen=True, slots=True)
class Query:
    """A whole query."""

    conditions: tuple[Condition, ...] = ()
    include: frozenset[int] = field(default_factory=frozenset[int])
    include_all: bool = False
    limit: int = LIMIT_DEFAULT
    offset: int = 0
    fuzzy_asked: bool = False


def parse_query(parameters: Iterable[tuple[str, str]]) -> Query:
    """Parameters of a query in their order, names as keywords or tags.

    :raises QueryError: an attribute is unknown, or a number is none.
    """
    conditions: dict[int, Condition] = {}
    include: set[int] = set()
    include_all = False
    numbers = {"limit": LIMIT_DEFAULT, "offset": 0}
    fuzzy = False
    for name, value in parameters:
        if name in numbers:
            numbers[name] = _number(name, value)
        elif name == "includefield":
            for part in value.split(","):
                if part.lower() == "all":
                    include_all = True
                elif part:
                    include.add(_attribute(part, name))
        elif name == "fuzzymatching":
            fuzzy = value.lower() == "true"
        elif name not in _OPTIONS:
            tag = _attribute(name, name)
            if value:
                conditions[tag] = _condition(tag, value)
    return Query(
        conditions=tuple(conditions.values()),
        include=frozenset(include),
        include_all=include_all,
        limit=min(numbers["limit"], LIMIT_MAX),
        offset=numbers["offset"],
        fuzzy_asked=fuzzy,
    )


def _condition(tag: int, value: str) -> Condition:
    vr = vr_of(tag)
    values = re.split(r"[,\\]", value) if vr == "UI" or tag == MODALITIES_IN_STUDY else [value]
    return Condition(tag, vr, tuple(part for part in values if part) or ("",))


def _attribute(text: str, parameter: str) -> int:
    """A tag or keyword; of a path into sequences the last attribute counts."""
    name = text.rsplit(".", 1)[-1]
    if _TAG.fullmatch(name):
        return int(name, 16)
    tag = tag_of(name)
    if tag is None:
        raise QueryError(f"unknown attribute in parameter {parameter[:64]!r}")
    return tag


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise QueryError(f"{name} is not a number")
    return int(value)


def _texts(element: JsonElement) -> Iterable[str]:
    values = element.get("Value")
    for value in values if isinstance(values, list) else []:
        yield from _value_texts(value)


def _value_texts(value: Json) -> Iterable[str]:
    if isinstance(value, dict):
        yield from (text for text in value.values() if isinstance(text, str))
    elif value is not None and not isinstance(value, list):
        yield str(value)


def _wildcard(pattern: str) -> re.Pattern[str]:
    return re.compile("".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern), re.DOTALL)
