"""Every change of a delivery: row, event and what follows from it, in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import orjson

from radbridge.contracts.events.notification import NotificationDelivered
from radbridge.notify.addresses import Hop, address_index
from radbridge.notify.domain import delivery as rules
from radbridge.notify.domain.delivery import Delivery, Failure, State
from radbridge.notify.domain.messages import ChannelName, delivery_id
from radbridge.notify.domain.occasions import REPORT_READY_RULE
from radbridge.notify.domain.outcomes import AskOutcome, Reason, SendOutcome
from radbridge.notify.domain.quiet_hours import QuietHours
from radbridge.notify.domain.receipts import Receipt
from radbridge.notify.domain.routing import next_channel
from radbridge.notify.domain.templates import SMS_CHANNELS
from radbridge.notify.store import addresses, deliveries, notifications, receipts
from radbridge.notify.store.addresses import BlockReason
from radbridge.notify.store.deliveries import StoredDelivery
from radbridge.notify.store.notifications import StoredNotification
from radbridge.runtime.clock import Clock
from radbridge.runtime.database.protocol import Transaction
from radbridge.runtime.outbox import Outbox
from radbridge.runtime.security.keyring import Keyring
from radbridge.runtime.security.vault import Vault

SEND_LEASE = timedelta(seconds=30)
"""Longer than any send takes (a token and a message, 5 s each): a row still ``sending`` afterwards belongs to a process
that is gone."""

_EARLY_RECEIPTS_KEPT = timedelta(days=1)
_PURPOSE = "patient"
_PUBLISHED = frozenset({State.ACCEPTED, State.DELIVERED, State.FAILED, State.UNKNOWN, State.SUPPRESSED})


@dataclass(frozen=True, slots=True)
class DeliveryBook:
    """Moves deliveries. Each method is called inside a transaction and takes the delivery's lock.

    ``wake`` is called after the commit of whatever there is to send.
    """

    outbox: Outbox
    keyring: Keyring
    vault: Vault
    clock: Clock
    quiet_hours: QuietHours | None
    wake: Callable[[], None]

    async def open(
        self, tx: Transaction, told: StoredNotification, route: Sequence[Hop], traceparent: str | None
    ) -> None:
        """Queue a message on the route's first channel; the others wait for its failure."""
        first = route[0]
        new_id = _delivery_id(told, first.channel)
        stored = StoredDelivery(
            delivery=rules.queue(new_id, first.channel, self.clock(), self.quiet_hours),
            notification_id=told.notification_id,
            account_owner=first.owner,
            route_sealed=self._seal_route(told.institution_id, new_id, route),
            traceparent=traceparent,
            changed_at=self.clock(),
        )
        if await deliveries.add(tx, stored):
            tx.on_commit(self.wake)

    async def open_suppressed(self, tx: Transaction, told: StoredNotification, channel: ChannelName, why: str) -> None:
        """Note that nothing can be sent, and why."""
        now = self.clock()
        queued = rules.queue(_delivery_id(told, channel), channel, now, None)
        stored = StoredDelivery(
            delivery=rules.suppress(queued, Reason(why)),
            notification_id=told.notification_id,
            account_owner="",
            route_sealed=None,
            traceparent=None,
            changed_at=now,
        )
        if await deliveries.add(tx, stored):
            await self._publish(tx, told, stored)

    def route_of(self, stored: StoredDelivery) -> list[Hop]:
        """The delivery's own channel and address, then its alternatives."""
        if stored.route_sealed is None:
            return []
        hops: list[dict[str, str]] = orjson.loads(self.keyring.open(stored.route_sealed, place=stored.id))
        return [Hop(ChannelName(hop["channel"]), hop["owner"], hop["recipient"]) for hop in hops]

    async def begin(self, tx: Transaction, delivery_id: str, holder: str) -> StoredDelivery | None:
        """Note that the message leaves now; ``None`` where ``holder`` may not send it (any more)."""
        await tx.lock(_lock(delivery_id))
        held = await deliveries.held(tx, delivery_id, holder)
        if held is None or held.delivery.state is not State.QUEUED:
            return None
        now = self.clock()
        begun = _changed(held, rules.begin(held.delivery, now), now)
        await deliveries.save(tx, begun, busy_until=now + SEND_LEASE)
        return begun

    async def settle(self, tx: Transaction, delivery_id: str, outcome: SendOutcome) -> StoredDelivery | None:
        """Note what a send came to. A receipt or the end of the lease may have been faster."""
        before = await self._locked(tx, delivery_id)
        if before is None:
            return None
        after = rules.settle(before.delivery, outcome, self.clock(), self.quiet_hours)
        return await self._record(tx, before, after)

    async def clear(self, tx: Transaction, delivery_id: str, answer: AskOutcome) -> StoredDelivery | None:
        """Note what the vendor said became of a doubtful send, unless something settled it meanwhile."""
        before = await self._locked(tx, delivery_id)
        if before is None or before.delivery.state is not State.UNKNOWN:
            return None
        after = rules.clear(before.delivery, answer, self.clock(), self.quiet_hours)
        return await self._record(tx, before, after)

    async def interrupted(self, tx: Transaction, delivery_id: str, outcome: SendOutcome) -> StoredDelivery | None:
        """Settle a send whose process is gone, unless that process settled it after all."""
        before = await self._locked(tx, delivery_id)
        if before is None or before.delivery.state is not State.SENDING:
            return None
        after = rules.settle(before.delivery, outcome, self.clock(), self.quiet_hours)
        return await self._record(tx, before, after)

    async def suppress(self, tx: Transaction, delivery_id: str, why: str) -> StoredDelivery | None:
        """Never send it, if it has not left."""
        before = await self._locked(tx, delivery_id)
        if before is None or before.delivery.state is not State.QUEUED:
            return None
        return await self._record(tx, before, rules.suppress(before.delivery, Reason(why)))

    async def take_receipt(self, tx: Transaction, owner: str, channel: ChannelName, receipt: Receipt) -> None:
        """Apply a vendor's receipt to a delivery of this account. One for an id that no row knows yet is kept: it may
        have overtaken the answer to the send."""
        found = await self._receiver(tx, owner, channel, receipt)
        if found is None:
            await tx.lock(_receipt_lock(channel, receipt.provider_id))
            found = await self._receiver(tx, owner, channel, receipt)
        before = await self._locked(tx, found) if found is not None else None
        if before is None:
            await receipts.forget_before(tx, self.clock() - _EARLY_RECEIPTS_KEPT)
            await receipts.keep(tx, owner, channel, receipt, self.clock())
            return
        if before.delivery.state is not State.SUPPRESSED:
            await self._record(tx, before, rules.apply_receipt(before.delivery, receipt))

    async def _receiver(self, tx: Transaction, owner: str, channel: ChannelName, receipt: Receipt) -> str | None:
        if receipt.delivery_id is not None:
            named = await deliveries.find(tx, str(receipt.delivery_id))
            # whoever knows one hospital's callback address must not move another's deliveries
            if named is not None and named.account_owner == owner and named.delivery.channel is channel:
                return named.id
        return await deliveries.find_by_provider_id(tx, owner, channel, receipt.provider_id)

    async def _locked(self, tx: Transaction, delivery_id: str) -> StoredDelivery | None:
        await tx.lock(_lock(delivery_id))
        return await deliveries.find(tx, delivery_id)

    async def _record(self, tx: Transaction, before: StoredDelivery, after: Delivery) -> StoredDelivery:
        stored = _changed(before, after, self.clock())
        await deliveries.save(tx, stored)
        if after.state is before.delivery.state:
            return stored
        told = await notifications.find(tx, stored.notification_id)
        if told is None:
            return stored
        if after.state in _PUBLISHED:
            await self._publish(tx, told, stored)
        if after.state is State.FAILED:
            await self._fall_back(tx, told, stored)
        if after.state is State.ACCEPTED and after.provider_id is not None:
            return await self._apply_early_receipt(tx, stored, after.provider_id)
        return stored

    async def _apply_early_receipt(self, tx: Transaction, stored: StoredDelivery, provider_id: str) -> StoredDelivery:
        channel = stored.delivery.channel
        await tx.lock(_receipt_lock(channel, provider_id))
        receipt = await receipts.take(tx, stored.account_owner, channel, provider_id)
        if receipt is None:
            return stored
        return await self._record(tx, stored, rules.apply_receipt(stored.delivery, receipt))

    async def _fall_back(self, tx: Transaction, told: StoredNotification, failed: StoredDelivery) -> None:
        """Forget an address that is wrong; send by the next channel of the route."""
        route = self.route_of(failed)
        if not route:
            return
        if failed.delivery.failure is Failure.ADDRESS:
            await self._forget(tx, route[0])
        alternatives = tuple(hop.channel for hop in route[1:])
        channel = next_channel(failed.delivery.channel, failed.delivery.failure, alternatives)
        if channel is not None:
            await self.open(tx, told, route[1 + alternatives.index(channel) :], failed.traceparent)

    async def _forget(self, tx: Transaction, hop: Hop) -> None:
        index = address_index(self.vault, hop.channel, hop.recipient)
        if hop.channel in SMS_CHANNELS:
            await addresses.block(tx, index, BlockReason.UNUSABLE, self.clock())
        else:
            await addresses.remove_address(tx, index)

    async def _publish(self, tx: Transaction, told: StoredNotification, stored: StoredDelivery) -> None:
        delivery = stored.delivery
        await self.outbox.publish(
            tx,
            NotificationDelivered(
                notification_id=told.notification_id,
                report_id=told.report_id,
                exam_ids=told.exam_ids,
                delivery_id=stored.id,
                channel=delivery.channel.value,
                state=delivery.state.value,
                provider_id=deliveries.stored_text(delivery.provider_id) or "",
                reason=deliveries.stored_text(delivery.reason.code) or "" if delivery.reason else "",
                at=stored.changed_at,
            ),
        )

    def _seal_route(self, institution_id: str, delivery_id: UUID, route: Sequence[Hop]) -> str:
        hops = [{"channel": hop.channel.value, "owner": hop.owner, "recipient": hop.recipient} for hop in route]
        return self.keyring.seal(institution_id, _PURPOSE, orjson.dumps(hops), place=str(delivery_id))


def _delivery_id(told: StoredNotification, channel: ChannelName) -> UUID:
    person = UUID(told.record_id) if told.record_id else UUID(told.notification_id)
    return delivery_id(UUID(told.notification_id), REPORT_READY_RULE, person, channel)


def _changed(stored: StoredDelivery, delivery: Delivery, now: datetime) -> StoredDelivery:
    return replace(stored, delivery=delivery, changed_at=now)


def _lock(delivery_id: str) -> str:
    return f"delivery:{delivery_id}"


def _receipt_lock(channel: ChannelName, provider_id: str) -> str:
    return f"receipt:{channel}:{deliveries.stored_text(provider_id)}"
