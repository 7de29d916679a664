"""A report's way through the service: verdict, evidence, event; policies, holds and releases; judging again."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from radbridge.contracts.events.audit import AccessRecorded
from radbridge.contracts.events.report import ReportRejected, ReportSigned, ReportVoided
from radbridge.contracts.model.codes import ReportStatus
from radbridge.runtime.clock import utc_now
from radbridge.runtime.testing import eventually
from radbridge.signing.domain.evidence_chain import check_chain
from radbridge.signing.domain.sm2_curve import parse_signature
from radbridge.signing.domain.sm3 import sm3
from radbridge.signing.trial_pki import TrialAuthority


def entries(lines: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line)["entry"] for line in lines]


def checks(verdict: dict[str, Any]) -> dict[str, str]:
    return {check["name"]: check["result"] for check in verdict["checks"]}


@pytest.mark.proves("SX-058", "SX-067", "SX-122")
async def test_a_verdict_comes_with_its_evidence(world: Any) -> None:
    body = await world.push("R1")
    verdict = await world.verdict("R1")
    assert (verdict["verdict"], verdict["evidence_position"]) == ("accepted", 1)
    (_, signed), *more = await world.running.events(ReportSigned)
    assert (signed.report_id, signed.received_version, more) == (body.report_id, 1, [])
    lines = await world.evidence()
    report = check_chain(lines)
    assert (report.holds, report.entries, report.head) == (True, 1, verdict["evidence_hash"])
    (entry,) = entries(lines)
    assert (entry["outcome"], entry["policy"], entry["decidedBy"]) == ("accepted", "reject", "engine")
    assert entry["materials"]["ClientCert"] == sm3(world.doctor.cert_der).hex()
    assert entry["materials"]["CAData"] == entry["evidence"]["caDataSm3"]
    assert entry["objects"]["signaturePackage"]["name"] == body.signature_package.name
    assert entry["checks"] == verdict["checks"]
    assert "张三" not in lines[0]


@pytest.mark.proves("SX-058", "SX-122")
async def test_a_rejection_names_the_wire_field(world: Any) -> None:
    await world.push("R1", value=world.doctor.sign_pkcs1(b"something else"))
    await world.push("R2", package=False)
    assert {(await world.verdict(number))["verdict"] for number in ("R1", "R2")} == {"rejected"}
    rejected = [body for _, body in await world.running.events(ReportRejected)]
    assert [body.field for body in rejected] == ["SignValue", "SignValue"]
    assert [entry["outcome"] for entry in entries(await world.evidence())] == ["rejected", "rejected"]


async def test_what_is_not_judged_leaves_no_evidence(world: Any) -> None:
    body = await world.push("R1", status=ReportStatus.NOT_AUDITED.value)
    voided = body.model_dump(include={"report_id", "institution_id", "hospital_code", "report_number", "exam_ids"})
    assert (await world.verdict("R1"))["reason"] == "报告尚未审核，审核后验证"
    await world.running.publish(ReportVoided(**voided, changed_at=utc_now()), service="ingest-api", version=2)
    await world.running.settled()
    assert (await world.verdict("R1"))["reason"] == "报告已由医院删除"
    assert await world.evidence() == []


async def test_the_chain_grows_by_each_decision_and_can_be_taken_in_parts(world: Any) -> None:
    for number in ("R1", "R2", "R3"):
        await world.push(number)
    await world.push("R1", version=2, value=b"\x30\x00")
    lines = await world.evidence()
    assert [entry["position"] for entry in entries(lines)] == [1, 2, 3, 4]
    assert [entry["outcome"] for entry in entries(lines)] == ["accepted"] * 3 + ["rejected"]
    rest = await world.running.admin.get("/api/signing/v1/evidence", params={"after": 2})
    assert rest.text.splitlines() == lines[2:]
    assert check_chain(rest.text.splitlines()).holds
    head = (await world.running.admin.get("/api/signing/v1/evidence/head")).json()
    assert head == {"position": 4, "hash": json.loads(lines[-1])["hash"]}


async def test_evidence_is_for_auditors(world: Any) -> None:
    basic = base64.b64encode(f"{world.hospital.access_key}:{world.hospital.secret_key}".encode()).decode()
    for path in ("/evidence", "/evidence/head", "/held"):
        assert (await world.running.client.get(f"/api/signing/v1{path}")).status_code == 401
        headers = {"authorization": f"Basic {basic}"}
        assert (await world.running.client.get(f"/api/signing/v1{path}", headers=headers)).status_code in (401, 403)


async def test_a_verdict_is_shown_to_the_hospital_that_sent_the_report(world: Any) -> None:
    await world.push("R1")
    path = "/api/signing/v1/reports/R1/verdict"
    other = await world.running.add_institution(code="OTHER")
    for hospital, status in ((world.hospital, 200), (other, 403)):
        own = (hospital.access_key, hospital.secret_key)
        answer = await world.running.client.get(path, params={"hospitalCode": world.hospital.code}, auth=own)
        assert answer.status_code == status, answer.text
    answer = await world.running.admin.get(path, params={"hospitalCode": "NOBODY"})
    assert (answer.status_code, answer.json()["title"]) == (404, "No such institution")


async def test_who_looks_at_verdicts_and_evidence_leaves_an_event(world: Any) -> None:
    await world.push("R1")
    own = (world.hospital.access_key, world.hospital.secret_key)
    verdict = {"params": {"hospitalCode": world.hospital.code}, "auth": own}
    for _ in range(2):
        assert (await world.running.client.get("/api/signing/v1/reports/R1/verdict", **verdict)).status_code == 200
    await world.evidence()
    await world.running.admin.get("/api/signing/v1/held")
    await world.running.admin.post("/api/signing/v1/evidence/1/judge-again")
    seen = [body for _, body in await world.running.events(AccessRecorded)]
    assert sorted((body.actor, body.action, body.institution_id) for body in seen if body.actor != "admin") == [
        (f"hospital:{world.hospital.code}", "signing.verdict", world.hospital.id)
    ]
    assert {(body.action, body.institution_id) for body in seen if body.actor == "admin"} == {
        ("signing.evidence", None),
        ("signing.held", None),
        ("signing.judge_again", world.hospital.id),
    }


def raw(value: bytes) -> bytes:
    r, s = parse_signature(value)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


async def test_raw_values_count_for_signers_of_a_ca_with_that_setting_alone(world: Any) -> None:
    other = TrialAuthority.create(utc_now())
    stranger = other.issue_doctor("李四", "110101199003070011")
    await world.register(other, "OTHER")
    ours, theirs = (
        {"doctor": doctor, "stamped_by": authority, "value": raw(doctor.sign_pkcs1("影像".encode())), "text": "影像"}
        for doctor, authority in ((world.doctor, world.authority), (stranger, other))
    )
    await world.push("R1", **ours)
    assert (await world.register(world.authority, raw_signatures=True))["raw_signatures"]
    await world.push("R2", **ours)
    await world.push("R3", **theirs)
    await world.push("R4", **ours | {"value": bytes(64)})
    assert [(await world.verdict(number))["verdict"] for number in ("R1", "R2", "R3", "R4")] == [
        *("rejected", "accepted", "rejected", "rejected")
    ]
    asked = {
        "transId": "raw-value-0000001",
        "oriData": "影像",
        "signAlgIdentifier": "SM3WithSM2",
        "signValue": base64.b64encode(ours["value"]).decode(),
        "base64Cert": base64.b64encode(world.doctor.cert_der).decode(),
    }
    for certificate, result in ((asked["base64Cert"], "true"), ("", "false")):
        body = asked | {"base64Cert": certificate, "pubKey": base64.b64encode(world.doctor.key.point).decode()}
        answer = await world.post("/dsvs/v1/pkcs1/verifyDataSign", body)
        assert answer["data"]["result"] == result, answer
    assert not (await world.register(world.authority))["raw_signatures"]
    await world.push("R5", **ours)
    assert (await world.verdict("R5"))["verdict"] == "rejected"
    again = await world.running.admin.post("/api/signing/v1/evidence/2/judge-again")
    assert (again.status_code, again.json()["same"]) == (200, True), again.text


async def test_a_verdict_is_made_again_from_its_evidence(world: Any) -> None:
    """Even after the CA was replaced by another and the doctor's certificate revoked."""
    await world.push("R1")
    await world.push("R2", value=b"\x30\x00")
    await world.register(TrialAuthority.create(utc_now()))
    for position in (1, 2):
        answer = await world.running.admin.post(f"/api/signing/v1/evidence/{position}/judge-again")
        assert (answer.status_code, answer.json()["same"]) == (200, True), answer.text
        assert answer.json()["checks"] == entries(await world.evidence())[position - 1]["checks"]
    assert (await world.running.admin.post("/api/signing/v1/evidence/9/judge-again")).status_code == 404


