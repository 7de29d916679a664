"""Whether an exam is listed to a doctor at order time, or why not (design: Neijiang 501).

Listed is every signed exam of the person that has a mapped item in any catalogue, from all hospitals, within the
window. The reasons are the answer of ``radbridge why``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Reason(StrEnum):
    """Why an exam is not listed; ``LISTED`` where it is."""

    LISTED = "listed"
    VOIDED = "voided"
    NO_REPORT = "no_report"
    VERDICT_PENDING = "verdict_pending"
    VERDICT_REJECTED = "verdict_rejected"
    REPORT_VOIDED = "report_voided"
    UNMAPPED_ITEM = "unmapped_item"
    OUTSIDE_WINDOW = "outside_window"
    OTHER_SCOPE = "other_scope"
    """A rule narrows the hospitals or catalogues that the asking hospital sees."""


class ReportState(StrEnum):
    """What is known of a report's signature."""

    RECEIVED = "received"
    SIGNED = "signed"
    REJECTED = "rejected"
    VOIDED = "voided"


@dataclass(frozen=True, slots=True)
class ItemInCatalogue:
    """A hospital's item as a recognition catalogue knows it."""

    catalogue: str
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class ExamFacts:
    """What the decision needs to know of an exam."""

    institution_id: str
    voided: bool
    moment: datetime
    """When it was performed; else requested; else last changed."""
    items: tuple[ItemInCatalogue, ...]
    reports: tuple[ReportState, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """What an asking hospital may be shown. Empty sets narrow nothing."""

    window: timedelta
    catalogues: frozenset[str] = frozenset()
    institutions: frozenset[str] = frozenset()


def judge(exam: ExamFacts, scope: Scope, now: datetime) -> Reason:
    """The first reason against listing, in the order a hospital's engineer would look; else ``LISTED``."""
    if exam.voided:
        return Reason.VOIDED
    verdict = _report_reason(exam.reports)
    if verdict is not Reason.LISTED:
        return verdict
    if not exam.items:
        return Reason.UNMAPPED_ITEM
    if now - exam.moment > scope.window:
        return Reason.OUTSIDE_WINDOW
    if scope.institutions and exam.institution_id not in scope.institutions:
        return Reason.OTHER_SCOPE
    if scope.catalogues and not any(item.catalogue in scope.catalogues for item in exam.items):
        return Reason.OTHER_SCOPE
    return Reason.LISTED


def _report_reason(reports: Sequence[ReportState]) -> Reason:
    if ReportState.SIGNED in reports:
        return Reason.LISTED
    if ReportState.RECEIVED in reports:
        return Reason.VERDICT_PENDING
    if ReportState.REJECTED in reports:
        return Reason.VERDICT_REJECTED
    return Reason.REPORT_VOIDED if reports else Reason.NO_REPORT
