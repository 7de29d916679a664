"""Reports whose certificates name an OCSP responder: asked, kept, stored as evidence; and what its failures cause."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from radbridge.runtime.clock import to_micros, utc_now
from radbridge.runtime.testing import eventually
from radbridge.signing import ocsp_store
from radbridge.signing.domain import oids
from radbridge.signing.domain.certificate import load_certificates
from radbridge.signing.domain.chain import CertStatus, CertVerdict, judge_certificate
from radbridge.signing.domain.der_write import octets, oid
from radbridge.signing.domain.revocation import RevocationState
from radbridge.signing.domain.sm3 import sm3
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.ocsp_responders import OcspResponders
from radbridge.signing.trial_pki import Doctor, TrialAuthority
from tests.support import ocsp
from tests.support.ocsp import OcspCa, OpensslResponder, Reply

Answering = Callable[[httpx.Request], httpx.Response]


@dataclass
class Responder:
    """A CA of its own, registered without any list, and its responder as the network shows it."""

    ca: OcspCa
    doctor: Doctor
    reply: dict[str, Any] = field(default_factory=dict[str, Any])
    asked: list[httpx.Request] = field(default_factory=list[httpx.Request])

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if "raise" in self.reply:
            raise self.reply["raise"]
        if "status_code" in self.reply:
            return httpx.Response(self.reply["status_code"])
        content = self.reply.get("content")
        if content is None:
            about = {"ca": self.ca, "certificate": self.doctor.certificate, "now": utc_now()}
            content = Reply(**about | self.reply).der()
        return httpx.Response(200, content=content, headers={"content-type": "application/ocsp-response"})


@pytest.fixture
async def responder(world: Any) -> Responder:
    return await with_responder(world)


async def with_responder(world: Any) -> Responder:
    """A CA registered in a world, and its responder there."""
    ca = OcspCa(utc_now().replace(microsecond=0))
    responder = Responder(ca, ca.doctor())
    world.outside.answering[ocsp.ADDRESS] = responder
    await world.register(world.authority, "OCSP", roots=[_b64(ca.certificate.raw)], intermediates=[], crls=[])
    return responder


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def check(verdict: dict[str, Any], name: str) -> tuple[str, str]:
    return next((one["result"], one["reason"]) for one in verdict["checks"] if one["name"] == name)


async def again(world: Any, position: int) -> dict[str, Any]:
    answer = await world.running.admin.post(f"/api/signing/v1/evidence/{position}/judge-again")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.proves("SX-031")
async def test_a_good_answer_accepts_and_is_evidence(world: Any, responder: Responder) -> None:
    await world.push("R1", doctor=responder.doctor)
    verdict = await world.verdict("R1")
    assert verdict["verdict"] == "accepted"
    assert check(verdict, "revocation") == ("passed", "OCSP应答有效，证书未被吊销")
    assert verdict["evidence"]["ocspStatus"] == "good"
    (request,) = responder.asked
    assert (request.method, request.headers["content-type"]) == ("POST", "application/ocsp-request")
    kept = await world.running.resources.database.fetch_one("SELECT response FROM ocsp_answer")
    assert verdict["evidence"]["ocspSm3"] == sm3(bytes(kept["response"])).hex()


async def test_the_answer_is_kept_for_the_next_report(world: Any, responder: Responder) -> None:
    for number in ("R1", "R2", "R3"):
        await world.push(number, doctor=responder.doctor)
        assert (await world.verdict(number))["verdict"] == "accepted"
    assert len(responder.asked) == 1


async def test_the_stored_answer_alone_repeats_the_verdict(world: Any, responder: Responder) -> None:
    """Years later: the responder is gone, the answer is kept no longer, the CA was replaced."""
    await world.push("R1", doctor=responder.doctor)
    responder.reply |= {"status": ocsp.REVOKED}
    database = world.running.resources.database
    await database.write_one("DELETE FROM ocsp_answer")
    await world.register(TrialAuthority.create(utc_now()), "OCSP")
    judged = await again(world, 1)
    assert judged["same"], judged["differences"]
    assert judged["evidence"]["ocspStatus"] == "good"
    assert len(responder.asked) == 1
    await database.write_one("DELETE FROM trust_archive WHERE sm3 = $1", judged["evidence"]["ocspSm3"])
    answer = await world.running.admin.post("/api/signing/v1/evidence/1/judge-again")
    assert answer.status_code == 409


@pytest.mark.parametrize("policy", ["reject", "warn", "hold"])
async def test_a_revoked_certificate_is_rejected_by_every_policy(world: Any, responder: Responder, policy: str) -> None:
    responder.reply |= {"status": ocsp.REVOKED, "reason": 1}
    hospital = await world.hospital_with("H", policy)
    await world.push("R1", institution=hospital, doctor=responder.doctor)
    verdict = await world.verdict("R1", hospital)
    assert (verdict["verdict"], check(verdict, "revocation")) == ("rejected", ("failed", "证书已被吊销"))
    assert verdict["evidence"]["ocspRevocationReason"] == "keyCompromise"
    assert (await again(world, 1))["same"]


async def test_revocation_after_the_timestamp_rejects_nothing(world: Any, responder: Responder) -> None:
    responder.reply |= {"status": ocsp.REVOKED, "revoked_at": utc_now() + timedelta(hours=1)}
    await world.push("R1", doctor=responder.doctor)
    assert (await world.verdict("R1"))["verdict"] == "accepted"


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "unreachable": ({"raise": httpx.ConnectError("down")}, "OCSP服务无法访问"),
    "too slow": ({"raise": httpx.ReadTimeout("slow")}, "OCSP服务无法访问"),
    "wrong status": ({"status_code": 500}, "OCSP服务无法访问"),
    "redirect": ({"status_code": 302}, "OCSP服务无法访问"),
    "malformed": ({"content": b"<html>"}, "OCSP应答格式错误"),
    "empty": ({"content": b""}, "OCSP应答格式错误"),
    "too long": ({"content": bytes(70_000)}, "OCSP服务无法访问"),
    "try later": ({"content": ocsp.refusal(ocsp.TRY_LATER)}, "OCSP服务暂不应答（tryLater）"),
    "unauthorized": ({"content": ocsp.refusal(ocsp.UNAUTHORIZED)}, "OCSP服务拒绝应答"),
    "stale": ({"next_update": utc_now() - timedelta(hours=1)}, "OCSP应答已过期或尚未生效，未采用"),
    "unknown": ({"status": ocsp.UNKNOWN}, "OCSP服务不认识该证书（unknown）"),
    "another nonce": (
        {"extensions": ((oids.OCSP_NONCE, False, octets(b"n" * 32)),)},
        "OCSP应答的随机数与请求不符，未采用",
    ),
    "another's": ({"certificate": OcspCa(utc_now()).doctor().certificate}, "OCSP应答不是针对该证书的，未采用"),
    "another CA's": ({"signer": OcspCa(utc_now()).delegate()}, "OCSP应答的签名错误或签发者无权应答，未采用"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_no_fault_of_the_responder_is_valid_by_default(world: Any, responder: Responder, fault: str) -> None:
    reply, reason = FAULTS[fault]
    responder.reply |= reply
    outcomes = {}
    for policy in ("reject", "warn", "hold"):
        hospital = await world.hospital_with(f"H-{policy}", policy)
        await world.push("R1", institution=hospital, doctor=responder.doctor)
        outcomes[policy] = await world.verdict("R1", hospital)
    told = f"{reason}，无法确认证书是否被吊销"
    assert {policy: one["verdict"] for policy, one in outcomes.items()} == {
        "reject": "rejected",
        "warn": "accepted",
        "hold": "pending",
    }
    assert check(outcomes["reject"], "revocation") == ("failed", told)
    assert check(outcomes["warn"], "revocation") == ("finding", told)
    assert told in outcomes["hold"]["reason"]
    for position in (1, 2, 3):
        assert (await again(world, position))["same"]
    body = {
        "transId": "1234567890123456",
        "oriData": "影像",
        "signAlgIdentifier": "SM3WithSM2",
        "signValue": _b64(responder.doctor.sign_pkcs1("影像".encode())),
        "base64Cert": _b64(responder.doctor.cert_der),
    }
    asked = await world.post("/dsvs/v1/pkcs1/verifyDataSign", body | {"verifyCert": True})
    assert (asked["status"], asked["data"]["result"]) == (200, "false")
    assert reason in asked["message"]
    alone = await world.post("/dsvs/v1/pkcs1/verifyDataSign", body | {"verifyCert": False})
    assert alone["data"]["result"] == "true"


@pytest.mark.parametrize("address", ["http://[abc/ocsp", "http://:80/", "http://xn--a.invalid/"])
async def test_an_address_that_is_none_is_an_unreachable_responder(
    world: Any, responder: Responder, address: str
) -> None:
    doctor = responder.ca.doctor(address)
    await world.push("R1", doctor=doctor)
    verdict = await world.verdict("R1")
    told = "OCSP服务无法访问，无法确认证书是否被吊销"
    assert (verdict["verdict"], check(verdict, "revocation")) == ("rejected", ("failed", told))
    body = {
        "transId": "1234567890123456",
        "oriData": "影像",
        "signAlgIdentifier": "SM3WithSM2",
        "signValue": _b64(doctor.sign_pkcs1("影像".encode())),
        "base64Cert": _b64(doctor.cert_der),
        "verifyCert": True,
    }
    asked = await world.post("/dsvs/v1/pkcs1/verifyDataSign", body)
    assert (asked["status"], asked["data"]["result"]) == (200, "false")


async def test_a_held_report_is_decided_when_the_responder_is_back(world: Any, responder: Responder) -> None:
    responder.reply |= {"content": ocsp.refusal(ocsp.TRY_LATER)}
    hospital = await world.hospital_with("H", "hold")
    await world.push("R1", institution=hospital, doctor=responder.doctor)
    assert (await world.verdict("R1", hospital))["verdict"] == "pending"
    responder.reply.clear()

    async def decided() -> bool:
        return (await world.verdict("R1", hospital))["verdict"] == "accepted"

    await eventually(decided)
    newest = (await world.verdict("R1", hospital))["evidence_position"]
    assert (await again(world, newest))["same"]


async def judged_elsewhere(world: Any, responder: Responder, **options: Any) -> RevocationState:
    """How well another process could look up the doctor's certificate."""
    return (await verdict_elsewhere(world, responder, **options)).revocation


