"""The ``dicom-edge`` service, put together."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

from radbridge.dicom_edge.access import ReadAccess
from radbridge.dicom_edge.announcer import Announcer
from radbridge.dicom_edge.api import native, qido, stow, wado
from radbridge.dicom_edge.commitments import Commitments
from radbridge.dicom_edge.leftovers import Leftovers
from radbridge.dicom_edge.metadata import PreparedMetadata
from radbridge.dicom_edge.mover import Mover
from radbridge.dicom_edge.objects import Objects
from radbridge.dicom_edge.operations import EdgeSession
from radbridge.dicom_edge.preparer import Preparer
from radbridge.dicom_edge.reception import Reception
from radbridge.dicom_edge.scp.association import Caller, Limits, Session
from radbridge.dicom_edge.scp.server import DicomServer
from radbridge.dicom_edge.settings import DicomEdgeSettings
from radbridge.dicom_edge.volume import Volume
from radbridge.runtime.service import Check, Resources, Service, ServiceDefinition, Worker
from radbridge.runtime.settings import load_settings

DICOM_WEB = "/dicom-web"


def build(resources: Resources) -> Service:
    """DICOM port, DICOMweb and workers over the given resources."""
    settings = load_settings(DicomEdgeSettings)
    base_url = resources.settings.base_url + DICOM_WEB
    database, clock = resources.database, resources.clock
    volume = Volume(
        resources.data_dir, free_bytes_min=settings.free_bytes_min, object_bytes_max=settings.object_bytes_max
    )
    objects = Objects(volume, resources.blobs, database)
    metadata = PreparedMetadata(objects, resources.keyring, resources.data_dir / "metadata")
    preparer = Preparer(database, metadata)
    announcer = Announcer(
        database,
        resources.outbox,
        resources.tracing,
        clock=clock,
        quiet=timedelta(seconds=settings.quiet_seconds),
        at_most=timedelta(seconds=settings.announce_seconds_max),
        on_announced=preparer.add,
    )
    reception = Reception(volume, database, resources.keyring, resources.vault, clock=clock, on_new=announcer.arrived)
    commitments = Commitments(database, resources.directory, clock=clock)
    mover = Mover(
        volume,
        resources.blobs,
        database,
        clock=clock,
        move_after=timedelta(seconds=settings.move_after_seconds),
    )
    leftovers = Leftovers(
        volume, resources.blobs, database, resources.keyring, resources.vault, on_new=announcer.arrived
    )
    access = ReadAccess(
        resources.authenticator,
        resources.directory,
        resources.audit,
        clock=clock,
        once_per=timedelta(minutes=settings.audit_minutes),
    )
    search = qido.Search(database, resources.keyring, resources.vault, resources.directory)
    meter = resources.meters.counter(
        "radbridge_dicom_objects", "DICOM objects received, by C-STORE or STOW-RS status.", "service", "status"
    )

    def count(status: str) -> None:
        meter.labels(resources.service, status).inc()

    def open_session(caller: Caller) -> Session:
        return EdgeSession(caller, reception, commitments, announcer, resources.tracing, loop(), count=count)

    loops: list[asyncio.AbstractEventLoop] = []

    def loop() -> asyncio.AbstractEventLoop:
        return loops[0]

    server = DicomServer(
        host=resources.settings.host,
        port=resources.settings.dicom_port,
        associations_max=settings.associations_max,
        find_peer=resources.directory.by_ae_title,
        open_session=open_session,
        limits=Limits(
            idle_seconds=settings.idle_seconds,
            stall_seconds=settings.stall_seconds,
            pdu_length_max=settings.pdu_length_max,
        ),
    )

    @asynccontextmanager
    async def lifespan() -> AsyncGenerator[None]:
        loops[:] = [asyncio.get_running_loop()]
        await asyncio.to_thread(volume.prepare)
        await asyncio.to_thread(metadata.prepare)
        server.start()
        try:
            yield
        finally:
            grace = resources.settings.shutdown_grace_seconds / 2
            await asyncio.to_thread(server.stop, grace)
            await announcer.flush()

    return Service(
        name=resources.service,
        routers=(
            qido.router(search, access, base_url),
            wado.router(wado.Wado(database, objects, metadata, access, base_url)),
            stow.router(stow.Stow(reception, access, resources.directory, base_url, announcer.hurry, count)),
            native.router(database, volume, native.Gauges(lambda: server.associations, lambda: server.port)),
        ),
        workers=(
            Worker("announcer", announcer.run),
            Worker("leftovers", leftovers.run),
            Worker("mover", mover.run),
            Worker("commitments", commitments.run),
            Worker("preparer", preparer.run),
        ),
        checks=(Check("volume", lambda: asyncio.to_thread(volume.check)),),
        lifespan=lifespan,
        unlimited_bodies=(DICOM_WEB,),
    )


SERVICE = ServiceDefinition(name="dicom-edge", migrations="radbridge.dicom_edge.migrations", build=build)
