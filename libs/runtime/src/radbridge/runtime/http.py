"""The HTTP application of a service: its routes between the edge that all services share.

The edge observes each request, limits bodies, answers probes, and turns whatever a handler lets through into
problem+json (RFC 9457). Routes that speak a hospital standard catch their own errors and answer in its form; what
they let through, and requests that reach no route, the edge answers in that form too.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from radbridge.runtime.blobs.protocol import BlobUnavailable
from radbridge.runtime.body import LimitedBody, offload
from radbridge.runtime.bus.protocol import BusUnavailable
from radbridge.runtime.database.protocol import DatabaseUnavailable
from radbridge.runtime.openapi_page import add_openapi_page
from radbridge.runtime.problems import Problem, answer_at, problem_response
from radbridge.runtime.readiness import Readiness
from radbridge.runtime.security.principal import require
from radbridge.runtime.service import Endpoint, Resources, Service
from radbridge.runtime.telemetry.asgi import Observed

__all__ = ["Problem", "make_app", "offload", "require"]

_log = logging.getLogger(__name__)
_DATABASE_AWAY = "平台暂不可用：数据库无法访问，数据未保存，请稍后重试"
_DEPENDENCY_AWAY = "平台暂不可用，请稍后重试"
_FAILED = "平台内部错误，请稍后重试；如仍失败，请联系平台运维人员"
_NO_INTERFACE = "接口地址或请求方式不正确，请核对"
_AWAY = (DatabaseUnavailable, BusUnavailable, BlobUnavailable)


def make_app(service: Service, resources: Resources, readiness: Readiness) -> ASGIApp:
    """The ASGI application of a service. Until ``readiness`` says that it was started, only probes are answered."""
    settings = resources.settings
    prefix = f"/api/{service.name}/v1"
    app = FastAPI(
        title=f"RadBridge {service.name}",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{prefix}/openapi.json",
    )
    app.state.authenticator = resources.authenticator
    app.state.resources = resources
    add_openapi_page(app, f"{prefix}/docs")
    for router in service.routers:
        app.include_router(router)
    # innermost: Starlette's own outermost handler would answer and raise the error again
    app.add_middleware(LastResort)
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(RequestValidationError, _answer_validation_error)
    for away in _AWAY:
        app.add_exception_handler(away, _answer_away)
    edge = Probed(
        Direct(app, service.direct),
        readiness,
        exposition=resources.meters.board.exposition,
    )
    limited = LimitedBody(
        edge,
        limit_bytes=settings.body_limit_bytes,
        stall_seconds=settings.request_timeout_seconds,
        exempt=service.unlimited_bodies,
    )
    if settings.otel_sdk_disabled:
        return limited
    return Observed(limited, tracing=resources.tracing, meters=resources.meters)


@dataclass(frozen=True, slots=True)
class _DirectRoute:
    """Stands in the scope where the router would have put its route."""

    path: str


class Direct:
    """Answers POST requests at exact paths by their endpoints, hands everything else to the router.

    What an endpoint lets through ends here as ``LastResort`` ends it: nothing was answered before it returns.
    """

    def __init__(self, app: ASGIApp, direct: Mapping[str, Endpoint]) -> None:
        self._app = app
        self._direct = direct

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in self._direct:
            scope["route"] = _DirectRoute(scope["path"])
            try:
                response = await self._direct[scope["path"]](Request(scope, receive))
            except ClientDisconnect:
                return  # nobody listens any more
            except Exception:
                response = _failed(scope)
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class Probed:
    """Answers ``/healthz``, ``/readyz`` and ``/metrics``, and holds other requests off until the service was started.

    :param exposition: makes the metrics page; ``None``: there is none here.
    """

    def __init__(
        self,
        app: ASGIApp,
        readiness: Readiness,
        *,
        exposition: Callable[[], bytes] | None,
    ) -> None:
        self._app = app
        self._readiness = readiness
        self._exposition = exposition

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        if path == "/healthz":
            await Response(b'{"status":"alive"}', media_type="application/json")(scope, receive, send)
        elif path == "/readyz":
            await (await self._readiness.response())(scope, receive, send)
        elif path == "/metrics" and self._exposition is not None:
            page = Response(self._exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")
            await page(scope, receive, send)
        elif not self._readiness.started:
            await self._starting(path)(scope, receive, send)
        elif "\0" in path:
            await problem_response(Problem(400, detail="The path holds a NUL character."))(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _starting(self, path: str) -> Response:
        starting = Problem(503, detail="The service is starting.", headers={"retry-after": "1"})
        if self._readiness.database_is_away:
            return answer_at(path, starting, _DATABASE_AWAY)
        return problem_response(starting)


class LastResort:
    """Answers 500 where a handler failed in a way that nobody foresaw, and logs it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watch(message: Any) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except ClientDisconnect:
            return  # nobody listens any more
        except Exception:
            if started:
                raise
            await _failed(scope)(scope, receive, send)


def _failed(scope: Scope) -> Response:
    """The answer to a request whose handler is failing right now, with the log line that tells why."""
    _log.exception("a request failed", extra={"path": scope.get("path", "")})
    return answer_at(scope["path"], Problem(500, detail="The service failed; the log tells why."), _FAILED)


async def _answer_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(error)


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    problem = Problem(error.status_code, detail=str(error.detail), headers=error.headers)
    return answer_at(request.url.path, problem, _NO_INTERFACE)


async def _answer_validation_error(request: Request, error: Exception) -> Response:
    """422 with every fault; the offending values, which may be personal, are not repeated."""
    assert isinstance(error, RequestValidationError)
    faults = [
        {"field": ".".join(str(part) for part in fault["loc"]), "rule": fault["type"], "message": fault["msg"]}
        for fault in error.errors()
    ]
    return problem_response(Problem(422, "The request is not valid", extra={"errors": faults}))


async def _answer_away(request: Request, error: Exception) -> Response:
    _log.warning("a request met a dependency that is away", extra={"reason": type(error).__name__})
    away = Problem(503, detail=f"A dependency is away: {type(error).__name__}.", headers={"retry-after": "2"})
    return answer_at(request.url.path, away, _DEPENDENCY_AWAY)
