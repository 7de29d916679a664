"""Waiting for something, for a time."""

import asyncio
from collections.abc import Awaitable


async def set_within(event: asyncio.Event, seconds: float | None) -> bool:
    """Whether the event is set, or gets set within this time; ``None``: however long that takes."""
    return await done_within(event.wait(), seconds)


async def done_within(waiting: Awaitable[object], seconds: float | None) -> bool:
    """Whether this comes to its end within that time; where it does not, it is cancelled."""
    try:
        # not wait_for: before Python 3.12 it swallows a cancellation that meets the end, and the task never ends
        async with asyncio.timeout(seconds):
            await waiting
    except TimeoutError:
        return False
    return True
