"""The one HTTP origin in front of all services, made from ``contracts.routes``.

``EmbeddedFront`` hands requests to applications in the same process; ``ProxyFront`` (``radbridge serve front``) to
services elsewhere. Both answer ``/healthz`` and ``/readyz`` for the whole suite and keep ``/metrics`` inside.
"""

import asyncio
import posixpath
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from radbridge.contracts.routes import ROUTES, route_for, service_for
from radbridge.runtime.problems import Problem, problem_response
from radbridge.runtime.readiness import CheckResult, Readiness, readiness_response
from radbridge.runtime.telemetry.asgi import HandedOn
from radbridge.runtime.telemetry.traces import current_traceparent

if TYPE_CHECKING:
    import httpx

_ALIVE = Response(b'{"status":"alive"}', media_type="application/json")
_NOT_FOUND = problem_response(Problem(404))
_HOP_BY_HOP = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization"),
        *(b"te", b"trailer", b"transfer-encoding", b"upgrade"),
    }
)
"""RFC 9110, 7.6.1: headers of one connection, not of the message."""
_OWN_WORD = frozenset({b"x-forwarded-for", b"x-forwarded-proto", b"forwarded", b"x-real-ip"})
_UPSTREAM_PREFIX = "RADBRIDGE_UPSTREAM_"
_PROBE_SECONDS = 3.0
_CONNECT_SECONDS = 5.0
_SILENCE_SECONDS = 120.0
"""How long an upstream may send nothing; server-sent events come with comments more often than that."""


class EmbeddedFront:
    """The front door of a suite in one process. The metrics page asks for the admin token."""

    def __init__(
        self,
        apps: Mapping[str, ASGIApp],
        readinesses: Sequence[Readiness],
        *,
        is_admin_token: Callable[[str], bool],
        exposition: Callable[[], bytes],
    ) -> None:
        self._apps = apps
        self._readinesses = readinesses
        self._is_admin_token = is_admin_token
        self._exposition = exposition

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path == "/healthz":
            answer: ASGIApp = _ALIVE
        elif path == "/readyz":
            rounds = await asyncio.gather(*(readiness.results() for readiness in self._readinesses))
            names = [readiness.service for readiness in self._readinesses]
            answer = readiness_response(dict(zip(names, rounds, strict=True)))
        elif path == "/metrics":
            answer = self._metrics(scope)
        else:
            answer = self._apps.get(service_for(path), _NOT_FOUND)
        await answer(scope, receive, send)

    def _metrics(self, scope: Scope) -> Response:
        header = dict(cast(list[tuple[bytes, bytes]], scope["headers"])).get(b"authorization", b"").decode("latin-1")
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not self._is_admin_token(token.strip()):
            return problem_response(Problem(401, headers={"www-authenticate": "Bearer"}))
        return Response(self._exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")


def upstream_variable(service: str) -> str:
    """The environment variable that names a service's base URL: ``RADBRIDGE_UPSTREAM_INGEST_API``."""
    return _UPSTREAM_PREFIX + service.upper().replace("-", "_")


def upstreams_from(environment: Mapping[str, str]) -> dict[str, str]:
    """Base URL of each service of the route table.

    :raises KeyError: a variable is missing; its name is the argument.
    """
    services = sorted({route.service for route in ROUTES})
    return {service: environment[upstream_variable(service)] for service in services}


class ProxyFront:
    """A reverse proxy that streams both ways.

    :param upstreams: base URL of each service.
    :param traced: spans are recorded here, and the services continue them; otherwise they continue the caller's.
    :param transport: reaches them instead of the network (in tests).
    """

    def __init__(
        self,
        upstreams: Mapping[str, str],
        *,
        traced: bool = False,
        transport: "httpx.AsyncBaseTransport | None" = None,
    ) -> None:
        import httpx

        self._traced = traced

        self._upstreams = {service: url.rstrip("/") for service, url in upstreams.items()}
        self._client = httpx.AsyncClient(
            transport=transport,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(_SILENCE_SECONDS, connect=_CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=1000, max_keepalive_connections=100),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path == "/healthz":
            await _ALIVE(scope, receive, send)
        elif path == "/readyz":
            await (await self._readiness())(scope, receive, send)
        elif _plain(path) == "/metrics":
            await _NOT_FOUND(scope, receive, send)
        else:
            route = route_for(path)
            scope["route"] = HandedOn(route.prefix)
            await self._forward(route.service, scope, receive, send)

    async def _forward(self, service: str, scope: Scope, receive: Receive, send: Send) -> None:
        import httpx

        raw_path = cast(bytes, scope.get("raw_path") or scope["path"].encode())
        query = cast(bytes, scope["query_string"])
        target = raw_path + (b"?" + query if query else b"")
        headers = _forwarded_headers(scope)
        if self._traced and (traceparent := current_traceparent()):
            headers = [header for header in headers if header[0] != b"traceparent"]
            headers.append((b"traceparent", traceparent.encode()))
        request = self._client.build_request(
            scope["method"],
            httpx.URL(self._upstreams[service]).copy_with(raw_path=target),
            headers=headers,
            content=_body(receive) if _has_body(headers) else None,
        )
        try:
            upstream = await self._client.send(request, stream=True)
        except _ClientGone:
            return
        except httpx.HTTPError as error:
            status = 504 if isinstance(error, httpx.TimeoutException) else 502
            problem = Problem(status, detail=f"{service} does not answer.", headers={"retry-after": "2"})
            await problem_response(problem)(scope, receive, send)
            return
        try:
            kept = [(name.lower(), value) for name, value in upstream.headers.raw if name.lower() not in _HOP_BY_HOP]
            await send({"type": "http.response.start", "status": upstream.status_code, "headers": kept})
            async for chunk in upstream.aiter_raw():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await upstream.aclose()

    async def _readiness(self) -> Response:
        rounds = await asyncio.gather(*(self._probe(service) for service in self._upstreams))
        return readiness_response(dict(zip(self._upstreams, rounds, strict=True)))

    async def _probe(self, service: str) -> list[CheckResult]:
        """The checks of a service, as it answers them itself."""
        import httpx

        try:
            answer = await self._client.get(f"{self._upstreams[service]}/readyz", timeout=_PROBE_SECONDS)
            return [CheckResult.from_dict(check) for check in orjson.loads(answer.content)["services"][service]]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            return [CheckResult("answers", ok=False, reason=f"no answer: {type(error).__name__}")]


def _plain(path: str) -> str:
    """The path as an upstream might read it: decoded once more, without dots and doubled slashes."""
    return "/" + posixpath.normpath(unquote(path)).lstrip("/.")


def _forwarded_headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    """The request's headers with the caller's address and scheme as this process knows them: what a caller says about
    itself is not passed on, for services judge registered hosts by it."""
    headers = cast(list[tuple[bytes, bytes]], scope["headers"])
    kept = [(name, value) for name, value in headers if name not in _HOP_BY_HOP and name not in _OWN_WORD]
    client = scope.get("client")
    if client:
        kept.append((b"x-forwarded-for", client[0].encode()))
    kept.append((b"x-forwarded-proto", scope["scheme"].encode()))
    if any(name == b"transfer-encoding" for name, _ in headers):
        kept.append((b"transfer-encoding", b"chunked"))
    return kept


def _has_body(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    return any(name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in headers)


class _ClientGone(Exception):
    """The client left before its request was complete."""


async def _body(receive: Receive) -> AsyncGenerator[bytes]:
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise _ClientGone
        yield message.get("body", b"")
        if not message.get("more_body"):
            return
