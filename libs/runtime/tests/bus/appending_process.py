"""A process to be killed: twenty tasks append events to a log and print each that was acknowledged."""

import asyncio
import os
import sys
import time

from radbridge.runtime.bus.open import open_log
from radbridge.runtime.bus.protocol import BusUnavailable
from tests.support.bus import message


async def main(url: str, topic: str) -> None:
    log = open_log(url)

    async def append(task: int) -> None:
        number = time.time_ns()
        while True:
            number += 1
            event = f"{task} {number}"
            while True:
                try:
                    [(partition, offset)] = await log.append([message(topic, str(task), event, event)])
                except BusUnavailable:
                    continue
                break
            os.write(1, f"{event} {partition} {offset}\n".encode())

    await asyncio.gather(*(append(task) for task in range(20)))


asyncio.run(main(*sys.argv[1:]))
