"""A harness for the tests of services: a real service on the embedded log, SQLite and files, without sockets.

    async def test_push(tmp_path: Path) -> None:
        async with running_service(SERVICE, tmp_path) as running:
            hospital = await running.add_institution(code="HOSPITAL-A")
            answer = await running.client.post("/exam-sync", …)
            await running.settled()
            events = await running.events(ExamRegistered)

Not for product code.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import SecretStr
from starlette.types import ASGIApp

from radbridge.contracts.envelope import Event, from_headers, make_event, to_headers
from radbridge.contracts.events.base import EventBody
from radbridge.contracts.events.institution import InstitutionUpdated
from radbridge.contracts.identifiers import new_id
from radbridge.runtime.bus.protocol import EventLog, Message
from radbridge.runtime.clock import Clock, utc_now
from radbridge.runtime.directory import Directory, Institution, seal_credentials
from radbridge.runtime.host.platform import Platform
from radbridge.runtime.host.running import RunningService
from radbridge.runtime.host.server import HttpServer, bind
from radbridge.runtime.host.serving import following
from radbridge.runtime.readiness import CheckResult
from radbridge.runtime.security.keyring import Keyring
from radbridge.runtime.security.vault import Vault
from radbridge.runtime.service import Resources, ServiceDefinition
from radbridge.runtime.settings import LOOPBACK, RuntimeSettings, load_settings

if TYPE_CHECKING:
    import httpx

ADMIN_TOKEN = "admin-token-of-the-tests"  # noqa: S105 (tests only)
READY_SECONDS = 60.0

B = TypeVar("B", bound=EventBody)


@dataclass(kw_only=True)
class Running:
    """A service that runs inside a test."""

    resources: Resources
    platform: Platform
    host: RunningService
    client: "httpx.AsyncClient"
    """Speaks to the service's ASGI application; no token."""
    admin: "httpx.AsyncClient"
    """The same with the admin token."""

    @property
    def log(self) -> EventLog:
        """The event log."""
        return self.resources.log

    async def add_institution(self, **members: Any) -> Institution:
        """Register an institution by its event, as ``ingest-api`` does, and wait until the service knows it."""
        return await add_institution(self.log, self.resources.keyring, self.resources.directory, **members)

    async def publish(
        self,
        body: EventBody,
        *,
        service: str,
        version: int = 1,
        traceparent: str | None = None,
        at: datetime | None = None,
    ) -> Event:
        """Put another service's event on the log, as happened now or ``at`` another time."""
        time = at or self.resources.clock()
        event = make_event(body, service=service, version=version, time=time, traceparent=traceparent)
        await self.log.append([Message(body.TOPIC, event.subject, event.data, tuple(to_headers(event)))])
        return event

    async def events(self, kind: type[B]) -> list[tuple[Event, B]]:
        """Every event of a type on the log, oldest first within a key, after the outbox has been drained."""
        await self.resources.outbox.drained()
        found: list[tuple[Event, B]] = []
        after: dict[int, int] = {}
        while records := await self.log.read(kind.TOPIC, after=after):
            for record in records:
                after[record.partition] = max(after.get(record.partition, -1), record.offset)
                event = from_headers(record.headers, record.value)
                if event.type == kind.event_type():
                    found.append((event, kind.model_validate_json(event.data)))
        return sorted(found, key=lambda pair: (pair[0].time, pair[0].subject, pair[0].version))

    async def settled(self) -> None:
        """Return once the outbox is empty and the service's consumers have finished every message, also of those that
        followed from the others."""
        specs = self.host.service.consumers
        ends: dict[str, dict[int, int]] = {topic: {} for spec in specs for topic in spec.subscribed_topics}
        async with asyncio.timeout(READY_SECONDS):
            while True:
                await self.resources.outbox.drained()
                await self._read_on(ends)
                states = await self.log.groups({spec.group for spec in specs})
                if not any(lag for state in states for lag in state.lag.values()):
                    # what was finished by now may have published: then there is more to read once that has left
                    await self.resources.outbox.drained()
                    if not await self._read_on(ends):
                        return
                await asyncio.sleep(0.02)

    async def _read_on(self, ends: dict[str, dict[int, int]]) -> bool:
        """Move the last offset of each partition to the end of its topic; answers whether there was more."""
        more = False
        for topic, after in ends.items():
            while records := await self.log.read(topic, after=after):
                more = True
                for record in records:
                    after[record.partition] = max(after.get(record.partition, -1), record.offset)
        return more


