"""A suite with a collector sends the spans of a request and of the events that follow from it."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from radbridge.contracts.events.patient import PatientMerged
from radbridge.contracts.routes import ROUTES
from radbridge.runtime.consumer import ConsumerSpec, On, Received
from radbridge.runtime.database.protocol import Transaction
from radbridge.runtime.front import upstream_variable
from radbridge.runtime.service import Resources, Service, ServiceDefinition
from radbridge.runtime.telemetry import otlp
from radbridge.runtime.telemetry.traces import current_traceparent
from radbridge.runtime.testing import eventually, listening, running_service
from tests.servers.process import free_port


class Collector:
    def __init__(self) -> None:
        self.spans: list[tuple[str, str]] = []
        """Name and trace id."""
        self.bodies = b""

    async def take(self, request: Request) -> Response:
        body = await request.body()
        self.bodies += body
        message = ExportTraceServiceRequest.FromString(body)
        for resource in message.resource_spans:
            for scope in resource.scope_spans:
                self.spans += [(span.name, span.trace_id.hex()) for span in scope.spans]
        return Response()


@pytest.fixture
def collector() -> Collector:
    return Collector()


@pytest.fixture
async def endpoint(collector: Collector) -> AsyncGenerator[str]:
    async with listening(Starlette(routes=[Route("/v1/traces", collector.take, methods=["POST"])])) as url:
        yield url


async def test_a_disabled_sdk_observes_nothing(
    lamp_migrations: str, tmp_path: Path, collector: Collector, endpoint: str
) -> None:
    def build(resources: Resources) -> Service:
        router = APIRouter()

        @router.get("/traced")
        async def traced() -> bool:
            return current_traceparent() is not None

        return Service(name="lamp", routers=(router,))

    settings = {"otlp_endpoint": endpoint, "trace_sample_ratio": 1.0, "otel_sdk_disabled": True}
    definition = ServiceDefinition("lamp", lamp_migrations, build)
    async with running_service(definition, tmp_path / "data", settings=settings) as running:
        assert (await running.client.get("/traced")).json() is False
        assert b'route="/traced"' not in running.resources.meters.board.exposition()
    assert collector.spans == []


async def test_one_trace_runs_from_the_request_to_the_handler(
    lamp_migrations: str, tmp_path: Path, collector: Collector, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp, "_TIMEOUT_S", 60)

    def build(resources: Resources) -> Service:
        router = APIRouter()

        @router.post("/merge/{person}")
        async def merge(person: str) -> str:
            body = PatientMerged(person_id=person, retired_id="x", rule="r", merged_at=datetime.now(UTC))
            return (await resources.database.write(lambda tx: resources.outbox.publish(tx, body))).id

        async def dim(tx: Transaction, received: Received[PatientMerged], prepared: None) -> None:
            await tx.execute("INSERT INTO lamp (name, lit) VALUES ($1, 0)", received.subject)

        spec = ConsumerSpec("portal", (On(PatientMerged, dim),))
        return Service(name="lamp", routers=(router,), consumers=(spec,))

    settings = {"otlp_endpoint": endpoint, "trace_sample_ratio": 1.0}
    definition = ServiceDefinition("lamp", lamp_migrations, build)
    async with running_service(definition, tmp_path / "data", settings=settings) as running:
        answer = await running.client.post("/merge/p1?idCard=110105194912310021", headers={"x-phone": "13912345678"})
        assert answer.status_code == 200
        await running.settled()
    trace_id = next(trace_id for name, trace_id in collector.spans if name == "POST /merge/{person}")
    names = {name for name, found in collector.spans if found == trace_id}
    assert names >= {"POST /merge/{person}", "database write", "process radbridge.patient.merged.v1"}
    assert b"110105194912310021" not in collector.bodies
    assert b"13912345678" not in collector.bodies


_FRONT = """
from radbridge.runtime.host.proxy import FrontSettings, run_front
from radbridge.runtime.settings import load_settings
from radbridge.runtime.telemetry import otlp
otlp._TIMEOUT_S = 60
run_front(load_settings(FrontSettings))
"""


@pytest.mark.parametrize("switch", ["", "true"])
async def test_a_disabled_sdk_observes_nothing_at_the_front_door(
    switch: str, collector: Collector, endpoint: str
) -> None:
    services = {route.service for route in ROUTES}
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _FRONT),
        stderr=asyncio.subprocess.PIPE,
        env={upstream_variable(service): "http://127.0.0.1:1" for service in services}
        | {
            "RADBRIDGE_PORT": str(port),
            "RADBRIDGE_OTLP_ENDPOINT": endpoint,
            "RADBRIDGE_TRACE_SAMPLE_RATIO": "1",
            "OTEL_SDK_DISABLED": switch,
        },
    )

    async def answers(path: str) -> int | None:
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as caller:
                return (await caller.get(path)).status_code
        except httpx.TransportError:
            return None

    async def is_up() -> bool:
        return await answers("/healthz") == 200

    try:
        await eventually(is_up)
        assert await answers("/api/portal/v1/exams") == 502
    finally:
        process.terminate()
        _, log = await process.communicate()
    assert (b'"message":"request"' in log) is not bool(switch)
    assert bool(collector.spans) is not bool(switch)
