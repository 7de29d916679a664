"""A service from end to end: its routes, database, events, probes and its stop, over the embedded parts."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, Request

from radbridge.contracts.events.patient import PatientMerged, PatientSplit
from radbridge.contracts.identifiers import new_id
from radbridge.runtime.bus.protocol import Message
from radbridge.runtime.consumer import ConsumerSpec, On, Received
from radbridge.runtime.database.protocol import Transaction
from radbridge.runtime.http import Problem, require
from radbridge.runtime.security.principal import Principal
from radbridge.runtime.service import Check, Resources, Service, ServiceDefinition, Worker
from radbridge.runtime.testing import Running, eventually, running_service


class Lamps:
    """What the tests see of the service from inside."""

    def __init__(self) -> None:
        self.broken = ""
        self.steps: list[str] = []
        self.worker_starts = 0


def lamp_service(migrations: str, lamps: Lamps) -> ServiceDefinition:
    def build(resources: Resources) -> Service:
        router = APIRouter(prefix="/api/lamp/v1")

        @router.post("/lamps/{name}")
        async def light(name: str, who: Annotated[Principal, Depends(require("operator"))]) -> dict[str, str]:
            async def work(tx: Transaction) -> str:
                await tx.execute("INSERT INTO lamp (name, lit) VALUES ($1, 1)", name)
                event = await resources.outbox.publish(
                    tx,
                    PatientMerged(person_id=name, retired_id="x", rule=who.actor, merged_at=datetime.now(UTC)),
                )
                await resources.audit.record(tx, actor=who.actor, action="lamp.light")
                return event.id

            return {"event": await resources.database.write(work)}

        @router.get("/lamps")
        async def lit() -> list[str]:
            return [row["name"] for row in await resources.database.fetch("SELECT name FROM lamp ORDER BY name")]

        @router.get("/hospitals/{code}")
        async def hospital(code: str) -> dict[str, str]:
            found = resources.directory.by_code(code)
            if found is None:
                raise Problem(404, detail="No such hospital.")
            return {"name": found.name, "key": found.sm4_key.hex()}

        @router.post("/crash")
        async def crash(request: Request) -> None:
            raise ZeroDivisionError(await request.body())

        @router.post("/typed")
        async def typed(numbers: list[int]) -> int:
            return sum(numbers)

        async def ping() -> None:
            if lamps.broken:
                raise RuntimeError(lamps.broken)

        async def flicker() -> None:
            lamps.worker_starts += 1
            if lamps.worker_starts < 3:
                raise RuntimeError("out")
            await asyncio.Event().wait()

        @asynccontextmanager
        async def lifespan() -> AsyncGenerator[None]:
            lamps.steps.append("open")
            yield
            lamps.steps.append("close")

        async def dim(tx: Transaction, received: Received[PatientSplit], prepared: int) -> None:
            if lamps.broken:
                raise RuntimeError(lamps.broken)
            await tx.execute("INSERT INTO lamp (name, lit) VALUES ($1, $2)", received.body.new_person_id, prepared)
            merged = PatientMerged(person_id=received.subject, retired_id="x", rule="dim", merged_at=received.time)
            await resources.outbox.publish(tx, merged)

        async def count(received: Received[PatientSplit]) -> int:
            return len(received.body.record_ids)

        return Service(
            name="lamp",
            routers=(router,),
            consumers=(ConsumerSpec("portal", (On(PatientSplit, dim, prepare=count, order="every"),)),),
            workers=(Worker("flicker", flicker),),
            checks=(Check("bulb", ping),),
            lifespan=lifespan,
        )

    return ServiceDefinition("lamp", migrations, build)


@pytest.fixture
def lamps() -> Lamps:
    return Lamps()


@pytest.fixture
async def running(lamp_migrations: str, lamps: Lamps, tmp_path: Path) -> AsyncGenerator[Running]:
    async with running_service(lamp_service(lamp_migrations, lamps), tmp_path / "data") as running:
        yield running


async def test_a_write_and_its_event_arrive_together(running: Running) -> None:
    answer = await running.admin.post("/api/lamp/v1/lamps/desk")
    assert answer.status_code == 200
    assert (await running.client.get("/api/lamp/v1/lamps")).json() == ["desk"]
    [(event, body)] = await running.events(PatientMerged)
    assert (event.id, event.source, event.version) == (answer.json()["event"], "/radbridge/lamp", 1)
    assert (body.person_id, body.rule) == ("desk", "admin")


async def test_a_failed_write_leaves_neither_row_nor_event(running: Running) -> None:
    await running.admin.post("/api/lamp/v1/lamps/desk")
    assert (await running.admin.post("/api/lamp/v1/lamps/desk")).status_code == 500
    assert len(await running.events(PatientMerged)) == 1


async def test_the_trace_of_a_request_goes_on_in_its_event(running: Running) -> None:
    parent = f"00-{'a' * 32}-{'b' * 16}-01"
    await running.admin.post("/api/lamp/v1/lamps/desk", headers={"traceparent": parent})
    [(event, _)] = await running.events(PatientMerged)
    assert event.traceparent is not None
    assert event.traceparent.startswith(f"00-{'a' * 32}-")
    assert "b" * 16 not in event.traceparent


async def test_an_event_is_handled_once_in_effect_and_its_trace_goes_on(running: Running) -> None:
    parent = f"00-{'a' * 32}-{'b' * 16}-01"
    split = PatientSplit(person_id="p", new_person_id="n", record_ids=["r"], split_at=datetime.now(UTC))
    for _ in range(3):
        await running.publish(split, service="mpi", traceparent=parent)
    await running.settled()
    assert (await running.client.get("/api/lamp/v1/lamps")).json() == ["n"]
    [(event, body)] = await running.events(PatientMerged)
    assert (body.person_id, body.rule) == ("p", "dim")
    assert event.traceparent is not None
    assert event.traceparent.startswith(f"00-{'a' * 32}-")


async def test_settled_means_that_what_followed_has_left_too(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    drained, append = running.resources.outbox.drained, running.log.append

    async def is_handled() -> bool:
        states = await running.log.groups(["portal"])
        return bool(states) and not any(lag for state in states for lag in state.lag.values())

    async def drained_before_the_handling_ended() -> None:
        await drained()
        await eventually(is_handled)

    async def append_slowly(messages: Sequence[Message]) -> list[tuple[int, int]]:
        await asyncio.sleep(0.3)
        return await append(messages)

    split = PatientSplit(person_id="p", new_person_id="n", record_ids=[], split_at=datetime.now(UTC))
    await running.publish(split, service="mpi")
    monkeypatch.setattr(running.resources.outbox, "drained", drained_before_the_handling_ended)
    monkeypatch.setattr(running.log, "append", append_slowly)
    await running.settled()
    assert (await running.resources.outbox.backlog()).count == 0


async def test_a_consumer_is_part_of_being_ready_and_goes_on_after_a_restart(
    lamp_migrations: str, lamps: Lamps, tmp_path: Path
) -> None:
    definition = lamp_service(lamp_migrations, lamps)
    split = PatientSplit(person_id="p", new_person_id="n", record_ids=[], split_at=datetime.now(UTC))
    async with running_service(definition, tmp_path / "data") as first:
        assert "consumer portal" in (await first.client.get("/readyz")).text
        lamps.broken = "no power"
        await first.publish(split, service="mpi")
    lamps.broken = ""
    async with running_service(definition, tmp_path / "data") as second:
        await second.settled()
        assert (await second.client.get("/api/lamp/v1/lamps")).json() == ["n"]


async def test_an_institution_is_known_with_its_opened_credentials(running: Running) -> None:
    assert (await running.client.get("/api/lamp/v1/hospitals/H1")).status_code == 404
    hospital = await running.add_institution(code="H1", name="乙医院")
    found = (await running.client.get("/api/lamp/v1/hospitals/H1")).json()
    assert found == {"name": "乙医院", "key": hospital.sm4_key.hex()}


async def test_probes_tell_alive_from_ready(running: Running, lamps: Lamps) -> None:
    assert (await running.client.get("/healthz")).status_code == 200
    checks = await checks_of(running, status=200)
    assert checks.keys() >= {"database", "event log", "objects", "bulb"}
    lamps.broken = "the bulb is loose"
    assert (await running.client.get("/healthz")).status_code == 200
    bulb = (await checks_of(running, status=503))["bulb"]
    assert (bulb["ok"], bulb["reason"]) == (False, "RuntimeError: the bulb is loose")


async def checks_of(running: Running, *, status: int) -> dict[str, Any]:
    """The checks by name, once ``/readyz`` answers so: a slow machine may fail a check for a moment."""
    answers: list[httpx.Response] = []

    async def answers_so() -> bool:
        answers.append(await running.client.get("/readyz"))
        return answers[-1].status_code == status

    await eventually(answers_so)
    return {check["name"]: check for check in answers[-1].json()["services"]["lamp"]}


@pytest.mark.proves("SZ-168", "SZ-175")
async def test_requests_without_the_role_are_refused(running: Running) -> None:
    nobody = await running.client.post("/api/lamp/v1/lamps/desk")
    assert nobody.status_code == 401
    assert nobody.headers["content-type"] == "application/problem+json"
    token = running.resources.authenticator.service_token("mpi")
    service = await running.client.post("/api/lamp/v1/lamps/desk", headers={"authorization": f"Bearer {token}"})
    assert service.status_code == 403
    assert await running.events(PatientMerged) == []


async def test_a_crash_in_a_handler_is_answered_and_the_next_request_works(running: Running) -> None:
    crashed = await running.client.post("/api/lamp/v1/crash", content="张三 110105199001011234")
    assert crashed.status_code == 500
    assert crashed.json()["status"] == 500
    assert "张三" not in crashed.text
    assert (await running.client.get("/api/lamp/v1/lamps")).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b'["x"]', b"\xff\xfe", b'{"a":"\\u0000"}', b"null"])
async def test_bad_json_is_the_callers_fault(running: Running, body: bytes) -> None:
    answer = await running.client.post("/api/lamp/v1/typed", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path", ["/nowhere", "/api/lamp/v1/hospitals/%00", "/api/lamp/v1/hospitals/%ff%fe", "/%2e%2e/"]
)
async def test_odd_paths_are_the_callers_fault(running: Running, path: str) -> None:
    assert 400 <= (await running.client.get(path)).status_code < 500


async def test_the_api_describes_itself(running: Running) -> None:
    schema = (await running.client.get("/api/lamp/v1/openapi.json")).json()
    assert "/api/lamp/v1/lamps/{name}" in schema["paths"]
    page = await running.client.get("/api/lamp/v1/docs")
    assert "/api/lamp/v1/lamps/{name}" in page.text
    assert "http" not in page.text.replace("/api/", "")


async def test_meters_count_requests_by_route_and_not_by_path(running: Running) -> None:
    name = new_id()
    await running.admin.post(f"/api/lamp/v1/lamps/{name}")
    text = (await running.client.get("/metrics")).text
    assert 'route="/api/lamp/v1/lamps/{name}",service="lamp",status="200"' in text
    assert name not in text


async def test_a_worker_that_fails_is_started_again(running: Running, lamps: Lamps) -> None:
    async def started_again() -> bool:
        return lamps.worker_starts == 3

    await eventually(started_again)
    assert (
        'radbridge_worker_failures_total{service="lamp",worker="flicker"} 2.0'
        in (await running.client.get("/metrics")).text
    )


async def test_data_is_there_after_a_restart(lamp_migrations: str, lamps: Lamps, tmp_path: Path) -> None:
    definition = lamp_service(lamp_migrations, lamps)
    async with running_service(definition, tmp_path / "data") as first:
        await first.admin.post("/api/lamp/v1/lamps/desk")
        hospital = await first.add_institution(code="H1")
    assert lamps.steps == ["open", "close"]
    async with running_service(definition, tmp_path / "data") as second:
        assert (await second.client.get("/api/lamp/v1/lamps")).json() == ["desk"]
        again = second.resources.directory.by_code("H1")
        assert again is not None
        assert again.sm4_key == hospital.sm4_key
        assert len(await second.events(PatientMerged)) == 1


async def test_events_leave_before_the_service_stops(
    lamp_migrations: str, lamps: Lamps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("radbridge.runtime.host.running._DRAIN_SECONDS", 60)
    definition = lamp_service(lamp_migrations, lamps)
    async with running_service(definition, tmp_path / "data") as running:
        for number in range(50):
            await running.admin.post(f"/api/lamp/v1/lamps/{number}")
        await running.host.stop()
        assert len(await running.log.read(PatientMerged.TOPIC)) == 50


async def test_a_service_whose_database_is_away_waits_and_says_why(
    lamp_migrations: str, lamps: Lamps, tmp_path: Path
) -> None:
    settings = {"database_url": "postgresql+asyncpg://nobody:secret@127.0.0.1:1/none"}
    definition = lamp_service(lamp_migrations, lamps)
    async with running_service(definition, tmp_path / "data", settings=settings, wait_until_ready=False) as running:

        async def says_why() -> bool:
            return "DatabaseUnavailable" in (await running.client.get("/readyz")).text

        await eventually(says_why)
        ready = await running.client.get("/readyz")
        assert ready.status_code == 503
        assert "secret" not in ready.text
        assert (await running.client.get("/healthz")).status_code == 200
        starting = await running.client.get("/api/lamp/v1/lamps")
        assert starting.status_code == 503
        assert starting.headers["retry-after"] == "1"
