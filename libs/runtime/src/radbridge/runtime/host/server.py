"""An HTTP server over uvicorn that leaves signals to its host and patience with slow heads to a timer."""

import asyncio
import errno
import socket
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from radbridge.runtime.settings import LOOPBACK

HEAD_SECONDS_MAX = 30.0
_KEEP_ALIVE_SECONDS = 75
_BACKLOG = 2048


class PortInUse(Exception):
    """Another process listens on the port; the text says which."""


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens for HTTP; port 0 takes a free one.

    :raises PortInUse: somebody else listens there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(f"port {port} on {host} is in use by another process") from error
        raise
    listener.setblocking(False)
    return listener


class _ImpatientProtocol(HttpToolsProtocol):
    """Closes a connection whose client does not finish the head of its request in time (uvicorn waits for ever)."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._await_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._head_timer is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        self._head_arrived()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_arrived()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS_MAX, self._give_up)

    def _head_arrived(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.close()


class HttpServer:
    """Serves one ASGI application on one socket.

    :param trusted_proxies: from these peers ``X-Forwarded-For`` and ``X-Forwarded-Proto`` say who calls and how; from
        others they are ignored.
    """

    def __init__(
        self,
        app: ASGIApp,
        listener: socket.socket,
        *,
        grace_seconds: float,
        trusted_proxies: Sequence[IPv4Network | IPv6Network] = LOOPBACK,
    ) -> None:
        self._listener = listener
        self._server = uvicorn.Server(
            uvicorn.Config(
                cast(Any, app),
                http=_ImpatientProtocol,
                loop="none",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                forwarded_allow_ips=[str(network) for network in trusted_proxies],
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=max(1, round(grace_seconds)),
            )
        )
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._listener.getsockname()[1]

    async def start(self) -> None:
        """Accept connections."""
        config = self._server.config
        if not config.loaded:
            config.load()
        self._server.lifespan = config.lifespan_class(config)
        await self._server.startup(sockets=[self._listener])
        self._task = asyncio.create_task(self._server.main_loop(), name="http server")

    async def stop(self) -> None:
        """Accept no more; finish the requests under way within the grace, then cut them off."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
        await self._server.shutdown(sockets=[self._listener])
