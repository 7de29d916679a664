"""A new database learns from this service's own events what was told already.

Notifications and deliveries are facts: when the database is lost and other services' events are handled again, patients
must not be told again. So facts are restored before the first event is handled. What is restored is never sent, asked
about or changed; codes and addresses are in no event and stay lost, the links themselves live in ``portal``.
"""

from collections.abc import Sequence

from radbridge.contracts.envelope import Event
from radbridge.contracts.events.notification import NotificationDelivered, NotificationIssued
from radbridge.notify.store import restored
from radbridge.runtime.database.protocol import Transaction

TOPIC = NotificationIssued.TOPIC


async def keep(tx: Transaction, events: Sequence[Event]) -> None:
    """Store what was told."""
    for event in events:
        if event.type == NotificationIssued.event_type():
            await restored.issued(tx, NotificationIssued.model_validate_json(event.data))
        elif event.type == NotificationDelivered.event_type():
            await restored.delivered(tx, NotificationDelivered.model_validate_json(event.data))
