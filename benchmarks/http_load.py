"""A load generator that costs little: prepared requests over kept-alive connections, one in flight on each."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass


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
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def run(port: int, requests: Sequence[bytes], *, connections: int, good: bytes = b"") -> Load:
    """Send every request once; an answer without status 200, or without the bytes ``good``, is a failure."""
    queue = list(reversed(requests))
    latencies: list[float] = []
    failures = 0

    async def client() -> None:
        nonlocal failures
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while queue:
                request = queue.pop()
                began = time.perf_counter()
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                body = await reader.readexactly(length)
                latencies.append((time.perf_counter() - began) * 1000)
                if not head.startswith(b"HTTP/1.1 200") or good not in body:
                    failures += 1
        finally:
            writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(connections)))
    took = time.perf_counter() - began
    return Load(len(requests) / took, sorted(latencies), failures)
