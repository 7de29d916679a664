"""HTTP to one vendor's host: time limit, circuit, and the difference between "never left" and "may have arrived"."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

import httpx

from radbridge.notify.channels.circuit import Circuit
from radbridge.notify.channels.protocol import Clock
from radbridge.notify.domain.outcomes import Reason, Retry, Unknown

_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_PAUSE = timedelta(seconds=10)
_SERVICE_UNAVAILABLE = 503
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """The vendor's JSON object. Its codes live in the body: these APIs answer errors with any HTTP status."""

    status: int
    body: Mapping[str, object]


class VendorHttp:
    """Requests to ``base_url``, the vendor's host or a stand-in's address, path prefix allowed.

    ``timeout`` bounds each phase of a request, and twice it the whole (Aliyun asks for at least 1 s).
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        base_url: str,
        circuit: Circuit,
        clock: Clock,
        timeout: timedelta = timedelta(seconds=5),
    ) -> None:
        self._client = client
        self._base = httpx.URL(base_url)
        self._circuit = circuit
        self._clock = clock
        self._timeout = timeout.total_seconds()

    @property
    def host(self) -> str:
        """The ``Host`` header of every request, which the SMS vendors sign."""
        return self._base.netloc.decode("ascii")

    async def post(
        self, path: str, *, query: str = "", headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> Answer | Retry | Unknown:
        """POST ``content``; ``query`` is already percent-encoded. Retry where the request certainly did nothing.

        Queries hold phone numbers (Aliyun) and tokens (WeChat), so they are handed to the transport beside the URL:
        what the client logs and traces as URL has no query.
        """
        opens_at = self._circuit.open_until()
        if opens_at is not None:
            return Retry(opens_at, Reason("circuit_open"))
        url = self._base.copy_with(path=self._base.path.rstrip("/") + path)
        target = url.raw_path + (b"?" + query.encode("ascii") if query else b"")
        request = self._client.build_request(
            "POST",
            url,
            headers=dict(headers or {}),
            content=content,
            timeout=self._timeout,
            extensions={"target": target},
        )
        try:
            async with asyncio.timeout(2 * self._timeout):
                response = await self._client.send(request, follow_redirects=False)
        except _NEVER_LEFT as error:
            self._circuit.failed()
            return Retry(self._clock() + _PAUSE, Reason("not_connected", type(error).__name__))
        except (httpx.RequestError, TimeoutError) as error:
            self._circuit.failed()
            return Unknown(Reason("no_answer", type(error).__name__))
        if response.status_code >= _SERVER_ERROR:
            self._circuit.failed()
        else:
            self._circuit.succeeded()
        return _read(response, self._clock())


def objects_of(value: object) -> Iterator[Mapping[str, object]]:
    """The JSON objects in ``value`` where that is an array; vendors leave out or null what is empty."""
    if isinstance(value, list):
        yield from (cast("dict[str, object]", item) for item in cast("list[object]", value) if isinstance(item, dict))


def _read(response: httpx.Response, now: datetime) -> Answer | Retry | Unknown:
    try:
        body = cast("object", json.loads(response.content))
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict):
        return Answer(response.status_code, cast("dict[str, object]", body))
    reason = Reason(f"http_{response.status_code}", "not a JSON object")
    if response.status_code == _SERVICE_UNAVAILABLE:
        return Retry(now + _PAUSE, reason)
    return Unknown(reason)
