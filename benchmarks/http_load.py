"""A load generator that costs little: prepared requests over kept-alive connections, one in flight on each.

It runs on the machine that it measures, so it takes as little of it as can be: plain sockets and one epoll, no event
loop, no HTTP library.
"""

import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

_END_OF_HEAD = b"\r\n\r\n"
_READ_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a run. Latencies in milliseconds, ascending."""

    requests_per_second: float
    latencies_ms: list[float]
    failures: int

    def percentile(self, share: float) -> float:
        """The latency that ``share`` of the requests stay under."""
        return self.latencies_ms[min(len(self.latencies_ms) - 1, int(share * len(self.latencies_ms)))]


def post(path: str, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """A whole HTTP/1.1 POST request."""
    lines = [f"POST {path} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines).encode() + _END_OF_HEAD + body


@dataclass(slots=True, eq=False)
class _Connection:
    """One connection and its request in flight."""

    socket: socket.socket
    unsent: memoryview
    began: float = 0.0
    answer: bytes = b""

    def begin(self, request: bytes) -> None:
        self.began = time.perf_counter()
        self.answer = b""
        self.unsent = memoryview(request)
        self.send()

    def send(self) -> None:
        try:
            while self.unsent:
                self.unsent = self.unsent[self.socket.send(self.unsent) :]
        except BlockingIOError:
            pass

    def wanted_events(self) -> int:
        """What to wait for: room to send the rest, else an answer."""
        return selectors.EVENT_WRITE if self.unsent else selectors.EVENT_READ

    def is_answered(self) -> bool:
        """Take what came; whether the answer is whole.

        :raises ConnectionError: the server closed.
        """
        try:
            piece = self.socket.recv(_READ_BYTES)
        except BlockingIOError:
            return False
        if not piece:
            raise ConnectionError("the server closed the connection")
        self.answer += piece
        head, found, body = self.answer.partition(_END_OF_HEAD)
        if not found:
            return False
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        return len(body) >= length


def run(port: int, requests: Sequence[bytes], *, connections: int, good: bytes = b"") -> Load:
    """Send every request once; an answer without status 200, or without the bytes ``good``, is a failure.

    :raises ConnectionError: the server closed a connection.
    """
    waiting = list(reversed(requests))
    latencies: list[float] = []
    failures = 0
    in_flight = 0
    began = time.perf_counter()
    with selectors.DefaultSelector() as selector:
        for _ in range(min(connections, len(waiting))):
            opened = socket.create_connection(("127.0.0.1", port))
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.setblocking(False)
            connection = _Connection(opened, memoryview(b""))
            connection.begin(waiting.pop())
            selector.register(opened, connection.wanted_events(), connection)
            in_flight += 1
        while in_flight:
            for key, _ in selector.select():
                connection: _Connection = key.data
                if connection.unsent:
                    connection.send()
                    if not connection.unsent:
                        selector.modify(connection.socket, connection.wanted_events(), connection)
                elif connection.is_answered():
                    latencies.append((time.perf_counter() - connection.began) * 1000)
                    if not connection.answer.startswith(b"HTTP/1.1 200") or good not in connection.answer:
                        failures += 1
                    if waiting:
                        connection.begin(waiting.pop())
                        if connection.unsent:
                            selector.modify(connection.socket, connection.wanted_events(), connection)
                    else:
                        selector.unregister(connection.socket)
                        connection.socket.close()
                        in_flight -= 1
    took = time.perf_counter() - began
    return Load(len(requests) / took, sorted(latencies), failures)
