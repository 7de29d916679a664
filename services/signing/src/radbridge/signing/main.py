"""The ``signing`` service, put together."""

import logging
from collections.abc import Sequence

from radbridge.contracts.events.base import BlobRef
from radbridge.runtime.audit import ReadTrail
from radbridge.runtime.blob_ledger import BlobLedger
from radbridge.runtime.database.protocol import Transaction
from radbridge.runtime.security.keyring import PLATFORM
from radbridge.runtime.service import Resources, Service, ServiceDefinition, Worker
from radbridge.runtime.settings import load_settings
from radbridge.runtime.sweeper import Sweeper
from radbridge.signing import handlers, store
from radbridge.signing.api import authorities, coss, dsvs, evidence, held, sef, trials, verdicts
from radbridge.signing.api.callers import Callers
from radbridge.signing.awaited import AwaitedFiles
from radbridge.signing.held import HeldReports
from radbridge.signing.ocsp_responders import OcspResponders
from radbridge.signing.report_files import ReportFiles
from radbridge.signing.revocation_lists import RevocationLists
from radbridge.signing.settings import SigningSettings
from radbridge.signing.settlement import Settlement
from radbridge.signing.trust import TrustKeeper


def build(resources: Resources) -> Service:
    """Routes, consumers and workers of the service over the given resources."""
    settings = load_settings(SigningSettings)
    # its warnings quote the documents that it reads, and what they say is in the verdict
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    lists = RevocationLists(resources.database, resources.http, resources.clock, settings.crl_refresh)
    trust = TrustKeeper(resources.database)
    ledger = BlobLedger(resources.database, resources.clock)
    responders = OcspResponders(
        resources.database,
        resources.http,
        resources.clock,
        enabled=settings.ocsp,
        timeout=settings.ocsp_timeout,
        refresh=settings.ocsp_refresh,
    )
    settlement = Settlement(
        resources.outbox, resources.clock, settings.ocsp_retry, settings.file_retry, settings.file_retry_for
    )
    files = ReportFiles(resources.sealed_blobs, resources.http, resources.directory, settings.file_timeout)
    judge = handlers.JudgeReports(
        resources.sealed_blobs, files, trust, responders, resources.directory, settlement, resources.clock
    )
    held_reports = HeldReports(
        database=resources.database,
        blobs=resources.sealed_blobs,
        trust=trust,
        responders=responders,
        directory=resources.directory,
        settlement=settlement,
        clock=resources.clock,
        every=settings.held_check,
    )
    awaited_files = AwaitedFiles(
        database=resources.database,
        files=files,
        judge=judge,
        clock=resources.clock,
        every=settings.held_check,
        retry=settings.file_retry,
    )
    callers = Callers(resources.directory)
    trail = ReadTrail(resources.audit, clock=resources.clock)
    return Service(
        name="signing",
        routers=(
            verdicts.router(resources, trail),
            held.router(resources, settlement, trail),
            evidence.router(resources, trail),
            authorities.router(resources, lists),
            trials.router(resources, lists, responders, ledger),
            dsvs.router(callers, trust, responders, resources.clock),
            coss.router(callers, trust, responders, resources.clock),
            sef.router(callers, trust, responders, resources.http, resources.clock),
        ),
        consumers=(handlers.consumer(judge),),
        workers=(
            Worker("revocation-lists", lists.run),
            Worker("held-reports", held_reports.run),
            Worker("awaited-files", awaited_files.run),
            Worker("sweeper", sweeper(resources, ledger).run),
        ),
    )


def sweeper(resources: Resources, ledger: BlobLedger) -> Sweeper:
    """Deletes the platform's own objects, which this service alone stores, that were never named: neither by the ledger
    nor by the test data that CAs have handed in."""

    async def prefixes() -> Sequence[str]:
        return [f"{PLATFORM}/"]

    async def recall() -> None:
        """A replica of a release that has no ledger names test data without it, as long as an upgrade goes on."""

        async def work(tx: Transaction) -> None:
            references = await store.all_trial_sets(tx)
            await ledger.remember(tx, [BlobRef.model_validate_json(reference).name for reference in references])

        await resources.database.write(work)

    return Sweeper(
        blobs=resources.blobs,
        database=resources.database,
        ledger=ledger,
        outbox=resources.outbox,
        meters=resources.meters,
        clock=resources.clock,
        prefixes=prefixes,
        recall=recall,
    )


SERVICE = ServiceDefinition(name="signing", migrations="radbridge.signing.migrations", build=build)
