"""Calls to others: each with a timeout, a bounded number of tries and a circuit per host; no redirects are followed."""

import asyncio
import random
import ssl
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from opentelemetry.trace import SpanKind

from radbridge.runtime.telemetry.meters import Meters
from radbridge.runtime.telemetry.traces import Tracing

if TYPE_CHECKING:
    import httpx

_FAILURES_TO_OPEN = 5
_OPEN_SECONDS = 15.0
_FIRST_PAUSE_SECONDS = 0.2
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_RETRIED_STATUSES = frozenset({429, 502, 503, 504})
_ANSWER_BYTES_MAX = 64 * 1024 * 1024


class OutboundError(Exception):
    """A call did not get an answer. The text names the host, never the query or the body."""


class OutboundTimeout(OutboundError):
    """The call may or may not have reached the other side."""


class CircuitOpen(OutboundError):
    """The host failed again and again; it is left alone for a while. Nothing was sent."""


class AddressRefused(OutboundError):
    """The address is malformed, or not one that the institution registered. Nothing was sent."""


class AnswerTooLarge(OutboundError):
    """The answer is larger than the caller takes."""


@dataclass(slots=True)
class _Circuit:
    """Opens after five failures in a row; after 15 s one call tries whether the host is back."""

    failures: int = 0
    opened_at: float = 0.0

    def admits(self, now: float) -> bool:
        if self.failures < _FAILURES_TO_OPEN:
            return True
        if now - self.opened_at < _OPEN_SECONDS:
            return False
        self.opened_at = now
        return True

    def note(self, *, failed: bool, now: float) -> None:
        self.failures = self.failures + 1 if failed else 0
        if self.failures >= _FAILURES_TO_OPEN:
            self.opened_at = now


