"""Receipts as the vendors print them, as the stand-ins post them, and as attackers might."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from fastapi import FastAPI, Request, Response

from radbridge.notify.domain.receipts import (
    MalformedReceiptError,
    Receipt,
    parse_aliyun_sms_report,
    parse_tencent_sms_report,
    parse_wechat_event,
    wechat_signature_holds,
)

ID = UUID("5f0c5f0a-2d39-4c0e-8f5d-0c3b6f1b7a11")


def test_aliyun_sms_report():
    body = """[{"phone_number":"13900000001","send_time":"2017-01-01 00:00:00","report_time":"2017-01-01 08:00:01",
      "success":true,"err_code":"DELIVERED","err_msg":"用户接收成功","sms_size":"1","biz_id":"12345",
      "out_id":"5f0c5f0a-2d39-4c0e-8f5d-0c3b6f1b7a11"},
      {"phone_number":"13900000002","send_time":"2017-01-01 00:00:00","report_time":"2017-01-01 08:00:02",
      "success":false,"err_code":"MK:100D","err_msg":"","sms_size":"1","biz_id":"12346","out_id":"not ours"}]"""

    assert parse_aliyun_sms_report(body.encode()) == (
        Receipt("12345", ID, True, "DELIVERED", datetime(2017, 1, 1, 0, 0, 1, tzinfo=UTC)),
        Receipt("12346", None, False, "MK:100D", datetime(2017, 1, 1, 0, 0, 2, tzinfo=UTC)),
    )


def test_tencent_sms_report():
    body = b"""[{"user_receive_time":"2015-10-17 08:03:04","nationcode":"86","mobile":"13xxxxxxxxx",
      "report_status":"SUCCESS","errmsg":"DELIVRD","description":"ok","sid":"xxxxxxx"}]"""

    assert parse_tencent_sms_report(body) == (
        Receipt("xxxxxxx", None, True, "DELIVRD", datetime(2015, 10, 17, 0, 3, 4, tzinfo=UTC)),
    )


@pytest.mark.parametrize(
    ("status", "delivered"), [("success", True), ("failed:user block", False), ("failed: system failed", False)]
)
def test_wechat_template_result(status, delivered):
    body = f"""<xml><ToUserName><![CDATA[gh_7f083739789a]]></ToUserName><FromUserName><![CDATA[oia2TjuEGTNoeX7]]>
      </FromUserName><CreateTime>1395658920</CreateTime><MsgType><![CDATA[event]]></MsgType>
      <Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event><MsgID>200163836</MsgID><Status><![CDATA[{status}]]></Status>
      </xml>"""

    assert parse_wechat_event(body.encode()) == (
        Receipt("200163836", None, delivered, status, datetime(2014, 3, 24, 11, 2, tzinfo=UTC)),
    )


def test_wechat_events_about_other_things_are_no_receipts():
    assert parse_wechat_event(b"<xml><Event>subscribe</Event></xml>") == ()


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"[1]", b"[{}]", b"\xff", b"[" * 100_000])
@pytest.mark.parametrize("parse", [parse_aliyun_sms_report, parse_tencent_sms_report])
def test_malformed_sms_reports_are_one_kind_of_error(parse, body):
    with pytest.raises(MalformedReceiptError):
        parse(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<xml>",
        b"<xml><Event>TEMPLATESENDJOBFINISH</Event></xml>",
        b"<xml><Event>TEMPLATESENDJOBFINISH</Event><MsgID>1</MsgID><Status>success</Status>"
        b"<CreateTime>99999999999999999999</CreateTime></xml>",
        b"<!DOCTYPE xml><xml><Event>subscribe</Event></xml>",
        b'<!DOCTYPE xml [<!ENTITY e SYSTEM "file:///etc/hostname">]><xml><Event>&e;</Event></xml>',
        b'<!DOCTYPE xml [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><xml><Event>&b;</Event></xml>',
    ],
)
def test_malformed_and_malicious_wechat_events_are_one_kind_of_error(body):
    with pytest.raises(MalformedReceiptError):
        parse_wechat_event(body)


def test_wechat_signature():
    """SHA-1 of "1395658920" + "CALLBACKTOKEN" + "abc", in that (sorted) order, computed with sha1sum."""
    good = "f3e19ab8e82e493dc975e862b721293353b251c5"

    assert wechat_signature_holds("CALLBACKTOKEN", "1395658920", "abc", good)
    assert not wechat_signature_holds("OTHER", "1395658920", "abc", good)
    assert not wechat_signature_holds("CALLBACKTOKEN", "1395658921", "abc", good)
    assert not wechat_signature_holds("CALLBACKTOKEN", "1395658920", "abc", "é")


@pytest.fixture
async def inbox(bench, start):
    """Takes callbacks as the service must answer them; the first Aliyun one is answered wrongly."""
    received: asyncio.Queue[tuple[str, dict[str, str], bytes]] = asyncio.Queue()
    wrongly_answered = ["aliyun"]
    app = FastAPI()
    answers = {"aliyun": b'{"code":0,"msg":"ok"}', "tencent": b'{"result":0,"errmsg":"OK"}', "wechat": b"success"}

    @app.post("/{vendor}")
    async def take(vendor: str, request: Request) -> Response:
        received.put_nowait((vendor, dict(request.query_params), await request.body()))
        if vendor in wrongly_answered:
            wrongly_answered.remove(vendor)
            return Response(b'{"code":1}')
        return Response(answers[vendor])

    url = await start(app)
    await bench.client.put(f"{bench.url}/callbacks", json={vendor: f"{url}/{vendor}" for vendor in answers})

    async def take_all(count: int) -> list[tuple[str, dict[str, str], bytes]]:
        async with asyncio.timeout(60):
            return [await received.get() for _ in range(count)]

    return take_all


async def test_aliyuns_receipt_comes_until_it_is_answered_well(bench, inbox, sms):
    message = sms()
    outcome = await bench.aliyun().send(message)

    (_, _, first), (_, _, second) = await inbox(2)

    assert first == second
    (receipt,) = parse_aliyun_sms_report(first)
    assert (receipt.delivery_id, receipt.provider_id) == (message.delivery_id, outcome.provider_id)
    assert receipt.delivered
    assert receipt.reported_at == bench.clock()


async def test_tencents_receipt_tells_a_failure(bench, inbox, tencent_sms):
    outcome = await bench.tencent().send(tencent_sms(recipient="13900000009"))

    ((_, _, body),) = await inbox(1)

    (receipt,) = parse_tencent_sms_report(body)
    assert (receipt.provider_id, receipt.delivered, receipt.code) == (outcome.provider_id, False, "UNDELIV")


@pytest.mark.parametrize(("openid", "delivered"), [("oPATIENT0000000000000000001", True), ("oBLOCKING", False)])
async def test_wechats_result_events_are_signed(bench, inbox, official_message, mini_message, openid, delivered):
    official = await bench.official().send(official_message(recipient=openid))
    mini = await bench.mini().send(mini_message(recipient=openid))

    events = await inbox(2)

    receipts = {receipt.provider_id: receipt for _, _, body in events for receipt in parse_wechat_event(body)}
    assert receipts.keys() == {official.provider_id, mini.provider_id}
    assert all(receipt.delivered is delivered for receipt in receipts.values())
    for _, query, _ in events:
        assert wechat_signature_holds("CALLBACKTOKEN", query["timestamp"], query["nonce"], query["signature"])
        sent_at = datetime.fromtimestamp(int(query["timestamp"]), UTC)
        assert abs(sent_at - bench.clock()) < timedelta(seconds=1)
