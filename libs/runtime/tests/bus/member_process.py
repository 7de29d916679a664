"""A process to be killed or stopped: a group member that prints what it holds and what it reads, and commits it."""

import asyncio
import os
import sys

from radbridge.runtime.bus.open import open_log
from radbridge.runtime.bus.protocol import Fenced
from tests.support.bus import Watcher, next_offsets


class Announcing(Watcher):
    async def on_revoked(self, partitions: frozenset) -> None:
        await super().on_revoked(partitions)
        say(f"holds {len(self.held)}")

    async def on_assigned(self, partitions: frozenset) -> None:
        await super().on_assigned(partitions)
        say(f"holds {len(self.held)}")


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


async def main(url: str, group: str, topic: str) -> None:
    log = open_log(url)
    subscription = await log.subscribe(group, [topic], listener=Announcing())
    while True:
        records = await subscription.poll(timeout=0.5)
        for record in records:
            say(f"read {record.value.decode()}")
        if records:
            try:
                await subscription.commit(next_offsets(records))
            except Fenced:
                say("fenced")


asyncio.run(main(*sys.argv[1:]))
