"""PDUs on a socket: read whole, within limits, by a thread that sleeps until they come (PS3.8 section 9.3.1)."""

import contextlib
import select
import socket
import struct

from radbridge.dicom_edge.scp.association_pdu import AbortReason, PduError, PduType, pdu

_HEADER_BYTES = 6
_ASSOCIATE_RQ_MAX = 1 << 20
_CONTROL_MAX = 1 << 10
_PDV_HEADER_BYTES = 6
LAST_FRAGMENT = 0x02
COMMAND_FRAGMENT = 0x01


class Disconnected(Exception):
    """The peer closed or reset the connection, or stopped in the middle of something."""


class Idle(Exception):
    """Nothing came within the time."""


class Connection:
    """One connection of a peer. Used by one thread.

    :param pdu_length_max: longest P-DATA-TF taken.
    :param stall_seconds: how long the peer may take for the next bytes inside a PDU.
    """

    def __init__(self, sock: socket.socket, *, pdu_length_max: int, stall_seconds: float) -> None:
        self._socket = sock
        self._stall_seconds = stall_seconds
        self._pdu_length_max = pdu_length_max
        self._buffer = bytearray(pdu_length_max)
        self._header = bytearray(_HEADER_BYTES)
        # every message waits for its answer: Nagle's algorithm would hold the last segment back for 40 ms
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.settimeout(stall_seconds)

    def wait(self, seconds: float) -> bool:
        """Whether something can be read within ``seconds`` (the peer's leaving counts)."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def read(self, *, idle_seconds: float) -> tuple[int, memoryview]:
        """Type and body of the next PDU. The body is valid until the next ``read``.

        :raises Idle: no PDU began within ``idle_seconds``.
        :raises Disconnected: the peer left, or stalled inside the PDU.
        :raises PduError: the type is unknown, or the length beyond every limit.
        """
        if not self.wait(idle_seconds):
            raise Idle
        header = memoryview(self._header)
        self._fill(header)
        kind, _, length = struct.unpack(">BBI", self._header)
        if length > self._limit(kind):
            raise PduError("a PDU is longer than allowed")
        if length > len(self._buffer):
            self._buffer = bytearray(length)
        body = memoryview(self._buffer)[:length]
        self._fill(body)
        return kind, body

    def send(self, data: bytes) -> None:
        """Send whole PDUs.

        :raises Disconnected: the peer does not take them.
        """
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise Disconnected from error

    def send_message(self, context_id: int, command: bytes, data_set: bytes | None, *, maximum_length: int) -> None:
        """Send a DIMSE message as P-DATA-TF PDUs no longer than the peer takes (0: any)."""
        room = min(maximum_length, self._pdu_length_max) if maximum_length else self._pdu_length_max
        room = max(room - _PDV_HEADER_BYTES, 256)
        parts = _fragments(context_id, command, COMMAND_FRAGMENT, room)
        if data_set is not None:
            parts += _fragments(context_id, data_set, 0, room)
        self.send(b"".join(parts))

    def close_by_peer(self, seconds: float) -> None:
        """Wait a moment for the peer to close, as it does after our last PDU, so that it can read that."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            self._socket.settimeout(seconds)
            while self._socket.recv(4096):
                pass

    def hurry(self) -> None:
        """From another thread: what was received may still be answered, then reading ends."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RD)

    def cut(self) -> None:
        """From another thread: end the connection at once."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close at once."""
        self.cut()
        self._socket.close()

    def _limit(self, kind: int) -> int:
        if kind == PduType.P_DATA_TF:
            return self._pdu_length_max
        if kind == PduType.ASSOCIATE_RQ:
            return _ASSOCIATE_RQ_MAX
        if kind in PduType.__members__.values():
            return _CONTROL_MAX
        raise PduError("unknown PDU type", AbortReason.UNRECOGNIZED_PDU)

    def _fill(self, view: memoryview) -> None:
        while view:
            try:
                count = self._socket.recv_into(view)
            except OSError as error:
                raise Disconnected from error
            if not count:
                raise Disconnected
            view = view[count:]


def fragments_of(body: memoryview) -> list[tuple[int, int, memoryview]]:
    """Presentation data values of a P-DATA-TF: context id, message control header, fragment (PS3.8 annex E).

    :raises PduError: they do not fill the body.
    """
    found: list[tuple[int, int, memoryview]] = []
    position = 0
    while position < len(body):
        if position + _PDV_HEADER_BYTES > len(body):
            raise PduError("a presentation data value is cut short")
        length, context_id, control = struct.unpack_from(">IBB", body, position)
        end = position + 4 + length
        if length < 2 or end > len(body):
            raise PduError("a presentation data value has a wrong length")
        found.append((context_id, control, body[position + _PDV_HEADER_BYTES : end]))
        position = end
    return found


def _fragments(context_id: int, data: bytes, control: int, room: int) -> list[bytes]:
    parts: list[bytes] = []
    for start in range(0, max(len(data), 1), room):
        chunk = data[start : start + room]
        last = LAST_FRAGMENT if start + room >= len(data) else 0
        value = struct.pack(">IBB", len(chunk) + 2, context_id, control | last) + chunk
        parts.append(pdu(PduType.P_DATA_TF, value))
    return parts
