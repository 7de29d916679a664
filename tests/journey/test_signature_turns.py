"""Reports whose signature does not stand: each is rejected with its reason, and nobody is shown it."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from radbridge.cli.demo.gateways import running_gateways
from radbridge.cli.demo.journey import Journey
from radbridge.cli.demo.parties import Ris, signed_report
from radbridge.contracts.dialects.shanxi_v2_1.examples import report_record
from radbridge.signing.trial_pki import Doctor, TrialAuthority
from tests.support.journeys import journey
from tests.support.signing import OpensslCa, base64_text, sign_with_openssl
from tests.support.suites import EmbeddedSuite

NAME, ID_NUMBER = "示例医师丙", "140000198001010033"


@pytest.fixture(scope="module")
def party(suite: EmbeddedSuite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    """Hospitals, CA and accounts, registered."""
    with running_gateways() as gateways:
        yield journey(suite, gateways, tmp_path_factory.mktemp("journey"))


def verdict_on(party: Journey, record: dict[str, object]) -> dict[str, Any]:
    """Push a report and wait for its verdict."""
    Ris(party.client, party.set_up.hospital_a).push_report(record)
    address = f"/api/signing/v1/reports/{record['recordNum']}/verdict"
    deadline = time.monotonic() + 60
    while True:
        found = party.client.get(address, params={"hospitalCode": party.set_up.hospital_a.code}).json()
        if found["verdict"] != "pending" or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def report_of(
    party: Journey, doctor: Doctor, authority: TrialAuthority, number: str, **changed: object
) -> dict[str, object]:
    record = signed_report(
        party.new_exam(),
        number=number,
        findings="未见异常。",
        impression="未见异常。",
        pdf=b"%PDF-1.7\n%%EOF\n",
        doctor=doctor,
        doctor_name=NAME,
        authority=authority,
        at=datetime.now(UTC).replace(microsecond=0),
    )
    return {**record, **changed}


def register(party: Journey, name: str, roots: list[bytes], others: list[bytes], lists: list[bytes]) -> None:
    """``radbridge ca add``."""
    body = {
        "roots": [base64_text(root) for root in roots],
        "intermediates": [base64_text(one) for one in others],
        "crls": [base64_text(one) for one in lists],
    }
    party.client.put(f"/api/signing/v1/authorities/{name}", json=body).raise_for_status()


@pytest.fixture(scope="module")
def authority(party: Journey) -> TrialAuthority:
    """A CA of this module's own, with one revoked doctor."""
    return TrialAuthority.create(datetime.now(UTC))


@pytest.mark.proves("SX-058")
def test_a_revoked_certificate(party: Journey, authority: TrialAuthority) -> None:
    doctor = authority.issue_doctor(NAME, ID_NUMBER)
    authority.revoke(doctor, datetime.now(UTC) - timedelta(days=1))
    register(party, "turns", [authority.root_der], [authority.sub_der, authority.tsa_der], list(authority.crls))
    found = verdict_on(party, report_of(party, doctor, authority, "R-revoked"))
    assert found["verdict"] == "rejected"
    assert "ClientCert" in found["reason"]
    assert "吊销" in found["reason"]


def test_an_expired_certificate(party: Journey, authority: TrialAuthority) -> None:
    now = datetime.now(UTC)
    doctor = authority.issue_doctor(
        NAME, ID_NUMBER, not_before=now - timedelta(days=90), not_after=now - timedelta(days=1)
    )
    register(party, "turns", [authority.root_der], [authority.sub_der, authority.tsa_der], list(authority.crls))
    found = verdict_on(party, report_of(party, doctor, authority, "R-expired"))
    assert found["verdict"] == "rejected"
    assert "ClientCert" in found["reason"]


def test_a_foreign_ca(party: Journey) -> None:
    stranger = TrialAuthority.create(datetime.now(UTC))
    doctor = stranger.issue_doctor(NAME, ID_NUMBER)
    found = verdict_on(party, report_of(party, doctor, stranger, "R-foreign"))
    assert found["verdict"] == "rejected"
    assert {"ClientCert", "Timestampvalue"} <= {
        check["field"] for check in found["checks"] if check["result"] == "failed"
    }


