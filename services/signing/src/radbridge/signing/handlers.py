"""What ``signing`` does when a report arrives: judge it once, say what it is worth."""

from dataclasses import dataclass
from functools import partial

from radbridge.contracts.events.report import ReportReceived, ReportVoided
from radbridge.contracts.institution_settings import SigningPolicy
from radbridge.contracts.model.codes import ReportStatus
from radbridge.runtime.blobs.sealed import SealedBlobs
from radbridge.runtime.clock import Clock
from radbridge.runtime.consumer import ConsumerSpec, On, Received
from radbridge.runtime.database.protocol import Transaction
from radbridge.runtime.directory import Directory
from radbridge.signing import awaited_store, evidence_store, held_store, store
from radbridge.signing.domain.policy import policy_of
from radbridge.signing.judging import Finding, judge_objects
from radbridge.signing.ocsp_responders import OcspResponders
from radbridge.signing.report_files import ReportFiles
from radbridge.signing.settlement import Case, Settlement, objects_of
from radbridge.signing.store import PENDING, StoredVerdict
from radbridge.signing.trust import Trust, TrustKeeper

GROUP = "signing"


@dataclass(frozen=True, slots=True)
class Prepared:
    """The report with its file, the finding on it, the trust that this rests on, and the institution's policy."""

    body: ReportReceived
    finding: Finding
    trust: Trust
    policy: SigningPolicy


@dataclass(frozen=True, slots=True)
class JudgeReports:
    """Handler of ``report.received``. A file given by its address is fetched, blobs are read and signatures verified
    before the transaction begins."""

    blobs: SealedBlobs
    files: ReportFiles
    trust: TrustKeeper
    responders: OcspResponders
    directory: Directory
    settlement: Settlement
    clock: Clock

    async def prepare(self, received: Received[ReportReceived]) -> Prepared | None:
        """The finding on an audited report; ``None`` for one that is not published yet."""
        if received.body.status != ReportStatus.AUDITED:
            return None
        return await self.judged(*await self.files.completed(received.body))

    async def judged(self, body: ReportReceived, file_fault: str = "") -> Prepared:
        """The finding on a report, by today's trust and its hospital's policy.

        :raises BlobMissing: an object is not there any more.
        :raises BlobUnavailable: the store is away.
        """
        trust = await self.trust.snapshot()
        judging = partial(self.responders.judged, trust.store)
        finding = await judge_objects(self.blobs, objects_of(body, file_fault), judging, trust.sm3, now=self.clock())
        institution = self.directory.by_id(body.institution_id)
        return Prepared(body, finding, trust, policy_of(institution.settings if institution else None))

    async def apply(self, tx: Transaction, received: Received[ReportReceived], prepared: Prepared | None) -> None:
        """Store the decision with its evidence and publish it in one commit."""
        if prepared is None:
            await _wait_no_longer(tx, received.body.report_id)
            await store.save_verdict(tx, _undecided(received, "报告尚未审核，审核后验证"))
            return
        await self.settle(tx, prepared, received.version)

    async def settle(self, tx: Transaction, prepared: Prepared, received_version: int) -> None:
        """Decide about a push by the finding on it."""
        await evidence_store.archive_trust(tx, prepared.trust)
        await evidence_store.archive_files(tx, prepared.finding.responses)
        case = Case(prepared.body, received_version, prepared.finding, prepared.trust.version)
        await self.settlement.by_policy(tx, case, prepared.policy)


@dataclass(frozen=True, slots=True)
class ForgetVoided:
    """Handler of ``report.voided``: the hospital withdrew the report, so nothing is left to judge."""

    async def apply(self, tx: Transaction, received: Received[ReportVoided], prepared: object) -> None:
        """Say so to whoever asks for the verdict."""
        await _wait_no_longer(tx, received.body.report_id)
        await store.save_verdict(tx, _undecided(received, "报告已由医院删除"))


async def _wait_no_longer(tx: Transaction, report_id: str) -> None:
    await held_store.remove(tx, report_id)
    await awaited_store.remove(tx, report_id)


def _undecided(received: Received[ReportReceived] | Received[ReportVoided], reason: str) -> StoredVerdict:
    body = received.body
    return StoredVerdict(
        report_id=body.report_id,
        received_version=received.version,
        institution_id=body.institution_id,
        report_number=body.report_number,
        outcome=PENDING,
        reason=reason,
        checks="[]",
        evidence="{}",
        judged_at=None,
    )


def consumer(judge: JudgeReports) -> ConsumerSpec:
    """The event edge of the service."""
    return ConsumerSpec(
        GROUP,
        (On(ReportReceived, judge.apply, prepare=judge.prepare), On(ReportVoided, ForgetVoided().apply)),
    )
