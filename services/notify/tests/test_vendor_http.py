"""What the transport makes of hosts that are away, silent, broken or talkative."""

import asyncio
import logging
import socket
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from radbridge.notify.channels.circuit import Circuit
from radbridge.notify.channels.vendor_http import Answer, VendorHttp
from radbridge.notify.domain.outcomes import Retry, Unknown

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


def answering(response: httpx.Response | Exception, circuit: Circuit | None = None) -> VendorHttp:
    def handle(_: httpx.Request) -> httpx.Response:
        if isinstance(response, Exception):
            raise response
        return response

    client = httpx.AsyncClient(transport=httpx.MockTransport(handle))
    return VendorHttp(client, "https://vendor.example", circuit or Circuit(lambda: NOW), lambda: NOW)


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
    async with httpx.AsyncClient() as client:
        http = VendorHttp(client, f"http://127.0.0.1:{port}", Circuit(lambda: NOW), lambda: NOW)

        assert isinstance(await http.post("/"), Retry)


async def test_an_answer_that_trickles_for_ever_ends_as_unknown():
    async def trickle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await asyncio.sleep(0.01)

    server = await asyncio.start_server(trickle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, httpx.AsyncClient() as client:
        http = VendorHttp(
            client, f"http://127.0.0.1:{port}", Circuit(lambda: NOW), lambda: NOW, timedelta(milliseconds=100)
        )

        assert isinstance(await http.post("/"), Unknown)


async def test_the_circuit_opens_after_failures_in_a_row_and_lets_one_through_after_cooling_down():
    now = NOW
    circuit = Circuit(lambda: now, threshold=2, cool_down=timedelta(seconds=30))
    broken = answering(httpx.ReadTimeout("silent"), circuit)

    await broken.post("/")
    circuit.succeeded()
    await broken.post("/")
    assert circuit.open_until() is None
    await broken.post("/")
    refused = await broken.post("/")

    assert isinstance(refused, Retry)
    assert (refused.after, refused.reason.code) == (NOW + timedelta(seconds=30), "circuit_open")
    now = NOW + timedelta(seconds=31)
    assert circuit.open_until() is None
    assert circuit.open_until() == now + timedelta(seconds=30)
    circuit.succeeded()
    assert circuit.open_until() is None


async def test_a_host_that_answers_500_opens_the_circuit_too():
    circuit = Circuit(lambda: NOW, threshold=1)

    await answering(httpx.Response(500, json={}), circuit).post("/")

    assert circuit.open_until() is not None


async def test_neither_phone_name_nor_token_reaches_a_log(bench, sms, official_message, caplog):
    caplog.set_level(logging.INFO)

    await bench.aliyun().send(sms())
    await bench.official().send(official_message())

    token = bench.tokens.tokens["wxofficial"].value
    assert "HTTP Request: POST" in caplog.text
    assert "13800000000" not in caplog.text
    assert "%E5%BC%A0" not in caplog.text
    assert token[:20] not in caplog.text


def test_the_signed_host_is_the_one_sent_with_its_port_where_it_has_one():
    client = httpx.AsyncClient()
    circuit = Circuit(lambda: NOW)

    assert VendorHttp(client, "https://dysmsapi.aliyuncs.com", circuit, lambda: NOW).host == "dysmsapi.aliyuncs.com"
    assert VendorHttp(client, "http://127.0.0.1:99/aliyun", circuit, lambda: NOW).host == "127.0.0.1:99"
