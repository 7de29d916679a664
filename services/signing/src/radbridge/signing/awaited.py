"""Files that an address did not bring before the verdict are asked for again, ever more rarely, for a day."""

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import timedelta

from radbridge.contracts.events.report import ReportReceived
from radbridge.runtime.blobs.protocol import BlobMissing, BlobUnavailable
from radbridge.runtime.clock import Clock, to_micros
from radbridge.runtime.database.protocol import Database, DatabaseUnavailable, Transaction
from radbridge.runtime.security.keyring import SealError
from radbridge.signing import awaited_store, store
from radbridge.signing.awaited_store import AwaitedFile
from radbridge.signing.domain.policy import Decision, decide
from radbridge.signing.domain.verdict import CheckResult, Outcome, Verdict
from radbridge.signing.handlers import JudgeReports, Prepared
from radbridge.signing.report_files import FileFault, ReportFiles, with_document

_BATCH = 20
_PAUSE_MAX = timedelta(hours=1)
_TURN_SECONDS = 30.0
_SEALS = frozenset({"pdf_seal", "ofd_seal"})

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AwaitedFiles:
    """Asks again, for ever. A file that comes is judged with its report as if it had been sent; the report's standing
    verdict is lost by a broken seal alone, not by what changed meanwhile.

    :ivar every: pause between two looks.
    :ivar retry: pause after the first try.
    """

    database: Database
    files: ReportFiles
    judge: JudgeReports
    clock: Clock
    every: timedelta
    retry: timedelta

    async def run(self) -> None:
        """Look for files that are due again and again."""
        while True:
            try:
                while await self.try_again():
                    pass
            except (DatabaseUnavailable, BlobUnavailable) as error:
                _log.warning("files of reports wait", extra={"reason": type(error).__name__})
            await asyncio.sleep(self.every.total_seconds())

    async def try_again(self) -> bool:
        """Ask for some of the files that are due, of all hospitals side by side and of each for half a minute at most:
        none waits long for another's server. ``False`` where none was due."""
        now = to_micros(self.clock())
        senders = await self.database.read(lambda tx: awaited_store.institutions_due(tx, now))
        asking = (self._try_those_of(sender, now) for sender in senders)
        outcomes = await asyncio.gather(*asking, return_exceptions=True)
        if failed := [outcome for outcome in outcomes if outcome is not None]:
            raise failed[0]
        return bool(senders)

    async def _try_those_of(self, institution_id: str, now: int) -> None:
        until = time.monotonic() + _TURN_SECONDS
        for awaited in await self.database.read(lambda tx: awaited_store.due(tx, institution_id, now, _BATCH)):
            if await self.database.write(lambda tx, one=awaited: self._claimed(tx, one)):
                await self._try(awaited)
            if time.monotonic() > until:
                return

    async def _claimed(self, tx: Transaction, awaited: AwaitedFile) -> bool:
        now = self.clock()
        if to_micros(now) > awaited.until:
            await awaited_store.take(tx, awaited)
            return False
        pause = min(self.retry * 2 ** min(awaited.tries + 1, 20), _PAUSE_MAX)
        return await awaited_store.claim(tx, awaited, to_micros(now + pause))

    async def _try(self, awaited: AwaitedFile) -> None:
        body = ReportReceived.model_validate_json(awaited.received)
        try:
            prepared = await self.judge.judged(with_document(body, await self.files.fetch(body)))
        except FileFault:
            return
        except (BlobMissing, SealError) as error:
            _log.error("a report cannot be read", extra={"report_id": awaited.report_id, "reason": str(error)})
            return
        await self.database.write(lambda tx: self._settle(tx, awaited, prepared))

    async def _settle(self, tx: Transaction, awaited: AwaitedFile, prepared: Prepared) -> None:
        stands = await store.outcome_of(tx, awaited.report_id) == Outcome.ACCEPTED
        would_stand = decide(prepared.finding.verdict, prepared.policy).decision is Decision.ACCEPTED
        if stands and not would_stand and not _fails_by_its_seal_alone(prepared.finding.verdict):
            return
        if await awaited_store.take(tx, awaited):
            await self.judge.settle(tx, prepared, awaited.received_version)


def _fails_by_its_seal_alone(verdict: Verdict) -> bool:
    failed = {check.name for check in verdict.checks if check.result is CheckResult.FAILED}
    return bool(failed) and failed <= _SEALS
