"""A service as an object: what a host needs to run it, alone or beside others in one process."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from radbridge.runtime.audit import Audit
from radbridge.runtime.blobs.protocol import BlobStore
from radbridge.runtime.blobs.sealed import SealedBlobs
from radbridge.runtime.bus.protocol import EventLog
from radbridge.runtime.clock import Clock
from radbridge.runtime.consumer import ConsumerSpec
from radbridge.runtime.database.protocol import Database
from radbridge.runtime.directory import Directory
from radbridge.runtime.http_client import OutboundClient
from radbridge.runtime.outbox import Outbox
from radbridge.runtime.presence import PresenceView
from radbridge.runtime.security.keyring import Keyring
from radbridge.runtime.security.links import LinkSigner
from radbridge.runtime.security.principal import Authenticator
from radbridge.runtime.security.vault import Vault
from radbridge.runtime.settings import RuntimeSettings
from radbridge.runtime.telemetry.meters import Meters
from radbridge.runtime.telemetry.traces import Tracing

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]
"""Answers a request."""


@dataclass(frozen=True, slots=True)
class Worker:
    """Work that goes on for ever. When ``run`` fails it is started again after a growing pause; when it returns, it is
    done."""

    name: str
    run: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of being ready. ``ping`` raises when it does not hold; the text tells an operator why, without
    secrets."""

    name: str
    ping: Callable[[], Awaitable[None]]
    required: bool = True
    """Whether the service cannot do its work without; otherwise it is ready nevertheless, and only less than whole."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service that was built: its edges and what goes on inside."""

    name: str
    """Its folder name, ``ingest-api``."""
    routers: tuple[APIRouter, ...] = ()
    direct: Mapping[str, Endpoint] = field(default_factory=dict[str, Endpoint])
    """Endpoints that answer POST at exactly these paths without passing through the router, which costs a hot path a
    third of its time. A route of the same path describes each in the API page."""
    consumers: tuple[ConsumerSpec, ...] = ()
    workers: tuple[Worker, ...] = ()
    checks: tuple[Check, ...] = ()
    requires_objects: bool = False
    """Whether requests are accepted only while the object store answers."""
    lifespan: Callable[[], AbstractAsyncContextManager[None]] | None = None
    """Entered once the database is migrated, before requests are let in; left when requests have ended."""
    unlimited_bodies: tuple[str, ...] = ()
    """Path prefixes whose routes stream the body and take any size."""


@dataclass(kw_only=True)
class Resources:
    """What a service is given. Nothing in it is shared with another service but what is immutable or made for it."""

    settings: RuntimeSettings
    service: str
    instance_id: str
    database: Database
    log: EventLog
    outbox: Outbox
    blobs: BlobStore
    sealed_blobs: SealedBlobs
    vault: Vault
    keyring: Keyring
    directory: Directory
    presence_view: PresenceView
    links: LinkSigner
    authenticator: Authenticator
    audit: Audit
    http: OutboundClient
    """For calls to the outside."""
    meters: Meters
    tracing: Tracing
    clock: Clock
    data_dir: Path
    """A folder of this service's own; it exists."""
    stopping: asyncio.Event
    """Endless answers (server-sent events) end when it is set."""


@dataclass(frozen=True, slots=True)
class ServiceDefinition:
    """How a service is made; each package has one as ``radbridge.<package>.main.SERVICE``."""

    name: str
    migrations: str
    """Importable package that holds ``versions/``, ``radbridge.mpi.migrations``."""
    build: Callable[[Resources], Service]
    """Puts the service together. It touches no network and no disk: those may be away."""
