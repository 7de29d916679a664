"""What the console says of each service."""

from pathlib import Path

import pytest

from radbridge.contracts.events.presence import InstanceSeen
from radbridge.portal.main import SERVICE
from radbridge.runtime.presence import PresenceView
from radbridge.runtime.testing import Running, eventually, running_service


async def seen(running: Running, service: str, instance: str, *, ready: bool, degraded: tuple[str, ...] = ()) -> None:
    now = running.resources.clock()
    body = InstanceSeen(instance_id=instance, service=service, ready=ready, degraded=list(degraded), seen_at=now)
    await running.publish(body, service=service)


async def test_a_service_is_as_well_as_its_best_instance(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        expected = {"mpi": "up", "signing": "degraded", "notify": "starting", "recognition": "down", "portal": "up"}
        instances: list[list[str]] = []

        async def told() -> bool:
            # said again and again, as by processes that live: who falls silent for 10 s is taken for dead
            await seen(running, "mpi", "a", ready=True)
            await seen(running, "mpi", "b", ready=True, degraded=("objects",))
            await seen(running, "signing", "a", ready=True, degraded=("objects",))
            await seen(running, "signing", "b", ready=False)
            await seen(running, "notify", "a", ready=False)
            found = (await running.admin.get("/api/portal/v1/services")).json()["services"]
            [signing] = [service for service in found if service["service"] == "signing"]
            instances[:] = [instance["degraded"] for instance in signing["instances"]]
            shown = {service["service"]: service["state"] for service in found}
            return {**shown, **expected} == shown

        await eventually(told)
        assert instances == [["objects"], []]


async def test_a_portal_that_hears_nothing_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ignore(*_: object) -> None:
        """Its own heartbeat, too."""

    monkeypatch.setattr(PresenceView, "_take", ignore)
    async with running_service(SERVICE, tmp_path) as running:
        found = (await running.admin.get("/api/portal/v1/services")).json()["services"]
    assert {service["state"] for service in found} == {"unknown"}
