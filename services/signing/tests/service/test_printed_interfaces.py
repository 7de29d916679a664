"""The verification interfaces as a hospital's system meets them."""

from __future__ import annotations

import base64
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from radbridge.runtime.clock import utc_now
from radbridge.runtime.front import ProxyFront
from radbridge.runtime.testing import listening
from radbridge.signing.trial_pki import TrialAuthority
from radbridge.signing.trial_seal import TrialSealer
from tests.support.stamped import with_timestamp

PKCS1 = "/dsvs/v1/pkcs1/verifyDataSign"
PKCS7 = "/dsvs/v1/pkcs7/verifyDataSign"
VERIFY_TS = "/coss/service/v1/verifyTS"
VERIFY_SEAL = "/sef/v1/SEF_VerifySeal"
TEXT = "报告内容：\r\n双肺纹理清晰。"
TRANS_ID = "1234567890123456"
FAR = ("203.0.113.9", 4)
FIVE_MB = 5 * 1024 * 1024


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def pkcs1(world: Any, text: str = TEXT, **changes: Any) -> dict[str, Any]:
    return {
        "transId": TRANS_ID,
        "signAlgIdentifier": "SM3WithSM2",
        "oriData": text,
        "signValue": b64(world.doctor.sign_pkcs1(text.encode())),
        "base64Cert": b64(world.doctor.cert_der),
    } | changes


def pkcs7(world: Any, **changes: Any) -> dict[str, Any]:
    value = b64(world.doctor.sign_pkcs7(TEXT.encode()))
    return {"transId": TRANS_ID, "oriData": TEXT, "signValue": value} | changes


def seal_request(document: bytes, **changes: Any) -> dict[str, Any]:
    return {
        "transId": "d57abf092e614d91838a74f07cc6e399",
        "requestTime": 1761766532029,
        "filename": "pdf文件测试",
        "fileDataType": 0,
        "fileData": b64(document),
    } | changes