async def verdict_elsewhere(
    world: Any, responder: Responder, *, later: timedelta = timedelta(), enabled: bool = True
) -> CertVerdict:
    """What another process, that shares the database, makes of the doctor's certificate after a time."""

    def clock() -> datetime:
        return utc_now() + later

    others = OcspResponders(
        world.running.resources.database,
        world.running.resources.http,
        clock,
        enabled=enabled,
        timeout=timedelta(seconds=1),
        refresh=timedelta(hours=1),
    )

    async def judge(store: TrustStore) -> CertVerdict:
        return judge_certificate(responder.doctor.certificate, store, at=clock())

    found, _ = await others.judged(TrustStore([responder.ca.certificate]), judge)
    return found


async def test_answers_are_shared_refreshed_and_count_to_their_end(world: Any, responder: Responder) -> None:
    assert await judged_elsewhere(world, responder, enabled=False) is RevocationState.NO_LIST
    assert len(responder.asked) == 0
    assert await judged_elsewhere(world, responder) is RevocationState.GOOD
    assert await judged_elsewhere(world, responder, later=timedelta(minutes=59)) is RevocationState.GOOD
    assert len(responder.asked) == 1
    assert await judged_elsewhere(world, responder, later=timedelta(hours=2)) is RevocationState.GOOD
    assert len(responder.asked) == 2
    responder.reply |= {"raise": httpx.ConnectError("down")}
    assert await judged_elsewhere(world, responder, later=timedelta(hours=20)) is RevocationState.GOOD
    assert await judged_elsewhere(world, responder, later=timedelta(hours=30)) is RevocationState.OCSP_UNREACHABLE
    assert len(responder.asked) == 6


