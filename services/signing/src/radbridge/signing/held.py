"""Held reports are judged again: whenever the trust material changed, for a CA that is back publishes a list that
counts, and from time to time where OCSP decides."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from radbridge.runtime.blobs.protocol import BlobMissing, BlobUnavailable
from radbridge.runtime.blobs.sealed import SealedBlobs
from radbridge.runtime.clock import Clock, to_micros
from radbridge.runtime.database.protocol import Database, DatabaseUnavailable, Transaction
from radbridge.runtime.directory import Directory
from radbridge.runtime.security.keyring import SealError
from radbridge.signing import evidence_store, held_store
from radbridge.signing.domain.policy import Decision, decide, policy_of
from radbridge.signing.held_store import HeldReport
from radbridge.signing.judging import judge_objects
from radbridge.signing.ocsp_responders import OcspResponders
from radbridge.signing.settlement import Case, Settlement, case_of, objects_of
from radbridge.signing.trust import Trust, TrustKeeper

_BATCH = 100

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HeldReports:
    """Judges held reports again, for ever."""

    database: Database
    blobs: SealedBlobs
    trust: TrustKeeper
    responders: OcspResponders
    directory: Directory
    settlement: Settlement
    clock: Clock
    every: timedelta

    async def run(self) -> None:
        """Look for changed trust material again and again."""
        while True:
            try:
                await self.judge_again()
            except (DatabaseUnavailable, BlobUnavailable) as error:
                _log.warning("held reports wait", extra={"reason": type(error).__name__})
            await asyncio.sleep(self.every.total_seconds())

    async def judge_again(self) -> None:
        """Judge every report that was held by other trust material than today's, or whose pause is over."""
        trust = await self.trust.snapshot()
        now = to_micros(self.clock())
        while batch := await self.database.read(lambda tx: held_store.due(tx, trust.version, now, _BATCH)):
            for held in batch:
                await self._judge(held, trust)

    async def _judge(self, held: HeldReport, trust: Trust) -> None:
        before = case_of(held)
        try:
            objects = objects_of(before.body, before.finding.file_fault)
            judging = partial(self.responders.judged, trust.store)
            finding = await judge_objects(self.blobs, objects, judging, trust.sm3, now=self.clock())
        except (BlobMissing, SealError) as error:
            # nothing to judge any more: it stays held until an operator decides, and others get their turn
            _log.error("a held report cannot be read", extra={"report_id": held.report_id, "reason": str(error)})
            await self.database.write(lambda tx: held_store.judged_by(tx, held.report_id, trust.version, None))
            return
        case = Case(before.body, held.received_version, finding, trust.version)
        institution = self.directory.by_id(held.institution_id)
        policy = policy_of(institution.settings if institution else None)

        async def settle(tx: Transaction) -> None:
            if not await held_store.is_held(tx, held):
                return
            if decide(finding.verdict, policy).decision is Decision.HELD:
                await held_store.judged_by(tx, held.report_id, trust.version, self.settlement.retry_at(finding))
                return
            await evidence_store.archive_trust(tx, trust)
            await evidence_store.archive_files(tx, finding.responses)
            await self.settlement.by_policy(tx, case, policy)

        await self.database.write(settle)
