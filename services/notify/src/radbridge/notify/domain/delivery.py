"""The states of a delivery as one table, and the functions that move it.

queued -> sending -> accepted -> delivered | failed, with ``unknown`` for a send nobody answered and ``suppressed`` for
one that was never to leave. A send that may have left is asked about, never repeated blindly: the SMS vendors know no
idempotency.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from radbridge.notify.domain.messages import ChannelName
from radbridge.notify.domain.outcomes import (
    Accepted,
    AskOutcome,
    Confirmed,
    NextChannel,
    Reason,
    Refused,
    Retry,
    SafeToRepeat,
    SendOutcome,
    StopAddress,
    StopConfiguration,
    Unknown,
)
from radbridge.notify.domain.quiet_hours import QuietHours
from radbridge.notify.domain.receipts import Receipt

MAX_ATTEMPTS = 8
ASK_AFTER = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=6),
)


class State(StrEnum):
    """Where a delivery stands; the value is what rows and events hold."""

    QUEUED = "queued"
    SENDING = "sending"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SUPPRESSED = "suppressed"


class Failure(StrEnum):
    """Why a delivery failed, as far as it decides what follows."""

    NEXT_CHANNEL = "next_channel"
    ADDRESS = "address"
    """Forget the address."""
    CONFIGURATION = "configuration"
    """Alert an operator."""
    EXHAUSTED = "exhausted"
    """The last allowed attempt asked for another."""
    UNRESOLVED = "unresolved"
    """Nobody could say whether it left."""
    UNDELIVERABLE = "undeliverable"
    """Accepted, and the receipt says it did not arrive."""


class Step(StrEnum):
    """What can happen to a delivery."""

    SEND = "send"
    ACCEPT = "accept"
    POSTPONE = "postpone"
    LOSE_TRACK = "lose_track"
    GIVE_UP = "give_up"
    CONFIRM = "confirm"
    REFUSE = "refuse"
    SUPPRESS = "suppress"


_Q, _S, _A, _D, _F, _U = (
    State.QUEUED,
    State.SENDING,
    State.ACCEPTED,
    State.DELIVERED,
    State.FAILED,
    State.UNKNOWN,
)

# Receipts may come before the answer to the send, after we gave up, or while a repeat waits: a delivered one always
# wins, and what the slower answer then says changes nothing.
TRANSITIONS: dict[tuple[State, Step], State] = {
    (_Q, Step.SEND): _S,
    (_Q, Step.SUPPRESS): State.SUPPRESSED,
    (_Q, Step.CONFIRM): _D,
    (_Q, Step.REFUSE): _F,
    (_S, Step.ACCEPT): _A,
    (_S, Step.POSTPONE): _Q,
    (_S, Step.LOSE_TRACK): _U,
    (_S, Step.GIVE_UP): _F,
    (_S, Step.CONFIRM): _D,
    (_S, Step.REFUSE): _F,
    (_U, Step.ACCEPT): _A,
    (_U, Step.POSTPONE): _Q,
    (_U, Step.LOSE_TRACK): _U,
    (_U, Step.GIVE_UP): _F,
    (_U, Step.CONFIRM): _D,
    (_U, Step.REFUSE): _F,
    (_A, Step.ACCEPT): _A,
    (_A, Step.CONFIRM): _D,
    (_A, Step.REFUSE): _F,
    (_D, Step.ACCEPT): _D,
    (_D, Step.LOSE_TRACK): _D,
    (_D, Step.CONFIRM): _D,
    (_D, Step.REFUSE): _D,
    (_F, Step.ACCEPT): _F,
    (_F, Step.LOSE_TRACK): _F,
    (_F, Step.CONFIRM): _D,
    (_F, Step.REFUSE): _F,
}


class IllegalStepError(ValueError):
    """The delivery is in a state that does not allow this step: two workers hold it, or a caller is wrong."""

    def __init__(self, state: State, step: Step) -> None:
        super().__init__(f"a delivery that is {state} cannot {step}")
        self.state = state
        self.step = step


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one recipient on one channel, over all its attempts.

    ``next_at`` (UTC) is when to send (queued) or ask (unknown) next, None where nothing is planned.
    """

    delivery_id: UUID
    channel: ChannelName
    state: State
    next_at: datetime | None
    attempts: int = 0
    asks: int = 0
    attempted_at: datetime | None = None
    provider_id: str | None = None
    failure: Failure | None = None
    reason: Reason | None = None


def queue(delivery_id: UUID, channel: ChannelName, now: datetime, quiet_hours: QuietHours | None) -> Delivery:
    """A new delivery, due now or when quiet hours end; urgent messages pass None."""
    return Delivery(delivery_id, channel, State.QUEUED, _outside(quiet_hours, now))


