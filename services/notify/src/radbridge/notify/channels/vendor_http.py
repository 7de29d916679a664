"""HTTP to one vendor's host, and the difference between "never left" and "may have arrived"."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

import httpx

from radbridge.notify.domain.outcomes import Reason, Retry, Unknown
from radbridge.runtime.clock import Clock
from radbridge.runtime.http_client import CircuitOpen, OutboundClient, OutboundError

_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_PAUSE = timedelta(seconds=15)
_ANSWER_BYTES_MAX = 1024 * 1024
_SERVICE_UNAVAILABLE = 503


@dataclass(frozen=True, slots=True)
class Answer:
    """The vendor's JSON object. Its codes live in the body: these APIs answer errors with any HTTP status."""

    status: int
    body: Mapping[str, object]


class VendorHttp:
    """Requests to ``base_url``: the vendor's host, or a stand-in's address with a path in front.

    ``timeout`` bounds a whole request (Aliyun asks for at least 1 s).
    """

    def __init__(
        self, client: OutboundClient, base_url: str, clock: Clock, timeout: timedelta = timedelta(seconds=5)
    ) -> None:
        self._client = client
        self._base_url = base_url.rstrip("/")
        self._clock = clock
        self._timeout = timeout.total_seconds()
        self.host = httpx.URL(base_url).netloc.decode("ascii")
        """The ``Host`` header of every request, which the SMS vendors sign."""

    async def post(
        self, path: str, *, query: str = "", headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> Answer | Retry | Unknown:
        """POST ``content`` once; ``query`` is already percent-encoded. Retry where the request certainly did nothing.

        Queries hold phone numbers (Aliyun) and tokens (WeChat): they must stay out of logs.
        """
        url = f"{self._base_url}{path}?{query}" if query else f"{self._base_url}{path}"
        try:
            response = await self._client.request(
                "POST",
                url,
                headers=headers,
                content=content,
                timeout=self._timeout,
                attempts=1,
                answer_bytes_max=_ANSWER_BYTES_MAX,
            )
        except CircuitOpen as error:
            return Retry(self._clock() + _PAUSE, Reason("circuit_open", str(error)))
        except OutboundError as error:
            # The error says that the call failed; only the transport's own says whether anything had left by then.
            if isinstance(error.__context__, _NEVER_LEFT):
                return Retry(self._clock() + _PAUSE, Reason("not_connected", str(error)))
            return Unknown(Reason("no_answer", str(error)))
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
