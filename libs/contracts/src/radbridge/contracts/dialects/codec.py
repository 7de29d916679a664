"""Translation between wire records and canonical values, written down once for both directions.

A :class:`Section` names, for one canonical class, which wire field fills which attribute and how its text reads.
Decoding builds the nested values, encoding flattens them again. Wire times are local times of China (UTC+8, no daylight
saving); the model has UTC.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")
E = TypeVar("E")

CHINA_STANDARD_TIME = timezone(timedelta(hours=8), "UTC+08:00")


def china_date(moment: datetime) -> date:
    """The day that it is in China."""
    return moment.astimezone(CHINA_STANDARD_TIME).date()


_LAST_WIRE_TIME = "9999-12-31 23:59:59"
_LARGEST_NUMBER = 10**18


@dataclass(frozen=True, slots=True)
class Converter:
    """How one field's text reads (``decode``, never called for an empty one) and is written (``encode``). Blanks around
    the text are not part of it, except where it is verbatim."""

    decode: Callable[[str], object]
    encode: Callable[..., object] = str
    is_verbatim: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One attribute, the wire field that fills it and how. A record without a required one cannot be decoded."""

    attribute: str
    param: str
    converter: Converter
    is_required: bool = False


# One field as decoding sees it: wire field, attribute, decoder, whether blanks count. A plain tuple unpacks fastest.
_Step: TypeAlias = tuple[str, str, Callable[[str], object], bool]


@dataclass(frozen=True, slots=True)
class Section(Generic[T]):
    """One canonical class: its own fields and the sections of its nested values. A nested value of which the record
    says nothing is ``None``, unless its section is ``is_always``."""

    cls: Callable[..., T]
    fields: tuple[Field, ...]
    parts: "Mapping[str, Section[object]]" = field(default_factory=dict[str, "Section[object]"])
    is_always: bool = False
    _steps: tuple[_Step, ...] = field(init=False, repr=False, compare=False)
    _required: tuple[Field, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        steps = tuple(
            (entry.param, entry.attribute, entry.converter.decode, entry.converter.is_verbatim) for entry in self.fields
        )
        object.__setattr__(self, "_steps", steps)
        object.__setattr__(self, "_required", tuple(entry for entry in self.fields if entry.is_required))

    def decode(self, wire: Mapping[str, object], **known: object) -> T:
        """The canonical value of a record that passed validation; ``known`` are attributes that no field here fills.

        :raises ValueError: a required field is missing, or a value is not of its field's form.
        """
        return self.cls(**self._attributes(wire), **known)

    def encode(self, value: T) -> dict[str, object]:
        """The wire fields of a canonical value; attributes that are ``None`` or empty give none."""
        return dict(self._wire_fields(value))

    def _attributes(self, wire: Mapping[str, object]) -> dict[str, object]:
        attributes: dict[str, object] = {}
        get = wire.get
        for param, attribute, decode, is_verbatim in self._steps:
            value = get(param)
            if value is None:
                continue
            text = value.strip() if type(value) is str else wire_text(value)
            if text:
                attributes[attribute] = decode(value if is_verbatim and isinstance(value, str) else text)
        for entry in self._required:
            if entry.attribute not in attributes:
                raise ValueError(f"{entry.param} is missing")
        for attribute, section in self.parts.items():
            nested = section._attributes(wire)
            if nested or section.is_always:
                attributes[attribute] = section.cls(**nested)
        return attributes

    def _wire_fields(self, value: object) -> Iterator[tuple[str, object]]:
        for entry in self.fields:
            content: object = getattr(value, entry.attribute)
            if content is not None and content != ():
                yield entry.param, entry.converter.encode(content)
        for attribute, section in self.parts.items():
            nested: object = getattr(value, attribute)
            if nested is not None:
                yield from section._wire_fields(nested)


def wire_text(value: object) -> str:
    """A wire value as text without surrounding blanks: strings, and whole numbers where a field may be either. Anything
    else is no text."""
    if isinstance(value, str):
        return value.strip()
    if not isinstance(value, int | float) or isinstance(value, bool) or not -_LARGEST_NUMBER < value < _LARGEST_NUMBER:
        return ""
    return str(int(value)) if value == int(value) else ""


def parse_datetime(text: str) -> datetime:
    """A wire time (``yyyy-MM-dd HH:mm:ss``, China) as UTC."""
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


def format_datetime(moment: datetime) -> str:
    """A moment as wire time of China; parts of a second are dropped. One that China has after the year 9999, as
    signatures of others may claim, is told as the last second that can be written."""
    try:
        local = moment.astimezone(CHINA_STANDARD_TIME).replace(tzinfo=None, microsecond=0)
    except OverflowError:
        return _LAST_WIRE_TIME
    return local.isoformat(" ")


def coded(codes: Mapping[str, E], *, is_number: bool = False, also_written: Mapping[E, str] | None = None) -> Converter:
    """Codes of the standard for members of a canonical enumeration. ``also_written`` gives the code of members that
    the standard has no code for."""
    written = {member: code for code, member in codes.items()} | dict(also_written or {})

    def encode(member: E) -> object:
        return int(written[member]) if is_number else written[member]

    return Converter(codes.__getitem__, encode)


def several(separators: str, converter: Converter) -> Converter:
    """Several values in one field, written with the first of the separators."""

    def decode(text: str) -> object:
        for separator in separators[1:]:
            text = text.replace(separator, separators[0])
        pieces = (piece.strip() for piece in text.split(separators[0]))
        return tuple(converter.decode(piece) for piece in pieces if piece)

    def encode(values: tuple[object, ...]) -> object:
        return separators[0].join(str(converter.encode(value)) for value in values)

    return Converter(decode, encode)


TEXT = Converter(str)
VERBATIM_TEXT = Converter(str, is_verbatim=True)
"""Text whose every character counts, because a signature is over it."""
UPPER_CASE_TEXT = Converter(str.upper)
DATE = Converter(date.fromisoformat, date.isoformat)
DATETIME = Converter(parse_datetime, format_datetime)
FLAG = Converter(lambda text: text == "1", int)