async def test_changed_evidence_is_noticed_when_judging_again(world: Any) -> None:
    await world.push("R1")
    database = world.running.resources.database
    await database.write_one("UPDATE evidence SET entry = replace(entry, '\"passed\"', '\"finding\"')")
    answer = (await world.running.admin.post("/api/signing/v1/evidence/1/judge-again")).json()
    assert (answer["same"], answer["differences"]) == (False, ["checks"])
    assert not check_chain(await world.evidence()).holds
    await database.write_one("UPDATE trust_archive SET data = $1", b"forged")
    assert (await world.running.admin.post("/api/signing/v1/evidence/1/judge-again")).status_code == 409


async def test_strangers_by_policy(world: Any) -> None:
    """The same soft fault, under each policy: rejected, accepted with a finding, held."""
    stranger = TrialAuthority.create(utc_now()).issue_doctor("张三", "2")
    outcomes = {}
    for policy in ("reject", "warn", "hold", "nonsense"):
        hospital = await world.hospital_with(f"H-{policy}", policy)
        await world.push("R1", institution=hospital, doctor=stranger)
        outcomes[policy] = await world.verdict("R1", hospital)
    assert {policy: outcome["verdict"] for policy, outcome in outcomes.items()} == {
        "reject": "rejected",
        "warn": "accepted",
        "hold": "pending",
        "nonsense": "rejected",
    }
    assert checks(outcomes["warn"])["certificate"] == "finding"
    assert outcomes["warn"]["reason"].startswith("验证通过，提示：")
    assert outcomes["hold"]["reason"].startswith("验证结论暂缓")
    assert [body.hospital_code for _, body in await world.running.events(ReportSigned)] == ["H-warn"]
    assert {body.hospital_code for _, body in await world.running.events(ReportRejected)} == {"H-reject", "H-nonsense"}
    assert [entry["outcome"] for entry in entries(await world.evidence())] == [
        *("rejected", "accepted", "held", "rejected")
    ]


