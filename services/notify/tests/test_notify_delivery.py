"""The life of a delivery."""

from datetime import UTC, datetime, time, timedelta
from itertools import product
from uuid import UUID, uuid5

import pytest

from radbridge.notify.domain.delivery import (
    ASK_AFTER,
    MAX_ATTEMPTS,
    TRANSITIONS,
    Delivery,
    Failure,
    IllegalStepError,
    State,
    Step,
    apply_receipt,
    begin,
    clear,
    queue,
    settle,
    suppress,
)
from radbridge.notify.domain.messages import ChannelName, delivery_id
from radbridge.notify.domain.outcomes import (
    Accepted,
    Confirmed,
    NextChannel,
    Reason,
    Refused,
    Retry,
    SafeToRepeat,
    StopAddress,
    StopConfiguration,
    Unknown,
)
from radbridge.notify.domain.quiet_hours import QuietHours
from radbridge.notify.domain.receipts import Receipt

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
ID = UUID("5f0c5f0a-2d39-4c0e-8f5d-0c3b6f1b7a11")
WHY = Reason("code")


def sending(attempts: int = 1) -> Delivery:
    delivery = begin(queue(ID, ChannelName.ALIYUN_SMS, NOW, None), NOW)
    return Delivery(ID, delivery.channel, State.SENDING, None, attempts, attempted_at=NOW)


def unknown() -> Delivery:
    return settle(sending(), Unknown(WHY), NOW, None)


def receipt(delivered: bool) -> Receipt:
    return Receipt("biz-1", ID, delivered, "DELIVERED" if delivered else "UNDELIV", NOW)


@pytest.mark.proves("SZ-256")
def test_the_good_way():
    queued = queue(ID, ChannelName.ALIYUN_SMS, NOW, None)
    begun = begin(queued, NOW)
    accepted = settle(begun, Accepted("biz-1"), NOW, None)
    delivered = apply_receipt(accepted, receipt(delivered=True))

    assert (queued.state, queued.next_at) == (State.QUEUED, NOW)
    assert (begun.state, begun.attempts, begun.next_at) == (State.SENDING, 1, None)
    assert (accepted.state, accepted.provider_id) == (State.ACCEPTED, "biz-1")
    assert (delivered.state, delivered.next_at, delivered.reason) == (State.DELIVERED, None, None)


@pytest.mark.proves("SZ-256")
def test_one_event_rule_person_and_channel_is_one_delivery():
    event, person = uuid5(ID, "event"), uuid5(ID, "person")
    one = delivery_id(event, "report_ready", person, ChannelName.ALIYUN_SMS)

    assert one == delivery_id(event, "report_ready", person, ChannelName.ALIYUN_SMS)
    others = {
        delivery_id(uuid5(ID, "other"), "report_ready", person, ChannelName.ALIYUN_SMS),
        delivery_id(event, "other", person, ChannelName.ALIYUN_SMS),
        delivery_id(event, "report_ready", uuid5(ID, "other"), ChannelName.ALIYUN_SMS),
        delivery_id(event, "report_ready", person, ChannelName.WECHAT_MINI),
    }
    assert len(others | {one}) == 5


@pytest.mark.parametrize(
    ("outcome", "failure"),
    [
        (NextChannel(WHY), Failure.NEXT_CHANNEL),
        (StopAddress(WHY), Failure.ADDRESS),
        (StopConfiguration(WHY), Failure.CONFIGURATION),
    ],
)
def test_refusals_fail_with_what_follows_from_them(outcome, failure):
    failed = settle(sending(), outcome, NOW, None)

    assert (failed.state, failed.failure, failed.reason, failed.next_at) == (State.FAILED, failure, WHY, None)


@pytest.mark.proves("SZ-303")
def test_a_failed_send_is_retried_and_recorded_until_attempts_are_exhausted():
    later = NOW + timedelta(minutes=3)

    retried = settle(sending(), Retry(later, WHY), NOW, None)
    exhausted = settle(sending(MAX_ATTEMPTS), Retry(later, WHY), NOW, None)

    assert (retried.state, retried.next_at, retried.reason) == (State.QUEUED, later, WHY)
    assert (exhausted.state, exhausted.failure) == (State.FAILED, Failure.EXHAUSTED)


