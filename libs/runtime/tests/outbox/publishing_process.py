"""A process to be killed: tasks publish events of five exams and print them, a relay moves them into a file."""

import asyncio
import os
import sys
from pathlib import Path

from radbridge.runtime.clock import utc_now
from radbridge.runtime.database.open import open_database
from radbridge.runtime.outbox import Outbox
from tests.support.outbox import LineLog, voided


async def main(url: str, path: str) -> None:
    database = open_database(url, service="killed")
    outbox = Outbox(database, LineLog(Path(path)), service="ingest-api", clock=utc_now)

    async def publish(task: int) -> None:
        while True:
            event = await database.write(lambda tx: outbox.publish(tx, voided(f"e{task % 5}")))
            os.write(1, f"{event.subject} {event.version}\n".encode())

    await asyncio.gather(outbox.run(), *(publish(task) for task in range(20)))


asyncio.run(main(*sys.argv[1:]))
