"""Deliveries: one message on one channel each, with the lease of the worker that has it in hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from radbridge.notify.domain.delivery import Delivery, Failure, State
from radbridge.notify.domain.field_rules import on_one_line
from radbridge.notify.domain.messages import ChannelName
from radbridge.notify.domain.outcomes import Reason
from radbridge.runtime.clock import from_micros, to_micros
from radbridge.runtime.database.protocol import Row, Transaction

_WAITING = frozenset({State.QUEUED, State.UNKNOWN})
_TEXT_LIMIT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDelivery:
    """A delivery's row. ``route_sealed`` holds its recipient and what to try next, with the delivery's id as place;
    ``None`` where nothing is to leave."""

    delivery: Delivery
    notification_id: str
    account_owner: str
    route_sealed: str | None = field(repr=False)
    traceparent: str | None
    changed_at: datetime

    @property
    def id(self) -> str:
        """The delivery's id as text."""
        return str(self.delivery.delivery_id)


def stored_text(text: str | None) -> str | None:
    """A vendor's text as rows hold and compare it: printable, on one line, at most 200 characters."""
    return None if text is None else on_one_line(text)[:_TEXT_LIMIT]


async def add(tx: Transaction, stored: StoredDelivery) -> bool:
    """Store a new delivery; ``False`` where it is there already."""
    delivery, now = stored.delivery, to_micros(stored.changed_at)
    reason = delivery.reason
    touched = await tx.execute(
        """INSERT INTO delivery (delivery_id, notification_id, channel, account_owner, route_sealed, state, due_at,
               attempts, asks, provider_id, reason_code, reason_text, leased_until, traceparent, created_at, changed_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, $8, $9, $10, 0, $11, $12, $12)
           ON CONFLICT (delivery_id) DO NOTHING""",
        stored.id,
        stored.notification_id,
        delivery.channel.value,
        stored.account_owner,
        stored.route_sealed,
        delivery.state.value,
        _micros(delivery.next_at),
        stored_text(delivery.provider_id),
        reason.code if reason else None,
        reason.text if reason else None,
        stored.traceparent,
        now,
    )
    return touched > 0


async def save(tx: Transaction, stored: StoredDelivery, *, busy_until: datetime | None = None) -> None:
    """Store a delivery's new state. It is free for any worker again, or kept by its holder until ``busy_until``."""
    delivery, reason = stored.delivery, stored.delivery.reason
    await tx.execute(
        """UPDATE delivery SET state = $2, due_at = $3, attempts = $4, asks = $5, attempted_at = $6, provider_id = $7,
               failure = $8, reason_code = $9, reason_text = $10, leased_until = $11, changed_at = $12
           WHERE delivery_id = $1""",
        stored.id,
        delivery.state.value,
        _micros(busy_until or delivery.next_at),
        delivery.attempts,
        delivery.asks,
        _micros(delivery.attempted_at),
        stored_text(delivery.provider_id),
        delivery.failure.value if delivery.failure else None,
        stored_text(reason.code) if reason else None,
        stored_text(reason.text) if reason else None,
        _micros(busy_until) or 0,
        to_micros(stored.changed_at),
    )


async def lease_due(
    tx: Transaction, holder: str, now: datetime, until: datetime, limit: int
) -> Sequence[StoredDelivery]:
    """Take deliveries that are due and in nobody's hands. Replicas at the same table get different ones."""
    skip = " FOR UPDATE SKIP LOCKED" if tx.dialect == "postgresql" else ""
    rows = await tx.fetch(
        f"""UPDATE delivery SET leased_by = $1, leased_until = $2 WHERE delivery_id IN (
                SELECT delivery_id FROM delivery WHERE due_at <= $3 AND leased_until <= $3
                ORDER BY due_at LIMIT $4{skip})
            RETURNING *""",  # noqa: S608 (no values in it)
        holder,
        to_micros(until),
        to_micros(now),
        limit,
    )
    return [_delivery(row) for row in rows]


async def next_due(tx: Transaction) -> datetime | None:
    """When the next delivery is due that somebody may take."""
    row = await tx.fetch_one(
        """SELECT MIN(CASE WHEN leased_until > due_at THEN leased_until ELSE due_at END) AS due_at FROM delivery
           WHERE due_at IS NOT NULL"""
    )
    return None if row is None or row["due_at"] is None else from_micros(row["due_at"])


async def held(tx: Transaction, delivery_id: str, holder: str) -> StoredDelivery | None:
    """The delivery, if ``holder`` was the last to lease it."""
    row = await tx.fetch_one("SELECT * FROM delivery WHERE delivery_id = $1 AND leased_by = $2", delivery_id, holder)
    return None if row is None else _delivery(row)


async def find(tx: Transaction, delivery_id: str) -> StoredDelivery | None:
    """One delivery."""
    row = await tx.fetch_one("SELECT * FROM delivery WHERE delivery_id = $1", delivery_id)
    return None if row is None else _delivery(row)


async def find_by_provider_id(tx: Transaction, owner: str, channel: ChannelName, provider_id: str) -> str | None:
    """Id of the delivery that the vendor of this account knows as ``provider_id``."""
    row = await tx.fetch_one(
        "SELECT delivery_id FROM delivery WHERE provider_id = $1 AND account_owner = $2 AND channel = $3",
        stored_text(provider_id),
        owner,
        channel.value,
    )
    return None if row is None else row["delivery_id"]


async def queued_of_report(tx: Transaction, report_id: str) -> Sequence[str]:
    """Ids of the report's deliveries that have not left."""
    rows = await tx.fetch(
        """SELECT delivery_id FROM delivery JOIN notification
           ON notification.notification_id = delivery.notification_id
           WHERE notification.report_id = $1 AND delivery.state = 'queued' ORDER BY delivery_id""",
        report_id,
    )
    return [row["delivery_id"] for row in rows]


async def of_report(tx: Transaction, report_id: str) -> Sequence[StoredDelivery]:
    """All deliveries of a report, oldest first."""
    rows = await tx.fetch(
        """SELECT delivery.* FROM delivery JOIN notification
           ON notification.notification_id = delivery.notification_id
           WHERE notification.report_id = $1 ORDER BY delivery.created_at, delivery.delivery_id""",
        report_id,
    )
    return [_delivery(row) for row in rows]


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else to_micros(moment)


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)


def _delivery(row: Row) -> StoredDelivery:
    state = State(row["state"])
    return StoredDelivery(
        delivery=Delivery(
            delivery_id=UUID(row["delivery_id"]),
            channel=ChannelName(row["channel"]),
            state=state,
            next_at=_moment(row["due_at"]) if state in _WAITING else None,
            attempts=row["attempts"],
            asks=row["asks"],
            attempted_at=_moment(row["attempted_at"]),
            provider_id=row["provider_id"],
            failure=Failure(row["failure"]) if row["failure"] else None,
            reason=Reason(row["reason_code"], row["reason_text"] or "") if row["reason_code"] else None,
        ),
        notification_id=row["notification_id"],
        account_owner=row["account_owner"],
        route_sealed=row["route_sealed"],
        traceparent=row["traceparent"],
        changed_at=from_micros(row["changed_at"]),
    )