def test_a_timestamp_over_other_data(party: Journey) -> None:
    authority, doctor = party.set_up.authority, party.set_up.doctor
    other = base64_text(authority.timestamp("别的原文".encode(), datetime.now(UTC).replace(microsecond=0)))
    found = verdict_on(party, report_of(party, doctor, authority, "R-stamp", Timestampvalue=other))
    assert found["verdict"] == "rejected"
    assert "Timestampvalue" in found["reason"]


@pytest.mark.parametrize("field", ["ClientCert", "SignValue", "Timestampvalue"])
def test_malformed_values_name_their_field(party: Journey, field: str) -> None:
    record = report_of(
        party, party.set_up.doctor, party.set_up.authority, f"R-malformed-{field}", **{field: "不是Base64"}
    )
    found = verdict_on(party, record)
    assert found["verdict"] == "rejected"
    assert field in found["reason"]


def test_a_signer_who_is_not_the_named_doctor_is_a_finding(party: Journey) -> None:
    doctor = party.set_up.authority.issue_doctor("另一医师", "14000019790101001X")
    found = verdict_on(party, report_of(party, doctor, party.set_up.authority, "R-other-doctor"))
    assert found["verdict"] == "accepted"
    assert any(check["name"] == "named_doctor" and check["result"] == "finding" for check in found["checks"])


def test_a_ca_made_with_openssl(party: Journey, openssl: str, tmp_path: Path) -> None:
    ca = OpensslCa(openssl, tmp_path)
    ca.make("root")
    ca.issue("doctor", issuer="root")
    data = "影像报告原文"
    stamp = party.set_up.authority.timestamp(data.encode(), datetime.now(UTC).replace(microsecond=0))
    signature: dict[str, object] = {
        "CAData": data,
        "ClientCert": base64_text(ca.certificate("doctor")),
        "SignType": 1,
        "SignValue": base64_text(ca.sign(data.encode(), "doctor")),
        "Timestampvalue": base64_text(stamp),
    }
    exam = party.new_exam()
    unknown = verdict_on(party, report_record(exam, number="R-openssl-unknown", signature=signature))
    assert unknown["verdict"] == "rejected"
    register(party, "openssl", [(tmp_path / "root.pem").read_bytes()], [], [])
    known = verdict_on(party, report_record(exam, number="R-openssl-known", signature=signature))
    assert known["verdict"] == "accepted", known["reason"]
    changed = {**signature, "CAData": data + "。"}
    tampered = verdict_on(party, report_record(exam, number="R-openssl-changed", signature=changed))
    assert tampered["verdict"] == "rejected"


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("doctor", "accepted"),
        ("doctor_revoked", "rejected"),
        ("doctor_expired", "rejected"),
        ("doctor_untrusted", "rejected"),
    ],
)
def test_the_shared_pki(
    party: Journey, shared_data: Path, openssl: str, tmp_path: Path, name: str, verdict: str
) -> None:
    pki = shared_data / "data" / "signing" / "pki"
    certificates = [pki / "certs" / f"{one}.cer" for one in ("subca", "tsa")]
    register(
        party,
        "shared-pki",
        [(pki / "certs" / "root.cer").read_bytes()],
        [path.read_bytes() for path in certificates],
        [(pki / "crl" / f"{one}.crl").read_bytes() for one in ("root", "subca")],
    )
    data = (pki / "msg" / "test.bin").read_bytes()
    value = sign_with_openssl(openssl, pki / "keys" / f"{name}.key.der", data, tmp_path)
    signature: dict[str, object] = {
        "CAData": data.decode(),
        "ClientCert": base64_text((pki / "certs" / f"{name}.cer").read_bytes()),
        "SignType": 1,
        "SignValue": base64_text(value),
        "Timestampvalue": base64_text((pki / "ts" / "gm-sm2-sm3-withcert.der").read_bytes()),
    }
    found = verdict_on(party, report_record(party.new_exam(), number=f"R-shared-{name}", signature=signature))
    assert found["verdict"] == verdict, found["reason"]
