"""The HTTP edge on a real socket: large and slow bodies, heads that never end, endless answers, the proxy in front."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from radbridge.contracts.routes import ROUTES
from radbridge.runtime.body import LimitedBody, offload
from radbridge.runtime.front import ProxyFront, upstreams_from
from radbridge.runtime.host import server as server_module
from radbridge.runtime.settings import LOOPBACK, Networks
from radbridge.runtime.telemetry.asgi import Observed
from radbridge.runtime.telemetry.meters import MeterBoard, Meters
from radbridge.runtime.telemetry.traces import Tracing
from radbridge.runtime.testing import listening

LIMIT = 1024 * 1024


async def count(request: Request) -> Response:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
    return JSONResponse({"size": size})


async def echo(request: Request) -> Response:
    return JSONResponse(
        {
            "method": request.method,
            "path": request.url.path,
            "query": request.url.query,
            "body": (await request.body()).decode(),
            "headers": dict(request.headers),
        },
        headers={"x-answer": "42"},
    )


async def ticks(request: Request) -> Response:
    async def endless() -> AsyncGenerator[bytes]:
        while True:
            yield b"data: tick\n\n"
            await asyncio.sleep(0.05)

    return StreamingResponse(endless(), media_type="text/event-stream")


def application(stall_seconds: float) -> ASGIApp:
    methods = ["GET", "POST", "PUT"]
    routes = [
        Route("/count", count, methods=methods),
        Route("/stow/studies", count, methods=methods),
        Route("/ticks", ticks),
        Route("/readyz", lambda _: JSONResponse({"services": {"portal": []}})),
        Route("/{path:path}", echo, methods=methods),
    ]
    return LimitedBody(Starlette(routes=routes), limit_bytes=LIMIT, stall_seconds=stall_seconds, exempt=("/stow",))


WAYS = ["direct", "through the front"]


@asynccontextmanager
async def reached(way: str, *, stall_seconds: float) -> AsyncGenerator[str]:
    async with AsyncExitStack() as stack:
        direct = await stack.enter_async_context(listening(application(stall_seconds)))
        if way == "direct":
            yield direct
            return
        front = ProxyFront({route.service: direct for route in ROUTES})
        stack.push_async_callback(front.close)
        limited = LimitedBody(front, limit_bytes=None, stall_seconds=stall_seconds)
        yield await stack.enter_async_context(listening(limited))


@pytest.fixture(params=WAYS)
async def url(request: pytest.FixtureRequest) -> AsyncGenerator[str]:
    async with reached(request.param, stall_seconds=60) as url:
        yield url


@pytest.fixture
async def client(url: str) -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
        yield client


async def test_a_body_up_to_the_limit_arrives(client: httpx.AsyncClient) -> None:
    assert (await client.post("/count", content=b"x" * LIMIT)).json() == {"size": LIMIT}


async def test_a_body_over_the_limit_is_refused_and_the_next_request_works(client: httpx.AsyncClient) -> None:
    refused = await client.post("/count", content=b"x" * (LIMIT + 1))
    assert refused.status_code == 413
    assert refused.headers["content-type"] == "application/problem+json"
    assert (await client.post("/count", content=b"x")).json() == {"size": 1}


async def test_a_client_that_sends_all_before_it_listens_gets_the_answer(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        assert (await client.post("/count", content=b"x" * (20 * LIMIT))).status_code == 413


async def test_a_body_of_undeclared_size_is_cut_off_at_the_limit(client: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncGenerator[bytes]:
        for _ in range(40):
            yield b"x" * (LIMIT // 10)

    assert (await client.post("/count", content=chunks())).status_code == 413


async def test_a_route_that_streams_takes_any_size(client: httpx.AsyncClient) -> None:
    assert (await client.post("/stow/studies", content=b"x" * (3 * LIMIT))).json() == {"size": 3 * LIMIT}


async def test_a_get_with_a_body_arrives_as_sent(client: httpx.AsyncClient) -> None:
    body = json.dumps({"备注": "互认"}, ensure_ascii=False)
    sent = (await client.request("GET", "/open/x%20y/mark?a=1&b=%E5%BC%A0", content=body.encode())).json()
    assert (sent["method"], sent["path"], sent["query"], sent["body"]) == (
        "GET",
        "/open/x y/mark",
        "a=1&b=%E5%BC%A0",
        body,
    )


async def test_server_sent_events_come_as_they_happen(client: httpx.AsyncClient) -> None:
    async with client.stream("GET", "/ticks") as answer:
        lines = answer.aiter_lines()
        assert [await anext(lines) for _ in range(6)] == ["data: tick", ""] * 3


async def _raw(url: str, data: bytes, *, seconds: float = 60.0) -> bytes:
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(data)
        await writer.drain()
        async with asyncio.timeout(seconds):
            return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize("way", WAYS)
async def test_a_client_that_stops_in_the_middle_of_a_body_is_let_go(way: str) -> None:
    async with reached(way, stall_seconds=0.5) as url:
        answer = await _raw(url, b"POST /count HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc")
        assert answer.split(b" ")[1] == b"408"
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
            assert (await client.get("/page")).json()["path"] == "/page"


REFUSALS: dict[str, dict[str, Any]] = {
    "/exam-sync": {"code": 0},
    "/report/sync": {"code": 0},
    "/examMergeReport-sync": {"code": 0},
    "/open/smr/studies": {"code": "E0000"},
    "/dsvs/v1/pkcs1/verifyDataSign": {"status": 408},
    "/coss/service/v1/verifyTS": {"status": 408},
    "/sef/v1/SEF_VerifySeal": {"resultCode": 408},
}


@pytest.mark.parametrize("way", WAYS)
async def test_a_slow_client_of_a_standards_interface_reads_its_own_refusal(way: str) -> None:
    async with reached(way, stall_seconds=0.2) as url:
        for path, refusal in REFUSALS.items():
            answer = await _raw(url, f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{{".encode())
            head, _, rest = answer.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), path
            body = json.loads(rest[rest.index(b"{") : rest.rindex(b"}") + 1])
            assert {name: body[name] for name in refusal} == refusal
            assert "请求体" in (body.get("message") or body["resultMessage"])


async def test_a_head_that_never_ends_is_cut_off(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "HEAD_SECONDS_MAX", 0.2)
    for head in (b"", b"GET / HTTP/1.1\r\nhost: x\r\n"):
        assert await _raw(url, head) == b""


@pytest.mark.parametrize(
    "noise",
    [
        b"\x00\x01\x02\xff\xfe\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\nconnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: abc\r\nconnection: close\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    ],
)
async def test_noise_is_the_callers_fault(url: str, client: httpx.AsyncClient, noise: bytes) -> None:
    answer = await _raw(url, noise)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 200"))
    assert (await client.post("/count", content=b"x")).json() == {"size": 1}


@pytest.mark.parametrize(
    "path",
    ["/metrics", "//metrics", "/x/../metrics", "/./metrics", "/%6detrics", "/%2e/metrics", "/metrics/", "/%256detrics"],
)
async def test_metrics_stay_inside(path: str) -> None:
    reached: list[str] = []

    async def upstream(request: httpx.Request) -> httpx.Response:
        reached.append(request.url.path)
        return httpx.Response(200, text="secret figures")

    front = ProxyFront({"portal": "http://portal"}, transport=httpx.MockTransport(upstream))
    async with listening(front) as url:
        answer = await _raw(url, f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 404")
    assert reached == []
    await front.close()


async def test_the_front_says_where_a_request_came_from(client: httpx.AsyncClient, url: str) -> None:
    front = ProxyFront({"portal": url})
    async with listening(front) as outer, httpx.AsyncClient(base_url=outer, trust_env=False, timeout=60) as outside:
        answer = await outside.get("/page")
    headers: dict[str, Any] = answer.json()["headers"]
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "http"
    assert answer.headers["x-answer"] == "42"
    await front.close()


async def who_calls(request: Request) -> Response:
    return JSONResponse([request.client.host if request.client else "", request.url.scheme])


@pytest.mark.parametrize(
    ("trusted", "source", "seen"),
    [
        (LOOPBACK, "127.0.0.1", ["203.0.113.9", "https"]),
        (LOOPBACK, "127.0.0.2", ["127.0.0.2", "http"]),
        ((ip_network("127.0.0.0/24"),), "127.0.0.2", ["203.0.113.9", "https"]),
        ((ip_network("192.0.2.1"),), "127.0.0.1", ["127.0.0.1", "http"]),
        ((), "127.0.0.1", ["127.0.0.1", "http"]),
    ],
)
async def test_only_trusted_proxies_say_who_calls(trusted: Networks, source: str, seen: list[str]) -> None:
    app = Starlette(routes=[Route("/", who_calls)])
    transport = httpx.AsyncHTTPTransport(local_address=source)
    claimed = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"}
    async with (
        listening(app, trusted_proxies=trusted) as url,
        httpx.AsyncClient(transport=transport, timeout=60) as caller,
    ):
        assert (await caller.get(url, headers=claimed)).json() == seen


async def test_the_front_does_not_repeat_what_a_caller_says_about_itself() -> None:
    seen: list[httpx.Headers] = []

    def upstream(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers)
        return httpx.Response(200, stream=httpx.ByteStream(b""))

    front = ProxyFront({"portal": "http://portal"}, transport=httpx.MockTransport(upstream))
    claimed = {"x-forwarded-for": "203.0.113.9", "forwarded": "for=203.0.113.9", "x-forwarded-proto": "https"}
    transport = httpx.ASGITransport(front, client=("198.51.100.7", 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://front", timeout=60) as caller:
        await caller.get("/page", headers=claimed)
    assert (seen[0]["x-forwarded-for"], seen[0]["x-forwarded-proto"]) == ("198.51.100.7", "http")
    assert "forwarded" not in seen[0]
    await front.close()


@pytest.mark.parametrize("traced", [True, False])
async def test_services_continue_the_span_of_a_front_that_records_it(traced: bool) -> None:
    seen: list[httpx.Headers] = []

    def upstream(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers)
        return httpx.Response(200, stream=httpx.ByteStream(b""))

    front = ProxyFront({"portal": "http://portal"}, traced=traced, transport=httpx.MockTransport(upstream))
    observed = Observed(front, tracing=Tracing("front"), meters=Meters(MeterBoard(), "front"))
    sent = f"00-{'a' * 32}-{'b' * 16}-01"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(observed), base_url="http://front") as caller:
        await caller.get("/page", headers={"traceparent": sent})
    [(_, received)] = [header for header in seen[0].multi_items() if header[0] == "traceparent"]
    assert received.startswith(f"00-{'a' * 32}-")
    assert (received == sent) is not traced
    await front.close()


async def test_the_front_logs_no_path_that_opens_something(caplog: pytest.LogCaptureFixture) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=httpx.ByteStream(b"")))
    front = ProxyFront({"portal": "http://portal", "notify": "http://notify"}, transport=transport)
    observed = Observed(front, tracing=Tracing("front"), meters=Meters(MeterBoard(), "front"))
    with caplog.at_level("INFO", logger="radbridge.access"):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(observed), base_url="http://front") as caller:
            await caller.post("/api/portal/v1/links/SeCrEt/open")
            await caller.get("/api/notify/v1/SeCrEt")
    assert [vars(record)["path"] for record in caplog.records] == ["/", "/api/notify"]
    await front.close()


async def test_an_upstream_that_is_away_is_a_bad_gateway() -> None:
    front = ProxyFront({"portal": "http://127.0.0.1:1"})
    async with listening(front) as url, httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
        assert (await client.get("/page")).status_code == 502
        assert (await client.get("/healthz")).status_code == 200
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["status"] == "not ready"
    await front.close()


def test_every_service_of_the_route_table_needs_an_upstream() -> None:
    names = ["DICOM_EDGE", "INGEST_API", "MPI", "NOTIFY", "PORTAL", "RECOGNITION", "SIGNING"]
    environment = {f"RADBRIDGE_UPSTREAM_{name}": f"http://{name.lower()}" for name in names}
    assert upstreams_from(environment)["ingest-api"] == "http://ingest_api"
    del environment["RADBRIDGE_UPSTREAM_MPI"]
    with pytest.raises(KeyError, match="RADBRIDGE_UPSTREAM_MPI"):
        upstreams_from(environment)


async def test_large_work_leaves_the_event_loop() -> None:
    import threading

    here = threading.get_ident()
    assert await offload(threading.get_ident, 64 * 1024) == here
    assert await offload(threading.get_ident, 64 * 1024 + 1) != here
