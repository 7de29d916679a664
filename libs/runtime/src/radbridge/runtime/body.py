"""Request bodies: limited in size and patience, and parsed away from the event loop when they are large."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radbridge.runtime.problems import Problem, answer_at, problem_response

OFFLOAD_BYTES = 64 * 1024
"""Work on more bytes than this would hold up the event loop."""
_DRAINED_BYTES_MAX = 512 * 1024 * 1024
_DRAIN_SECONDS_MAX = 30.0
_LATE = "请求体未在规定时间内发送完毕，数据未保存，请重新发送"

P = ParamSpec("P")
T = TypeVar("T")


async def offload(work: Callable[P, T], size: int, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call ``work(*args)``: here for up to 64 KB of data, in a thread for more.

    :param size: bytes that the work goes through.
    """
    if size <= OFFLOAD_BYTES:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)


async def whole_body(receive: Receive) -> bytes:
    """All bytes of a request's body.

    :raises ClientDisconnect: the client went away before its end.
    """
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


class LimitedBody:
    """ASGI middleware: 413 for bodies over the limit, 408 for clients that stop sending (what
    ``answer_at`` makes of it).

    A declared length is refused before anything is read; an undeclared one as soon as it goes over. The rest is read
    and thrown away for a while: a client that sends before it listens gets the answer and not a broken connection.

    The application meets a disconnected client; what it answers to that is dropped.

    :param limit_bytes: ``None``: any size.
    :param exempt: path prefixes whose routes stream and have no limit of size.
    """

    def __init__(
        self, app: ASGIApp, *, limit_bytes: int | None, stall_seconds: float, exempt: tuple[str, ...] = ()
    ) -> None:
        self._app = app
        self._limit = limit_bytes
        self._stall = stall_seconds
        self._exempt = exempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = None if self._exempt and scope["path"].startswith(self._exempt) else self._limit
        if limit is not None and _declared_length(scope) > limit:
            await self._refuse(_too_large(limit), receive, send)
            return
        body = _Body(receive, limit, self._stall, scope["path"])
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if started or body.refusal is None:
                started = True
                await send(message)

        try:
            await self._app(scope, body.receive, answer)
        except Exception:
            if started or body.refusal is None:
                raise
        if body.refusal is not None and not started:
            await self._refuse(body.refusal, receive, send)

    async def _refuse(self, response: Response, receive: Receive, send: Send) -> None:
        """Answer, then read on while the client still sends: the answer is complete before the connection closes."""
        patience = _DRAIN_SECONDS_MAX if response.status_code == 413 else 0
        await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
        await send({"type": "http.response.body", "body": response.body, "more_body": True})
        drained = 0
        try:
            async with asyncio.timeout(patience):
                while drained < _DRAINED_BYTES_MAX:
                    message = await receive()
                    drained += len(message.get("body", b""))
                    if message["type"] != "http.request" or not message.get("more_body"):
                        break
        except TimeoutError:
            pass
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Body:
    """Counts what is received and waits for each part for a while only; ``refusal`` answers what was wrong."""

    def __init__(self, receive: Receive, limit: int | None, stall: float, path: str) -> None:
        self.refusal: Response | None = None
        self._receive = receive
        self._limit = limit
        self._stall = stall
        self._path = path
        self._read = 0
        self._complete = False

    async def receive(self) -> Message:
        if self._complete:
            return await self._receive()
        if self.refusal is not None:
            return {"type": "http.disconnect"}
        try:
            async with asyncio.timeout(self._stall):
                message = await self._receive()
        except TimeoutError:
            late = Problem(408, detail="The request's body did not arrive in time.", headers={"connection": "close"})
            self.refusal = answer_at(self._path, late, _LATE)
            return {"type": "http.disconnect"}
        if message["type"] == "http.request":
            self._read += len(cast(bytes, message.get("body", b"")))
            self._complete = not message.get("more_body")
            if self._limit is not None and self._read > self._limit:
                self.refusal = _too_large(self._limit)
                return {"type": "http.disconnect"}
        return message


def _declared_length(scope: Scope) -> int:
    for name, value in cast(list[tuple[bytes, bytes]], scope["headers"]):
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


def _too_large(limit: int) -> Response:
    detail = f"The request's body is over {limit} bytes."
    return problem_response(Problem(413, detail=detail, headers={"connection": "close"}))