@asynccontextmanager
async def running_service(
    definition: ServiceDefinition,
    folder: Path,
    *,
    settings: Mapping[str, Any] | None = None,
    clock: Clock = utc_now,
    log: EventLog | None = None,
    transport: "httpx.AsyncBaseTransport | None" = None,
    wait_until_ready: bool = True,
) -> AsyncGenerator[Running]:
    """Run a service with its data in ``folder``; run again on the same folder it finds its data.

    :param settings: members of ``RuntimeSettings`` that differ from the harness's.
    :param log: an event log that is shared with another service (its owner closes it).
    :param transport: answers the service's outbound calls (``httpx.MockTransport``).
    :param wait_until_ready: enter when ``/readyz`` says ready; else at once.
    """
    import httpx

    platform = Platform.open(embedded_settings(folder, settings), clock=clock, log=log, transport=transport)
    resources = platform.resources(
        definition.name,
        database_url=platform.settings.database_url.replace("SERVICE", definition.name),
        data_dir=folder / definition.name,
    )
    host = RunningService(definition, resources, ensure_topics=platform.ensure_topics)
    asgi = httpx.ASGITransport(host.app, raise_app_exceptions=True)
    base = "http://testserver"
    bearer = {"authorization": f"Bearer {ADMIN_TOKEN}"}
    try:
        async with (
            following(platform),
            httpx.AsyncClient(transport=asgi, base_url=base) as client,
            httpx.AsyncClient(transport=asgi, base_url=base, headers=bearer) as admin,
        ):
            host.start()
            try:
                if wait_until_ready:
                    await wait_ready(host)
                yield Running(resources=resources, platform=platform, host=host, client=client, admin=admin)
            finally:
                platform.stopping.set()
                await host.stop()
    finally:
        await platform.close(close_log=log is None)


async def eventually(holds: Callable[[], Awaitable[bool]], *, seconds: float = READY_SECONDS) -> None:
    """Return once ``holds`` answers true.

    :raises TimeoutError: it does not in time.
    """
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 (the condition may lie in another process)
            await asyncio.sleep(0.02)


@asynccontextmanager
async def listening(
    app: ASGIApp, *, trusted_proxies: Sequence[IPv4Network | IPv6Network] = LOOPBACK
) -> AsyncGenerator[str]:
    """The application on a real socket; answers its base URL. For what needs one: server-sent events, other processes,
    connections that break."""
    server = HttpServer(app, bind("127.0.0.1", 0), grace_seconds=1, trusted_proxies=trusted_proxies)
    await server.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        await server.stop()


def embedded_settings(folder: Path, members: Mapping[str, Any] | None = None) -> RuntimeSettings:
    """Settings of a suite whose data lies in ``folder``; the environment does not matter. ``SERVICE`` in the database
    URL stands for a service's name."""
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    known: dict[str, Any] = {
        "events_url": f"sqlite:///{folder}/events.db",
        "database_url": f"sqlite+aiosqlite:///{folder}/SERVICE.db",
        "blobs_url": f"file://{folder}/blobs",
        "vault_key": SecretStr(Vault.load_or_create(folder / "vault.key").to_text()),
        "admin_token": SecretStr(ADMIN_TOKEN),
        "data_dir": folder,
        "shutdown_grace_seconds": 2.0,
    }
    return load_settings(RuntimeSettings, **{**known, **(members or {})})


async def wait_ready(host: RunningService) -> None:
    """Return once all checks of the service pass.

    :raises AssertionError: they do not within a minute; the text says which.
    """
    failed: list[CheckResult] = []

    async def ready() -> bool:
        failed[:] = [result for result in await host.readiness.results() if not result.ok]
        return not failed

    try:
        await eventually(ready)
    except TimeoutError:
        raise AssertionError(f"not ready: {failed}") from None


async def add_institution(
    log: EventLog,
    keyring: Keyring,
    directory: Directory,
    *,
    institution_id: str | None = None,
    code: str = "HOSPITAL-A",
    name: str = "甲医院",
    dialect: str = "shanxi",
    ae_title: str = "HOSPITAL_A",
    version: int = 1,
    **members: Any,
) -> Institution:
    """Put an institution with fresh keys and credentials on the log and wait until the directory has it.

    :param members: further members of ``InstitutionUpdated``.
    """
    institution_id = institution_id or new_id()
    keys = keyring.new_keys(institution_id)
    body = InstitutionUpdated(
        institution_id=institution_id,
        code=code,
        name=name,
        dialect=dialect,
        ae_title=ae_title,
        keys=keys,
        credentials=seal_credentials(
            keyring,
            institution_id,
            sm4_key=secrets.token_bytes(16),
            access_key=secrets.token_hex(8),
            secret_key=secrets.token_hex(16),
            app_id=secrets.token_hex(8),
            secure_code=secrets.token_hex(16),
        ),
        updated_at=utc_now(),
        **members,
    )
    event = make_event(body, service="ingest-api", version=version)
    await log.append([Message(body.TOPIC, event.subject, event.data, tuple(to_headers(event)))])
    await directory.wait_for_institution(institution_id, version)
    found = directory.by_id(institution_id)
    assert found is not None
    return found
