"""Deterministic matching of a hospital's patient record to a person.

Two rules, in this order:

``document``
    the same identity document (type and number);
``demographics``
    the same name, sex, birth date and phone, unless the two carry different identity documents.

A record that matches nobody starts a person of its own (``new``). Equality is decided on blind indexes: this module
never sees a name or a number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Rule(StrEnum):
    """Why a record belongs to its person."""

    DOCUMENT = "document"
    DEMOGRAPHICS = "demographics"
    NEW = "new"
    MANUAL = "manual"
    """An operator merged or split; no later push undoes it."""


@dataclass(frozen=True, slots=True)
class RecordTraits:
    """What a record says about its patient, as blind indexes."""

    record_id: str
    document_index: str | None
    demographics_index: str | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record that is already linked."""

    record_id: str
    person_id: str
    document_index: str | None
    demographics_index: str | None
    rule: Rule


@dataclass(frozen=True, slots=True)
class Decision:
    """The person a record belongs to; ``person_id`` is ``None`` where a new person is to be made."""

    person_id: str | None
    rule: Rule


def lock_names(traits: RecordTraits) -> list[str]:
    """Locks under which the decision must be taken, so that two pushes cannot both find nobody."""
    names = [f"record:{traits.record_id}"]
    if traits.document_index:
        names.append(f"document:{traits.document_index}")
    if traits.demographics_index:
        names.append(f"demographics:{traits.demographics_index}")
    return names


def person_lock(person_id: str) -> str:
    """Lock under which a person gets and loses records."""
    return f"person:{person_id}"


def decide(traits: RecordTraits, candidates: Sequence[Candidate]) -> Decision:
    """The person of a record, given all linked records of every person who shares one of its indexes or has the record.

    The answer does not depend on the order of ``candidates``; among equals the smallest person id wins. Person ids are
    UUIDv7, so that is the oldest person.
    """
    own = next((c for c in candidates if c.record_id == traits.record_id), None)
    if own is not None and own.rule is Rule.MANUAL:
        return Decision(own.person_id, Rule.MANUAL)
    others = [c for c in candidates if c.record_id != traits.record_id]
    conflicting = {c.person_id for c in others if _documents_differ(traits, c)}
    if traits.document_index:
        same_document = [c.person_id for c in others if c.document_index == traits.document_index]
        if same_document:
            if own is not None and own.document_index == traits.document_index:
                return _stay(own, same_document, Rule.DOCUMENT)
            return Decision(_stay_or_oldest(own, same_document), Rule.DOCUMENT)
    if traits.demographics_index:
        alike = [
            c.person_id
            for c in others
            if c.demographics_index == traits.demographics_index and c.person_id not in conflicting
        ]
        if alike:
            if own is not None and _stays_alike(traits, own, conflicting):
                return _stay(own, alike, Rule.DEMOGRAPHICS)
            return Decision(_stay_or_oldest(own, alike), Rule.DEMOGRAPHICS)
    if own is None:
        return Decision(None, Rule.NEW)
    if _has_to_leave(traits, own, conflicting):
        return Decision(None, Rule.NEW)
    return Decision(own.person_id, own.rule)


def _has_to_leave(traits: RecordTraits, own: Candidate, conflicting: set[str]) -> bool:
    """A record with a new document leaves a person who carries another one, and one it was matched to by the old."""
    if not traits.document_index or traits.document_index == own.document_index:
        return False
    was_matched = bool(own.document_index) and own.rule is not Rule.NEW
    return was_matched or own.person_id in conflicting


def _stays_alike(traits: RecordTraits, own: Candidate, conflicting: set[str]) -> bool:
    """Equal demographics hold a record where it is, but never against its own document."""
    is_as_it_was = own.demographics_index == traits.demographics_index
    return is_as_it_was and not _has_to_leave(traits, own, conflicting)


def _stay(own: Candidate, person_ids: list[str], rule: Rule) -> Decision:
    """A record whose trait is as it was stays: where others of another person share it, an operator split them off."""
    return Decision(own.person_id, rule if own.person_id in person_ids else own.rule)


def _documents_differ(traits: RecordTraits, candidate: Candidate) -> bool:
    return bool(
        traits.document_index and candidate.document_index and traits.document_index != candidate.document_index
    )


def _stay_or_oldest(own: Candidate | None, person_ids: list[str]) -> str:
    if own is not None and own.person_id in person_ids:
        return own.person_id
    return min(person_ids)
