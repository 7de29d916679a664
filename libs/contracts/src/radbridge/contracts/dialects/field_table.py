"""A standard's field tables: the print as CSV, and what was decided where the print contradicts itself.

``fields/<table>.csv`` holds one row a field as printed. ``fields/decisions.csv`` holds one row a decision: table,
field, property, value, reason. Decisions win; the generated reference shows both. Properties:

``required``    ``Y``; ``N``; ``quality`` (missing is a finding, not a fault); ``when:<condition>``; ``when:<condition>
                else quality``. The pack says for each record which conditions hold.
``type``        ``string``, ``text`` (may hold tabs and line breaks), ``number`` (whole), ``boolean``, ``array``,
                ``object``, ``base64``.
``max_length``  characters; empty for none.
``dictionary``  id of a dictionary; empty for none.
``separators``  ``comma``, ``blank``, ``bar``: several values may stand in the field.
``format``      id of a form of :mod:`radbridge.contracts.dialects.formats`.
``items``       table of the array's objects.
``alias``       another name under which the field is accepted.
``personal``    ``Y``: values are masked in answers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from radbridge.contracts.dialects.dictionaries import Dictionary, read_rows
from radbridge.contracts.dialects.formats import FORMATS, PRINTED_FORMATS, Format

_SEPARATORS = {"comma": ",，", "blank": " ", "bar": "|"}
_PRINTED_KINDS = {"integer": "number", "long": "number"}
_PROPERTIES = frozenset(
    {"required", "type", "max_length", "dictionary", "separators", "format", "items", "alias", "personal"}
)
_ELSE_QUALITY = " else quality"
_WHEN = "when:"


class Kind(StrEnum):
    """JSON type of a field's values."""

    STRING = "string"
    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    BASE64 = "base64"
    ARRAY = "array"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Presence:
    """When a field must be there: always, never, or while ``condition`` holds. Where it is not demanded,
    ``is_finding`` tells whether its absence is reported as a shortcoming."""

    is_always: bool = False
    condition: str | None = None
    is_finding: bool = False

    def is_demanded(self, conditions: frozenset[str]) -> bool:
        """Whether the field is demanded of a record for which these conditions hold."""
        return self.is_always or (self.condition is not None and self.condition in conditions)


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a rule leaves the print, and why."""

    property: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRule:
    """One field of a table as it is enforced."""

    order: int
    group: str
    param: str
    name_zh: str
    kind: Kind
    presence: Presence
    max_length: int | None = None
    dictionary: Dictionary | None = None
    separators: str = ""
    format: Format | None = None
    items: "FieldTable | None" = None
    aliases: tuple[str, ...] = ()
    is_personal: bool = False
    source_identifier: str = ""
    note: str = ""
    decisions: tuple[Decision, ...] = ()

    def pieces(self, text: str) -> list[str]:
        """The values in the field's text: those between separators, without blanks around them; one if it has none."""
        if not self.separators:
            return [text]
        for separator in self.separators[1:]:
            text = text.replace(separator, self.separators[0])
        return [piece.strip() for piece in text.split(self.separators[0])]


@dataclass(frozen=True, slots=True)
class FieldTable:
    """The fields of one kind of record, in the standard's order."""

    name: str
    rules: tuple[FieldRule, ...]
    aliases: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        aliases = {alias: rule.param for rule in self.rules for alias in rule.aliases}
        object.__setattr__(self, "aliases", aliases)

    def rule(self, param: str) -> FieldRule:
        """The rule of a field.

        :raises KeyError: the table has no such field.
        """
        for rule in self.rules:
            if rule.param == param:
                return rule
        raise KeyError(param)

    def with_printed_names(self, record: Mapping[str, object]) -> Mapping[str, object]:
        """The record with accepted aliases renamed; a field present under its own name wins. The same object comes
        back when there is nothing to rename."""
        if self.aliases.keys().isdisjoint(record.keys()):  # looks up the few aliases, not the many fields
            return record
        renamed = {name: value for name, value in record.items() if name not in self.aliases}
        for alias, param in self.aliases.items():
            if alias in record and renamed.get(param) in (None, ""):
                renamed[param] = record[alias]
        return renamed


def load_tables(folder: Path, names: Iterable[str], dictionaries: Mapping[str, Dictionary]) -> Mapping[str, FieldTable]:
    """The named tables of a pack. A table that another uses as ``items`` must be named before it.

    :raises ValueError: a decision is about a field or a property that does not exist.
    """
    decisions: dict[tuple[str, str], list[Decision]] = {}
    for row in read_rows(folder / "decisions.csv"):
        decision = Decision(row["property"], row["value"], row["reason"])
        decisions.setdefault((row["table"], row["param"]), []).append(decision)
    tables: dict[str, FieldTable] = {}
    for name in names:
        rules = [
            _rule(row, tuple(decisions.pop((name, row["param"]), ())), dictionaries, tables)
            for row in read_rows(folder / f"{name}.csv")
        ]
        tables[name] = FieldTable(name, tuple(rules))
    if decisions:
        raise ValueError(f"decisions about unknown fields: {sorted(decisions)}")
    return tables


def _rule(
    row: Mapping[str, str],
    decisions: tuple[Decision, ...],
    dictionaries: Mapping[str, Dictionary],
    tables: Mapping[str, FieldTable],
) -> FieldRule:
    decided = {decision.property: decision.value for decision in decisions}
    if not decided.keys() <= _PROPERTIES:
        raise ValueError(f"{row['param']}: unknown properties {sorted(decided.keys() - _PROPERTIES)}")
    dictionary = decided.get("dictionary", row["dictionary"].removeprefix("inline:"))
    printed_kind = decided.get("type", row["type"])
    kind = Kind(_PRINTED_KINDS.get(printed_kind, printed_kind))
    form = FORMATS[decided["format"]] if decided.get("format") else PRINTED_FORMATS.get(row["format"])
    max_length = decided.get("max_length", row["max_length"])
    return FieldRule(
        order=int(row["order"]),
        group=row["group"],
        param=row["param"],
        name_zh=row["name_zh"],
        kind=kind,
        presence=_presence(decided.get("required", row["required"])),
        max_length=int(max_length) if max_length else None,
        dictionary=dictionaries[dictionary] if dictionary else None,
        separators="".join(_SEPARATORS[name] for name in decided.get("separators", "").split()),
        format=FORMATS["base64"] if kind is Kind.BASE64 else form,
        items=tables[decided["items"]] if "items" in decided else None,
        aliases=tuple(decision.value for decision in decisions if decision.property == "alias"),
        is_personal=decided.get("personal") == "Y",
        source_identifier=row["source_identifier"],
        note=row["note"],
        decisions=decisions,
    )


def _presence(text: str) -> Presence:
    is_finding = text == "quality" or text.endswith(_ELSE_QUALITY)
    condition = text.removesuffix(_ELSE_QUALITY)
    if condition.startswith(_WHEN):
        return Presence(condition=condition.removeprefix(_WHEN), is_finding=is_finding)
    return Presence(is_always=text == "Y", is_finding=is_finding)