@pytest.mark.parametrize("policy", ["warn", "hold"])
async def test_no_policy_lets_tampering_or_revocation_pass(world: Any, policy: str) -> None:
    hospital = await world.hospital_with("H", policy)
    stranger = TrialAuthority.create(utc_now()).issue_doctor("张三", "2")
    revoked = world.authority.issue_doctor("张三", "3")
    world.authority.revoke(revoked, utc_now() - timedelta(hours=1))
    await world.register(world.authority)
    await world.push("WRONG", institution=hospital, value=b"\x30\x00")
    await world.push("BOTH", institution=hospital, doctor=stranger, value=b"\x30\x00")
    await world.push("REVOKED", institution=hospital, doctor=revoked)
    for number in ("WRONG", "BOTH", "REVOKED"):
        assert (await world.verdict(number, hospital))["verdict"] == "rejected"


async def test_a_stamp_of_a_stranger_is_soft_and_one_over_other_data_is_not(world: Any) -> None:
    hospital = await world.hospital_with("H", "warn")
    await world.push("R1", institution=hospital, stamped_by=TrialAuthority.create(utc_now()))
    verdict = await world.verdict("R1", hospital)
    assert (verdict["verdict"], checks(verdict)["timestamp"]) == ("accepted", "finding")


async def test_a_held_report_is_decided_when_its_ca_is_back(world: Any) -> None:
    """The CA is registered after the report arrived: nobody needs to do anything more."""
    hospital = await world.hospital_with("H", "hold")
    coming = TrialAuthority.create(utc_now())
    doctor = coming.issue_doctor("张三", "2")
    await world.push("R1", institution=hospital, doctor=doctor)
    await world.push("R2", institution=hospital, doctor=doctor, text="第二份")
    assert (await world.verdict("R1", hospital))["verdict"] == "pending"
    await world.register(TrialAuthority.create(utc_now()), "UNRELATED")
    await world.register(coming, "COMING")

    async def decided() -> bool:
        return (await world.verdict("R2", hospital))["verdict"] == "accepted"

    await eventually(decided)
    assert (await world.verdict("R1", hospital))["verdict"] == "accepted"
    assert (await world.running.admin.get("/api/signing/v1/held")).json() == {"held": []}
    found = entries(await world.evidence())
    assert [entry["outcome"] for entry in found] == ["held", "held", "accepted", "accepted"]
    assert len(await world.running.events(ReportSigned)) == 2