class AddressGuard:
    """Which addresses given by a hospital may be fetched: ``http`` and ``https`` on a host that the institution
    registered, compared as text. A host registered with a port allows that port only; a registered loopback or private
    address is allowed, an unregistered one never is."""

    @staticmethod
    def check(url: str, hosts: Collection[str]) -> None:
        """Return if the address is allowed.

        :raises AddressRefused: it is not.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise AddressRefused("the address is malformed") from None
        if parts.scheme not in ("http", "https") or not host or parts.username is not None or "\\" in url:
            raise AddressRefused("the address is not a plain http or https address")
        shown = f"[{host}]" if ":" in host else host
        with_port = f"{shown}:{port or (443 if parts.scheme == 'https' else 80)}"
        if not {shown, host, with_port} & {registered.strip().lower() for registered in hosts}:
            raise AddressRefused(f"host {shown} is not registered for this institution")


def host_in(url: str) -> str:
    """The host that an address names, with the port where it names that.

    :raises AddressRefused: nobody could be called there. Left to the connection, some such addresses end in errors
        that are none of HTTP.
    """
    import httpx

    try:
        parts = urlsplit(url)
        port, named = parts.port, parts.hostname and httpx.URL(url).host
    except (ValueError, httpx.InvalidURL):
        raise AddressRefused("the address is malformed") from None
    if port == 0 or not named:
        raise AddressRefused("the address names no host and port to call")
    return parts.netloc.rpartition("@")[2]


class OutboundClient:
    """HTTP calls of one service to the outside.

    :param transport: answers the calls instead of the network (in tests).
    :param proxy: HTTP proxy for all calls; the environment's proxy variables are not used.
    """

    def __init__(
        self,
        *,
        meters: Meters,
        tracing: Tracing,
        proxy: str | None = None,
        verify: ssl.SSLContext | bool = True,
        transport: "httpx.AsyncBaseTransport | None" = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._meters = meters
        self._tracing = tracing
        self._proxy = proxy
        self._verify = verify
        self._transport = transport
        self._monotonic = monotonic
        self._circuits: dict[str, _Circuit] = {}

    @cached_property
    def _client(self) -> "httpx.AsyncClient":
        import httpx  # loads when first used: 0.1 s that a service without calls never spends

        return httpx.AsyncClient(
            transport=self._transport,
            proxy=self._proxy,
            verify=self._verify,
            trust_env=False,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=20),
        )

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        json: Any = None,
        data: Mapping[str, str] | None = None,
        timeout: float = 10.0,  # noqa: ASYNC109
        attempts: int | None = None,
        hosts: Collection[str] | None = None,
        peer: str | None = None,
        answer_bytes_max: int = _ANSWER_BYTES_MAX,
    ) -> "httpx.Response":
        """Send a request and read the whole answer, whatever its status.

        :param timeout: seconds for one try, from connecting to the last byte.
        :param attempts: tries at most; three for methods that may be repeated, one for the others. Failed connections
            and 429, 502, 503 and 504 are tried again, after growing pauses.
        :param hosts: the address was given by a hospital that registered these hosts (``AddressGuard``).
        :param peer: name of the other side in the meters; its host by default.
        :raises AddressRefused: the address is malformed or none of the hosts; nothing was sent.
        :raises CircuitOpen: the host failed again and again; nothing was sent.
        :raises OutboundTimeout: no answer in time; it may have arrived nevertheless.
        :raises OutboundError: the connection failed, or the answer is too large.
        """
        if hosts is not None:
            AddressGuard.check(url, hosts)
        import httpx

        host = host_in(url)
        tries = attempts or (3 if method.upper() in _REPEATABLE else 1)
        seen = {"http.request.method": method, "server.address": host}
        with self._tracing.span(f"{method} {host}", kind=SpanKind.CLIENT, attributes=seen) as span:
            try:
                request = self._client.build_request(
                    method,
                    url,
                    headers={"traceparent": span.traceparent, **(headers or {})},
                    params=params,
                    content=content,
                    json=json,
                    data=data,
                    timeout=httpx.Timeout(timeout),
                )
            except httpx.InvalidURL:
                raise AddressRefused("the address is malformed") from None
            for tried in range(1, tries + 1):
                try:
                    response = await self._attempt(request, host, peer or host, timeout, answer_bytes_max)
                    if tried == tries or response.status_code not in _RETRIED_STATUSES:
                        span.describe({"http.response.status_code": response.status_code})
                        return response
                except (CircuitOpen, AnswerTooLarge):
                    raise
                except OutboundError:
                    if tried == tries:
                        raise
                await asyncio.sleep(_FIRST_PAUSE_SECONDS * 2 ** (tried - 1) * random.uniform(0.5, 1.0))  # noqa: S311 (spreads load)
        raise AssertionError("attempts is at least 1")

    async def close(self) -> None:
        """Close the connections."""
        if "_client" in self.__dict__:
            await self._client.aclose()

    async def _attempt(
        self,
        request: "httpx.Request",
        host: str,
        peer: str,
        timeout: float,  # noqa: ASYNC109
        answer_bytes_max: int,
    ) -> "httpx.Response":
        import httpx

        circuit = self._circuits.setdefault(host, _Circuit())
        if not circuit.admits(self._monotonic()):
            self._count(peer, "open")
            raise CircuitOpen(f"{host} has failed repeatedly and is left alone for a while")
        try:
            async with asyncio.timeout(timeout):
                response = await self._exchange(request, answer_bytes_max)
        except (TimeoutError, httpx.TimeoutException):
            circuit.note(failed=True, now=self._monotonic())
            self._count(peer, "timeout")
            raise OutboundTimeout(f"{host} did not answer within {timeout:g} s") from None
        except httpx.HTTPError as error:
            circuit.note(failed=True, now=self._monotonic())
            self._count(peer, "failed")
            raise OutboundError(f"the connection to {host} failed: {type(error).__name__}") from None
        circuit.note(failed=response.status_code >= 500, now=self._monotonic())
        self._count(peer, f"{response.status_code // 100}xx")
        return response

    async def _exchange(self, request: "httpx.Request", answer_bytes_max: int) -> "httpx.Response":
        import httpx

        streamed = await self._client.send(request, stream=True)
        try:
            parts: list[bytes] = []
            size = 0
            async for part in streamed.aiter_bytes():
                size += len(part)
                if size > answer_bytes_max:
                    raise AnswerTooLarge(f"{request.url.host} answers with over {answer_bytes_max} bytes")
                parts.append(part)
        finally:
            await streamed.aclose()
        headers = [(k, v) for k, v in streamed.headers.multi_items() if k not in ("content-encoding", "content-length")]
        return httpx.Response(streamed.status_code, headers=headers, content=b"".join(parts), request=request)

    def _count(self, peer: str, outcome: str) -> None:
        self._meters.board.outbound_requests.labels(self._meters.service, peer, outcome).inc()
