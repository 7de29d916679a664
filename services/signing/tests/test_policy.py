"""What each policy makes of each fault."""

from __future__ import annotations

import pytest

from radbridge.contracts.institution_settings import SigningPolicy, known_settings
from radbridge.signing.domain.chain import CertStatus
from radbridge.signing.domain.policy import SOFT_STATUSES, Decision, decide, policy_of
from radbridge.signing.domain.timestamp import VerifyRes
from radbridge.signing.domain.verdict import Check, CheckResult, Verdict

HARD_STATUSES = set(CertStatus) - SOFT_STATUSES - {CertStatus.GOOD}


def verdict(status: CertStatus = CertStatus.GOOD, res: str = "1", revocation: str = "good", *more: Check) -> Verdict:
    good = CheckResult.PASSED
    certificate = good if status in (CertStatus.GOOD, CertStatus.REVOKED) else CheckResult.FAILED
    revoked = CheckResult.FAILED if status is CertStatus.REVOKED else good
    checks = (
        Check("signature", good, "签名正确", "SignValue"),
        Check("timestamp", good if res == "1" else CheckResult.FAILED, "时间戳", "Timestampvalue"),
        Check("certificate", certificate, "证书", "ClientCert"),
        Check("revocation", revoked if revocation == "good" else CheckResult.FINDING, "吊销列表", "ClientCert"),
        *more,
    )
    return Verdict(checks, {"certificateStatus": status.value, "verifyRes": res, "revocation": revocation})


def decisions(found: Verdict) -> list[str]:
    return [decide(found, policy).decision.value for policy in SigningPolicy]


def test_a_good_verdict_is_accepted_whatever_the_policy() -> None:
    assert decisions(verdict()) == ["accepted"] * 3


@pytest.mark.parametrize("status", sorted(SOFT_STATUSES))
def test_soft_certificate_faults(status: CertStatus) -> None:
    assert decisions(verdict(status)) == ["rejected", "accepted", "held"]


@pytest.mark.parametrize("status", sorted(HARD_STATUSES))
def test_hard_certificate_faults(status: CertStatus) -> None:
    assert decisions(verdict(status)) == ["rejected"] * 3


@pytest.mark.parametrize("res", list(VerifyRes))
def test_timestamps(res: VerifyRes) -> None:
    soft = res.value in ("-3", "-4", "-5", "-6")
    hard = ["accepted" if res is VerifyRes.VALID else "rejected"] * 3
    assert decisions(verdict(res=res.value)) == (["rejected", "accepted", "held"] if soft else hard)


@pytest.mark.parametrize("name", ["signature", "pdf_seal", "original_text_unchanged", "certificate_form", "anything"])
def test_one_hard_fault_beside_a_soft_one_rejects(name: str) -> None:
    more = Check(name, CheckResult.FAILED, "错误", "SignValue")
    assert decisions(verdict(CertStatus.UNTRUSTED, "1", "good", more)) == ["rejected"] * 3


@pytest.mark.parametrize("state", ["stale", "forged", "no_list", "out_of_scope", "indirect", "unreadable"])
def test_a_list_that_cannot_be_relied_on_holds(state: str) -> None:
    assert decisions(verdict(revocation=state)) == ["accepted", "accepted", "held"]
    assert "吊销列表" in decide(verdict(revocation=state), SigningPolicy.HOLD).reason


def test_softened_faults_are_told_as_findings() -> None:
    decided = decide(verdict(CertStatus.EXPIRED, "-6"), SigningPolicy.WARN)
    assert decided.decision is Decision.ACCEPTED
    assert {check.name for check in decided.verdict.findings} == {"certificate", "timestamp"}


@pytest.mark.parametrize(
    ("settings", "policy"),
    [
        ({}, "reject"),
        ({"signing_policy": " Warn "}, "warn"),
        ({"signing_policy": "hold"}, "hold"),
        ({"signing_policy": "accept"}, "reject"),
    ],
)
def test_the_strictest_policy_is_the_default(settings: dict[str, str], policy: str) -> None:
    assert policy_of(known_settings(settings)[0]) == policy
