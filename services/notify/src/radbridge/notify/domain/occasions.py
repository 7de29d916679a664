"""When a signed report is worth a message.

A report is told once. A version signed later is told again only if its content changed and the last message is at
least ``repeat_after`` older than it: until then the first link, which opens the newest version, does.

A hospital may correct whose exam it was. Then the right patient is told at once; the link of the wrong one opens
nothing any more.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid5

REPORT_READY_RULE = "report_ready"


@dataclass(frozen=True, slots=True)
class SignedReport:
    """What counts of a ``report.signed``: when it happened and the name of the content's blob (a hash of it)."""

    happened_at: datetime
    content: str


@dataclass(frozen=True, slots=True)
class Addressee:
    """Who is told, as far as known: number of the document, digits of the phone."""

    record_id: str | None
    document: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)

    def is_told_by(self, told: "Addressee") -> bool:
        """Whether a message to ``told`` reached this patient: the same phone where there is one, and the same person by
        document, else by the hospital's record."""
        if self.phone and self.phone != told.phone:
            return False
        if self.document and told.document:
            return self.document == told.document
        return told.record_id is None or told.record_id == self.record_id


@dataclass(frozen=True, slots=True)
class Told:
    """The newest notification of a report. ``is_restored``: known from events alone, after the database was lost."""

    at: datetime
    content: str
    addressee: Addressee
    is_restored: bool = False


@dataclass(frozen=True, slots=True)
class OccasionRules:
    """``max_age``: older events, as in a rebuild, never cause a message."""

    max_age: timedelta
    repeat_after: timedelta

    def is_fresh(self, happened_at: datetime, now: datetime) -> bool:
        """Whether an event may still cause a message."""
        return now - happened_at <= self.max_age

    def is_news(self, report: SignedReport, told: Told | None) -> bool:
        """Whether the patient does not know this version yet.

        Compared are the moments at which things happened, never the present one: a replay decides as the first run.
        """
        if told is None:
            return True
        return report.content != told.content and report.happened_at - told.at >= self.repeat_after

    def is_corrected(self, patients: Collection[Addressee], told: Told | None, happened_at: datetime) -> bool:
        """Whether none of the exams' patients, as an event at ``happened_at`` left them, is who was told.

        What was told before the database was lost stands against every event that was handled then.
        """
        if told is None or not patients or (told.is_restored and happened_at <= told.at):
            return False
        return not any(patient.is_told_by(told.addressee) for patient in patients)


def notification_id(report_id: UUID, earlier: int) -> UUID:
    """Id of a report's next notification when it has ``earlier`` ones: derived, so that two workers with the same
    report in hand mean the same notification."""
    return uuid5(report_id, f"{REPORT_READY_RULE}/{earlier}" if earlier else REPORT_READY_RULE)
