"""One service in a process of its own: what ``radbridge serve SERVICE`` does."""

import socket

import uvloop

from radbridge.runtime.host.platform import Platform
from radbridge.runtime.host.running import RunningService
from radbridge.runtime.host.server import bind
from radbridge.runtime.host.serving import serve
from radbridge.runtime.host.signals import stop_requested
from radbridge.runtime.service import ServiceDefinition
from radbridge.runtime.settings import RuntimeSettings
from radbridge.runtime.telemetry.logs import log_to_stream


def run_service(definition: ServiceDefinition, settings: RuntimeSettings) -> None:
    """Serve until SIGTERM or SIGINT. Dependencies may be away: ``/healthz`` answers at once, ``/readyz`` when they are
    there.

    :raises PortInUse: another process has the port.
    """
    log_to_stream(settings.log_level, service=definition.name, instance=settings.instance_id)
    listener = bind(settings.host, settings.port)
    settings = settings.model_copy(update={"port": listener.getsockname()[1]})
    uvloop.run(_run(definition, settings, listener))


async def _run(definition: ServiceDefinition, settings: RuntimeSettings, listener: socket.socket) -> None:
    requested = stop_requested()
    platform = Platform.open(settings)
    resources = platform.resources(definition.name, database_url=settings.database_url, data_dir=settings.data_dir)
    service = RunningService(definition, resources, ensure_topics=platform.ensure_topics)
    await serve(platform, [service], service.app, listener, stop=requested)
