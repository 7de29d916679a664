"""All services in one process over one data folder: what ``radbridge up`` does."""

import asyncio
import os
import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop
from pydantic import SecretStr

from radbridge.runtime.front import EmbeddedFront
from radbridge.runtime.host.lock import lock_folder
from radbridge.runtime.host.platform import Platform
from radbridge.runtime.host.running import RunningService
from radbridge.runtime.host.server import PortInUse, bind
from radbridge.runtime.host.serving import serve
from radbridge.runtime.host.signals import stop_requested
from radbridge.runtime.security.vault import Vault
from radbridge.runtime.service import ServiceDefinition
from radbridge.runtime.settings import RuntimeSettings, load_settings
from radbridge.runtime.telemetry.logs import log_to_file

_POLL_SECONDS = 0.02
_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Address:
    """Something to open, and where."""

    name: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Announcer:
    """Told how the start goes; the command line prints it."""

    addresses: Callable[[Sequence[Address]], None]
    """Called once, before ``ready``."""
    ready: Callable[[], None]
    waiting: Callable[[str], None]
    """Called now and then while the suite is not ready, with the reasons."""


def run_embedded(
    definitions: Sequence[ServiceDefinition],
    data_dir: Path,
    *,
    port: int,
    dicom_port: int,
    announcer: Announcer,
    host: str = "127.0.0.1",
) -> None:
    """Run all services until SIGTERM or SIGINT.

    In ``data_dir``: ``events.db`` (the event log), ``<service>.db`` and ``<service>/`` of each service, ``blobs/``,
    ``vault.key``, ``admin.token``, ``logs/``.

    :param port: of the front door; 0 takes a free one.
    :raises FolderInUse: another suite runs on the folder.
    :raises PortInUse: another process has a port.
    :raises SettingsError: the environment holds a setting that is not valid.
    """
    data_dir = data_dir.absolute()
    data_dir.mkdir(parents=True, exist_ok=True)
    with lock_folder(data_dir):
        listener = bind(host, port)
        require_free(host, dicom_port)
        settings = embedded_settings(data_dir, host=host, port=listener.getsockname()[1], dicom_port=dicom_port)
        log_to_file(settings.log_level, data_dir / "logs" / "radbridge.log")
        uvloop.run(_run(definitions, settings, listener, announcer))


def embedded_settings(data_dir: Path, *, host: str, port: int, dicom_port: int) -> RuntimeSettings:
    """Settings of a suite that lives in ``data_dir``: backends are fixed, the rest may come from the environment.
    ``SERVICE`` in the database URL stands for the service's name."""
    vault = Vault.load_or_create(data_dir / "vault.key")
    settings = load_settings(
        RuntimeSettings,
        events_url=f"sqlite:///{data_dir}/events.db",
        database_url=f"sqlite+aiosqlite:///{data_dir}/SERVICE.db",
        blobs_url=f"file://{data_dir}/blobs",
        vault_key=SecretStr(vault.to_text()),
        data_dir=data_dir,
        migrate="start",
        host=host,
        port=port,
        dicom_port=dicom_port,
    )
    token = _admin_token(data_dir / "admin.token", settings.admin_token)
    return settings.model_copy(update={"admin_token": SecretStr(token)})


async def _run(
    definitions: Sequence[ServiceDefinition],
    settings: RuntimeSettings,
    listener: socket.socket,
    announcer: Announcer,
) -> None:
    requested = stop_requested()
    platform = Platform.open(settings)
    services = [_service(definition, platform) for definition in definitions]
    front = EmbeddedFront(
        {service.definition.name: service.app for service in services},
        [service.readiness for service in services],
        is_admin_token=platform.authenticator.is_admin_token,
        exposition=platform.board.exposition,
    )

    async def announce() -> None:
        await _announce(services, settings, announcer)

    await serve(platform, services, front, listener, stop=requested, announce=announce)


def _service(definition: ServiceDefinition, platform: Platform) -> RunningService:
    settings = platform.settings
    resources = platform.resources(
        definition.name,
        database_url=settings.database_url.replace("SERVICE", definition.name),
        data_dir=settings.data_dir / definition.name,
    )
    return RunningService(definition, resources, ensure_topics=platform.ensure_topics)


async def _announce(services: Sequence[RunningService], settings: RuntimeSettings, announcer: Announcer) -> None:
    loop = asyncio.get_running_loop()
    told_at = loop.time()
    while True:
        reasons = [
            f"{service.definition.name}: {result.name}: {result.reason}"
            for service in services
            for result in await service.readiness.results()
            if not result.allows_work
        ]
        if not reasons:
            break
        if loop.time() - told_at > _PATIENCE_SECONDS:
            told_at = loop.time()
            announcer.waiting("; ".join(reasons))
        await asyncio.sleep(_POLL_SECONDS)
    url = settings.base_url
    announcer.addresses(
        [
            Address("console", f"{url}/"),
            Address("viewer", f"{url}/viewer"),
            Address("DICOMweb", f"{url}/dicom-web"),
            Address("API reference", f"{url}/docs"),
            Address("DICOM", f"{settings.host}:{settings.dicom_port}"),
        ]
    )
    announcer.ready()


def require_free(host: str, port: int) -> None:
    """Fail early, with a clear text, where a service will listen later.

    :raises PortInUse: another process listens there.
    """
    if port:
        try:
            bind(host, port).close()
        except PortInUse as error:
            raise PortInUse(f"DICOM {error}") from error


def _admin_token(path: Path, wanted: SecretStr | None) -> str:
    """The token in the file; made where there is none, replaced where the environment gives another."""
    if wanted is None and path.exists():
        return path.read_text(encoding="ascii").strip()
    token = wanted.get_secret_value() if wanted else secrets.token_urlsafe(32)
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{token}\n")
    temporary.replace(path)
    return token
