"""The ``ingest-api`` service, put together."""

from functools import partial

from radbridge.ingest_api.api import institutions, pushes, shanxi
from radbridge.ingest_api.intake import Intake
from radbridge.ingest_api.named_objects import NamedObjects
from radbridge.ingest_api.preparing import exam_preparation
from radbridge.ingest_api.refusal_log import RefusalLog
from radbridge.ingest_api.settings import IngestSettings
from radbridge.runtime.blob_ledger import BlobLedger
from radbridge.runtime.process_pool import ProcessPool
from radbridge.runtime.service import Resources, Service, ServiceDefinition, Worker
from radbridge.runtime.settings import load_settings
from radbridge.runtime.sweeper import Sweeper


def build(resources: Resources) -> Service:
    """Routes and workers of the service over the given resources."""
    ledger = BlobLedger(resources.database, resources.clock)
    intake = Intake(
        resources.database,
        resources.outbox,
        resources.keyring,
        resources.vault,
        resources.sealed_blobs,
        ledger,
        resources.clock,
    )
    refusal_log = RefusalLog(resources.database, resources.clock)
    preparation = ProcessPool(
        partial(exam_preparation, resources.vault.to_text()), processes=load_settings(IngestSettings).helper_processes
    )
    pushes_of_shanxi = shanxi.edge(resources, intake, refusal_log, preparation)
    return Service(
        name="ingest-api",
        direct=pushes_of_shanxi.direct,
        routers=(
            pushes_of_shanxi.router,
            institutions.router(resources),
            pushes.router(resources),
        ),
        requires_objects=True,
        workers=(
            Worker("refusal-log", refusal_log.run),
            Worker("sweeper", sweeper(resources, ledger).run),
            Worker("preparation", preparation.serve),
        ),
    )


def sweeper(resources: Resources, ledger: BlobLedger) -> Sweeper:
    """Deletes the objects of reports that were never accepted."""
    named = NamedObjects(resources.log, resources.database, ledger)
    return Sweeper(
        blobs=resources.blobs,
        database=resources.database,
        ledger=ledger,
        outbox=resources.outbox,
        meters=resources.meters,
        clock=resources.clock,
        prefixes=named.prefixes,
        recall=named.recall,
    )


SERVICE = ServiceDefinition(name="ingest-api", migrations="radbridge.ingest_api.migrations", build=build)