@pytest.mark.proves("SX-016", "SX-023", "SX-060", "SX-082", "SX-086")
async def test_pkcs1_as_printed(world: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        answer = await world.post(PKCS1, pkcs1(world))
    assert answer == {"status": 200, "message": "SUCCESS", "data": {"transId": TRANS_ID, "result": "true"}}
    assert TRANS_ID in [getattr(record, "trans_id", None) for record in caplog.records]


@pytest.mark.proves("SX-082", "SX-084")
async def test_pkcs1_by_public_key_or_certificate(world: Any) -> None:
    point = world.doctor.key.point
    other = world.authority.issue_doctor("李四", "110101199003070011")
    results = []
    for changes in (
        {"base64Cert": "", "pubKey": b64(point)},
        {"base64Cert": None, "pubKey": b64(point[-64:])},
        {"pubKey": b64(other.key.point)},
        {"base64Cert": b64(other.cert_der), "pubKey": b64(point)},
        {"oriData": TEXT + "。"},
        {"oriData": b64(TEXT.encode()), "base64": True},
        {"oriData": b64(TEXT.encode()), "base64": "true"},
        {"oriData": b64(TEXT.encode()), "base64": False},
        {"signAlgIdentifier": "SHA256WithRSA"},
    ):
        answer = await world.post(PKCS1, pkcs1(world, **changes))
        assert answer["status"] == 200
        results.append(answer["data"]["result"])
    assert results == ["true", "true", "true", "false", "false", "true", "true", "false", "false"]


@pytest.mark.proves("SX-028", "SX-029", "SX-030", "SX-031", "SX-085")
async def test_the_certificate_counts_where_asked(world: Any) -> None:
    now = utc_now()
    expired = world.authority.issue_doctor("赵六", "1", not_before=now - timedelta(2), not_after=now - timedelta(1))
    stranger = TrialAuthority.create(now).issue_doctor("钱七", "2")
    revoked = world.authority.issue_doctor("孙八", "3")
    world.authority.revoke(revoked, now - timedelta(hours=1))
    await world.register(world.authority)
    reasons = ["证书已过有效期", "证书链不能到达受信任的根证书", "证书已被吊销"]
    for doctor, reason in zip((expired, stranger, revoked), reasons, strict=True):
        signed = {"signValue": b64(doctor.sign_pkcs1(TEXT.encode())), "base64Cert": b64(doctor.cert_der)}
        for path, body in (
            (PKCS1, pkcs1(world) | signed),
            (PKCS7, pkcs7(world, signValue=b64(doctor.sign_pkcs7(TEXT.encode())))),
        ):
            assert (await world.post(path, body))["data"]["result"] == "true"
            asked = await world.post(path, body | {"verifyCert": True})
            assert (asked["status"], asked["data"]["result"]) == (200, "false")
            assert reason in asked["message"]
    assert (await world.post(PKCS1, pkcs1(world, verifyCert=True)))["data"]["result"] == "true"


@pytest.mark.proves("SX-024", "SX-087")
async def test_pkcs7_as_printed(world: Any) -> None:
    answer = await world.post(PKCS7, pkcs7(world, verifyCert="true"))
    assert answer == {"status": 200, "message": "SUCCESS", "data": {"transId": TRANS_ID, "result": "true"}}
    detached = b64(world.doctor.sign_pkcs7(TEXT.encode(), attached=False, attributes=False))
    assert (await world.post(PKCS7, pkcs7(world, signValue=detached)))["data"]["result"] == "true"
    for changes in ({"oriData": "别的原文"}, {"signValue": b64(b"\x30\x80" * 50)}, {"signValue": "不是Base64"}):
        answer = await world.post(PKCS7, pkcs7(world, **changes))
        assert answer["data"]["result"] == "false"
        assert answer["message"] != "SUCCESS"


@pytest.mark.proves("SX-083")
async def test_the_original_text_has_up_to_five_megabytes(world: Any) -> None:
    for length, status, result in ((FIVE_MB, 200, "true"), (FIVE_MB + 1, 413, "false")):
        text = "报" + "a" * (length - 3)
        answer = await world.post(PKCS1, pkcs1(world, text))
        assert (answer["status"], answer["data"]["result"]) == (status, result)
        encoded = await world.post(PKCS1, pkcs1(world, text, oriData=b64(text.encode()), base64=True))
        assert (encoded["status"], encoded["data"]["result"]) == (status, result)


@pytest.mark.proves("SX-085", "SX-086")
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"transId": "1" * 14}, "transId"),
        ({"transId": "1" * 65}, "transId"),
        ({"transId": None}, "transId"),
        ({"oriData": None}, "oriData"),
        ({"signValue": None}, "signValue"),
        ({"signAlgIdentifier": "SHA1WithRSA"}, "signAlgIdentifier"),
        ({"signAlgIdentifier": 7}, "signAlgIdentifier"),
        ({"base64Cert": ""}, "base64Cert"),
        ({"base64Cert": "", "pubKey": "AA==", "verifyCert": True}, "base64Cert"),
        ({"verifyCert": "maybe"}, "verifyCert"),
        ({"oriData": "%%%", "base64": True}, "oriData"),
        ({"oriData": {"a": 1}}, "oriData"),
    ],
)
async def test_what_a_pkcs1_request_must_have(world: Any, changes: dict[str, Any], field: str) -> None:
    answer = await world.post(PKCS1, pkcs1(world) | changes)
    assert answer["status"] == 400
    assert field in answer["message"]
    assert answer["data"]["result"] == "false"


@pytest.mark.parametrize("length", [15, 64])
async def test_trans_ids_of_15_to_64_characters(world: Any, length: int) -> None:
    answer = await world.post(PKCS1, pkcs1(world, transId="a" * length))
    assert answer["data"] == {"transId": "a" * length, "result": "true"}


@pytest.mark.proves("SX-070", "SX-072")
async def test_dsvs_and_sef_ask_who_calls(world: Any, unsigned_pdf: bytes) -> None:
    for path, body, status in (
        (PKCS1, pkcs1(world), "status"),
        (PKCS7, pkcs7(world), "status"),
        (VERIFY_SEAL, seal_request(unsigned_pdf), "resultCode"),
    ):
        assert (await world.post(path, body, address=FAR))[status] == 403
        signed = world.signed(body | {"verifyCert": False, "zero": 0, "nothing": ""})
        assert (await world.post(path, signed, address=FAR))[status] in (200, 0)
        wrong = signed | {"signature": b64(bytes(32))}
        assert (await world.post(path, wrong, address=FAR))[status] == 401
        # a wrong signature is refused from a registered address too
        assert (await world.post(path, wrong))[status] == 401
        assert (await world.post(path, body, address=("::ffff:10.1.2.3", 1)))[status] in (200, 0)


