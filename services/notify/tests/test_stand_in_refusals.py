"""The stand-ins refuse what the real gateways refuse, from requests made by hand and not by our channels."""

import hashlib
import hmac
import json
from urllib.parse import quote

import pytest

EMPTY = hashlib.sha256(b"").hexdigest()
GOOD_PARAMETERS = {
    "PhoneNumbers": "13800000000",
    "SignName": "影桥",
    "TemplateCode": "SMS_123456789",
    "TemplateParam": '{"name":"张*","code":"4370"}',
    "OutId": "n-1",
}


async def aliyun_request(bench, *, parameters=None, headers=None, unsigned=(), sign_as=None, body=b"", safe="~"):
    """POST a SendSms signed honestly but for what the arguments change; ``sign_as`` replaces signed headers."""
    parameters = GOOD_PARAMETERS | (parameters or {})
    sent = {
        "host": bench.url.removeprefix("http://"),
        "x-acs-action": "SendSms",
        "x-acs-version": "2017-05-25",
        "x-acs-date": bench.clock().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": "nonce-1",
        "x-acs-content-sha256": EMPTY,
    } | (headers or {})
    signed = {name: value for name, value in (sent | (sign_as or {})).items() if name not in unsigned}
    query = "&".join(f"{name}={quote(parameters[name], safe=safe)}" for name in sorted(parameters))
    lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    canonical = f"POST\n/\n{query}\n{lines}\n{';'.join(sorted(signed))}\n{EMPTY}"
    to_sign = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
    signature = hmac.new(b"SECRETEXAMPLE", to_sign.encode(), hashlib.sha256).hexdigest()
    sent["authorization"] = (
        f"ACS3-HMAC-SHA256 Credential=AKEXAMPLE,SignedHeaders={';'.join(sorted(signed))},Signature={signature}"
    )
    wire = "&".join(f"{name}={quote(value, safe='~')}" for name, value in parameters.items())
    answer = await bench.client.post(f"{bench.url}/aliyun/?{wire}", headers=sent, content=body)
    return answer.status_code, answer.json()["Code"]


async def test_aliyun_takes_a_request_signed_by_hand_once(bench):
    assert await aliyun_request(bench) == (200, "OK")
    assert await aliyun_request(bench) == (400, "SignatureNonceUsed")


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"safe": "~*"}, (400, "SignatureDoesNotMatch")),
        ({"unsigned": ("x-acs-date",)}, (400, "SignatureDoesNotMatch")),
        ({"unsigned": ("host",)}, (400, "SignatureDoesNotMatch")),
        ({"headers": {"x-acs-extra": "1"}, "unsigned": ("x-acs-extra",)}, (400, "SignatureDoesNotMatch")),
        ({"sign_as": {"x-acs-action": "QuerySendDetails"}}, (400, "SignatureDoesNotMatch")),
        ({"body": b"{}"}, (400, "SignatureDoesNotMatch")),
        ({"headers": {"x-acs-content-sha256": "0" * 64}}, (400, "SignatureDoesNotMatch")),
        ({"headers": {"x-acs-date": "2026-03-02 02:00:05"}}, (400, "InvalidTimeStamp.Format")),
        ({"headers": {"x-acs-date": "2026-03-02T02:15:06Z"}}, (400, "InvalidTimeStamp.Expired")),
        ({"headers": {"x-acs-version": "2016-01-01"}}, (404, "InvalidVersion")),
        ({"headers": {"x-acs-action": "SendSMS"}}, (404, "InvalidAction.NotFound")),
        ({"parameters": {"PhoneNumbers": "1380000000"}}, (200, "isv.MOBILE_NUMBER_ILLEGAL")),
        ({"parameters": {"TemplateParam": "name=张"}}, (200, "isv.INVALID_JSON_PARAM")),
        ({"parameters": {"TemplateParam": '{"name":"张*","code":4370}'}}, (200, "isv.INVALID_JSON_PARAM")),
    ],
)
async def test_aliyun_refuses(bench, changes, refusal):
    assert await aliyun_request(bench, **changes) == refusal
    assert await bench.accepted("aliyun") == []


async def test_aliyun_wants_an_authorization_and_lets_nonces_age(bench):
    bare = await bench.client.post(f"{bench.url}/aliyun/")
    assert (bare.status_code, bare.json()["Code"]) == (400, "MissingAuthorization")

    assert await aliyun_request(bench) == (200, "OK")
    bench.clock.forward(minutes=31)
    assert await aliyun_request(bench) == (200, "OK")


