"""Receipts at their addresses: they settle deliveries, and nobody else can."""

import json

from radbridge.notify.domain.outcomes import Accepted
from radbridge.notify.domain.receipts import wechat_signature
from radbridge.runtime.testing import listening

PUBLIC_URL = "https://images.example.cn"


def path_of(account):
    return account["callback_url"].removeprefix(PUBLIC_URL)


async def test_each_vendors_receipt_makes_its_message_delivered(town):
    accounts = {channel: await town.account(channel) for channel in ("aliyun_sms", "wechat_official")}
    await town.bind()
    async with listening(town.running.host.app) as url:
        await town.vendors.report_to(
            aliyun=url + path_of(accounts["aliyun_sms"]), wechat=url + path_of(accounts["wechat_official"])
        )
        await town.publish(town.exam())
        await town.publish(town.signed())
        await town.reaches({"aliyun_sms": "delivered", "wechat_official": "delivered"})
    assert (await town.told("aliyun_sms"))[-1] == "delivered"


async def test_receipts_that_name_the_vendors_id_alone(town):
    """Tencent and the mini-program know our ids not at all, and may be faster than our own note of theirs."""
    accounts = {channel: await town.account(channel) for channel in ("tencent_sms", "wechat_mini")}
    await town.bind(channel="wechat_mini")
    async with listening(town.running.host.app) as url:
        await town.vendors.report_to(
            tencent=url + path_of(accounts["tencent_sms"]), wechat=url + path_of(accounts["wechat_mini"])
        )
        await town.publish(town.exam())
        await town.publish(town.signed())
        await town.reaches({"tencent_sms": "delivered", "wechat_mini": "delivered"})


async def test_a_message_that_did_not_arrive_is_failed(town):
    account = await town.account("aliyun_sms")
    async with listening(town.running.host.app) as url:
        await town.vendors.report_to(aliyun=url + path_of(account))
        await town.publish(town.exam(phone="13900000009"))
        await town.publish(town.signed())
        await town.reaches({"aliyun_sms": "failed"})
    (delivery,) = await town.deliveries()
    assert (delivery["failure"], delivery["reason_code"]) == ("undeliverable", "MOBILE_NOT_ON_SERVICE")


def aliyun_report(delivery_id="", biz_id="B1", success=True):
    return [
        {
            "biz_id": biz_id,
            "out_id": delivery_id,
            "success": success,
            "err_code": "DELIVERED",
            "report_time": "2026-03-02 10:00:00",
        }
    ]


async def test_a_receipt_that_overtakes_the_answer_is_applied_when_the_answer_comes(open_town):
    town = await open_town(quiet_hours="00:00-23:59")
    account = await town.account("tencent_sms")
    await town.publish(town.exam())
    await town.publish(town.signed())
    await town.running.settled()
    report = [
        {"sid": "S1", "report_status": "SUCCESS", "errmsg": "DELIVRD", "user_receive_time": "2026-03-02 10:00:00"}
    ]
    answer = await town.running.client.post(path_of(account), json=report)
    assert answer.json() == {"result": 0, "errmsg": "OK"}
    (delivery,) = await town.deliveries()
    book = town.running.host.service.consumers[0].handlers[0].apply.__self__.book
    database = town.running.resources.database
    await database.write_one(
        "UPDATE delivery SET leased_by = 'me', leased_until = 0 WHERE delivery_id = $1", delivery["delivery_id"]
    )
    await database.write(lambda tx: book.begin(tx, delivery["delivery_id"], "me"))
    await database.write(lambda tx: book.settle(tx, delivery["delivery_id"], Accepted("S1")))
    assert await town.states() == {"tencent_sms": "delivered"}
    assert await town.told("tencent_sms") == ["accepted", "delivered"]


async def test_a_hospitals_callback_address_moves_its_own_deliveries_only(town):
    await town.account("aliyun_sms")
    other = await town.running.add_institution(code="OTHER", ae_title="OTHER")
    foreign = await town.account("aliyun_sms", code=other.code)
    await town.publish(town.exam())
    await town.publish(town.signed())
    await town.reaches({"aliyun_sms": "accepted"})
    (delivery,) = await town.deliveries()
    report = aliyun_report(delivery["delivery_id"], delivery["provider_id"], success=False)
    answer = await town.running.client.post(path_of(foreign), json=report)
    assert answer.status_code == 200
    assert await town.states() == {"aliyun_sms": "accepted"}


async def test_what_is_no_receipt_is_refused_and_changes_nothing(town):
    client, path = town.running.client, path_of(await town.account("aliyun_sms"))
    assert (await client.post(path, json=aliyun_report("not a uuid", "unknown"))).json() == {"code": 0, "msg": "OK"}
    for body in (b"", b"{}", b"[1]", b"[" * 100_000, b'[{"biz_id": "B"}]', b"\xff\x00"):
        answer = await client.post(path, content=body)
        assert answer.status_code == 400, body[:20]
        assert answer.headers["content-type"] == "application/problem+json"
    for provider_id in ("\x00", "\ud800"):
        body = json.dumps(aliyun_report(biz_id=provider_id)).encode()
        assert (await client.post(path, content=body)).status_code == 400
    assert (await client.post("/callbacks/notify/aliyun/guessed", json=[])).status_code == 404
    assert (await client.post(path.replace("aliyun", "tencent"), json=[])).status_code == 404
    assert (await client.post(path, content=b" " * 2_000_000)).status_code == 413


async def test_wechats_signature_is_checked(town):
    client, path = town.running.client, path_of(await town.account("wechat_official"))
    query = {"timestamp": "1", "nonce": "n", "echostr": "hello"}
    good = query | {"signature": wechat_signature("CALLBACKTOKEN", "1", "n")}
    answer = await client.get(path, params=good)
    assert (answer.status_code, answer.text) == (200, "hello")
    assert (await client.get(path, params=query | {"signature": "0" * 40})).status_code == 403
    assert (await client.get(path, params=query)).status_code == 422
    event = b"<xml><Event>subscribe</Event></xml>"
    assert (await client.post(path, params=good, content=event)).text == "success"
    assert (await client.post(path, params=query | {"signature": "x"}, content=event)).status_code == 403
    assert (await client.post(path, params=good, content=b"<xml>")).status_code == 400
