"""Rows made from this service's own events when its database is new."""

import orjson

from radbridge.contracts.events.notification import NotificationDelivered, NotificationIssued
from radbridge.runtime.clock import to_micros
from radbridge.runtime.database.protocol import Transaction

_NOTIFICATION = """
    INSERT INTO notification (notification_id, report_id, institution_id, exam_ids, content, hospital_name,
        patient_sealed, reported_at, issued_at, expires_at, withdrawn)
    VALUES ($1, $2, $3, $4, '', '', $5, $6, $6, $7, 0) ON CONFLICT (notification_id) DO NOTHING"""


async def issued(tx: Transaction, body: NotificationIssued) -> None:
    """A notification that was made before."""
    await tx.execute(
        _NOTIFICATION,
        body.notification_id,
        body.report_id,
        body.institution_id,
        orjson.dumps(body.exam_ids).decode(),
        body.patient_sealed,
        to_micros(body.issued_at),
        to_micros(body.expires_at),
    )


async def delivered(tx: Transaction, body: NotificationDelivered) -> None:
    """A delivery's state. Rows with a route are not restored ones and stay as they are; a notification without link,
    because nobody could be reached, is known from here alone."""
    at = to_micros(body.at)
    exam_ids = orjson.dumps(body.exam_ids).decode()
    await tx.execute(_NOTIFICATION, body.notification_id, body.report_id, "", exam_ids, None, at, at)
    await tx.execute(
        """INSERT INTO delivery (delivery_id, notification_id, channel, account_owner, state, attempts, asks,
               provider_id, reason_code, leased_until, created_at, changed_at)
           VALUES ($1, $2, $3, '', $4, 0, 0, $5, $6, 0, $7, $7)
           ON CONFLICT (delivery_id) DO UPDATE SET state = excluded.state, provider_id = excluded.provider_id,
               reason_code = excluded.reason_code, changed_at = excluded.changed_at
           WHERE delivery.route_sealed IS NULL""",
        body.delivery_id,
        body.notification_id,
        body.channel,
        body.state,
        body.provider_id or None,
        body.reason or None,
        at,
    )
