"""A journey and its summary, told from events alone."""

from datetime import UTC, datetime, timedelta

import pytest

from radbridge.contracts.envelope import Event, make_event
from radbridge.contracts.events.base import EventBody
from radbridge.contracts.events.exam import ExamRegistered
from radbridge.contracts.events.images import ImagesStored
from radbridge.contracts.events.notification import NotificationDelivered, NotificationIssued
from radbridge.contracts.events.patient import PatientLinked
from radbridge.contracts.events.recognition import ExamMarked, ExamReminded
from radbridge.contracts.events.report import ReportReceived, ReportRejected, ReportSigned
from radbridge.contracts.schemas.generate import example
from radbridge.portal.domain.journey import exam_keys, keys, tell
from radbridge.portal.domain.summary import ExamSummary, summarise

BEGAN = datetime(2026, 6, 15, 2, 30, tzinfo=UTC)
EXAM = ExamRegistered.model_validate(example(ExamRegistered))


def sample(kind: type[EventBody], **changed: object) -> EventBody:
    return kind.model_validate({**example(kind), **changed})


def happened(body: EventBody, seconds: float) -> tuple[Event, EventBody]:
    return make_event(body, service="ingest-api", version=1, time=BEGAN + timedelta(seconds=seconds)), body


def summary(*facts: EventBody) -> ExamSummary:
    return summarise(EXAM, voided=False, updated_at=BEGAN, facts=[happened(body, 0) for body in facts])


def of_version(body: EventBody, version: int, seconds: float) -> tuple[Event, EventBody]:
    service = "ingest-api" if isinstance(body, ReportReceived) else "signing"
    return make_event(body, service=service, version=version, time=BEGAN + timedelta(seconds=seconds)), body


def test_a_report_is_what_the_newest_verdict_says_of_the_newest_push() -> None:
    """Whatever the clocks of the services say."""
    push = [of_version(sample(ReportReceived), version, 9) for version in (1, 2)]
    rejected = of_version(sample(ReportRejected, received_version=1), 1, 5)
    signed = of_version(sample(ReportSigned, received_version=2), 2, 1)

    def told(*facts: tuple[Event, EventBody]) -> str:
        return summarise(EXAM, voided=False, updated_at=BEGAN, facts=facts).report

    assert told(signed, rejected, *push) == "signed"
    assert told(rejected, *push) == "received"
    assert told(rejected, push[0]) == "rejected"


def test_steps_stand_in_the_order_of_time_with_their_durations() -> None:
    late, early = happened(sample(PatientLinked), 1.5), happened(EXAM, 0)
    steps = tell([late, early])
    assert [(step.kind, step.since_previous_ms) for step in steps] == [("arrived", None), ("linked", 1500)]


def test_a_refusal_names_its_reason_and_field() -> None:
    (step,) = tell([happened(sample(ReportRejected), 0)])
    assert (step.kind, step.outcome) == ("verified", "refused")
    assert step.details["field"] == "SignValue"
    assert "SignValue" in step.details["reason"]


@pytest.mark.parametrize(
    ("state", "outcome"),
    [("accepted", "ok"), ("delivered", "ok"), ("failed", "refused"), ("suppressed", "refused"), ("unknown", "pending")],
)
def test_a_delivery_tells_its_state(state: str, outcome: str) -> None:
    (step,) = tell([happened(sample(NotificationDelivered, state=state), 0)])
    assert step.outcome == outcome


@pytest.mark.parametrize(
    "kind", [EXAM.__class__, ReportReceived, ReportSigned, ReportRejected, ImagesStored, PatientLinked, ExamReminded,
             ExamMarked, NotificationIssued, NotificationDelivered], ids=lambda kind: kind.NAME
)  # fmt: skip
def test_every_event_of_the_exam_is_found_by_the_exams_keys(kind: type[EventBody]) -> None:
    assert set(keys(sample(kind))) & set(exam_keys(EXAM))


def test_another_hospitals_study_is_not_this_exams() -> None:
    stranger = sample(ImagesStored, institution_id="another")
    assert not set(keys(stranger)) & set(exam_keys(EXAM))


def test_details_name_nobody() -> None:
    steps = tell([happened(EXAM, 0), happened(sample(NotificationIssued), 1)])
    assert "rb1." not in repr(steps)


def test_a_signed_report_outweighs_a_rejected_one() -> None:
    rejected = sample(ReportRejected, report_id="other")
    assert summary(sample(ReportReceived), sample(ReportSigned), rejected).report == "signed"
    assert summary(rejected).report == "rejected"
    newer = of_version(sample(ReportReceived), 9, 0)
    assert summarise(EXAM, voided=False, updated_at=BEGAN, facts=[newer]).report == "received"


def test_counts_are_of_the_newest_state() -> None:
    found = summary(
        sample(ImagesStored, instances=10),
        sample(ImagesStored, instances=24),
        sample(ExamMarked, recognised=False),
        sample(ExamMarked),
        sample(ExamReminded),
        sample(NotificationDelivered, state="failed"),
        sample(NotificationIssued),
    )
    assert (found.images, found.marked, found.reminded, found.notified) == (24, 1, 1, "failed")
