"""When a signed report is worth a message.

A report is told once. A version signed later is told again only if its content changed and the last message is at
least ``repeat_after`` older than it: until then the first link, which opens the newest version, does.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

REPORT_READY_RULE = "report_ready"


@dataclass(frozen=True, slots=True)
class SignedReport:
    """What counts of a ``report.signed``: when it happened and the name of the content's blob (a hash of it)."""

    happened_at: datetime
    content: str


@dataclass(frozen=True, slots=True)
class Told:
    """The newest notification of a report."""

    at: datetime
    content: str


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


def notification_id(report_id: UUID, earlier: int) -> UUID:
    """Id of a report's next notification when it has ``earlier`` ones: derived, so that two workers with the same
    report in hand mean the same notification."""
    return uuid5(report_id, f"{REPORT_READY_RULE}/{earlier}" if earlier else REPORT_READY_RULE)
