"""From a finding to its consequences, all in one transaction: evidence, the verdict as shown, and the event."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import orjson

from radbridge.contracts.events.report import ReportReceived, ReportRejected, ReportSigned, VerdictCheck
from radbridge.contracts.institution_settings import SigningPolicy
from radbridge.runtime.clock import Clock, to_micros
from radbridge.runtime.database.protocol import Transaction
from radbridge.runtime.outbox import Outbox
from radbridge.signing import awaited_store, evidence_store, held_store, store
from radbridge.signing.awaited_store import AwaitedFile
from radbridge.signing.domain.policy import Decided, Decision, decide, softened
from radbridge.signing.domain.verdict import Check, CheckResult, Verdict
from radbridge.signing.held_store import HeldReport
from radbridge.signing.judging import Finding, ReportObjects, iso
from radbridge.signing.store import PENDING, StoredVerdict

ENGINE = "engine"


class Release(StrEnum):
    """What an operator makes of a held report."""

    ACCEPT = "accept"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Case:
    """A report as it was received and what was found of it; ``trust_version`` is that of the material judged by."""

    body: ReportReceived
    received_version: int
    finding: Finding
    trust_version: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """Writes decisions, and what is still to come for them: the CA of a held report, the file of one that gave its
    address alone."""

    outbox: Outbox
    clock: Clock
    ocsp_retry: timedelta
    file_retry: timedelta
    file_retry_for: timedelta

    async def by_policy(self, tx: Transaction, case: Case, policy: SigningPolicy) -> Decided:
        """Decide as the institution's policy says."""
        decided = decide(case.finding.verdict, policy)
        await self._write(tx, case, decided, policy.value, ENGINE)
        return decided

    async def by_operator(self, tx: Transaction, case: Case, release: Release, actor: str) -> Decided:
        """Decide as an operator says, who thereby answers for the soft faults."""
        verdict = case.finding.verdict
        if release is Release.ACCEPT:
            told = softened(verdict)
            note = Check("operator_release", CheckResult.FINDING, "暂缓的验证结论经人工处理：予以采信", "ClientCert")
            decision = Decision.ACCEPTED
        else:
            told = verdict
            note = Check("operator_release", CheckResult.FAILED, "暂缓的验证结论经人工处理：不予采信", "ClientCert")
            decision = Decision.REJECTED
        decided = Decided(decision, Verdict((*told.checks, note), verdict.evidence))
        await self._write(tx, case, decided, SigningPolicy.HOLD.value, actor)
        return decided

    def retry_at(self, finding: Finding) -> int | None:
        """When a finding that is held is made again: responders recover without notice, all else is told."""
        return to_micros(self.clock() + self.ocsp_retry) if finding.ocsp else None

    async def _write(self, tx: Transaction, case: Case, decided: Decided, policy: str, decided_by: str) -> None:
        now = self.clock()
        body = case.body
        if decided.decision is Decision.HELD:
            await held_store.put(tx, _held(case, to_micros(now), self.retry_at(case.finding)))
        else:
            await held_store.remove(tx, body.report_id)
            await self._publish(tx, case, decided, now)
        if case.finding.file_fault and decided_by == ENGINE and decided.decision is not Decision.REJECTED:
            await awaited_store.put(tx, self._awaited(case, now))
        else:
            await awaited_store.remove(tx, body.report_id)
        # last, because other verdicts wait for the chain from here to the commit
        entry = await evidence_store.append(tx, body.report_id, _entry(case, decided, policy, decided_by, now))
        await store.save_verdict(
            tx,
            StoredVerdict(
                report_id=body.report_id,
                received_version=case.received_version,
                institution_id=body.institution_id,
                report_number=body.report_number,
                outcome=PENDING if decided.decision is Decision.HELD else decided.decision.value,
                reason=decided.reason,
                checks=orjson.dumps([check.to_dict() for check in decided.verdict.checks]).decode(),
                evidence=orjson.dumps(dict(decided.verdict.evidence)).decode(),
                judged_at=to_micros(case.finding.judged_at),
                evidence_position=entry.position,
                evidence_hash=entry.hash,
            ),
        )

    def _awaited(self, case: Case, now: datetime) -> AwaitedFile:
        body = case.body
        return AwaitedFile(
            report_id=body.report_id,
            institution_id=body.institution_id,
            received_version=case.received_version,
            received=body.model_dump_json(),
            tries=0,
            next_try_at=to_micros(now + self.file_retry),
            until=to_micros(now + self.file_retry_for),
        )

    async def _publish(self, tx: Transaction, case: Case, decided: Decided, now: datetime) -> None:
        body, verdict = case.body, decided.verdict
        checks = [VerdictCheck.model_validate(check.to_dict()) for check in verdict.checks]
        identity = body.model_dump(
            include={"report_id", "institution_id", "hospital_code", "report_number", "exam_ids"}
        )
        if decided.decision is Decision.ACCEPTED:
            await self.outbox.publish(
                tx,
                ReportSigned(
                    **identity,
                    received_version=case.received_version,
                    content=body.content,
                    document=body.document,
                    checks=checks,
                    signed_at=_gen_time(verdict),
                    judged_at=now,
                ),
            )
            return
        failed = next(check for check in verdict.checks if check.result is CheckResult.FAILED)
        await self.outbox.publish(
            tx,
            ReportRejected(
                **identity,
                received_version=case.received_version,
                reason=decided.reason,
                field=failed.field,
                checks=checks,
                judged_at=now,
            ),
        )


def objects_of(body: ReportReceived, file_fault: str = "") -> ReportObjects:
    """The sealed objects of a received report, and why it has no file where its address brought none."""
    return ReportObjects(body.institution_id, body.content, body.signature_package, body.document, file_fault)


def case_of(held: HeldReport) -> Case:
    """A held report as it was judged."""
    return Case(
        ReportReceived.model_validate_json(held.received),
        held.received_version,
        Finding.from_json(held.judged),
        held.trust_version,
    )


def _held(case: Case, now: int, retry_at: int | None) -> HeldReport:
    body = case.body
    return HeldReport(
        report_id=body.report_id,
        institution_id=body.institution_id,
        report_number=body.report_number,
        received_version=case.received_version,
        received=body.model_dump_json(),
        judged=case.finding.to_json(),
        trust_version=case.trust_version,
        held_at=now,
        retry_at=retry_at,
    )


def _entry(case: Case, decided: Decided, policy: str, decided_by: str, now: datetime) -> dict[str, object]:
    """The evidence of one decision. Checks and evidence are the engine's own, before the policy."""
    finding, body = case.finding, case.body
    return {
        "reportId": body.report_id,
        "receivedVersion": case.received_version,
        "institutionId": body.institution_id,
        "hospitalCode": body.hospital_code,
        "reportNumber": body.report_number,
        "outcome": decided.decision.value,
        "reason": decided.reason,
        "policy": policy,
        "decidedBy": decided_by,
        "decidedAt": iso(now),
        "judgedAt": iso(finding.judged_at),
        "checks": [check.to_dict() for check in finding.verdict.checks],
        "evidence": dict(finding.verdict.evidence),
        "materials": dict(finding.materials),
        "objects": objects_of(body, finding.file_fault).to_dict(),
        "trust": finding.trust_sm3,
        "ocsp": dict(finding.ocsp),
    }


def _gen_time(verdict: Verdict) -> datetime | None:
    text = verdict.evidence.get("genTime")
    return datetime.fromisoformat(text) if text else None
