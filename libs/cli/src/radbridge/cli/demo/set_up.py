"""What the demonstration registers before it begins: two hospitals, a CA, mapped items, message accounts.

All of it stands beside real data under names of its own; a second run finds the hospitals again and replaces the CA.
The message accounts are those of a hospital that nobody else sends for, and stay there: without them, what this
hospital still has to tell its invented patient would go out by the platform's own accounts.
"""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import httpx

from radbridge.cli.demo.gateways import Gateways
from radbridge.cli.demo.parties import Credentials, StepFailedError
from radbridge.contracts.dialects.shanxi_v2_1.examples import ExamplePatient
from radbridge.signing.trial_pki import Doctor, TrialAuthority

CA_NAME = "radbridge-demo"
HOSPITAL_A = {
    "code": "SXDEMO0001",
    "name": "影桥示例甲医院",
    "dialect": "shanxi",
    "service_phone": "0351-0000000",
}
HOSPITAL_B = {"code": "NJDEMO0002", "name": "影桥示例乙医院", "dialect": "neijiang"}
"""Codes that no hospital has; AE titles are left to the platform, which takes ones that are free."""
ITEM_CODE, ITEM_NAME = "DEMO-CT-HEAD", "颅脑CT平扫"
SHANXI_ITEM, NEIJIANG_ITEM = "CT010012506", "B020ZYZZZ-00"
SIGNING_DOCTOR, SIGNING_DOCTOR_ID = "示例医师丙", "140000198001010033"


@dataclass(frozen=True, slots=True)
class SetUp:
    """What the parties need to know."""

    hospital_a: Credentials
    hospital_b: Credentials
    authority: TrialAuthority
    doctor: Doctor
    patient: ExamplePatient
    item_code: str = ITEM_CODE
    item_name: str = ITEM_NAME
    catalogue_code: str = SHANXI_ITEM


def set_up(client: httpx.Client, gateways: Gateways) -> SetUp:
    """Register everything.

    :raises StepFailedError: the suite refused something.
    """
    hospital_a, hospital_b = _hospital(client, HOSPITAL_A), _hospital(client, HOSPITAL_B)
    authority = TrialAuthority.create(datetime.now(UTC))
    doctor = authority.issue_doctor(SIGNING_DOCTOR, SIGNING_DOCTOR_ID)
    _must(
        client.put(
            f"/api/signing/v1/authorities/{CA_NAME}",
            json={
                "roots": [_base64(authority.root_der)],
                "intermediates": [_base64(authority.sub_der), _base64(authority.tsa_der)],
                "crls": [_base64(crl) for crl in authority.crls],
            },
        )
    )
    items = [
        {"item_code": ITEM_CODE, "item_name": ITEM_NAME, "catalogue": catalogue, "catalogue_code": code}
        for catalogue, code in (("shanxi", SHANXI_ITEM), ("neijiang", NEIJIANG_ITEM))
    ]
    _must(client.post("/api/recognition/v1/items", json={"hospital_code": hospital_a.code, "items": items}))
    patient = ExamplePatient()
    for account in gateways.accounts():
        path = f"/api/notify/v1/institutions/{hospital_a.code}/channels/{account.channel}"
        _must(client.put(path, json=account.settings))
    _must(
        client.post(
            "/api/notify/v1/bindings",
            json={
                "hospital_code": hospital_a.code,
                "channel": "wechat_official",
                "phone": patient.phone,
                "address": gateways.open_id,
            },
        )
    )
    return SetUp(hospital_a, hospital_b, authority, doctor, patient)


def _hospital(client: httpx.Client, wanted: dict[str, str]) -> Credentials:
    answer = client.get(f"/api/ingest-api/v1/institutions/{wanted['code']}")
    if answer.status_code == HTTPStatus.NOT_FOUND:
        answer = client.post("/api/ingest-api/v1/institutions", json=wanted)
    found = _must(answer)
    return Credentials(
        code=found["code"],
        name=found["name"],
        ae_title=found["ae_title"],
        called_ae_title=found["called_ae_title"],
        sm4_key=bytes.fromhex(found["sm4_key"]),
        access_key=found["access_key"],
        secret_key=found["secret_key"],
    )


def _must(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise StepFailedError(
            f"{answer.request.method} {answer.request.url.path}：HTTP {answer.status_code} {answer.text}"
        )
    body: dict[str, Any] = answer.json() if answer.content else {}
    return body


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
