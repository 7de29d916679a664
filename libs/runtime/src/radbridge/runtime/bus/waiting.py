"""Waiting for an event, for a time."""

import asyncio


async def set_within(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event is set, or gets set within this time."""
    try:
        # not wait_for: before Python 3.12 it swallows a cancellation that meets the event, and the task never ends
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
