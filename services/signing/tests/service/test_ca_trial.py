"""A CA's trial by API and command line: what is right passes, what is wrong is named."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from radbridge.cli.main import build
from radbridge.runtime.blob_ledger import BlobLedger
from radbridge.runtime.clock import utc_now
from radbridge.runtime.security.keyring import PLATFORM
from radbridge.runtime.testing import ADMIN_TOKEN, listening
from radbridge.signing import main
from radbridge.signing.trial_pki import TrialAuthority
from radbridge.signing.trial_seal import TrialSealer

TEXT = "报告原文\r\n第一组"
TRIAL = "/api/signing/v1/authorities/TRIAL/trial"
LIST_URL = "http://ca.example/sub.crl"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def one_set(world: Any, name: str, **changes: Any) -> dict[str, Any]:
    data = TEXT.encode()
    return {
        "name": name,
        "original": b64(data),
        "certificate": b64(world.doctor.cert_der),
        "signature": b64(world.doctor.sign_pkcs1(data)),
        "timestamp": b64(world.authority.timestamp(data, utc_now())),
    } | changes


def results(checks: list[dict[str, str]]) -> dict[str, str]:
    return {check["name"]: check["result"] for check in checks}


def failed(checks: list[dict[str, str]]) -> set[str]:
    return {name for name, result in results(checks).items() if result == "failed"}


async def tried(world: Any, sets: list[dict[str, Any]]) -> dict[str, Any]:
    answer = await world.running.admin.post(TRIAL, json={"sets": sets})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.proves("SX-032", "SX-069")
async def test_three_good_sets_pass(world: Any, unsigned_pdf: bytes) -> None:
    sub_crl, root_crl = world.authority.crls
    world.outside.pages[LIST_URL] = sub_crl
    await world.register(world.authority, crls=[b64(root_crl)], crl_urls=[LIST_URL])
    pkcs7 = one_set(world, "2", signature=b64(world.doctor.sign_pkcs7(TEXT.encode())))
    sealed = TrialSealer.create(world.authority, "某某医院").seal_pdf(unsigned_pdf)
    answer = await tried(world, [one_set(world, "1"), pkcs7, one_set(world, "3", document=b64(sealed))])
    assert answer["passed"], answer
    assert results(answer["checks"]) == {
        "root[1]": "passed",
        "intermediate[1]": "passed",
        "intermediate[2]": "passed",
        "revocation_list[1]": "passed",
        "revocation_list[2]": "passed",
        "list_address[1]": "passed",
        "test_sets": "passed",
    }
    assert results(answer["sets"][2]["checks"])["seal[1]"] == "passed"
    assert {check["result"] for one in answer["sets"] for check in one["checks"]} <= {"passed", "skipped"}


@pytest.mark.proves("SX-069")
async def test_each_wrong_part_is_named(world: Any, unsigned_pdf: bytes) -> None:
    stranger = TrialAuthority.create(utc_now())
    sealed = TrialSealer.create(world.authority, "某某医院").seal_pdf(unsigned_pdf)
    wrong = {
        "original": {"original": b64(TEXT.encode() + b".")},
        "gbk": {"original": b64(TEXT.encode("gbk"))},
        "certificate": {"certificate": b64(stranger.issue_doctor("张三", "2").cert_der)},
        "no certificate": {"certificate": "AAAA"},
        "signature": {"signature": "AAAA"},
        "no timestamp": {"timestamp": ""},
        "timestamp": {"timestamp": b64(stranger.timestamp(TEXT.encode(), utc_now()))},
        "no seal": {"document": b64(unsigned_pdf)},
        "seal": {"document": b64(sealed + b"x")},
        "ofd": {"document": b64(b"PK no package")},
    }
    answer = await tried(world, [one_set(world, name, **changes) for name, changes in wrong.items()])
    assert not answer["passed"]
    assert {one["name"]: failed(one["checks"]) for one in answer["sets"]} == {
        "original": {"signature", "timestamp", "original_text_unchanged"},
        "gbk": {"original_text"},
        "certificate": {"signature", "certificate"},
        "no certificate": {"certificate_form"},
        "signature": {"signature"},
        "no timestamp": {"timestamp"},
        "timestamp": {"timestamp"},
        "no seal": {"seals"},
        "seal": {"seal[1]"},
        "ofd": {"document"},
    }


@pytest.mark.proves("SX-032", "SX-069")
async def test_a_cas_own_faults_are_named(world: Any) -> None:
    stranger = TrialAuthority.create(utc_now())
    old = TrialAuthority.create(utc_now() - timedelta(days=800))
    await world.register(
        world.authority,
        intermediates=[b64(world.authority.sub_der), b64(stranger.sub_der)],
        crls=[b64(old.crls[0]), b64(stranger.crls[0])],
        crl_urls=[LIST_URL],
    )
    answer = await tried(world, [one_set(world, "1")])
    assert failed(answer["checks"]) == {"intermediate[2]", "revocation_list[1]", "list_address[1]", "test_sets"}
    await world.register(old, crls=[b64(crl) for crl in old.crls])
    assert failed((await tried(world, [one_set(world, "1")]))["checks"]) >= {"revocation_list[1]", "revocation_list[2]"}
    await world.register(world.authority, crls=[])
    assert "revocation_lists" in failed((await tried(world, [one_set(world, "1")]))["checks"])


async def test_an_address_that_fails_now_is_named_though_an_old_list_is_there(world: Any) -> None:
    world.outside.pages[LIST_URL] = world.authority.crls[0]
    await world.register(world.authority, crl_urls=[LIST_URL])
    del world.outside.pages[LIST_URL]
    checks = (await tried(world, [one_set(world, "1")]))["checks"]
    (address,) = [check for check in checks if check["name"] == "list_address[1]"]
    assert (address["result"], address["reason"]) == ("failed", "CRL更新地址无法获取吊销列表：服务器应答HTTP 404")


async def test_an_expired_generation_beside_a_current_one_is_no_fault(world: Any) -> None:
    old = TrialAuthority.create(utc_now() - timedelta(days=30 * 365))
    await world.register(world.authority, roots=[b64(old.root_der), b64(world.authority.root_der)])
    checks = results((await tried(world, [one_set(world, "1")]))["checks"])
    assert (checks["root[1]"], checks["root[2]"]) == ("finding", "passed")
    await world.register(old)
    assert results((await tried(world, [one_set(world, "1")]))["checks"])["root[1]"] == "failed"


async def test_a_trial_trusts_the_one_ca_alone(world: Any) -> None:
    other = TrialAuthority.create(utc_now())
    await world.register(other, "OTHER")
    doctor = other.issue_doctor("张三", "2")
    signed = {"certificate": b64(doctor.cert_der), "signature": b64(doctor.sign_pkcs1(TEXT.encode()))}
    answer = await tried(world, [one_set(world, "1", **signed)])
    assert failed(answer["sets"][0]["checks"]) == {"certificate"}


async def test_test_data_is_kept_and_judged_again(world: Any) -> None:
    assert (await world.running.admin.post(TRIAL, json={})).status_code == 404
    first = await tried(world, [one_set(world, "1")])
    assert first["sets"][0]["passed"]
    again = (await world.running.admin.post(TRIAL, json={})).json()
    assert [one["name"] for one in again["sets"]] == ["1"]
    await world.register(TrialAuthority.create(utc_now()))
    assert not (await world.running.admin.post(TRIAL, json={})).json()["sets"][0]["passed"]


async def test_what_a_trial_refuses(world: Any) -> None:
    assert (await world.running.client.post(TRIAL, json={})).status_code == 401
    unknown = "/api/signing/v1/authorities/NOBODY/trial"
    assert (await world.running.admin.post(unknown, json={"sets": [one_set(world, "1")]})).status_code == 404
    for changes in ({"original": "%"}, {"document": "%"}, {"name": ""}, {"sign_type": "3"}):
        answer = await world.running.admin.post(TRIAL, json={"sets": [one_set(world, "1") | changes]})
        assert answer.status_code == 422


@pytest.mark.proves("SX-069")
async def test_the_command_takes_folders_and_files(world: Any, tmp_path: Path, unsigned_pdf: bytes) -> None:
    data = TEXT.encode()
    for number in ("1", "2", "3"):
        folder = tmp_path / "sets" / number
        folder.mkdir(parents=True)
        (folder / "original.txt").write_bytes(data)
        (folder / "certificate.cer").write_bytes(world.doctor.cert_der)
        (folder / "signature.b64").write_bytes(base64.encodebytes(world.doctor.sign_pkcs7(data)))
        (folder / "timestamp.tsr").write_bytes(world.authority.timestamp(data, utc_now()))
    as_file = tmp_path / "sets.json"
    as_file.write_text(json.dumps({"sets": [one_set(world, "1"), one_set(world, "2")]}), encoding="utf-8")
    (tmp_path / "empty").mkdir()

    async def radbridge(*arguments: str) -> tuple[int, str]:
        runner = CliRunner(env={"RADBRIDGE_TOKEN": ADMIN_TOKEN})
        result = await asyncio.to_thread(runner.invoke, build(), ["ca", "trial", "TRIAL", *arguments])
        return result.exit_code, result.stdout

    async with listening(world.running.host.app) as url:
        code, text = await radbridge(f"--url={url}", f"--sets={tmp_path / 'sets'}")
        assert (code, text.splitlines()[0]) == (0, "TRIAL: passed")
        code, text = await radbridge(f"--url={url}", "--json")
        assert (code, [one["name"] for one in json.loads(text)["sets"]]) == (0, ["1", "2", "3"])
        code, text = await radbridge(f"--url={url}", f"--sets={as_file}")
        assert (code, text.splitlines()[0]) == (1, "TRIAL: NOT PASSED")
        for unusable in ("empty", "sets/1"):
            assert (await radbridge(f"--url={url}", f"--sets={tmp_path / unusable}"))[0] == 2


async def test_test_data_that_was_handed_in_is_never_swept(world: Any) -> None:
    await world.register(world.authority)
    await tried(world, [one_set(world, "1")])
    resources = world.running.resources
    kept = {info.name async for info in resources.blobs.list()}
    orphan = await resources.sealed_blobs.put(PLATFORM, b"cut off before its commit")
    clock = resources.clock
    later = replace(resources, clock=lambda: clock() + timedelta(hours=25))
    assert await main.sweeper(later, BlobLedger(later.database, later.clock)).sweep() == 1
    assert orphan.name not in kept
    assert {info.name async for info in resources.blobs.list()} == kept


async def test_test_data_that_a_replica_without_the_ledger_kept_is_not_swept(world: Any) -> None:
    await world.register(world.authority)
    await tried(world, [one_set(world, "1")])
    resources = world.running.resources
    await resources.database.write_one("DELETE FROM stored_blob")
    later = replace(resources, clock=lambda: resources.clock() + timedelta(hours=25))
    assert await main.sweeper(later, BlobLedger(later.database, later.clock)).sweep() == 0
    assert (await world.running.admin.post(TRIAL, json={})).json()["sets"][0]["passed"]