@pytest.mark.proves("SX-070", "SX-072")
@pytest.mark.parametrize("signature", [0, 12345, 1.5, True, False, [], ["x"], {}, {"a": 1}])
async def test_a_signature_of_another_type_is_a_wrong_one(world: Any, unsigned_pdf: bytes, signature: object) -> None:
    for path, body, status in (
        (PKCS1, pkcs1(world), "status"),
        (PKCS7, pkcs7(world), "status"),
        (VERIFY_TS, world.signed(stamped(world)), "status"),
        (VERIFY_SEAL, seal_request(unsigned_pdf), "resultCode"),
    ):
        assert (await world.post(path, body | {"signature": signature}))[status] == 401


@pytest.mark.proves("SX-072")
@pytest.mark.parametrize(
    "number", ["10000000000000000000000000", "-9223372036854775809", "1.50", "1E20", "1e-7", "0.1", "100.0"]
)
async def test_the_hmac_covers_numbers_as_they_were_sent(world: Any, number: str) -> None:
    signed = world.signed(pkcs1(world, further=number))
    as_number = orjson.dumps(signed).replace(f'"further":"{number}"'.encode(), f'"further":{number}'.encode())
    assert (await world.post(PKCS1, as_number, address=FAR))["data"]["result"] == "true"
    other = as_number.replace(f'"further":{number}'.encode(), f'"further":{number}1'.encode())
    assert (await world.post(PKCS1, other, address=FAR))["status"] == 401


async def test_numbers_that_cannot_be_read_are_refused(world: Any) -> None:
    for value in (b"1" * 5000, b"[" * 1000 + b"1.5" + b"]" * 1000):
        answer = await world.post(PKCS1, b'{"further":' + value + b"}")
        assert answer["status"] in (400, 403)


async def test_a_disabled_institution_is_not_served(world: Any) -> None:
    await world.running.add_institution(institution_id=world.hospital.id, version=2, hosts=["10.1.2.3"], enabled=False)
    assert (await world.post(PKCS1, pkcs1(world)))["status"] == 403
    assert (await world.post(PKCS1, world.signed(pkcs1(world))))["status"] == 401


def stamped(world: Any, text: str = "test", **changes: Any) -> dict[str, Any]:
    return {"oriData": text, "tsResp": b64(world.authority.timestamp(text.encode(), utc_now()))} | changes


@pytest.mark.proves("SX-025", "SX-070", "SX-071", "SX-072", "SX-088")
async def test_verify_ts_as_printed(world: Any) -> None:
    answer = await world.post(VERIFY_TS, world.signed(stamped(world, transId="t-1")), address=FAR)
    assert answer == {"status": 200, "message": "SUCCESS", "transId": "t-1", "data": {"verifyRes": "1"}}
    for hash_name, algorithm in (("sha1", "HmacSHA1"), ("md5", "HmacMD5"), ("sha256", "HmacSHA256")):
        answer = await world.post(VERIFY_TS, world.signed(stamped(world), hash_name, algorithm))
        assert answer["data"] == {"verifyRes": "1"}


@pytest.mark.proves("SX-070", "SX-072")
async def test_verify_ts_demands_the_hmac(world: Any) -> None:
    good = world.signed(stamped(world))
    for changes in (
        {"signature": ""},
        {"signature": None},
        {"signature": b64(bytes(32))},
        {"signature": good["signature"].lower()},
        {"oriData": "other"},
        {"further": "parameter"},
        {"appId": "APP_UNKNOWN"},
        {"signAlgo": "HmacSHA1"},
        {"signAlgo": "SM3"},
    ):
        answer = await world.post(VERIFY_TS, good | changes)
        assert answer["status"] == 401, changes
        assert answer["data"] is None
    assert (await world.post(VERIFY_TS, good | {"empty": "", "none": None}))["status"] == 200


@pytest.mark.proves("SX-088")
async def test_verify_ts_tells_faults_apart(world: Any) -> None:
    now = utc_now()
    stranger = TrialAuthority.create(now)
    bare = stranger.timestamp(b"test", now, attach_certificate=False)
    expected = {
        "-1": {"tsResp": b64(b"\x30\x03\x02\x01\x00")},
        "-2": {"oriData": "other"},
        "-3": {"tsResp": b64(stranger.timestamp(b"test", now))},
        "-4": {"tsResp": b64(world.authority.timestamp(b"test", now - timedelta(days=365 * 3)))},
        "-5": {"tsResp": b64(bare)},
    }
    for res, changes in expected.items():
        answer = await world.post(VERIFY_TS, world.signed(stamped(world) | changes))
        assert (answer["status"], answer["data"]) == (200, {"verifyRes": res})
        assert answer["message"] != "SUCCESS"
    answer = await world.post(VERIFY_TS, world.signed(stamped(world, tsResp="***")))
    assert answer["data"] == {"verifyRes": "-1"}
    assert (await world.post(VERIFY_TS, world.signed(stamped(world, tsResp=""))))["status"] == 400
    assert (await world.post(VERIFY_TS, world.signed(stamped(world, version="2.0"))))["status"] == 400


