"""What all services of one process share, opened from the settings. Nothing here waits for the network."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from radbridge.contracts.topics import TOPICS
from radbridge.runtime.audit import Audit
from radbridge.runtime.blobs.open import open_blobs
from radbridge.runtime.blobs.protocol import BlobStore
from radbridge.runtime.blobs.sealed import SealedBlobs
from radbridge.runtime.bus.open import open_log
from radbridge.runtime.bus.protocol import BusError, EventLog
from radbridge.runtime.clock import Clock, utc_now
from radbridge.runtime.database.open import open_database
from radbridge.runtime.directory import Directory
from radbridge.runtime.http_client import OutboundClient
from radbridge.runtime.outbox import Backlog, Outbox
from radbridge.runtime.presence import PresenceView
from radbridge.runtime.security.ended_sessions import EndedSessions
from radbridge.runtime.security.keyring import Keyring
from radbridge.runtime.security.links import LinkSigner
from radbridge.runtime.security.principal import Authenticator
from radbridge.runtime.security.vault import Vault
from radbridge.runtime.service import Resources
from radbridge.runtime.settings import RuntimeSettings
from radbridge.runtime.telemetry.database import TracedDatabase
from radbridge.runtime.telemetry.meters import MeterBoard, Meters
from radbridge.runtime.telemetry.recording import open_recorder
from radbridge.runtime.telemetry.traces import Recorder, Tracing

if TYPE_CHECKING:
    import httpx


@dataclass(kw_only=True)
class Platform:
    """The parts that the services of a process have in common: keys, log, objects, directory, meters, recorder."""

    settings: RuntimeSettings
    vault: Vault
    keyring: Keyring
    log: EventLog
    blobs: BlobStore
    directory: Directory
    presence_view: PresenceView
    links: LinkSigner
    authenticator: Authenticator
    board: MeterBoard
    recorder: Recorder | None
    clock: Clock
    transport: "httpx.AsyncBaseTransport | None" = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the process begins to stop."""
    _topics_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _topics_exist: bool = False
    _clients: list[OutboundClient] = field(default_factory=list[OutboundClient])

    @classmethod
    def open(
        cls,
        settings: RuntimeSettings,
        *,
        clock: Clock = utc_now,
        log: EventLog | None = None,
        blobs: BlobStore | None = None,
        transport: "httpx.AsyncBaseTransport | None" = None,
    ) -> Self:
        """The platform that the settings describe.

        :param log: instead of the one that ``events_url`` names; likewise ``blobs``.
        :param transport: answers outbound calls instead of the network.
        :raises VaultError: ``vault_key`` is not a vault.
        :raises ValueError: a URL is of a kind that is not known.
        """
        vault = Vault.from_text(settings.vault_key.get_secret_value())
        keyring = Keyring(vault)
        links = LinkSigner(vault, clock)
        log = log or open_log(settings.events_url)
        return cls(
            settings=settings,
            vault=vault,
            keyring=keyring,
            log=log,
            blobs=blobs or open_blobs(settings.blobs_url),
            directory=Directory(log, keyring),
            presence_view=PresenceView(log),
            links=links,
            authenticator=Authenticator(settings, vault, links, clock, EndedSessions(log, clock)),
            board=MeterBoard(),
            recorder=open_recorder(
                None if settings.otel_sdk_disabled else settings.otlp_endpoint, instance_id=settings.instance_id
            ),
            clock=clock,
            transport=transport,
        )

    async def ensure_topics(self) -> None:
        """Create the topics that are missing, once per process; nothing where a job of its own does it.

        :raises BusError: the log is away, or a topic is not as its table says.
        """
        async with self._topics_lock:
            if self.settings.migrate == "start" and not self._topics_exist:
                await self.log.ensure_topics(TOPICS)
            self._topics_exist = True

    async def run(self) -> None:
        """Follow the topics that all services need, for ever."""
        while not self._topics_exist:
            with contextlib.suppress(BusError):
                await self.ensure_topics()
                break
            await asyncio.sleep(1)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.directory.run())
            group.create_task(self.presence_view.run())
            group.create_task(self.authenticator.ended_sessions.run())

    async def close(self, *, close_log: bool = True) -> None:
        """Release everything; the services have been stopped before."""
        for client in self._clients:
            await client.close()
        await self.blobs.close()
        if close_log:
            await self.log.close()
        if self.recorder is not None:
            await asyncio.to_thread(self.recorder.close)

    def resources(self, service: str, *, database_url: str, data_dir: Path) -> Resources:
        """What one service is given."""
        settings = self.settings
        meters = Meters(self.board, service)
        tracing = Tracing(service, self.recorder, ratio=settings.trace_sample_ratio)
        database = open_database(database_url, service=service)
        if self.recorder is not None:
            database = TracedDatabase(database, tracing)

        def observe(backlog: Backlog) -> None:
            meters.outbox_backlog(backlog.count, backlog.oldest_age.total_seconds())

        recorded = tracing if self.recorder is not None else None
        outbox = Outbox(database, self.log, service=service, clock=self.clock, observe=observe, tracing=recorded)
        http = OutboundClient(meters=meters, tracing=tracing, proxy=settings.outbound_proxy, transport=self.transport)
        self._clients.append(http)
        data_dir.mkdir(parents=True, exist_ok=True)
        return Resources(
            settings=settings,
            service=service,
            instance_id=settings.instance_id,
            database=database,
            log=self.log,
            outbox=outbox,
            blobs=self.blobs,
            sealed_blobs=SealedBlobs(self.blobs, self.keyring),
            vault=self.vault,
            keyring=self.keyring,
            directory=self.directory,
            presence_view=self.presence_view,
            links=self.links,
            authenticator=self.authenticator,
            audit=Audit(database, outbox, service=service, clock=self.clock),
            http=http,
            meters=meters,
            tracing=tracing,
            clock=self.clock,
            data_dir=data_dir,
            stopping=self.stopping,
        )
