"""A program that runs a suite of one service, for the tests of the embedded host.

python suite_of_lamps.py DATA PORT MIGRATIONS
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter

from radbridge.runtime.host.embedded import Address, Announcer, run_embedded
from radbridge.runtime.host.lock import FolderInUse
from radbridge.runtime.host.server import PortInUse
from radbridge.runtime.service import Resources, Service, ServiceDefinition


def build(resources: Resources) -> Service:
    router = APIRouter(prefix="/api/mpi/v1")

    @router.post("/lamps/{name}")
    async def light(name: str) -> int:
        return await resources.database.write(
            lambda tx: tx.execute("INSERT INTO lamp (name, lit) VALUES ($1, 1)", name)
        )

    @router.get("/lamps")
    async def lit() -> list[str]:
        return [row["name"] for row in await resources.database.fetch("SELECT name FROM lamp ORDER BY name")]

    @router.get("/address")
    async def address() -> str:
        return resources.settings.base_url

    return Service(name="mpi", routers=(router,))


def show(addresses: Sequence[Address]) -> None:
    for address in addresses:
        print(address.name, address.url, flush=True)


if __name__ == "__main__":
    data, port, migrations = sys.argv[1:]
    announcer = Announcer(
        addresses=show,
        ready=lambda: print("ready", flush=True),
        waiting=lambda reasons: print(reasons, file=sys.stderr, flush=True),
    )
    try:
        run_embedded(
            [ServiceDefinition("mpi", migrations, build)], Path(data), port=int(port), dicom_port=0, announcer=announcer
        )
    except (FolderInUse, PortInUse) as error:
        sys.exit(str(error))
