"""How long a signed report with a 5 MB PDF (10 MB as an envelope) holds up the event loop of ``ingest-api``.

Seen from inside, by a task on the loop that wakes every millisecond (``loop_probe``), and from outside, by /healthz
asked all the while. The peer is a loop of another process that has nothing to do, at the same moments: what it sees is
this machine's doing. The stall is what ``ingest-api`` itself is to blame for (``Sample.own_ms``).

    uv run python -m benchmarks.report_stall [--reports 20] [--megabytes 5] [--json]
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks import http_load
from benchmarks.exam_push import ingest, register
from benchmarks.loop_probe import Sample, samples
from radbridge.contracts.dialects.shanxi_v2_1 import envelope
from radbridge.contracts.dialects.shanxi_v2_1.examples import HOSPITAL_CODE, ExampleExam, report_record

STALL_MS_MAX = 25.0
PAUSE_S = 0.2
WARM_UP = 3
PROBE = (sys.executable, "-m", "benchmarks.loop_probe")
SETTLE_S = 1.0


def reports(count: int, key: bytes, size: int) -> list[bytes]:
    """As many whole requests, each a report of its own with a file of ``size`` bytes."""
    exam = ExampleExam(examined_at=datetime.now(UTC) - timedelta(hours=1))
    label = os.urandom(4).hex()
    found: list[bytes] = []
    for number in range(count):
        pdf = b"%PDF-1.7\n" + os.urandom(size) + b"\n%%EOF\n"
        record = report_record(replace(exam, number=f"E{label}{number}"), number=f"R{label}{number}", pdf=pdf)
        sealed = envelope.seal_envelope(record, hospital_code=HOSPITAL_CODE, key=key, timestamp=int(time.time()))
        headers = (("content-type", "application/json"), ("encryption-type", "SM4"))
        found.append(http_load.post("/report/sync", sealed.to_json(), headers))
    return found


def ask_healthz(port: int, pipe: Connection) -> None:
    """Ask again and again over one connection until told to stop; then tell (moment, milliseconds) of each answer."""
    pipe.send("begun")
    pipe.send(asyncio.run(_ask_healthz(port, pipe)))


async def _ask_healthz(port: int, pipe: Connection) -> list[tuple[float, float]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered: list[tuple[float, float]] = []
    while not pipe.poll():
        began = time.monotonic()
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]))
        answered.append((time.monotonic(), (time.monotonic() - began) * 1000))
        await asyncio.sleep(0.001)
    writer.close()
    return answered


@contextmanager
def idle_loop(file: Path) -> Generator[None]:
    """The peer."""
    running = subprocess.Popen([*PROBE, str(file), "idle"])
    try:
        yield
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait()


def send(port: int, requests: list[bytes]) -> list[tuple[float, float]]:
    """One after the other; answers when each was under way.

    :raises SystemExit: one was refused.
    """
    spans: list[tuple[float, float]] = []
    for request in requests:
        began = time.monotonic()
        load = http_load.run(port, [request], connections=1, good=b'"code":1')
        if load.failures:
            raise SystemExit("a report was refused")
        spans.append((began, time.monotonic()))
        time.sleep(PAUSE_S)
    return spans


def measure(folder: Path, count: int, size: int) -> dict[str, Any]:
    """Push, watched from three sides."""
    inside, outside = folder / "inside", folder / "idle"
    spawn = multiprocessing.get_context("spawn")
    with ingest(folder, f"sqlite+aiosqlite:///{folder}/ingest-api.db", {}, (*PROBE, str(inside))) as port:
        key = register(port)
        send(port, reports(WARM_UP, key, size))
        requests = reports(count, key, size)
        ours, theirs = spawn.Pipe()
        asking = spawn.Process(target=ask_healthz, args=(port, theirs))
        with idle_loop(outside):
            asking.start()
            ours.recv()
            time.sleep(SETTLE_S)
            quiet = (time.monotonic(), time.monotonic() + SETTLE_S)
            time.sleep(SETTLE_S)
            spans = send(port, requests)
            ours.send("stop")
            answered: list[tuple[float, float]] = ours.recv()
            asking.join()
        seen, idle = list(samples(inside)), list(samples(outside))
    return {
        "megabytes": size / 2**20,
        "reports": count,
        "push_ms": statistics.median((end - began) * 1000 for began, end in spans),
        "stall_ms": _worst(seen, spans, own=True),
        "stall_ms_max": STALL_MS_MAX,
        "late_ms": _worst(seen, spans),
        "quiet_loop_ms": _worst(seen, [quiet]),
        "idle_process_ms": _worst(idle, spans),
        "healthz_ms": _spread([max((ms for at, ms in answered if b <= at <= e), default=0.0) for b, e in spans]),
        "healthz_quiet_ms": _spread([ms for at, ms in answered if quiet[0] <= at <= quiet[1]]),
    }


def _worst(seen: list[Sample], spans: list[tuple[float, float]], *, own: bool = False) -> dict[str, float]:
    """Of the worst moment of each span."""
    return _spread(
        [
            max((s.own_ms if own else s.late_ms for s in seen if began <= s.at <= end + 0.05), default=0.0)
            for began, end in spans
        ]
    )


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "max": max(values)}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=int, default=20)
    parser.add_argument("--megabytes", type=float, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="radbridge-stall-") as name:
        found = measure(Path(name), arguments.reports, int(arguments.megabytes * 2**20))
    if arguments.json:
        print(json.dumps(found))
        return

    def shown(name: str) -> str:
        return f"{found[name]['median']:.1f} ms (worst {found[name]['max']:.1f})"

    print(
        f"a report of {arguments.megabytes:g} MB holds the loop for {shown('stall_ms')}, at most {STALL_MS_MAX:g}; "
        f"{arguments.reports} reports, {found['push_ms']:.0f} ms each\n"
        f"  with all waits {shown('late_ms')}; the same loop without work {shown('quiet_loop_ms')}; "
        f"an idle process meanwhile {shown('idle_process_ms')}\n"
        f"  /healthz meanwhile {shown('healthz_ms')}, without work {shown('healthz_quiet_ms')}"
    )


if __name__ == "__main__":
    main()
