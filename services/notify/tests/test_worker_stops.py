"""The worker ends when it is told to, also at the moment in which something wakes it."""

import asyncio
from typing import Any, cast

import pytest

from radbridge.notify.worker import DeliveryWorker
from radbridge.runtime.clock import utc_now
from radbridge.runtime.telemetry.meters import MeterBoard, Meters
from radbridge.runtime.telemetry.traces import Tracing

TURNS = 50
"""More turns of the loop than the worker needs to come to rest."""


class EmptyDatabase:
    """Nothing is due."""

    async def read(self, _: object) -> None:
        return None


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("between", range(6))
async def test_a_stop_that_meets_a_wake_up_is_not_lost(between: int) -> None:
    woken = asyncio.Event()
    unused = cast(Any, None)
    worker = DeliveryWorker(
        database=cast(Any, EmptyDatabase()),
        book=unused,
        senders=unused,
        tracing=Tracing("notify"),
        meters=Meters(MeterBoard(), "notify"),
        clock=utc_now,
        holder="one",
        base_url="",
        woken=woken,
    )
    running = asyncio.create_task(worker.run())
    await turns(TURNS)
    woken.set()
    await turns(between)
    running.cancel()
    await turns(TURNS)
    assert running.cancelled()
