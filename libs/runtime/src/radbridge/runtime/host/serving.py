"""What one service and a whole suite have in common: serve until told to stop, then stop in order."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager

from starlette.types import ASGIApp

from radbridge.runtime.host.interpreter import tune_interpreter
from radbridge.runtime.host.platform import Platform
from radbridge.runtime.host.running import RunningService
from radbridge.runtime.host.server import HttpServer


async def serve(
    platform: Platform,
    services: Sequence[RunningService],
    app: ASGIApp,
    listener: socket.socket,
    *,
    stop: asyncio.Event,
    announce: Callable[[], Coroutine[None, None, None]] | None = None,
) -> None:
    """Serve ``app`` until ``stop`` is set; then accept no more, finish requests while consumers finish and leave their
    groups, end the services' own work, drain the outboxes, close.

    :param announce: runs beside the services from the start.
    """
    settings = platform.settings
    server = HttpServer(
        app, listener, grace_seconds=settings.shutdown_grace_seconds, trusted_proxies=settings.trusted_proxies
    )
    tune_interpreter()
    async with following(platform):
        for service in services:
            service.start()
        await server.start()
        announcing = asyncio.create_task(announce()) if announce else None
        await stop.wait()
        if announcing is not None:
            announcing.cancel()
        platform.stopping.set()
        await asyncio.gather(server.stop(), *(service.stop_consuming() for service in services))
        await asyncio.gather(*(service.stop() for service in services))
    await platform.close()


@asynccontextmanager
async def following(platform: Platform) -> AsyncGenerator[None]:
    """The platform's own work while the services run."""
    followers = asyncio.create_task(platform.run(), name="platform")
    try:
        yield
    finally:
        followers.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await followers
