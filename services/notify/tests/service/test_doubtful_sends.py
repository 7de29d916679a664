"""A send that nobody answered, or whose process died, is asked about; what a vendor took is never sent again."""

import asyncio

import httpx
import pytest

from radbridge.notify.delivery_book import DeliveryBook
from radbridge.notify.stand_ins import aliyun
from radbridge.runtime.testing import eventually


class ImpatientLine(httpx.AsyncHTTPTransport):
    """The way to the vendors. A request that a vendor holds times out then, and no other: a limit of a few seconds
    would, on a loaded machine, also end those that are to be answered."""

    def __init__(self):
        super().__init__()
        self.held = asyncio.Event()

    async def handle_async_request(self, request):
        answer = asyncio.create_task(super().handle_async_request(request))
        held = asyncio.create_task(self.held.wait())
        try:
            await asyncio.wait((answer, held), return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            self.held.clear()
            raise httpx.ReadTimeout("the vendor holds it", request=request)
        finally:
            answer.cancel()
            held.cancel()


@pytest.fixture
async def sms_town(open_town, monkeypatch):
    line, hold = ImpatientLine(), aliyun.hold

    async def hold_and_tell(request):
        line.held.set()
        await hold(request)

    monkeypatch.setattr(aliyun, "hold", hold_and_tell)
    town = await open_town(transport=line)
    await town.account("aliyun_sms")
    await town.publish(town.exam())
    return town


async def test_a_timeout_after_acceptance_is_cleared_by_asking(sms_town):
    town = sms_town
    await town.vendors.order("aliyun", "hold_after_accepting")
    await town.publish(town.signed())
    await town.reaches({"aliyun_sms": "unknown"})
    await arrived(town)
    town.clock.forward(minutes=2)
    await town.reaches({"aliyun_sms": "delivered"})
    assert len(await town.vendors.accepted()) == 1
    assert await town.told("aliyun_sms") == ["unknown", "delivered"]


async def arrived(town):
    """Return once the vendor knows that its message reached the phone: asked before, it would not say so."""

    async def known() -> bool:
        return [message["delivered"] for message in await town.vendors.accepted()] == [True]

    await eventually(known)


async def asked_in_vain(town):
    """Return once the vendor was asked and could not say: a clock that moves before would move the next question."""

    async def noted() -> bool:
        row = await town.running.resources.database.fetch_one("SELECT MAX(asks) AS asks FROM delivery")
        return row["asks"] == 1

    await eventually(noted)


async def test_a_timeout_before_acceptance_is_repeated_once_the_vendor_surely_has_nothing(sms_town):
    town = sms_town
    await town.vendors.order("aliyun", "hold_before_accepting")
    await town.publish(town.signed())
    await town.reaches({"aliyun_sms": "unknown"})
    town.clock.forward(minutes=2)
    await asked_in_vain(town)
    assert await town.vendors.accepted() == []
    town.clock.forward(minutes=10)
    await town.reaches({"aliyun_sms": "accepted"})
    (delivery,) = await town.deliveries()
    assert delivery["attempts"] == 2
    assert len(await town.vendors.accepted()) == 1


@pytest.fixture
def dies_once(monkeypatch):
    """The first send's answer is never noted, as if the process had been killed before its commit. The list holds it
    once that happened."""
    settle, died = DeliveryBook.settle, []

    async def die_once(self, tx, delivery_id, outcome):
        if not died:
            died.append(outcome)
            raise RuntimeError("killed")
        return await settle(self, tx, delivery_id, outcome)

    monkeypatch.setattr(DeliveryBook, "settle", die_once)
    return died


async def died(outcomes):
    """Return once the send came to its end: a clock that runs ahead of it would let another worker take it over."""

    async def noted() -> bool:
        return len(outcomes) == 1

    await eventually(noted)


async def test_a_process_that_dies_after_the_request_left_leaves_a_question_not_a_repeat(sms_town, dies_once):
    town = sms_town
    await town.publish(town.signed())
    await died(dies_once)
    await town.reaches({"aliyun_sms": "sending"})
    town.clock.forward(minutes=3)
    await town.reaches({"aliyun_sms": "unknown"})
    await arrived(town)
    town.clock.forward(minutes=2)
    await town.reaches({"aliyun_sms": "delivered"})
    assert len(dies_once) == 1
    assert len(await town.vendors.accepted()) == 1


async def test_a_process_that_dies_before_the_request_arrived_does_not_lose_the_message(sms_town, dies_once):
    town = sms_town
    await town.vendors.order("aliyun", "hold_before_accepting")
    await town.publish(town.signed())
    await died(dies_once)
    await town.reaches({"aliyun_sms": "sending"})
    town.clock.forward(minutes=3)
    await town.reaches({"aliyun_sms": "unknown"})
    town.clock.forward(minutes=10)
    await town.reaches({"aliyun_sms": "accepted"})
    assert len(dies_once) == 1
    assert len(await town.vendors.accepted()) == 1


@pytest.mark.proves("SZ-303")
async def test_a_refusal_for_a_while_is_tried_again(sms_town):
    town = sms_town
    town.clock.stop()  # else the next try may be due before the first is seen
    await town.vendors.order("aliyun", "refuse", "isp.SYSTEM_ERROR")
    await town.publish(town.signed())
    await town.running.settled()

    async def postponed():
        (delivery,) = await town.deliveries()
        return delivery["attempts"] == 1 and delivery["reason_code"] == "isp.SYSTEM_ERROR"

    await eventually(postponed)
    town.clock.forward(minutes=1)
    await town.reaches({"aliyun_sms": "accepted"})
    (delivery,) = await town.deliveries()
    assert delivery["attempts"] == 2
