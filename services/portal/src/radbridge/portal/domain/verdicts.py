"""What stands of a report: its newest push and the newest verdict, by versions, in whatever order they came."""

from collections.abc import Iterable
from typing import Literal

from radbridge.contracts.envelope import Event
from radbridge.contracts.events.base import EventBody
from radbridge.contracts.events.report import ReportReceived, ReportRejected, ReportSigned, ReportVoided

Verdict = ReportSigned | ReportRejected
ReportStanding = Literal["none", "voided", "rejected", "received", "signed"]


def standing(facts: Iterable[tuple[Event, EventBody]]) -> ReportSigned | None:
    """The verdict that lets a report be shown: the newest one, if it is about what the hospital sent last and has not
    withdrawn."""
    _, verdict = _newest(facts)
    return verdict if isinstance(verdict, ReportSigned) else None


def report_state(facts: Iterable[tuple[Event, EventBody]]) -> ReportStanding:
    """The same as one word: what the newest verdict says of the newest push, else what the push is."""
    push, verdict = _newest(facts)
    if verdict is not None:
        return "signed" if isinstance(verdict, ReportSigned) else "rejected"
    if push is None:
        return "none"
    return "voided" if isinstance(push, ReportVoided) else "received"


def _newest(
    facts: Iterable[tuple[Event, EventBody]],
) -> tuple[ReportReceived | ReportVoided | None, Verdict | None]:
    newest_push = newest_verdict = 0
    push: ReportReceived | ReportVoided | None = None
    verdict: Verdict | None = None
    for event, body in facts:
        match body:
            case ReportReceived() | ReportVoided() if event.version > newest_push:
                newest_push, push = event.version, body
            case ReportSigned() | ReportRejected() if event.version > newest_verdict:
                newest_verdict, verdict = event.version, body
            case _:
                pass
    return push, verdict if verdict is not None and verdict.received_version >= newest_push else None
