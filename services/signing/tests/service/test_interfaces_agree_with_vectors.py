"""The external cases through the HTTP interfaces: what was made and judged by other tools comes out the same."""

from __future__ import annotations

import base64
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from radbridge.contracts.dialects.shanxi_v2_1.request_signature import sign_request
from radbridge.runtime.directory import Institution
from radbridge.runtime.testing import running_service
from radbridge.signing.domain.cases import DEFAULTS
from radbridge.signing.main import SERVICE

MOMENT = "2026-06-15T00:00:00Z"
NOW = datetime(2026, 6, 15, tzinfo=UTC)
# words of a PDF seal and the interface's numbers for them
NUMBERS = {"0": 0, "signature_invalid": 2, "document_changed": 3, "modified_after_signing": 4, "cert_revoked": 5}


@pytest.mark.proves("SX-082", "SX-085", "SX-087", "SX-088", "SX-090")
async def test_interfaces_and_vectors_agree(vectors: Path, tmp_path: Path) -> None:
    folder = vectors / "pki"
    lines = (folder / "cases.jsonl").read_text("utf-8").splitlines()
    cases = [case for case in map(json.loads, lines) if usual(case)]
    async with running_service(SERVICE, tmp_path, clock=lambda: NOW) as running:
        hospital = await running.add_institution(hosts=["10.1.2.3"])
        known = DEFAULTS["intermediates"] + " " + DEFAULTS["known_tsa"]
        names = {"roots": DEFAULTS["trust"], "intermediates": known, "crls": DEFAULTS["crls"]}
        authority = {field: [b64(folder / name) for name in files.split()] for field, files in names.items()}
        put = await running.admin.put("/api/signing/v1/authorities/PKI", json=authority)
        assert put.status_code == 200
        transport = httpx.ASGITransport(running.host.app, client=("10.1.2.3", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            wrong = {case["id"]: why for case in cases if (why := await disagreement(client, hospital, case, folder))}
    assert wrong == {}
    assert min(Counter(case["kind"] for case in cases).values()) > 5


def usual(case: dict[str, Any]) -> bool:
    """Whether the case is of an interface and rests on the trust that the test registers."""
    trust = all(case.get(name, value) == value for name, value in DEFAULTS.items())
    return case["at"] == MOMENT and trust and case["kind"] in ("pkcs1", "pkcs7", "timestamp", "pdf")


def b64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


async def disagreement(client: httpx.AsyncClient, hospital: Institution, case: dict[str, Any], folder: Path) -> str:
    """What the interface says otherwise, empty where it agrees."""
    kind = case["kind"]
    if kind in ("pkcs1", "pkcs7"):
        data = (folder / case["data"]).read_bytes()
        body: dict[str, Any] = {
            "transId": "1234567890123456",
            "oriData": base64.b64encode(data).decode(),
            "base64": True,
            "signValue": b64(folder / case["signature"]),
        }
        if kind == "pkcs1":
            body |= {"signAlgIdentifier": case.get("signAlgIdentifier"), "pubKey": case.get("pubKey_b64")}
            body |= {"base64Cert": b64(folder / case["cert"])} if case.get("cert") else {}
        said = {}
        for verify in ("false", "true"):
            if verify == "true" and kind == "pkcs1" and not case.get("cert"):
                continue
            answer = await client.post(f"/dsvs/v1/{kind}/verifyDataSign", json=body | {"verifyCert": verify == "true"})
            said[f"result_verifyCert_{verify}"] = answer.json()["data"]["result"] == "true"
        return "" if all(case[name] == value for name, value in said.items()) else str(said)
    if kind == "timestamp":
        text = (folder / case["data"]).read_text("utf-8")
        parameters = {
            "appId": hospital.app_id,
            "signAlgo": "HMAC",
            "version": "1.0",
            "oriData": text,
            "tsResp": b64(folder / case["token"]),
        }
        parameters["signature"] = sign_request(parameters, hospital.secure_code)
        answer = (await client.post("/coss/service/v1/verifyTS", json=parameters)).json()
        return "" if answer["data"] == {"verifyRes": case["verifyRes"]} else str(answer)
    request = {"transId": "1", "requestTime": 1, "fileDataType": 0, "fileData": b64(folder / case["file"])}
    answer = (await client.post("/sef/v1/SEF_VerifySeal", json=request)).json()
    seals = answer["fileVerifyInfo"]["signInfoList"]
    expected = [NUMBERS.get(word, 1) for word in case["verdicts"].split()]
    return "" if [seal["verifyResult"] for seal in seals] == expected else str(answer)[:300]