@pytest.mark.proves("SX-026", "SX-027", "SX-062", "SX-068", "SX-090", "SX-091", "SX-092")
async def test_every_seal_is_told(world: Any, unsigned_pdf: bytes) -> None:
    sealer = TrialSealer.create(world.authority, "某某医院")
    twice = sealer.seal_pdf(sealer.seal_pdf(unsigned_pdf))
    answer = await world.post(VERIFY_SEAL, seal_request(twice))
    assert {name: answer[name] for name in ("transId", "resultCode", "resultMessage")} == {
        "transId": "d57abf092e614d91838a74f07cc6e399",
        "resultCode": 0,
        "resultMessage": "SUCCESS",
    }
    info = answer["fileVerifyInfo"]
    assert (info["totalCount"], [seal["signIndex"] for seal in info["signInfoList"]]) == (2, [0, 1])
    for seal in info["signInfoList"]:
        assert (seal["verifyResult"], seal["resultMsg"], seal["pageIndex"]) == (0, "成功", 1)
        assert seal["signAlg"] == "SM3WithSM2"
        assert base64.b64decode(seal["sealImage"]).startswith(b"\x89PNG")
        assert base64.b64decode(seal["signCert"]) == sealer.unit.cert_der
        assert base64.b64decode(seal["sealMakeCert"]) == sealer.maker.cert_der
        assert datetime.strptime(seal["signDate"], "%Y-%m-%d %H:%M:%S")
        assert base64.b64decode(seal["signedValue"])
    world.outside.pages["http://pdf.hospital.example/r.pdf"] = twice
    by_address = seal_request(b"", fileDataType="1", fileData="http://pdf.hospital.example/r.pdf")
    assert (await world.post(VERIFY_SEAL, by_address))["fileVerifyInfo"] == info


@pytest.mark.proves("SX-026", "SX-090")
async def test_broken_seals_are_told(world: Any, unsigned_pdf: bytes) -> None:
    sealed = TrialSealer.create(world.authority, "某某医院").seal_pdf(unsigned_pdf)
    changed = sealed.replace(b"300", b"301", 1)
    assert changed != sealed
    results = {}
    for name, document in {
        "changed": changed,
        "appended": sealed + b"x",
        "stranger": TrialSealer.create(TrialAuthority.create(utc_now()), "别家").seal_pdf(unsigned_pdf),
    }.items():
        answer = await world.post(VERIFY_SEAL, seal_request(document))
        assert answer["resultCode"] == 0
        (seal,) = answer["fileVerifyInfo"]["signInfoList"]
        results[name] = seal["verifyResult"]
        assert seal["resultMsg"] != "成功"
    assert results == {"changed": 3, "appended": 4, "stranger": 1}
    none = await world.post(VERIFY_SEAL, seal_request(unsigned_pdf))
    assert (none["resultCode"], none["fileVerifyInfo"]) == (0, {"totalCount": 0, "signInfoList": []})
    assert none["resultMessage"] == "PDF文件没有签章"


async def test_a_timestamp_that_does_not_count_is_told_of_a_good_seal(world: Any, unsigned_pdf: bytes) -> None:
    sealer = TrialSealer.create(world.authority, "某某医院")

    def sign(document: bytes) -> bytes:
        return with_timestamp(sealer.cms(document), world.authority, utc_now(), b"other")

    answer = await world.post(VERIFY_SEAL, seal_request(sealer.seal_pdf(unsigned_pdf, sign=sign)))
    (seal,) = answer["fileVerifyInfo"]["signInfoList"]
    assert seal["verifyResult"] == 0
    assert seal["resultMsg"] == "成功（签名中的时间戳无效，未予采信：时间戳的摘要与原文不符）"


async def test_a_time_that_china_has_after_the_year_9999_is_told(world: Any, unsigned_pdf: bytes) -> None:
    end = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    sealer = TrialSealer.create(world.authority, "某某医院")
    late = replace(sealer, authority=replace(world.authority, now=end))
    unit = replace(sealer.unit, signing_time=end)
    for sign in (
        late.ses,
        lambda document: unit.sign_pkcs7(document, attached=False),
        lambda document: world.authority.timestamp(document, end),
    ):
        answer = await world.post(VERIFY_SEAL, seal_request(sealer.seal_pdf(unsigned_pdf, sign=sign)))
        (seal,) = answer["fileVerifyInfo"]["signInfoList"]
        assert seal["signDate"] == "9999-12-31 23:59:59"


