"""What the transport makes of hosts that are away, silent, broken or talkative."""

import asyncio
import io
import logging
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from radbridge.notify.channels.vendor_http import Answer, VendorHttp
from radbridge.notify.domain.outcomes import Retry, Unknown
from radbridge.runtime.http_client import OutboundClient
from radbridge.runtime.telemetry.logs import log_to_stream
from radbridge.runtime.telemetry.meters import MeterBoard, Meters
from radbridge.runtime.telemetry.traces import Tracing

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


def outbound(transport: httpx.AsyncBaseTransport | None = None) -> OutboundClient:
    return OutboundClient(meters=Meters(MeterBoard(), "notify"), tracing=Tracing("notify"), transport=transport)


def answering(response: httpx.Response | Exception) -> VendorHttp:
    def handle(_: httpx.Request) -> httpx.Response:
        if isinstance(response, Exception):
            raise response
        return response

    return VendorHttp(outbound(httpx.MockTransport(handle)), "https://vendor.example", lambda: NOW)


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (httpx.Response(200, json={"Code": "OK"}), Answer),
        (httpx.Response(400, json={"Code": "SignatureNonceUsed"}), Answer),
        (httpx.Response(503, text="busy"), Retry),
        (httpx.Response(502, text="<html>"), Unknown),
        (httpx.Response(504), Unknown),
        (httpx.Response(200, text="OK"), Unknown),
        (httpx.Response(200, json=["OK"]), Unknown),
        (httpx.ConnectError("refused"), Retry),
        (httpx.ConnectTimeout("slow"), Retry),
        (httpx.PoolTimeout("full"), Retry),
        (httpx.ReadTimeout("silent"), Unknown),
        (httpx.WriteError("cut"), Unknown),
        (httpx.RemoteProtocolError("noise"), Unknown),
    ],
)
async def test_only_what_certainly_never_left_is_retried(response, kind):
    assert isinstance(await answering(response).post("/"), kind)


async def test_a_closed_port_is_retried():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = outbound()

    assert isinstance(await VendorHttp(client, f"http://127.0.0.1:{port}", lambda: NOW).post("/"), Retry)
    await client.close()


async def test_an_answer_that_trickles_for_ever_ends_as_unknown():
    async def trickle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await asyncio.sleep(0.01)

    server = await asyncio.start_server(trickle, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    client = outbound()
    async with server:
        assert isinstance(await VendorHttp(client, url, lambda: NOW, timedelta(seconds=1)).post("/"), Unknown)
        await client.close()


async def test_nothing_is_sent_to_a_host_that_failed_again_and_again():
    broken = answering(httpx.ReadTimeout("silent"))
    for _ in range(5):
        assert isinstance(await broken.post("/"), Unknown)

    refused = await broken.post("/")

    assert isinstance(refused, Retry)
    assert refused.reason.code == "circuit_open"
    assert refused.after > NOW


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What a running service logs at its most talkative."""
    loggers = [logging.getLogger(name) for name in (None, "httpx", "httpcore")]
    handlers, levels = loggers[0].handlers[:], [logger.level for logger in loggers]
    loggers[0].handlers.clear()
    stream = io.StringIO()
    log_to_stream("DEBUG", stream)
    yield stream
    loggers[0].handlers[:] = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


async def test_neither_phone_name_nor_token_reaches_a_log(bench, sms, official_message, log):
    await bench.aliyun().send(sms())
    await bench.aliyun().send(sms(recipient="not a phone: 张三"))
    await bench.aliyun(access_key_secret="WRONG").send(sms())
    await bench.official().send(official_message())
    logging.getLogger("radbridge").info("written")

    written = log.getvalue()
    assert "written" in written
    for secret in ("13800000000", "张", "%E5%BC%A0", bench.tokens.tokens["wxofficial"].value, "SECRETEXAMPLE"):
        assert secret not in written


def test_the_signed_host_is_the_one_sent_with_its_port_where_it_has_one():
    client = outbound()

    assert VendorHttp(client, "https://dysmsapi.aliyuncs.com", lambda: NOW).host == "dysmsapi.aliyuncs.com"
    assert VendorHttp(client, "http://127.0.0.1:99/aliyun", lambda: NOW).host == "127.0.0.1:99"
