"""The front door in a process of its own: what ``radbridge serve front`` does."""

import asyncio
import os
import socket
from typing import Annotated, Literal

import uvloop
from pydantic import Field

from radbridge.runtime.body import LimitedBody
from radbridge.runtime.front import ProxyFront, upstreams_from
from radbridge.runtime.host.server import HttpServer, bind
from radbridge.runtime.host.signals import stop_requested
from radbridge.runtime.settings import LOOPBACK, EnvironmentSettings, HttpUrl, Networks, SettingsError, new_instance_id
from radbridge.runtime.telemetry.asgi import Observed
from radbridge.runtime.telemetry.logs import log_to_stream
from radbridge.runtime.telemetry.meters import MeterBoard, Meters
from radbridge.runtime.telemetry.recording import open_recorder
from radbridge.runtime.telemetry.traces import Tracing


class FrontSettings(EnvironmentSettings):
    """What the front door reads, beside ``RADBRIDGE_UPSTREAM_<SERVICE>`` for each service of the route table."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    shutdown_grace_seconds: Annotated[float, Field(gt=0)] = 20.0
    request_timeout_seconds: Annotated[float, Field(gt=0)] = 30.0
    trusted_proxies: Networks = LOOPBACK
    """As of the services: proxies in front of the front door."""
    instance_id: str = Field(default_factory=new_instance_id)
    otlp_endpoint: HttpUrl | None = None
    """As of the services: where spans go; none: the front door records none and hands on what callers say."""
    otel_sdk_disabled: bool = Field(default=False, validation_alias="OTEL_SDK_DISABLED")
    """As of the services."""
    trace_sample_ratio: Annotated[float, Field(ge=0, le=1)] = 0.1
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


def run_front(settings: FrontSettings) -> None:
    """Serve until SIGTERM or SIGINT.

    :raises PortInUse: another process has the port.
    :raises SettingsError: an upstream is missing.
    """
    try:
        upstreams = upstreams_from(os.environ)
    except KeyError as error:
        raise SettingsError(f"{error.args[0]}: Field required") from None
    log_to_stream(settings.log_level, service="front")
    uvloop.run(_run(upstreams, bind(settings.host, settings.port), settings))


async def _run(upstreams: dict[str, str], listener: socket.socket, settings: FrontSettings) -> None:
    requested = stop_requested()
    recorder = open_recorder(
        None if settings.otel_sdk_disabled else settings.otlp_endpoint, instance_id=settings.instance_id
    )
    tracing = Tracing("front", recorder, ratio=settings.trace_sample_ratio)
    front = ProxyFront(upstreams, traced=recorder is not None)
    patient = LimitedBody(front, limit_bytes=None, stall_seconds=settings.request_timeout_seconds)
    observed = Observed(patient, tracing=tracing, meters=Meters(MeterBoard(), "front"))
    app = patient if settings.otel_sdk_disabled else observed
    server = HttpServer(
        app, listener, grace_seconds=settings.shutdown_grace_seconds, trusted_proxies=settings.trusted_proxies
    )
    await server.start()
    await requested.wait()
    await server.stop()
    await front.close()
    if recorder is not None:
        await asyncio.to_thread(recorder.close)
