"""Registered CAs as administrators and operators see them, and what is told of a CA that cannot be registered."""

from __future__ import annotations

import asyncio
import base64
from datetime import timedelta
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from radbridge.cli.main import build
from radbridge.runtime.clock import utc_now
from radbridge.runtime.database.protocol import DatabaseUnavailable
from radbridge.runtime.security.sessions import COOKIE, Session
from radbridge.runtime.testing import ADMIN_TOKEN, listening
from radbridge.signing import store
from radbridge.signing.revocation_lists import RevocationLists
from radbridge.signing.trial_pki import TrialAuthority
from tests.support.crls import KEY_COMPROMISE, flag, issuing_point, write_crl

AUTHORITIES = "/api/signing/v1/authorities"
LIST_URL = "http://ca.example/sub.crl"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


async def shown(world: Any, name: str = "TRIAL") -> dict[str, Any]:
    answer = await world.running.admin.get(AUTHORITIES)
    assert answer.status_code == 200
    return next(one for one in answer.json()["authorities"] if one["name"] == name)


def material(authority: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [one for one in authority["material"] if one["kind"] == kind]


async def test_certificates_are_described(world: Any) -> None:
    authority = await shown(world)
    (root,) = material(authority, "root")[0]["certificates"]
    assert root["subject"].startswith("CN=Trial SM2 Root ")
    assert root["subject"].endswith(", O=影桥试用 RadBridge Trial, C=CN")
    assert (root["issuer"], root["key"], root["signed_with"]) == (root["subject"], "SM2", "SM3WithSM2")
    assert (root["validity"], root["purpose"]) == ("valid", "ca")
    purposes = [one["certificates"][0]["purpose"] for one in material(authority, "intermediate")]
    assert purposes == ["ca", "timestamps"]
    assert (authority["raw_signatures"], authority["test_data_at"]) == (False, None)


async def test_several_generations_in_one_file_are_told_apart(world: Any) -> None:
    old = TrialAuthority.create(utc_now() - timedelta(days=30 * 365))
    pem = b"".join(
        b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"
        for der in (old.root_der, world.authority.root_der)
    )
    await world.register(world.authority, roots=[b64(pem)])
    certificates = material(await shown(world), "root")[0]["certificates"]
    assert [one["validity"] for one in certificates] == ["expired", "valid"]


async def test_a_list_is_described_with_what_it_is_worth(world: Any) -> None:
    stranger = TrialAuthority.create(utc_now())
    old = world.authority.crls[0]
    world.authority.revoke(world.doctor)
    await world.register(world.authority, crls=[b64(old), b64(world.authority.crls[0]), b64(stranger.crls[0])])
    lists = [one["revocation_list"] for one in material(await shown(world), "crl")]
    assert [one["number"] for one in lists] == ["1", "2", "1"]
    assert [one["entries"] for one in lists] == [0, 1, 0]
    assert [one["status"] for one in lists] == ["good", "good", "no_issuer"]
    assert lists[2]["reason"] == "找不到吊销列表颁发者的证书"
    assert lists[0]["this_update"] < lists[0]["next_update"]


async def test_a_stale_list_is_told(world: Any) -> None:
    old = TrialAuthority.create(utc_now() - timedelta(days=800))
    await world.register(old, "OLD")
    assert {one["revocation_list"]["status"] for one in material(await shown(world, "OLD"), "crl")} == {"stale"}


@pytest.mark.parametrize(("page", "told"), [(None, "服务器应答HTTP 404"), (b"no list", "取回的内容不是可用的吊销列表")])
async def test_a_fetch_that_failed_is_told_until_one_succeeds(world: Any, page: bytes | None, told: str) -> None:
    if page is not None:
        world.outside.pages[LIST_URL] = page
    answered = await world.register(world.authority, crls=[], crl_urls=[LIST_URL])
    (address,) = material(answered, "crl")
    assert told in address["fetch_error"]
    assert (address["fetched"], address["revocation_list"]) == (False, None)
    assert address["tried_at"] is not None

    world.outside.pages[LIST_URL] = world.authority.crls[0]
    await world.running.admin.post(f"{AUTHORITIES}/TRIAL/trial", json={})  # which fetches lists anew
    (fetched,) = material(await shown(world), "crl")
    assert (fetched["fetch_error"], fetched["fetched"], fetched["revocation_list"]["status"]) == ("", True, "good")

    del world.outside.pages[LIST_URL]
    await world.running.admin.post(f"{AUTHORITIES}/TRIAL/trial", json={})
    (kept,) = material(await shown(world), "crl")
    assert kept["fetch_error"] == "服务器应答HTTP 404"
    assert kept["revocation_list"] == fetched["revocation_list"]


async def test_what_befalls_one_list_keeps_no_other_from_being_fetched(world: Any) -> None:
    def broken(_: httpx.Request) -> httpx.Response:
        raise RuntimeError("nobody expects this")

    world.outside.answering["http://broken.example/x.crl"] = broken
    world.outside.pages[LIST_URL] = world.authority.crls[0]
    addresses = ["http://broken.example/x.crl", "http://ca.example/none.crl", LIST_URL]
    answered = await world.register(world.authority, crls=[], crl_urls=addresses)
    assert [one["fetched"] for one in material(answered, "crl")] == [False, False, True]


async def test_an_address_of_old_that_is_none_is_told(world: Any) -> None:
    """Registered when addresses were not looked at as closely."""
    await world.register(world.authority, crls=[], crl_urls=["http://ca.example/none.crl", LIST_URL])
    await world.running.resources.database.write_one(
        "UPDATE trust_material SET url = 'http://127.0.0.1:99999/x' WHERE url = 'http://ca.example/none.crl'"
    )
    world.outside.pages[LIST_URL] = world.authority.crls[0]
    await world.running.admin.post(f"{AUTHORITIES}/TRIAL/trial", json={})
    lists = material(await shown(world), "crl")
    assert [(one["fetched"], one["fetch_error"]) for one in lists] == [(False, "地址无效"), (True, "")]


async def test_a_fetch_that_cannot_be_stored_waits_for_the_database(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise DatabaseUnavailable("away")

    monkeypatch.setattr(store, "note_fetch", away)
    body = {"roots": [b64(world.authority.root_der)], "crl_urls": [LIST_URL, "http://ca.example/other.crl"]}
    assert (await world.running.admin.put(f"{AUTHORITIES}/NEW", json=body)).status_code == 503
    assert (await world.running.admin.post(f"{AUTHORITIES}/NEW/trial", json={})).status_code == 503
    resources = world.running.resources
    lists = RevocationLists(resources.database, resources.http, resources.clock, timedelta(minutes=30))
    with pytest.raises(DatabaseUnavailable):
        await lists.refresh()


async def test_a_ca_does_not_wait_for_the_lists_of_others(world: Any) -> None:
    other = await world.register(TrialAuthority.create(utc_now()), "OTHER", crls=[], crl_urls=[LIST_URL])
    await world.register(world.authority)
    await world.running.admin.post(f"{AUTHORITIES}/TRIAL/trial", json={})
    assert material(await shown(world, "OTHER"), "crl") == material(other, "crl")


async def test_a_failed_fetch_changes_no_trust(world: Any) -> None:
    """Held reports are judged again with each change of the trust material: an unreachable address is none."""
    await world.register(world.authority, crls=[], crl_urls=[LIST_URL])
    version = "SELECT version FROM trust_version"
    before = await world.running.resources.database.read(lambda tx: tx.fetch_one(version))
    await world.running.admin.post(f"{AUTHORITIES}/TRIAL/trial", json={})
    assert await world.running.resources.database.read(lambda tx: tx.fetch_one(version)) == before


async def test_every_fault_of_a_registration_is_named(world: Any) -> None:
    body = {
        "roots": [b64(world.authority.root_der), "%"],
        "intermediates": [b64(b"no certificate"), b64(world.authority.crls[0])],
        "crls": [b64(world.authority.sub_der), b64(world.authority.crls[0][:-1])],
        "crl_urls": ["ftp://ca.example/x", "http://[", LIST_URL, "http://127.0.0.1:99999/x", "http://:80/x"],
    }
    answer = await world.running.admin.put(f"{AUTHORITIES}/NEW", json=body)
    assert answer.status_code == 422
    errors = answer.json()["errors"]
    named = ["roots[1]", "intermediates[0]", "intermediates[1]", "crls[0]", "crls[1]"]
    named += [f"crl_urls[{number}]" for number in (0, 1, 3, 4)]
    assert [one["field"] for one in errors] == named
    assert errors[0]["message"] == "不是规范的Base64编码"
    assert errors[1]["message"].startswith("不是PEM或DER格式的证书：")
    assert errors[2]["message"] == "这是吊销列表，不是证书"
    assert errors[3]["message"] == "这是证书，不是吊销列表"
    assert errors[4]["message"].startswith("不是PEM或DER格式的吊销列表：")
    assert [one["name"] for one in (await world.running.admin.get(AUTHORITIES)).json()["authorities"]] == ["TRIAL"]


async def test_every_fault_of_test_data_is_named(world: Any) -> None:
    one = {"certificate": "", "signature": "", "original": ""}
    sets = [{"name": "1", **one, "original": "%"}, {"name": "2", **one, "document": "%"}]
    answer = await world.running.admin.post(f"{AUTHORITIES}/TRIAL/trial", json={"sets": sets})
    assert [one["field"] for one in answer.json()["errors"]] == ["sets[0].original", "sets[1].document"]


async def test_when_test_data_was_handed_in(world: Any) -> None:
    data = "原文".encode()
    one = {"name": "1", "original": b64(data), "certificate": b64(world.doctor.cert_der), "signature": "AAAA"}
    assert (await world.running.admin.post(f"{AUTHORITIES}/TRIAL/trial", json={"sets": [one]})).status_code == 200
    assert (await shown(world))["test_data_at"] is not None


USERS, INDIRECT = (issuing_point(flag(number)) for number in (1, 4))


@pytest.mark.proves("SX-031", "SX-032")
@pytest.mark.parametrize("fetched", [True, False])
async def test_a_list_of_user_certificates_revokes_and_vouches(world: Any, fetched: bool) -> None:
    at = utc_now() - timedelta(hours=1)
    entries = [(world.doctor.certificate.serial, at, KEY_COMPROMISE)]
    crl = write_crl(world.authority._sub, USERS, entries=entries, at=at)
    world.outside.pages[LIST_URL] = crl
    given = {"crls": [], "crl_urls": [LIST_URL]} if fetched else {"crls": [b64(crl)]}
    (shown,) = material(await world.register(world.authority, **given), "crl")
    assert (shown["fetched"], shown["fetch_error"], shown["problem"]) == (True, "", "")
    assert (shown["revocation_list"]["status"], shown["revocation_list"]["entries"]) == ("good", 1)
    assert "只针对用户证书" in shown["revocation_list"]["reason"]

    other = world.authority.issue_doctor("李四", "1")
    for doctor, result in ((world.doctor, "false"), (other, "true")):
        body = {"transId": "1234567890123456", "oriData": "x", "signAlgIdentifier": "SM3WithSM2", "verifyCert": True}
        body |= {"base64Cert": b64(doctor.cert_der), "signValue": b64(doctor.sign_pkcs1(b"x"))}
        answer = await world.post("/dsvs/v1/pkcs1/verifyDataSign", body)
        assert answer["data"]["result"] == result, answer


@pytest.mark.parametrize(("scope", "told"), [(INDIRECT, "间接吊销列表"), (None, "尚未取得吊销列表")])
async def test_a_ca_whose_list_cannot_be_used_is_shown_and_judged_as_one_without(
    world: Any, scope: Any, told: str
) -> None:
    at = utc_now() - timedelta(hours=1)
    crls = [] if scope is None else [b64(write_crl(world.authority._sub, scope, at=at))]
    (sub, *_) = material(await world.register(world.authority, crls=crls, crl_urls=[LIST_URL] * (not crls)), "crl")
    assert told in sub["problem"]
    assert sub["problem"].endswith("不能据以确认证书未被吊销，按缺少吊销列表处理")
    holding = await world.hospital_with("H2", "hold")
    await world.push("R1")
    await world.push("R2", institution=holding)
    accepted, held = await world.verdict("R1"), await world.verdict("R2", holding)
    assert [one["verdict"] for one in (accepted, held)] == ["accepted", "pending"]
    assert any(one["name"] == "revocation" and one["result"] == "finding" for one in accepted["checks"])
    async with listening(world.running.host.app) as url:
        runner = CliRunner(env={"RADBRIDGE_TOKEN": ADMIN_TOKEN})
        result = await asyncio.to_thread(runner.invoke, build(), ["ca", "list", f"--url={url}"])
    assert f"WARNING       {sub['problem']}" in result.stdout


async def test_a_partial_list_is_no_problem_beside_one_that_vouches(world: Any) -> None:
    delta = b64(write_crl(world.authority._sub, ("2.5.29.27", True, b"\x02\x01\x01"), at=utc_now()))
    alone = material(await world.register(world.authority, crls=[delta]), "crl")
    assert [one["revocation_list"]["status"] for one in alone] == ["partial"]
    assert "增量列表" in alone[0]["problem"]
    beside = material(await world.register(world.authority, crls=[b64(world.authority.crls[0]), delta]), "crl")
    assert [one["problem"] for one in beside] == ["", ""]


async def test_operators_see_and_administrators_change(world: Any) -> None:
    def session(*roles: str) -> dict[str, str]:
        codec = world.running.resources.authenticator.sessions
        return {"cookie": f"{COOKIE}={codec.issue(Session(subject='u', name='u', roles=frozenset(roles)))}"}

    async def asked(method: str, path: str, **options: Any) -> int:
        return (await world.running.client.request(method, path, **options)).status_code

    body = {"roots": [b64(world.authority.root_der)]}
    assert await asked("GET", AUTHORITIES) == 401
    assert await asked("GET", AUTHORITIES, headers=session("doctor")) == 403
    assert await asked("GET", AUTHORITIES, headers=session("operator")) == 200
    assert await asked("PUT", f"{AUTHORITIES}/NEW", json=body, headers=session("operator")) == 403
    assert await asked("POST", f"{AUTHORITIES}/TRIAL/trial", json={}, headers=session("operator")) == 403
    assert await asked("PUT", f"{AUTHORITIES}/NEW", json=body, headers=session("admin")) == 200


async def test_fetches_are_remembered_on_postgresql(world_on_postgresql: Any) -> None:
    world = world_on_postgresql
    answered = await world.register(world.authority, crls=[], crl_urls=[LIST_URL])
    assert material(answered, "crl")[0]["fetch_error"] == "服务器应答HTTP 404"


async def test_the_command_lists_what_a_revocation_list_is_worth(world: Any) -> None:
    await world.register(world.authority, crls=[b64(world.authority.crls[1])], crl_urls=[LIST_URL])
    async with listening(world.running.host.app) as url:
        runner = CliRunner(env={"RADBRIDGE_TOKEN": ADMIN_TOKEN})
        result = await asyncio.to_thread(runner.invoke, build(), ["ca", "list", f"--url={url}"])
    lists = [line for line in result.stdout.splitlines() if line.startswith("  crl")]
    assert "WARNING" in result.stdout
    assert "No. 1, next update" in lists[0]
    assert lists[0].endswith(": good")
    assert lists[1].endswith(f"{LIST_URL}  (not fetched yet)  (服务器应答HTTP 404)")
