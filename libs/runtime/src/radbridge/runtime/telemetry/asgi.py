"""One middleware that observes every request: a span, a log line without the query, and the meters."""

import logging
import time
from dataclasses import dataclass
from typing import Any, cast

from opentelemetry.trace import SpanKind
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radbridge.runtime.telemetry.meters import Meters
from radbridge.runtime.telemetry.traces import Tracing

_log = logging.getLogger("radbridge.access")
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
_SECRET_PARAMETERS = frozenset({"token", "code", "secret", "link"})
"""Path parameters that open something: not logged."""


@dataclass(frozen=True, slots=True)
class HandedOn:
    """Stands in the scope as the route of requests that another process answers. Of their path only the part that chose
    the way is shown: the rest may open something, and the service that knows its parts logs it."""

    path: str


class Observed:
    """Wraps an ASGI application. Probes are counted, but neither logged nor traced."""

    def __init__(self, app: ASGIApp, *, tracing: Tracing, meters: Meters) -> None:
        self._app = app
        self._tracing = tracing
        self._meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        method: str = scope["method"]
        if scope["path"] in _QUIET:
            await self._app(scope, receive, watch)
            self._meters.request_answered(method, scope["path"], status, time.perf_counter() - started)
            return
        with self._tracing.span(method, kind=SpanKind.SERVER, traceparent=_header(scope, b"traceparent")) as span:
            try:
                await self._app(scope, receive, watch)
            finally:
                seconds = time.perf_counter() - started
                route = _route(scope)
                self._meters.request_answered(method, route or "-", status, seconds)
                if _log.isEnabledFor(logging.INFO):
                    fields = {
                        "service": self._meters.service,
                        "method": method,
                        "path": _path(scope, route),
                        "status": status,
                        "ms": round(seconds * 1000, 1),
                    }
                    _log.info("request", extra=fields)
                if span.is_recorded:
                    span.rename(f"{method} {route}" if route else method)
                    span.describe(
                        {
                            "http.request.method": method,
                            "http.route": route,
                            "url.path": _path(scope, route),
                            "http.response.status_code": status,
                        }
                    )
                    if status >= 500:
                        span.fail(f"status {status}")


def _header(scope: Scope, name: bytes) -> str | None:
    for key, value in cast(list[tuple[bytes, bytes]], scope["headers"]):
        if key == name:
            return value.decode("latin-1")
    return None


def _route(scope: Scope) -> str:
    """The template of the matched route (``/exams/{exam_id}``); empty where none matched."""
    return getattr(scope.get("route"), "path", "")


def _path(scope: Scope, route: str) -> str:
    parameters = cast(dict[str, Any], scope.get("path_params") or {})
    hidden = isinstance(scope.get("route"), HandedOn) or not _SECRET_PARAMETERS.isdisjoint(parameters)
    return route if hidden else scope["path"]
