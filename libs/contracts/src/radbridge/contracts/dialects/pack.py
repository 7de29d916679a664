"""A dialect pack: one published standard, ready to use.

Services receive packs as arguments and never ask which standard they hold; they ask the pack to validate, decode and
answer.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from radbridge.contracts.dialects.dictionaries import Dictionary
from radbridge.contracts.dialects.faults import Validation
from radbridge.contracts.dialects.field_table import FieldTable
from radbridge.contracts.dialects.record_rules import Context, Record, RecordRule
from radbridge.contracts.model.exam import Exam
from radbridge.contracts.model.recognition import Mark, StudiesQuery
from radbridge.contracts.model.report import Report

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(Generic[T]):
    """One kind of record of the standard. ``condition_texts`` say in Chinese when conditional fields are demanded.

    ``validate`` never raises. ``decode`` takes records that ``validate`` accepted and raises ``ValueError`` for records
    without their key fields; ``encode`` gives the wire form of a canonical value.
    """

    name: str
    title: str
    path: str
    methods: tuple[str, ...]
    tables: tuple[FieldTable, ...]
    rules: tuple[RecordRule, ...] = ()
    condition_texts: Mapping[str, str]
    validate: Callable[[object, Context], Validation]
    decode: Callable[[Record], T]
    encode: Callable[[T], dict[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DialectPack:
    """One standard: its dictionaries and field tables by name, the messages it has, and its signature rule (parameters
    differ from standard to standard)."""

    name: str
    version: str
    title: str
    dictionaries: Mapping[str, Dictionary]
    tables: Mapping[str, FieldTable]
    sign: Callable[..., str]
    exam: Message[Exam] | None = None
    report: Message[Report] | None = None
    exam_with_report: Message[tuple[Exam, Report]] | None = None
    studies_query: Message[StudiesQuery] | None = None
    mark: Message[tuple[Mark, ...]] | None = None

    @property
    def messages(self) -> Iterator[Message[Any]]:
        """The messages that the standard has."""
        for message in (self.exam, self.report, self.exam_with_report, self.studies_query, self.mark):
            if message is not None:
                yield message
