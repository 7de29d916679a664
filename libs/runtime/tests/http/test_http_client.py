"""Calls to others: tried again within bounds, given up on while a host is down, and only to registered hosts."""

import asyncio
from collections.abc import Callable

import httpx
import pytest

from radbridge.runtime.http_client import (
    AddressGuard,
    AddressRefused,
    AnswerTooLarge,
    CircuitOpen,
    OutboundClient,
    OutboundError,
    OutboundTimeout,
)
from radbridge.runtime.telemetry.meters import MeterBoard, Meters
from radbridge.runtime.telemetry.traces import Tracing


class Host:
    """Answers with the queued statuses (200 after them); an exception in the queue is raised."""

    def __init__(self) -> None:
        self.queue: list[int | Exception] = []
        self.requests: list[httpx.Request] = []
        self.now = 0.0
        self.board = MeterBoard()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self.queue.pop(0) if self.queue else 200
        if isinstance(step, Exception):
            raise step
        return httpx.Response(step, json={"ok": step})

    def client(self) -> OutboundClient:
        return OutboundClient(
            meters=Meters(self.board, "notify"),
            tracing=Tracing("notify"),
            transport=httpx.MockTransport(self),
            monotonic=lambda: self.now,
        )


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("radbridge.runtime.http_client._FIRST_PAUSE_SECONDS", 0.0)


@pytest.mark.parametrize("trouble", [503, 502, 429, httpx.ConnectError("x"), httpx.ReadTimeout("x")])
async def test_a_get_is_tried_three_times(host: Host, trouble: int | Exception) -> None:
    host.queue = [trouble, trouble]
    assert (await host.client().request("GET", "http://h/x")).json() == {"ok": 200}
    assert len(host.requests) == 3


@pytest.mark.parametrize("trouble", [httpx.ConnectError("x"), httpx.ReadTimeout("x")])
async def test_a_post_is_never_sent_twice_by_itself(host: Host, trouble: Exception) -> None:
    host.queue = [trouble]
    with pytest.raises(OutboundError):
        await host.client().request("POST", "http://h/x")
    assert len(host.requests) == 1


async def test_a_timeout_is_told_from_a_failure(host: Host) -> None:
    host.queue = [httpx.ReadTimeout("x"), httpx.ConnectError("x")]
    with pytest.raises(OutboundTimeout):
        await host.client().request("POST", "http://h/x")
    with pytest.raises(OutboundError) as caught:
        await host.client().request("POST", "http://h/x")
    assert not isinstance(caught.value, OutboundTimeout)


async def test_a_host_that_answers_drop_by_drop_is_given_up(host: Host) -> None:
    async def slow(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        return httpx.Response(200)

    client = OutboundClient(
        meters=Meters(host.board, "notify"), tracing=Tracing("notify"), transport=httpx.MockTransport(slow)
    )
    with pytest.raises(OutboundTimeout):
        await client.request("POST", "http://h/x", timeout=0.05)


async def test_other_statuses_are_answers(host: Host) -> None:
    host.queue = [404]
    assert (await host.client().request("GET", "http://h/x")).status_code == 404
    host.queue = [302]
    assert (await host.client().request("GET", "http://h/x")).status_code == 302
    assert len(host.requests) == 2


async def test_a_host_that_keeps_failing_is_left_alone_for_a_while(host: Host) -> None:
    client = host.client()
    host.queue = [httpx.ConnectError("x")] * 5
    for _ in range(5):
        with pytest.raises(OutboundError):
            await client.request("POST", "http://h/x")
    with pytest.raises(CircuitOpen):
        await client.request("POST", "http://h/x")
    assert (await client.request("POST", "http://other/x")).status_code == 200
    host.queue = [httpx.ConnectError("x")]
    host.now = 15.0
    with pytest.raises(OutboundError, match="failed: ConnectError"):
        await client.request("POST", "http://h/x")
    with pytest.raises(CircuitOpen):
        await client.request("POST", "http://h/x")
    host.now = 30.0
    for _ in range(3):
        assert (await client.request("POST", "http://h/x")).status_code == 200


async def test_an_answer_is_not_taken_beyond_its_bound() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=b"x" * 1001))
    client = OutboundClient(meters=Meters(MeterBoard(), "notify"), tracing=Tracing("notify"), transport=transport)
    assert len((await client.request("GET", "http://h/x", answer_bytes_max=1001)).content) == 1001
    with pytest.raises(AnswerTooLarge):
        await client.request("GET", "http://h/x", answer_bytes_max=1000)


