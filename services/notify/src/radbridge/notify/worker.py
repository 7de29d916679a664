"""Sends what is due, asks what became of doubtful sends, and never sends twice.

Any number of replicas may run it on one database: a delivery is leased before it is touched, and ``sending`` is
committed before the request leaves. What a dead process left in ``sending`` is asked about, not repeated.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson
from opentelemetry.trace import SpanKind

from radbridge.notify.accounts import open_account
from radbridge.notify.addresses import NO_ACCOUNT
from radbridge.notify.delivery_book import SEND_LEASE, DeliveryBook
from radbridge.notify.domain.delivery import Failure, State
from radbridge.notify.domain.links import patient_link
from radbridge.notify.domain.messages import OutboundMessage
from radbridge.notify.domain.occasions import REPORT_READY_RULE
from radbridge.notify.domain.outcomes import Reason, SendOutcome, StopConfiguration, Unknown
from radbridge.notify.domain.templates import TemplateError
from radbridge.notify.senders import Sender, Senders
from radbridge.notify.store import accounts, addresses, deliveries, notifications
from radbridge.notify.store.addresses import BlockReason
from radbridge.notify.store.deliveries import StoredDelivery
from radbridge.notify.store.notifications import StoredNotification
from radbridge.runtime.clock import Clock
from radbridge.runtime.database.protocol import Database, DatabaseUnavailable, Transaction
from radbridge.runtime.telemetry.meters import Meters
from radbridge.runtime.telemetry.traces import Tracing
from radbridge.runtime.waiting import set_within

EXPIRED = "link_expired"

_AT_ONCE = 16
_SWEEP_S = 1.0
_SHORTEST_PAUSE_S = 0.05
_STOP_S = 10.0
_SETTLE_PAUSE_S = 1.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """All that a delivery needs to leave."""

    told: StoredNotification
    sender: Sender
    recipient: str


class DeliveryWorker:
    """The worker of one process.

    :param holder: this process's name in leases.
    :param base_url: start of the patients' links.
    """

    def __init__(
        self,
        *,
        database: Database,
        book: DeliveryBook,
        senders: Senders,
        tracing: Tracing,
        meters: Meters,
        clock: Clock,
        holder: str,
        base_url: str,
        woken: asyncio.Event,
    ) -> None:
        self._database = database
        self._book = book
        self._senders = senders
        self._tracing = tracing
        self._clock = clock
        self._holder = holder
        self._base_url = base_url
        self._woken = woken
        self._in_hand: set[asyncio.Task[None]] = set()
        self._settled = meters.counter(
            "radbridge_notify_deliveries", "Deliveries by channel and the state they came to.", "channel", "state"
        )

    async def run(self) -> None:
        """Work for ever; what is under way when it is stopped is finished first, for ten seconds at most."""
        try:
            while True:
                self._woken.clear()
                await self._take_due()
                await self._wait()
        finally:
            if self._in_hand:
                await asyncio.wait(self._in_hand, timeout=_STOP_S)

    async def _take_due(self) -> None:
        free = _AT_ONCE - len(self._in_hand)
        now = self._clock()
        due = await self._database.read(deliveries.next_due)
        if not free or due is None or due > now:
            return
        leased = await self._database.write(
            lambda tx: deliveries.lease_due(tx, self._holder, now, now + SEND_LEASE, free)
        )
        for stored in leased:
            task = asyncio.create_task(self._guarded(stored), name=f"delivery {stored.id}")
            self._in_hand.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._in_hand.discard(task)
        self._woken.set()

    async def _wait(self) -> None:
        """Until something was committed, a slot is free, or something falls due."""
        pause = _SWEEP_S
        due = await self._database.read(deliveries.next_due)
        if due is not None and len(self._in_hand) < _AT_ONCE:
            pause = min(pause, max(_SHORTEST_PAUSE_S, (due - self._clock()).total_seconds()))
        await set_within(self._woken, pause)

    async def _guarded(self, stored: StoredDelivery) -> None:
        """One delivery's failure is not another's. The lease ends by itself; what may have left is then asked about."""
        attributes = {"messaging.destination.name": stored.delivery.channel.value}
        with self._tracing.span(
            "deliver", kind=SpanKind.PRODUCER, traceparent=stored.traceparent, attributes=attributes
        ):
            try:
                await self._handle(stored)
            except DatabaseUnavailable as error:
                _log.warning("a delivery waits for the database", extra={"reason": type(error).__name__})
            except Exception:
                _log.exception("a delivery failed", extra={"delivery_id": stored.id})

    async def _handle(self, stored: StoredDelivery) -> None:
        match stored.delivery.state:
            case State.QUEUED:
                await self._send(stored)
            case State.UNKNOWN:
                await self._ask(stored)
            case _:
                lost = Unknown(Reason("interrupted"))
                self._note(await self._database.write(lambda tx: self._book.interrupted(tx, stored.id, lost)))

    async def _send(self, stored: StoredDelivery) -> None:
        prepared = await self._database.read(lambda tx: self._prepare(tx, stored))
        if not isinstance(prepared, _Prepared):
            self._note(await self._database.write(lambda tx: self._book.suppress(tx, stored.id, prepared)))
            return
        message = self._message_or_refusal(stored, prepared)
        begun = await self._database.write(lambda tx: self._book.begin(tx, stored.id, self._holder))
        if begun is None:
            return
        if isinstance(message, OutboundMessage):
            outcome = await prepared.sender.channel.send(message)
        else:
            outcome = message
        await self._until_written(lambda tx: self._book.settle(tx, stored.id, outcome))

    async def _ask(self, stored: StoredDelivery) -> None:
        prepared = await self._database.read(lambda tx: self._prepare(tx, stored, asking=True))
        attempted_at = stored.delivery.attempted_at
        if not isinstance(prepared, _Prepared) or attempted_at is None:
            reason = prepared if isinstance(prepared, str) else "not_attempted"
            answer = Unknown(Reason(reason))
        else:
            message = self._message(stored, prepared, stored.delivery.attempts)
            answer = await prepared.sender.channel.ask(message, attempted_at)
        await self._until_written(lambda tx: self._book.clear(tx, stored.id, answer))

    async def _prepare(self, tx: Transaction, stored: StoredDelivery, *, asking: bool = False) -> _Prepared | str:
        """What the delivery needs, or the reason why it must not leave."""
        told = await notifications.find(tx, stored.notification_id)
        route = self._book.route_of(stored)
        row = await accounts.find(tx, stored.account_owner, stored.delivery.channel)
        if told is None or not route or row is None:
            return NO_ACCOUNT
        if not asking and told.expires_at <= self._clock():
            return EXPIRED
        if not asking and await addresses.block_of(tx, told.phone_index) is BlockReason.OPTED_OUT:
            return BlockReason.OPTED_OUT.value
        return _Prepared(told, self._senders.of(open_account(self._book.keyring, row)), route[0].recipient)

    def _message_or_refusal(self, stored: StoredDelivery, prepared: _Prepared) -> OutboundMessage | SendOutcome:
        try:
            return self._message(stored, prepared, stored.delivery.attempts + 1)
        except TemplateError as error:
            return StopConfiguration(Reason("template", str(error)))

    def _message(self, stored: StoredDelivery, prepared: _Prepared, attempt: int) -> OutboundMessage:
        """The message as this attempt sends it.

        :raises TemplateError: the account has no template for it, or a value does not fit.
        """
        told, sender = prepared.told, prepared.sender
        place, keyring = told.notification_id, self._book.keyring
        code = keyring.open(told.code_sealed or "", place=place).decode()
        patient = orjson.loads(keyring.open(told.patient_sealed or "", place=place))
        values = {
            "patient_name": patient["name"] or "",
            "hospital_name": told.hospital_name,
            "reported_at": told.reported_at,
            "link_code": code,
        }
        return OutboundMessage(
            delivery_id=stored.delivery.delivery_id,
            attempt=attempt,
            recipient=prepared.recipient,
            template=sender.templates.render(REPORT_READY_RULE, stored.delivery.channel, values),
            link=patient_link(self._base_url, code),
            mini_page=f"{sender.mini_page}?code={code}" if sender.mini_page else None,
        )

    async def _until_written(self, work: Callable[[Transaction], Awaitable[StoredDelivery | None]]) -> None:
        """Write what the vendor said, even if the database is away for a while: it may not say it again."""
        loop = asyncio.get_running_loop()
        end = loop.time() + SEND_LEASE.total_seconds()
        while True:
            try:
                self._note(await self._database.write(work))
                return
            except DatabaseUnavailable:
                if loop.time() > end:
                    raise
                await asyncio.sleep(_SETTLE_PAUSE_S)

    def _note(self, stored: StoredDelivery | None) -> None:
        if stored is None:
            return
        delivery = stored.delivery
        self._settled.labels(delivery.channel.value, delivery.state.value).inc()
        if delivery.failure is Failure.CONFIGURATION:
            _log.error(
                "a channel's account or template is refused; messages fail until it is put right",
                extra={
                    "channel": delivery.channel.value,
                    "account_owner": stored.account_owner,
                    "reason": delivery.reason.code if delivery.reason else "",
                },
            )
