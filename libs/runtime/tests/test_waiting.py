"""Waiting for something, for a time."""

import asyncio

import pytest

from radbridge.runtime.waiting import done_within, set_within


async def test_what_is_set_in_time_is_told() -> None:
    event = asyncio.Event()
    asyncio.get_running_loop().call_soon(event.set)
    assert await set_within(event, None)
    assert await set_within(event, 0.001)
    assert not await set_within(asyncio.Event(), 0.001)


async def test_what_is_not_done_in_time_is_cancelled() -> None:
    seen: list[str] = []

    async def never() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    assert not await done_within(never(), 0.001)
    assert seen == ["cancelled"]


@pytest.mark.parametrize("between", range(6))
async def test_a_cancellation_that_meets_the_event_is_not_lost(between: int) -> None:
    event = asyncio.Event()

    async def work() -> None:
        while True:
            event.clear()
            await set_within(event, 3600)

    working = asyncio.create_task(work())
    await asyncio.sleep(0)
    event.set()
    for _ in range(between):
        await asyncio.sleep(0)
    working.cancel()
    for _ in range(50):
        await asyncio.sleep(0)
    assert working.cancelled()