def test_an_unanswered_send_is_asked_about_on_a_schedule_and_then_given_up():
    delivery, asked_at, now = unknown(), [], NOW
    while delivery.state is State.UNKNOWN and delivery.next_at is not None:
        asked_at.append(delivery.next_at - now)
        now = delivery.next_at
        delivery = clear(delivery, Unknown(WHY), now, None)

    assert tuple(asked_at) == ASK_AFTER
    assert (delivery.state, delivery.failure, delivery.next_at) == (State.FAILED, Failure.UNRESOLVED, None)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Accepted(None), State.ACCEPTED),
        (Confirmed("DELIVERED"), State.DELIVERED),
        (Refused(WHY), State.FAILED),
        (SafeToRepeat(), State.QUEUED),
    ],
)
def test_answers_clear_an_unknown_delivery(answer, state):
    assert clear(unknown(), answer, NOW, None).state is state


def test_an_unknown_delivery_cannot_simply_be_sent_again():
    with pytest.raises(IllegalStepError, match="unknown cannot send"):
        begin(unknown(), NOW)


def test_a_late_receipt_is_the_truth_in_every_state_in_which_something_may_have_left():
    for state in (State.QUEUED, State.SENDING, State.ACCEPTED, State.UNKNOWN, State.FAILED, State.DELIVERED):
        delivery = Delivery(ID, ChannelName.ALIYUN_SMS, state, NOW, 1, failure=Failure.UNRESOLVED)
        delivered = apply_receipt(delivery, receipt(delivered=True))
        assert (delivered.state, delivered.failure, delivered.next_at) == (State.DELIVERED, None, None)


def test_a_receipt_that_overtakes_the_answer_wins():
    overtaken = apply_receipt(sending(), receipt(delivered=True))

    assert settle(overtaken, Accepted("biz-1"), NOW, None).state is State.DELIVERED
    assert settle(overtaken, Unknown(WHY), NOW, None).state is State.DELIVERED
    assert clear(overtaken, SafeToRepeat(), NOW, None).state is State.DELIVERED


def test_a_bad_receipt_fails_once_and_never_takes_back_a_good_one():
    accepted = settle(sending(), Accepted("biz-1"), NOW, None)
    failed = apply_receipt(accepted, receipt(delivered=False))

    assert (failed.state, failed.failure, failed.reason) == (State.FAILED, Failure.UNDELIVERABLE, Reason("UNDELIV"))
    assert apply_receipt(failed, receipt(delivered=False)) == failed
    delivered = apply_receipt(accepted, receipt(delivered=True))
    assert apply_receipt(delivered, receipt(delivered=False)) == delivered


def test_suppressed_deliveries_never_move():
    suppressed = suppress(queue(ID, ChannelName.ALIYUN_SMS, NOW, None), Reason("opted_out"))

    assert (suppressed.state, suppressed.next_at) == (State.SUPPRESSED, None)
    with pytest.raises(IllegalStepError):
        begin(suppressed, NOW)


def test_only_a_queued_delivery_is_ever_sent():
    sends = {state for state, step in product(State, Step) if step is Step.SEND and (state, step) in TRANSITIONS}

    assert sends == {State.QUEUED}


def shanghai(hour: int, minute: int = 0, day: int = 2) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=QuietHours().zone)


@pytest.mark.parametrize(
    ("moment", "leaves"),
    [
        (shanghai(21, 59), shanghai(21, 59)),
        (shanghai(22), shanghai(8, day=3)),
        (shanghai(23, 59), shanghai(8, day=3)),
        (shanghai(0), shanghai(8)),
        (shanghai(7, 59), shanghai(8)),
        (shanghai(8), shanghai(8)),
    ],
)
def test_quiet_hours_over_midnight(moment, leaves):
    assert QuietHours().not_before(moment) == leaves
    assert queue(ID, ChannelName.ALIYUN_SMS, moment, QuietHours()).next_at == leaves
    assert queue(ID, ChannelName.ALIYUN_SMS, moment, None).next_at == moment


def test_quiet_hours_within_a_day_and_none_at_all():
    noon = QuietHours(time(12), time(14))

    assert noon.not_before(shanghai(13)) == shanghai(14)
    assert noon.not_before(shanghai(14)) == shanghai(14)
    assert QuietHours(time(0), time(0)).not_before(shanghai(3)) == shanghai(3)


def test_retries_and_repeats_wait_for_the_morning():
    night = shanghai(23).astimezone(UTC)

    assert settle(sending(), Retry(night, WHY), night, QuietHours()).next_at == shanghai(8, day=3)
    assert clear(unknown(), SafeToRepeat(), night, QuietHours()).next_at == shanghai(8, day=3)
