"""What became of a report's messages, for support. Nothing here names a person or an address."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from radbridge.notify.domain.delivery import Failure, State
from radbridge.notify.domain.messages import ChannelName
from radbridge.notify.store import deliveries
from radbridge.notify.store.deliveries import StoredDelivery
from radbridge.runtime.security.principal import Principal, require
from radbridge.runtime.service import Resources

Reader = Annotated[Principal, Depends(require("admin", "operator"))]


class DeliveryView(BaseModel):
    """One message on one channel. ``next_at``: when it is sent, or asked about, next."""

    delivery_id: UUID
    notification_id: UUID
    channel: ChannelName
    state: State
    attempts: int
    provider_id: str | None
    failure: Failure | None
    reason_code: str | None
    reason_text: str | None
    attempted_at: datetime | None
    next_at: datetime | None
    changed_at: datetime


class DeliveryList(BaseModel):
    """All messages about a report, oldest first."""

    report_id: UUID
    deliveries: list[DeliveryView]


def router(resources: Resources) -> APIRouter:
    """Route ``/api/notify/v1/deliveries``."""
    api = APIRouter(prefix="/api/notify/v1/deliveries", tags=["deliveries"])

    @api.get("")
    async def of_report(report_id: UUID, _: Reader) -> DeliveryList:
        """The messages about a report."""
        found = await resources.database.read(lambda tx: deliveries.of_report(tx, str(report_id)))
        return DeliveryList(report_id=report_id, deliveries=[_view(stored) for stored in found])

    return api


def _view(stored: StoredDelivery) -> DeliveryView:
    delivery = stored.delivery
    return DeliveryView(
        delivery_id=delivery.delivery_id,
        notification_id=UUID(stored.notification_id),
        channel=delivery.channel,
        state=delivery.state,
        attempts=delivery.attempts,
        provider_id=delivery.provider_id,
        failure=delivery.failure,
        reason_code=delivery.reason.code if delivery.reason else None,
        reason_text=delivery.reason.text if delivery.reason else None,
        attempted_at=delivery.attempted_at,
        next_at=delivery.next_at,
        changed_at=stored.changed_at,
    )