async def test_errors_name_the_host_and_nothing_of_the_query(host: Host) -> None:
    host.queue = [httpx.ConnectError("to http://h/x?idCard=110105194912310021")]
    with pytest.raises(OutboundError) as caught:
        await host.client().request("POST", "http://h/x", params={"idCard": "110105194912310021"})
    assert "110105" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_the_trace_goes_along_and_calls_are_counted(host: Host) -> None:
    tracing = Tracing("notify")
    client = host.client()
    with tracing.span("work") as span:
        await client.request("GET", "http://h/x", peer="sms")
    assert host.requests[0].headers["traceparent"].split("-")[1] == span.trace_id
    assert (
        b'radbridge_outbound_requests_total{outcome="2xx",peer="sms",service="notify"} 1.0' in host.board.exposition()
    )


HOSTS = ["pacs.hospital.cn", "10.0.0.5:8042", "127.0.0.1", "[fd00::1]"]


@pytest.mark.parametrize(
    "url",
    [
        "http://pacs.hospital.cn/a",
        "https://PACS.hospital.cn:8443/a?b=c",
        "http://10.0.0.5:8042/x",
        "http://127.0.0.1:9/x",
        "http://[fd00::1]/x",
    ],
)
def test_registered_hosts_may_be_fetched(url: str) -> None:
    AddressGuard.check(url, HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.cn/",
        "http://pacs.hospital.cn.evil.cn/",
        "http://evil.cn#pacs.hospital.cn",
        "http://evil.cn?pacs.hospital.cn",
        "http://pacs.hospital.cn@evil.cn/",
        "http://user:pass@pacs.hospital.cn/",
        "http://evil.cn\\@pacs.hospital.cn/",
        "http://10.0.0.5/",
        "http://10.0.0.5:80/",
        "http://localhost/",
        "http://127.1/",
        "http://2130706433/",
        "http://[::1]/",
        "http://pacs.hospital.cn:99999/",
        "ftp://pacs.hospital.cn/",
        "file:///etc/passwd",
        "gopher://pacs.hospital.cn/",
        "//pacs.hospital.cn/",
        "pacs.hospital.cn",
        "http://",
        "http://[",
        "",
    ],
)
async def test_other_addresses_are_refused_and_nothing_is_sent(host: Host, url: str) -> None:
    with pytest.raises(AddressRefused):
        await host.client().request("GET", url, hosts=HOSTS)
    assert host.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "http://[abc/ocsp",
        "http://[::zz]/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:-1/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:１/",
        "http://@/",
        "http://:80/",
        "http://",
        "http:/x",
        "x",
        "",
        "http://xn--a.invalid/",
        "http://℀/",
        "http://\ud800/",
        "http://127.0.0.1/\ud800",
        "http://127.0.0.1/\x00",
    ],
)
async def test_a_malformed_address_is_refused_whoever_gave_it(host: Host, url: str) -> None:
    with pytest.raises(AddressRefused):
        await host.client().request("POST", url)
    over_the_network = OutboundClient(meters=Meters(host.board, "x"), tracing=Tracing("x"))
    with pytest.raises(AddressRefused):
        await over_the_network.request("POST", url)
    assert host.requests == []


async def test_no_redirect_leads_to_another_host(host: Host) -> None:
    location: Callable[[httpx.Request], httpx.Response] = lambda request: httpx.Response(  # noqa: E731
        302, headers={"location": "http://evil.cn/"}
    )
    client = OutboundClient(
        meters=Meters(host.board, "x"), tracing=Tracing("x"), transport=httpx.MockTransport(location)
    )
    assert (await client.request("GET", "http://127.0.0.1/x", hosts=HOSTS)).status_code == 302