def suppress(delivery: Delivery, reason: Reason) -> Delivery:
    """Never send it: the person opted out, or the address was forgotten."""
    return _move(delivery, Step.SUPPRESS, next_at=None, reason=reason)


def begin(delivery: Delivery, now: datetime) -> Delivery:
    """Commit this before the request leaves: after a crash, a row in ``sending`` is settled as Unknown."""
    return _move(delivery, Step.SEND, attempts=delivery.attempts + 1, attempted_at=now, next_at=None)


def settle(delivery: Delivery, outcome: SendOutcome, now: datetime, quiet_hours: QuietHours | None) -> Delivery:
    """The delivery after its send came to ``outcome``. Raises IllegalStepError where it was not sending."""
    if delivery.state in {State.DELIVERED, State.FAILED}:
        step = Step.ACCEPT if isinstance(outcome, Accepted) else Step.LOSE_TRACK
        return _move(delivery, step)
    match outcome:
        case Accepted(provider_id):
            return _move(delivery, Step.ACCEPT, provider_id=provider_id, next_at=None, reason=None)
        case Retry(_, reason) if delivery.attempts >= MAX_ATTEMPTS:
            return _give_up(delivery, Failure.EXHAUSTED, reason)
        case Retry(after, reason):
            return _move(delivery, Step.POSTPONE, next_at=_outside(quiet_hours, after), reason=reason)
        case NextChannel(reason):
            return _give_up(delivery, Failure.NEXT_CHANNEL, reason)
        case StopAddress(reason):
            return _give_up(delivery, Failure.ADDRESS, reason)
        case StopConfiguration(reason):
            return _give_up(delivery, Failure.CONFIGURATION, reason)
        case Unknown(reason):
            return _move(delivery, Step.LOSE_TRACK, next_at=now + ASK_AFTER[0], asks=0, reason=reason)


def clear(delivery: Delivery, answer: AskOutcome, now: datetime, quiet_hours: QuietHours | None) -> Delivery:
    """The delivery after the vendor was asked what became of it. A settled one stays as a faster receipt left it."""
    if delivery.state is not State.UNKNOWN:
        return delivery
    match answer:
        case Accepted(provider_id):
            return _move(delivery, Step.ACCEPT, provider_id=provider_id, next_at=None, reason=None)
        case Confirmed():
            return _move(delivery, Step.CONFIRM, next_at=None, reason=None)
        case Refused(reason):
            return _move(delivery, Step.REFUSE, next_at=None, failure=Failure.UNDELIVERABLE, reason=reason)
        case SafeToRepeat() if delivery.attempts >= MAX_ATTEMPTS:
            return _give_up(delivery, Failure.EXHAUSTED, delivery.reason)
        case SafeToRepeat():
            return _move(delivery, Step.POSTPONE, next_at=_outside(quiet_hours, now))
        case Unknown(reason):
            asks = delivery.asks + 1
            if asks == len(ASK_AFTER):
                return _give_up(delivery, Failure.UNRESOLVED, reason)
            return _move(delivery, Step.LOSE_TRACK, next_at=now + ASK_AFTER[asks], asks=asks, reason=reason)


def apply_receipt(delivery: Delivery, receipt: Receipt) -> Delivery:
    """The delivery after a vendor's receipt; repeated and late ones are harmless."""
    provider_id = delivery.provider_id or receipt.provider_id
    if receipt.delivered:
        return _move(delivery, Step.CONFIRM, provider_id=provider_id, next_at=None, failure=None, reason=None)
    if delivery.state in {State.DELIVERED, State.FAILED}:
        return _move(delivery, Step.REFUSE)
    return _move(
        delivery,
        Step.REFUSE,
        provider_id=provider_id,
        next_at=None,
        failure=Failure.UNDELIVERABLE,
        reason=Reason.from_vendor(receipt.code, ""),
    )


def _outside(quiet_hours: QuietHours | None, moment: datetime) -> datetime:
    return quiet_hours.not_before(moment) if quiet_hours else moment


def _give_up(delivery: Delivery, failure: Failure, reason: Reason | None) -> Delivery:
    return _move(delivery, Step.GIVE_UP, next_at=None, failure=failure, reason=reason)


def _move(delivery: Delivery, step: Step, **changes: object) -> Delivery:
    state = TRANSITIONS.get((delivery.state, step))
    if state is None:
        raise IllegalStepError(delivery.state, step)
    return replace(delivery, state=state, **changes)