async def test_an_answer_is_not_kept_beyond_its_responders_certificate(world: Any, responder: Responder) -> None:
    """Else reports were rejected, on account of the old responder's answer, until it is asked for anew."""
    responder.reply |= {"signer": responder.ca.delegate(until=utc_now() + timedelta(minutes=20))}
    assert await judged_elsewhere(world, responder) is RevocationState.GOOD
    responder.reply |= {"signer": responder.ca.delegate()}
    assert await judged_elsewhere(world, responder, later=timedelta(minutes=30)) is RevocationState.GOOD
    assert len(responder.asked) == 2


@pytest.mark.parametrize("trouble", [{"raise": httpx.ConnectError("down")}, {"status": ocsp.UNKNOWN}])
async def test_a_known_revocation_outlives_its_answer(
    world: Any, responder: Responder, trouble: dict[str, Any]
) -> None:
    async def status(hours: int) -> CertStatus:
        return (await verdict_elsewhere(world, responder, later=timedelta(hours=hours))).status

    responder.reply = {"status": ocsp.REVOKED}
    assert await status(0) is CertStatus.REVOKED
    responder.reply = trouble
    assert await status(30) is CertStatus.REVOKED
    late = to_micros(utc_now() + timedelta(hours=31))
    database = world.running.resources.database
    await database.write(lambda tx: ocsp_store.keep(tx, "another", ocsp_store.KeptAnswer(b"", late, late)))
    assert await status(32) is CertStatus.REVOKED
    responder.reply = {}
    assert await status(20) is CertStatus.GOOD
    responder.reply = trouble
    assert await status(22) is CertStatus.GOOD
    assert await status(32) is CertStatus.REVOCATION_UNKNOWN