async def test_a_missing_list_holds(world: Any) -> None:
    hospital = await world.hospital_with("H", "hold")
    await world.register(world.authority, crls=[])
    await world.push("R1", institution=hospital)
    held = await world.verdict("R1", hospital)
    assert held["verdict"] == "pending"
    assert "没有颁发者的吊销列表" in held["reason"]
    await world.push("R1")
    assert (await world.verdict("R1"))["verdict"] == "accepted"


@pytest.mark.parametrize(("decision", "verdict"), [("accept", "accepted"), ("reject", "rejected")])
async def test_an_operator_decides_about_a_held_report(world: Any, decision: str, verdict: str) -> None:
    hospital = await world.hospital_with("H", "hold")
    stranger = TrialAuthority.create(utc_now()).issue_doctor("张三", "2")
    await world.push("R1", institution=hospital, doctor=stranger)
    (held,) = (await world.running.admin.get("/api/signing/v1/held")).json()["held"]
    assert (held["recordNum"], held["hospitalCode"]) == ("R1", "H")
    path, query = "/api/signing/v1/reports/R1/release", {"hospitalCode": "H"}
    released = await world.running.admin.post(path, params=query, json={"decision": decision})
    assert (released.status_code, released.json()["verdict"]) == (200, verdict)
    again = await world.running.admin.post(path, params=query, json={"decision": decision})
    assert again.status_code == 404
    assert (await world.verdict("R1", hospital))["verdict"] == verdict
    assert "人工处理" in (await world.verdict("R1", hospital))["reason"]
    last = entries(await world.evidence())[-1]
    assert (last["outcome"], last["decidedBy"]) == (verdict, "admin")
    signed, rejected = await world.running.events(ReportSigned), await world.running.events(ReportRejected)
    assert (len(signed), len(rejected)) == ((1, 0) if verdict == "accepted" else (0, 1))


async def test_a_new_push_takes_the_held_ones_place(world: Any) -> None:
    hospital = await world.hospital_with("H", "hold")
    stranger = TrialAuthority.create(utc_now()).issue_doctor("张三", "2")
    await world.push("R1", institution=hospital, doctor=stranger)
    await world.push("R1", institution=hospital, version=2)
    assert (await world.verdict("R1", hospital))["verdict"] == "accepted"
    assert (await world.running.admin.get("/api/signing/v1/held")).json() == {"held": []}


@pytest.mark.real
async def test_the_flow_on_postgresql(world_on_postgresql: Any) -> None:
    """The same statements on the other database: many verdicts at once make one chain; holds end; verdicts repeat."""
    world = world_on_postgresql
    holding = await world.hospital_with("H", "hold")
    coming = TrialAuthority.create(utc_now())
    await world.push("HELD", institution=holding, doctor=coming.issue_doctor("张三", "2"))
    await asyncio.gather(*(world.push(f"R{number}") for number in range(12)))
    await world.register(coming, "COMING")

    async def decided() -> bool:
        return (await world.verdict("HELD", holding))["verdict"] == "accepted"

    await eventually(decided)
    report = check_chain(await world.evidence())
    assert (report.holds, report.entries) == (True, 14)
    again = await world.running.admin.post("/api/signing/v1/evidence/14/judge-again")
    assert (again.status_code, again.json()["same"]) == (200, True)
    assert (await world.running.admin.get("/api/signing/v1/held")).json() == {"held": []}


@pytest.mark.proves("SX-033")
async def test_an_ofd_file_is_judged_as_one(world: Any) -> None:
    await world.push("R1", document=b"PK no package")
    told = checks(await world.verdict("R1"))
    assert (told["ofd_seal"], "pdf_seal" in told) == ("finding", False)
    assert (await world.running.admin.post("/api/signing/v1/evidence/1/judge-again")).json()["same"]