async def tencent_request(
    bench, *, content_type="application/json", signed_type=None, date=None, body=None, phone=None
):
    payload = body or json.dumps(
        {
            "PhoneNumberSet": [phone or "+8613800000000"],
            "SmsSdkAppId": "1400006666",
            "TemplateId": "1110",
            "SignName": "影桥",
            "TemplateParamSet": ["张*", "4370"],
        }
    )
    timestamp = str(int(bench.clock().timestamp()))
    date = date or bench.clock().strftime("%Y-%m-%d")
    host = bench.url.removeprefix("http://")
    canonical = (
        f"POST\n/\n\ncontent-type:{signed_type or content_type}\nhost:{host}\n\ncontent-type;host\n"
        + hashlib.sha256(payload.encode()).hexdigest()
    )
    scope = f"{date}/sms/tc3_request"
    to_sign = f"TC3-HMAC-SHA256\n{timestamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = b"TC3SECRETEXAMPLE"
    for part in (date, "sms", "tc3_request", to_sign):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    headers = {
        "authorization": (
            f"TC3-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, SignedHeaders=content-type;host, Signature={key.hex()}"
        ),
        "content-type": content_type,
        "x-tc-action": "SendSms",
        "x-tc-version": "2021-01-11",
        "x-tc-timestamp": timestamp,
        "x-tc-region": "ap-guangzhou",
    }
    answer = await bench.client.post(f"{bench.url}/tencent/", headers=headers, content=payload)
    response = answer.json()["Response"]
    return response["Error"]["Code"] if "Error" in response else response["SendStatusSet"][0]["Code"]


async def test_tencent_takes_a_request_signed_by_hand(bench):
    assert await tencent_request(bench) == "Ok"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        (
            {"content_type": "application/json; charset=utf-8", "signed_type": "application/json"},
            "AuthFailure.SignatureFailure",
        ),
        ({"date": "2026-03-03"}, "AuthFailure.SignatureFailure"),
        ({"body": "[]"}, "InvalidRequest"),
        ({"phone": "13800000000"}, "InvalidParameterValue.IncorrectPhoneNumber"),
    ],
)
async def test_tencent_refuses(bench, changes, code):
    assert await tencent_request(bench, **changes) == code
    assert await bench.accepted("tencent") == []


async def wechat_token(bench, **changes):
    request = {"grant_type": "client_credential", "appid": "wxofficial", "secret": "OFFICIAL"} | changes
    return (await bench.client.post(f"{bench.url}/wechat/cgi-bin/stable_token", json=request)).json()


@pytest.mark.parametrize(
    ("changes", "errcode"), [({"grant_type": "x"}, 40002), ({"appid": "wx0"}, 40013), ({"secret": "x"}, 40125)]
)
async def test_stable_token_refuses(bench, changes, errcode):
    assert (await wechat_token(bench, **changes))["errcode"] == errcode


async def test_stable_token_is_stable_until_forced_and_may_be_forced_20_times_a_day(bench):
    first = await wechat_token(bench)
    assert await wechat_token(bench) == first
    assert len(first["access_token"]) >= 512

    forced = await wechat_token(bench, force_refresh=True)
    assert forced["access_token"] != first["access_token"]
    assert (await wechat_token(bench, force_refresh=True))["errcode"] == 45011
    for _ in range(19):
        bench.clock.forward(seconds=31)
        assert "access_token" in await wechat_token(bench, force_refresh=True)
    bench.clock.forward(seconds=31)
    assert (await wechat_token(bench, force_refresh=True))["errcode"] == 45009


@pytest.mark.parametrize("path", ["template", "subscribe"])
async def test_wechat_messages_need_a_valid_token(bench, path):
    url = f"{bench.url}/wechat/cgi-bin/message/{path}/send"

    assert (await bench.client.post(url, json={})).json()["errcode"] == 41001
    assert (await bench.client.post(url, params={"access_token": "x"}, json={})).json()["errcode"] == 40001


async def test_a_token_of_the_other_account_is_not_valid(bench):
    token = (await wechat_token(bench))["access_token"]
    url = f"{bench.url}/wechat/cgi-bin/message/subscribe/send"

    assert (await bench.client.post(url, params={"access_token": token}, json={})).json()["errcode"] == 40001


async def test_a_token_expires_after_two_hours_and_its_successor_serves(bench):
    first = (await wechat_token(bench))["access_token"]
    bench.clock.forward(minutes=116)
    second = (await wechat_token(bench))["access_token"]
    bench.clock.forward(minutes=4)
    url = f"{bench.url}/wechat/cgi-bin/message/template/send"

    assert (await bench.client.post(url, params={"access_token": first}, json={})).json()["errcode"] == 42001
    assert (await bench.client.post(url, params={"access_token": second}, json={})).json()["errcode"] == 40003


async def test_a_client_msg_id_may_not_be_longer_than_32(bench):
    token = (await wechat_token(bench))["access_token"]

    answer = await bench.client.post(
        f"{bench.url}/wechat/cgi-bin/message/template/send",
        params={"access_token": token},
        json={"client_msg_id": "x" * 33},
    )

    assert answer.json()["errcode"] == 40097