@pytest.mark.proves("SX-092")
@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"transId": "a" * 37}, 400, "transId"),
        ({"transId": ""}, 400, "transId"),
        ({"requestTime": None}, 400, "requestTime"),
        ({"requestTime": "soon"}, 400, "requestTime"),
        ({"fileDataType": 2}, 400, "fileDataType"),
        ({"fileData": ""}, 400, "fileData"),
        ({"fileData": "%"}, 400, "fileData"),
        ({"fileData": b64(b"no document")}, 400, "fileData"),
        ({"fileDataType": 1, "fileData": "file:///etc/passwd"}, 400, "fileData"),
        ({"fileDataType": 1, "fileData": "http://127.0.0.1/r.pdf"}, 400, "fileData"),
        ({"fileDataType": 1, "fileData": "http://pdf.hospital.example\n/r"}, 400, "fileData"),
        ({"fileDataType": 1, "fileData": "http://pdf.hospital.example:x/r"}, 400, "fileData"),
        ({"fileDataType": 1, "fileData": "http://[pdf/r"}, 400, "fileData"),
        ({"fileDataType": 1, "fileData": "http://pdf.hospital.example/none.pdf"}, 404, "fileData"),
    ],
)
async def test_what_a_seal_request_must_have(
    world: Any, unsigned_pdf: bytes, changes: dict[str, Any], code: int, field: str
) -> None:
    answer = await world.post(VERIFY_SEAL, seal_request(unsigned_pdf) | changes)
    assert (answer["resultCode"], answer["fileVerifyInfo"]["totalCount"]) == (code, 0)
    assert field in answer["resultMessage"]


async def test_trans_ids_of_36_characters_are_served(world: Any, unsigned_pdf: bytes) -> None:
    assert (await world.post(VERIFY_SEAL, seal_request(unsigned_pdf, transId="a" * 36)))["resultCode"] == 0


@pytest.mark.parametrize("path", [PKCS1, PKCS7, VERIFY_TS, VERIFY_SEAL])
@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"oriData":"\\ud800"}', b"[" * 100_000, b'{"a":1e999}'],
)
async def test_no_body_makes_the_service_fail(world: Any, path: str, body: bytes) -> None:
    answer = await world.post(path, body)
    assert answer.get("status", answer.get("resultCode")) in (400, 401)


async def test_callers_are_told_apart_behind_the_front_door(world: Any) -> None:
    """On the settings that every process has by itself; the caller's own address is not a trusted proxy's."""
    claimed = {"x-forwarded-for": "10.1.2.3", "x-real-ip": "10.1.2.3", "forwarded": "for=10.1.2.3"}
    async with listening(world.running.host.app) as service:
        front = ProxyFront({"signing": service})
        async with (
            listening(front) as url,
            httpx.AsyncClient(
                transport=httpx.AsyncHTTPTransport(local_address="127.0.0.2"), base_url=url, timeout=60
            ) as caller,
        ):
            stranger = await caller.post(PKCS1, json=pkcs1(world), headers=claimed)
            await world.running.add_institution(code="B", ae_title="B", hosts=["127.0.0.2"])
            neighbour = await caller.post(PKCS1, json=pkcs1(world), headers=claimed)
        await front.close()
    assert (stranger.json()["status"], neighbour.json()["status"]) == (403, 200)


@pytest.mark.parametrize(
    ("host", "address", "status"),
    [
        ("192.0.2.7:8080", "192.0.2.7", 200),
        ("[2001:db8::7]:8080", "2001:db8::7", 200),
        ("2001:DB8::7", "2001:db8:0::7", 200),
        ("localhost", "127.0.0.1", 200),
        ("localhost:9000", "::1", 200),
        ("192.0.2.7", "192.0.2.70", 403),
        ("192.0.2.0/24", "192.0.2.7", 403),
        ("pacs.hospital.example", "192.0.2.7", 403),
        ("localhost", "192.0.2.7", 403),
    ],
)
async def test_addresses_are_compared_as_addresses(world: Any, host: str, address: str, status: int) -> None:
    await world.running.add_institution(code="B", ae_title="B", hosts=[host])
    assert (await world.post(PKCS1, pkcs1(world), address=(address, 1)))["status"] == status
