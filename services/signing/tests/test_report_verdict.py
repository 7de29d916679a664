"""A signed report of the Shanxi interface is judged by every field that it carries, and the reason names the field."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from radbridge.signing.domain import issuing
from radbridge.signing.domain.report_verdict import SignedReport, judge_report, names_person
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.domain.verdict import CheckResult, Verdict
from radbridge.signing.trial_pki import Doctor, TrialAuthority

CA_DATA = '{"recordNum":"R1","impression":"双肺未见异常"}'


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def signed(doctor: Doctor, authority: TrialAuthority, sign_type: str, at: datetime) -> SignedReport:
    data = CA_DATA.encode()
    signature = doctor.sign_pkcs1(data) if sign_type == "1" else doctor.sign_pkcs7(data)
    token = authority.timestamp(data, at)
    return SignedReport(CA_DATA, b64(doctor.cert_der), sign_type, b64(signature), b64(token), None, ("张三",))


def results(verdict: Verdict) -> dict[str, CheckResult]:
    return {check.name: check.result for check in verdict.checks}


@pytest.fixture(params=["1", "2"], ids=["pkcs1", "pkcs7"])
def report(request: pytest.FixtureRequest, doctor: Doctor, authority: TrialAuthority, now: datetime) -> SignedReport:
    return signed(doctor, authority, request.param, now)


@pytest.fixture
def store(authority: TrialAuthority) -> TrustStore:
    return authority.trust_store()


@pytest.mark.proves("SX-058", "SX-122")
def test_a_good_report_is_accepted_with_evidence(report: SignedReport, store: TrustStore, now: datetime) -> None:
    verdict = judge_report(report, store, now=now)
    assert verdict.accepted
    assert verdict.reason == "验证通过"
    assert verdict.evidence["genTime"] == "2026-06-15T08:00:00Z"
    assert verdict.evidence["crlNumber"] == "1"
    assert len(verdict.evidence["chainSm3"].split()) == 3
    assert "张三" not in str(verdict)
    assert "110101199003070038" not in str(verdict)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"ca_data": CA_DATA.replace("未见", "未現")}, "CAData"),
        ({"ca_data": ""}, "CAData"),
        ({"ca_data": "\ud800"}, "CAData"),
        ({"client_cert": "bm90IGEgY2VydGlmaWNhdGU="}, "ClientCert"),
        ({"client_cert": ""}, "ClientCert"),
        ({"sign_value": "不是base64"}, "SignValue"),
        ({"sign_value": ""}, "SignValue"),
        ({"sign_value": "MAYCAQECAQE="}, "SignValue"),
        ({"sign_type": "3"}, "SignType"),
        ({"timestamp_value": "AAAA"}, "Timestampvalue"),
        ({"timestamp_value": "%%%"}, "Timestampvalue"),
    ],
)
def test_a_wrong_field_rejects_and_is_named(
    report: SignedReport, store: TrustStore, now: datetime, change: dict[str, str], field: str
) -> None:
    verdict = judge_report(replace(report, **change), store, now=now)
    assert not verdict.accepted
    assert field in verdict.reason


def test_a_token_over_another_text_rejects(
    report: SignedReport, authority: TrialAuthority, store: TrustStore, now: datetime
) -> None:
    verdict = judge_report(replace(report, timestamp_value=b64(authority.timestamp(b"x", now))), store, now=now)
    assert "Timestampvalue" in verdict.reason
    assert "-2" in verdict.reason


def test_another_persons_certificate_rejects(
    report: SignedReport, authority: TrialAuthority, store: TrustStore, now: datetime
) -> None:
    other = authority.issue_doctor("李四", "110101199003070046")
    verdict = judge_report(replace(report, client_cert=b64(other.cert_der)), store, now=now)
    assert not verdict.accepted


def test_findings_do_not_reject(report: SignedReport, store: TrustStore, now: datetime) -> None:
    verdict = judge_report(replace(report, doctor_names=("李四",), timestamp_value=""), store, now=now)
    assert verdict.accepted
    assert results(verdict)["named_doctor"] is CheckResult.FINDING
    assert results(verdict)["timestamp"] is CheckResult.FINDING


def test_a_store_without_lists_is_a_finding_or_by_policy_a_rejection(
    report: SignedReport, authority: TrialAuthority, now: datetime
) -> None:
    without = TrustStore.from_bytes([authority.root_der], [authority.sub_der])
    assert results(judge_report(report, without, now=now))["revocation"] is CheckResult.FINDING
    strict = TrustStore.from_bytes([authority.root_der], [authority.sub_der], require_revocation=True)
    assert results(judge_report(report, strict, now=now))["revocation"] is CheckResult.FAILED


def test_a_foreign_root_rejects(report: SignedReport, now: datetime) -> None:
    verdict = judge_report(report, TrialAuthority.create(now).trust_store(), now=now)
    assert results(verdict)["certificate"] is CheckResult.FAILED
    assert "ClientCert" in verdict.reason


@pytest.mark.proves("SX-031")
def test_revocation_counts_from_its_moment_on(now: datetime) -> None:
    authority = TrialAuthority.create(now)
    doctor = authority.issue_doctor("张三", "110101199003070038")
    authority.revoke(doctor, now)
    store = authority.trust_store()
    before = judge_report(signed(doctor, authority, "1", now - timedelta(days=1)), store, now=now)
    after = judge_report(signed(doctor, authority, "1", now), store, now=now)
    assert before.accepted
    assert not after.accepted
    assert "吊销" in after.reason


@pytest.mark.proves("SX-030")
def test_validity_is_judged_at_the_timestamps_moment(authority: TrialAuthority, now: datetime) -> None:
    expired = authority.issue_doctor("张三", "110101199003070038", not_after=now - timedelta(days=10))
    store = authority.trust_store()
    in_time = signed(expired, authority, "1", now - timedelta(days=20))
    assert judge_report(in_time, store, now=now).accepted
    assert not judge_report(signed(expired, authority, "1", now), store, now=now).accepted
    assert not judge_report(replace(in_time, timestamp_value=""), store, now=now).accepted


def test_an_encryption_certificate_signs_nothing(authority: TrialAuthority, now: datetime) -> None:
    doctor = authority.issue_doctor("张三", "110101199003070038", usage=issuing.ENCRYPTION_USAGE)
    verdict = judge_report(signed(doctor, authority, "1", now), authority.trust_store(), now=now)
    assert "用途" in verdict.reason


@pytest.mark.parametrize(
    ("common_name", "name", "fits"),
    [
        ("张三", "张三", True),
        ("张三@110101", "张 三", True),
        ("张三丰", "张三", False),
        ("ZHANG San", "zhang san", True),
        ("李四", "张三", False),
        ("", "", False),
    ],
)
def test_named_doctor_is_a_whole_word_of_the_name(common_name: str, name: str, fits: bool) -> None:
    assert names_person(common_name, name) is fits


@pytest.mark.parametrize("field", ["client_cert", "sign_value"])
def test_flipped_bits_of_certificate_and_signature_reject(
    doctor: Doctor, authority: TrialAuthority, store: TrustStore, now: datetime, field: str
) -> None:
    report = signed(doctor, authority, "1", now)
    octets = base64.b64decode(getattr(report, field))
    for position in range(0, len(octets) * 8, 11):
        changed = bytearray(octets)
        changed[position // 8] ^= 1 << position % 8
        verdict = judge_report(replace(report, **{field: b64(bytes(changed))}), store, now=now)
        assert not verdict.accepted, position


def test_flipped_bits_of_the_text_reject(report: SignedReport, store: TrustStore, now: datetime) -> None:
    for position, letter in enumerate(CA_DATA):
        changed = CA_DATA[:position] + chr(ord(letter) ^ 1) + CA_DATA[position + 1 :]
        verdict = judge_report(replace(report, ca_data=changed), store, now=now)
        assert not verdict.accepted, position
        assert "CAData" in verdict.reason
