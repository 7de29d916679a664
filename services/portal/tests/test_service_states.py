"""What the console says of each service."""

from pathlib import Path

from radbridge.contracts.events.presence import InstanceSeen
from radbridge.portal.main import SERVICE
from radbridge.runtime.testing import Running, eventually, running_service


async def seen(running: Running, service: str, instance: str, *, ready: bool, degraded: tuple[str, ...] = ()) -> None:
    now = running.resources.clock()
    body = InstanceSeen(instance_id=instance, service=service, ready=ready, degraded=list(degraded), seen_at=now)
    await running.publish(body, service=service)


async def states(running: Running) -> dict[str, str]:
    found = (await running.admin.get("/api/portal/v1/services")).json()["services"]
    return {service["service"]: service["state"] for service in found}


async def test_a_service_is_as_well_as_its_best_instance(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        await seen(running, "mpi", "a", ready=True)
        await seen(running, "mpi", "b", ready=True, degraded=("objects",))
        await seen(running, "signing", "a", ready=True, degraded=("objects",))
        await seen(running, "signing", "b", ready=False)
        await seen(running, "notify", "a", ready=False)
        expected = {"mpi": "up", "signing": "degraded", "notify": "starting", "recognition": "down", "portal": "up"}

        async def told() -> bool:
            return {**await states(running), **expected} == await states(running)

        await eventually(told)
        found = (await running.admin.get("/api/portal/v1/services")).json()["services"]
        [signing] = [service for service in found if service["service"] == "signing"]
        assert [instance["degraded"] for instance in signing["instances"]] == [["objects"], []]


async def test_a_portal_that_hears_nothing_says_so(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        running.resources.presence_view._seen.clear()
        assert set((await states(running)).values()) == {"unknown"}
