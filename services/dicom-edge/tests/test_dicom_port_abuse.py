"""Noise, lies and silence on the DICOM port: nothing of it reaches the next good association."""

import asyncio
import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest

P_DATA_OF_4_GB = struct.pack(">BBI", 4, 0, 0xFFFFFFFF)


@pytest.fixture
def stalled_are_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Soon, yet not so soon that good peers on a loaded machine are."""
    monkeypatch.setenv("RADBRIDGE_DICOM_EDGE_STALL_SECONDS", "5")


def speak(port: int, *data: bytes) -> bytes:
    """Send, then read until the other side closes. Blocks."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as sock:
        answer = b""
        try:
            for piece in data:
                sock.sendall(piece)
            while chunk := sock.recv(4096):
                answer += chunk
        except ConnectionError:
            pass
        return answer


def p_data(context_id: int, control: int, value: bytes) -> bytes:
    body = struct.pack(">IBB", len(value) + 2, context_id, control) + value
    return struct.pack(">BBI", 4, 0, len(body)) + body


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(600),
        P_DATA_OF_4_GB,
        struct.pack(">BBI", 1, 0, 0xFFFFFFFF),
        struct.pack(">BBI", 1, 0, 4) + b"abcd",
        struct.pack(">BBI", 1, 0, 200) + bytes(50),
        struct.pack(">BBI", 5, 0, 4) + bytes(4),
        struct.pack(">BBI", 9, 0, 4) + bytes(4),
        b"\x01",
        b"",
        Random(1).randbytes(4096),
    ],
    ids=["http", "tls", "data of 4 GB", "request of 4 GB", "short request", "cut request", "release first",
         "unknown type", "one byte", "nothing", "noise"],
)  # fmt: skip
@pytest.mark.usefixtures("stalled_are_cut_off")
async def test_noise_leaves_the_next_association_unharmed(edge: Any, sender: Any, ct: Any, data: bytes) -> None:
    noise = threading.Thread(target=speak, args=(edge.port, data))
    noise.start()
    assert await asyncio.to_thread(sender.send, ct.as_file(ct.image())) == [0x0000]
    await asyncio.to_thread(noise.join, 60)
    assert not noise.is_alive()


@pytest.mark.parametrize(
    "data",
    [
        P_DATA_OF_4_GB,
        p_data(3, 3, b""),
        p_data(1, 3, b"\x00\x00\x00\x00\xff\xff\xff\xff"),
        p_data(1, 3, b"\x08\x00\x05\x00\x04\x00\x00\x00abcd"),
        p_data(1, 2, b"data set first"),
        struct.pack(">BBI", 4, 0, 6) + struct.pack(">IBB", 99, 1, 3),
        struct.pack(">BBI", 4, 0, 3) + b"abc",
        struct.pack(">BBI", 2, 0, 4) + bytes(4),
    ],
    ids=["data of 4 GB", "unknown context", "cut command", "other group", "data set first", "long value",
         "cut value", "accept from requestor"],
)  # fmt: skip
@pytest.mark.usefixtures("stalled_are_cut_off")
async def test_a_broken_association_is_aborted_by_the_provider(edge: Any, ct: Any, data: bytes) -> None:
    answer = await asyncio.to_thread(speak, edge.port, ct.associate_rq(), data)
    accepted = 6 + struct.unpack(">I", answer[2:6])[0]
    assert answer[0] == 2
    # A-ABORT by the service provider
    assert answer[accepted:][:9] == struct.pack(">BBIBBB", 7, 0, 4, 0, 0, 2)


async def test_a_peer_that_leaves_in_the_middle_of_an_object_leaves_nothing(edge: Any, sender: Any, ct: Any) -> None:
    file = ct.as_file(ct.image())

    def leave() -> None:
        from io import BytesIO

        from pynetdicom.dimse_primitives import C_STORE

        association = sender.associate([("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1")])
        request = C_STORE()
        request.MessageID = 1
        request.AffectedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        request.AffectedSOPInstanceUID = "1.2.3.4"
        request.Priority = 2
        request.DataSet = BytesIO(bytes(1 << 20))
        association.dimse.send_msg(request, association.accepted_contexts[0].context_id)
        association.dul.socket._shutdown_socket()
        association.kill()

    await asyncio.to_thread(leave)
    assert await asyncio.to_thread(sender.send, file) == [0x0000]
    async with asyncio.timeout(60):
        while (await edge.admin.get("/api/dicom-edge/v1/stats")).json()["associations"]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert len(list((edge.running.resources.data_dir / "objects").rglob("*.dcm"))) == 1


async def test_idle_associations_hold_nobody_up(edge: Any, sender: Any, ct: Any) -> None:
    idle = []
    for _ in range(12):
        sock = socket.create_connection(("127.0.0.1", edge.port), timeout=60)
        await asyncio.to_thread(sock.sendall, ct.associate_rq())
        assert (await asyncio.to_thread(sock.recv, 4096))[0] == 2
        idle.append(sock)
    files = [[ct.as_file(ct.image())] for _ in range(8)]

    def send_all() -> list[list[int | None]]:
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda batch: sender.send(*batch), files))

    assert await asyncio.to_thread(send_all) == [[0x0000]] * 8
    assert (await edge.admin.get("/api/dicom-edge/v1/stats")).json()["associations"] >= 12
    for sock in idle:
        sock.close()


async def test_too_many_associations_are_told_so(start_edge: Any, ct: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADBRIDGE_DICOM_EDGE_ASSOCIATIONS_MAX", "2")
    async with start_edge() as edge:
        held = []
        for _ in range(2):
            sock = socket.create_connection(("127.0.0.1", edge.port), timeout=60)
            await asyncio.to_thread(sock.sendall, ct.associate_rq())
            assert (await asyncio.to_thread(sock.recv, 4096))[0] == 2
            held.append(sock)
        # rejected-transient, by the presentation provider: local limit exceeded
        rejection = await asyncio.to_thread(ct.raw_associate, edge.port, "HOSPITAL_A", "RADBRIDGE")
        assert rejection == struct.pack(">BBIBBBB", 3, 0, 4, 0, 2, 3, 2)
        for sock in held:
            sock.close()


async def test_the_answer_is_sent_without_waiting_for_more(edge: Any) -> None:
    """TCP_NODELAY at this end of every association."""
    seen: list[int] = []
    original = socket.socket.setsockopt

    def watch(self: socket.socket, level: int, option: int, value: Any) -> None:
        if (level, option) == (socket.IPPROTO_TCP, socket.TCP_NODELAY):
            seen.append(value)
        original(self, level, option, value)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("radbridge.dicom_edge.scp.connection.socket.socket.setsockopt", watch, raising=False)
        await asyncio.to_thread(speak, edge.port, struct.pack(">BBI", 9, 0, 0))
    assert seen == [1]