async def test_an_answer_from_before_takes_no_revocation_back(world: Any, responder: Responder) -> None:
    """Current as it still is: whoever recorded it can send it again."""

    async def status(hours: int) -> CertStatus:
        return (await verdict_elsewhere(world, responder, later=timedelta(hours=hours))).status

    now = utc_now()
    before = {"this_update": now - timedelta(minutes=5), "next_update": now + timedelta(days=3)}
    responder.reply = {"status": ocsp.REVOKED, "this_update": now}
    assert await status(0) is CertStatus.REVOKED
    responder.reply = before
    assert await status(2) is CertStatus.REVOKED
    assert len(responder.asked) > 1
    responder.reply = before | {"this_update": now + timedelta(minutes=5)}
    assert await status(2) is CertStatus.GOOD


async def test_what_is_kept_is_bounded(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocsp_store, "KEPT_MAX", 3)
    database = world.running.resources.database
    for number in range(6):
        answer = ocsp_store.KeptAnswer(b"", 100, 200 - number)
        await database.write(lambda tx, n=number, a=answer: ocsp_store.keep(tx, f"Q{n}", a))
    rows = await database.fetch("SELECT question FROM ocsp_answer")
    assert len(rows) == 3
    await database.write(lambda tx: ocsp_store.keep(tx, "late", ocsp_store.KeptAnswer(b"", 300, 400)))
    assert [row["question"] for row in await database.fetch("SELECT question FROM ocsp_answer")] == ["late"]


async def test_revocations_make_no_room_for_others(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocsp_store, "KEPT_MAX", 2)
    database = world.running.resources.database
    for number in range(4):
        for kind, revoked in (("R", True), ("G", False)):
            answer = ocsp_store.KeptAnswer(b"", 100 * number, 100 * number + 250, revoked)
            await database.write(lambda tx, n=f"{kind}{number}", a=answer: ocsp_store.keep(tx, n, a))
    rows = await database.fetch("SELECT question FROM ocsp_answer ORDER BY question")
    assert [row["question"] for row in rows] == ["G2", "G3", "R0", "R1", "R2", "R3"]


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ({}, ("passed", "OCSP应答有效，证书未被吊销")),
        ({"status": ocsp.UNKNOWN}, ("failed", "OCSP服务不认识该证书（unknown）")),
        ({"status": ocsp.REVOKED}, ("finding", "OCSP应答：证书已被吊销")),
    ],
)
async def test_a_trial_asks_the_responder_even_if_a_list_is_current(
    world: Any, responder: Responder, reply: dict[str, Any], told: tuple[str, str]
) -> None:
    await world.register(
        world.authority, "OCSP", roots=[_b64(responder.ca.certificate.raw)], crls=[_b64(responder.ca.crl())]
    )
    responder.reply |= reply
    text = "报告原文".encode()
    tried = {
        "name": "1",
        "original": _b64(text),
        "certificate": _b64(responder.doctor.cert_der),
        "signature": _b64(responder.doctor.sign_pkcs1(text)),
    }
    answer = await world.running.admin.post("/api/signing/v1/authorities/OCSP/trial", json={"sets": [tried]})
    (found,) = answer.json()["sets"]
    assert check(found, "ocsp") == told
    assert check(found, "revocation") == ("passed", "吊销列表有效，证书未被吊销")


