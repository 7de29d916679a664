"""What an institution's policy makes of a verdict: reject, accept with a warning, or hold until the CA is back.

Only soft faults are open to a policy: faults of a certificate's standing that say nothing against the signature's
arithmetic or the text. Whatever speaks of tampering or of a withdrawn key is never soft: a wrong signature, imprint or
digest, a certificate with a wrong signature, one that is revoked or whose issuer is, an issuer that is no CA, a chain
longer than its issuer allows, a name that a CA may not give, a broken seal, a missing or malformed field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from radbridge.contracts.institution_settings import InstitutionSettings, SigningPolicy
from radbridge.signing.domain.chain import CertStatus
from radbridge.signing.domain.revocation import RevocationState
from radbridge.signing.domain.timestamp import VerifyRes
from radbridge.signing.domain.verdict import Check, CheckResult, Verdict

SOFT_STATUSES = frozenset(
    {
        CertStatus.UNTRUSTED,
        CertStatus.EXPIRED,
        CertStatus.NOT_YET_VALID,
        CertStatus.ISSUER_EXPIRED,
        CertStatus.WRONG_USAGE,
        CertStatus.UNKNOWN_CRITICAL_EXTENSION,
        CertStatus.REVOCATION_UNKNOWN,
    }
)
SOFT_TIMESTAMPS = frozenset({VerifyRes.UNTRUSTED, VerifyRes.NOT_YET_VALID, VerifyRes.NOT_FOUND, VerifyRes.EXPIRED})


class Decision(StrEnum):
    """What becomes of the report."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    HELD = "held"


@dataclass(frozen=True)
class Decided:
    """A decision with the checks as they are told: those that a policy let pass are findings."""

    decision: Decision
    verdict: Verdict

    @property
    def reason(self) -> str:
        """In Chinese, with the wire fields."""
        if self.decision is not Decision.HELD:
            return self.verdict.reason
        return f"验证结论暂缓，待CA恢复或人工处理：{_told(_holding(self.verdict))}"


def policy_of(settings: InstitutionSettings | None) -> SigningPolicy:
    """An institution's policy; the strictest where it has none, or is not known."""
    return (settings.signing_policy if settings else None) or SigningPolicy.REJECT


def decide(verdict: Verdict, policy: SigningPolicy) -> Decided:
    """Apply `policy` to what the engine found."""
    failed = [check for check in verdict.checks if check.result is CheckResult.FAILED]
    hard = any(not is_soft(check, verdict.evidence) for check in failed)
    if policy is SigningPolicy.HOLD and not hard and _holding(verdict):
        return Decided(Decision.HELD, verdict)
    if policy is SigningPolicy.WARN and failed and not hard:
        return Decided(Decision.ACCEPTED, softened(verdict))
    return Decided(Decision.ACCEPTED if verdict.accepted else Decision.REJECTED, verdict)


def softened(verdict: Verdict) -> Verdict:
    """The verdict with its soft faults told as findings."""
    return replace(
        verdict,
        checks=tuple(
            replace(check, result=CheckResult.FINDING)
            if check.result is CheckResult.FAILED and is_soft(check, verdict.evidence)
            else check
            for check in verdict.checks
        ),
    )


def is_soft(check: Check, evidence: Mapping[str, str]) -> bool:
    """Whether a policy may let this failed check pass."""
    status = evidence.get("certificateStatus", "")
    if check.name == "certificate":
        return status in SOFT_STATUSES
    if check.name == "revocation":
        return status == CertStatus.REVOCATION_UNKNOWN
    if check.name == "timestamp":
        return evidence.get("verifyRes", "") in SOFT_TIMESTAMPS
    return False


def _holding(verdict: Verdict) -> list[Check]:
    """The checks that a report waits for: its faults, and revocation that could not be looked up in a current list."""
    unsure = verdict.evidence.get("revocation", RevocationState.GOOD) != RevocationState.GOOD
    return [
        check
        for check in verdict.checks
        if check.result is CheckResult.FAILED
        or (check.name == "revocation" and check.result is CheckResult.FINDING and unsure)
    ]


def _told(checks: list[Check]) -> str:
    return "；".join(f"{check.field}：{check.reason}" for check in checks)