@pytest.mark.real
async def test_the_flow_on_postgresql(world_on_postgresql: Any) -> None:
    """The same statements on the other database: kept, refused and held, decided, judged again."""
    world = world_on_postgresql
    responder = await with_responder(world)
    for number in ("R1", "R2"):
        await world.push(number, doctor=responder.doctor)
        assert (await world.verdict(number))["verdict"] == "accepted"
    assert len(responder.asked) == 1
    await test_a_held_report_is_decided_when_the_responder_is_back(world, await with_responder(world))
    assert (await again(world, 1))["same"]
    await test_a_known_revocation_outlives_its_answer(world, await with_responder(world), {"status": ocsp.UNKNOWN})


async def test_the_request_is_one_that_responders_read(world: Any, responder: Responder) -> None:
    """SM3 first, for an SM2 CA's responder; SHA-1 where that is refused; each with a nonce."""
    responder.reply |= {"content": ocsp.refusal(ocsp.UNAUTHORIZED)}
    await world.push("R1", doctor=responder.doctor)
    sm3_oid, sha1_oid, nonce_oid = (oid(one) for one in (oids.SM3, oids.SHA1, oids.OCSP_NONCE))
    first, second = (request.content for request in responder.asked)
    assert (sm3_oid in first, sha1_oid in first, nonce_oid in first) == (True, False, True)
    assert (sm3_oid in second, sha1_oid in second, nonce_oid in second) == (False, True, True)


@pytest.mark.parametrize("refused", [{"status_code": 400}, {"status_code": 500}, {"content": bytes(70_000)}])
async def test_a_responder_that_knows_sha1_alone_may_say_so_by_http(
    world: Any, responder: Responder, refused: dict[str, Any]
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        responder.reply = refused if oid(oids.SM3) in request.content else {}
        return responder(request)

    world.outside.answering[ocsp.ADDRESS] = answer
    await world.push("R1", doctor=responder.doctor)
    assert (await world.verdict("R1"))["verdict"] == "accepted"
    assert len(responder.asked) == 2


async def test_bytes_of_any_kind_are_an_answer(world: Any, responder: Responder) -> None:
    for number, content in enumerate((b"\x30\x80", b"\x30\x03\x0a\x01\x00", bytes(100), b"\x30\x84\xff\xff\xff\xff")):
        responder.reply["content"] = content
        await world.push(f"R{number}", doctor=responder.doctor)
        verdict = await world.verdict(f"R{number}")
        assert (verdict["verdict"], "OCSP应答格式错误" in verdict["reason"]) == ("rejected", True)


@pytest.mark.parametrize("sm2", [False, True], ids=["rsa", "sm2"])
async def test_an_independent_responder(world: Any, tmp_path: Path, sm2: bool) -> None:
    """A CA, a doctor and a responder made by the openssl command alone."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl command")
    folder = tmp_path / "ca"
    folder.mkdir()
    responder = OpensslResponder(openssl, folder, sm2)
    responder.make()
    world.outside.answering[ocsp.ADDRESS] = lambda request: httpx.Response(
        200, content=responder.answer(request.content)
    )
    await world.register(
        world.authority, "OPENSSL", roots=[_b64(responder.file("root.pem"))], intermediates=[], crls=[]
    )
    text = "报告"
    certificate = load_certificates(responder.file("doctor.pem"))[0]
    doctor = Doctor(certificate.raw, world.doctor.key, utc_now())
    pushed = {"doctor": doctor, "text": text, "value": responder.sign(text.encode())}
    await world.push("R1", **pushed)
    assert (await world.verdict("R1"))["verdict"] == "accepted"
    await world.running.resources.database.write_one("UPDATE ocsp_answer SET valid_until = 0")
    await world.register(world.authority)
    assert (await again(world, 1))["same"]
