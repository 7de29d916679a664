"""What telemetry takes of the throughput of exam pushes: ``ingest-api`` with it on, against itself with it off.

On: trace ids, spans to a collector (the default share of traces, one of ten; ``all`` records every one), meters and a
log line for each request. Off: ``OTEL_SDK_DISABLED``, the standard's own switch. Rounds alternate in one run, off twice
in each: what those two differ by is the noise. Beside the wall clock, which neighbours on the machine disturb, stands
the processor time that ``ingest-api`` took for a push; with the processor as the bottleneck the ratios agree.

    uv run python -m benchmarks.telemetry_share [--rounds 5] [--pushes 2000] [--json]
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import http_load
from benchmarks.exam_push import CONNECTIONS, WARM_UP, ingest, process, pushes, register
from tests.servers.process import free_port

SHARE_MAX = 0.20
TICKS = os.sysconf("SC_CLK_TCK")
OFF, AGAIN, ON, ALL = "off", "off again", "on", "all"


@dataclass(slots=True)
class Contender:
    """A running ``ingest-api``, and what was measured on it."""

    port: int
    pid: int
    key: bytes
    per_second: list[float]
    processor_ms: list[float]

    def push(self, count: int, *, keep: bool) -> None:
        """One round.

        :raises SystemExit: a push was refused.
        """
        requests = pushes(count, self.key)
        before = processor_seconds(self.pid)
        load = http_load.run(self.port, requests, connections=CONNECTIONS, good=b'"code":1')
        if load.failures:
            raise SystemExit(f"{load.failures} pushes were refused")
        if keep:
            self.per_second.append(load.requests_per_second)
            self.processor_ms.append((processor_seconds(self.pid) - before) * 1000 / count)


def processor_seconds(pid: int) -> float:
    """User and system time of all threads of a process (proc_pid_stat(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def pid_of(port: int) -> int:
    """The child of this process that was told to serve on the port."""
    for path in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        if str(port) in Path(f"/proc/{path}/cmdline").read_bytes().decode().split("\0"):
            return int(path)
    raise SystemExit(f"nobody serves on port {port}")


def measure(folder: Path, rounds: int, count: int) -> dict[str, Any]:
    """Alternate the contenders."""
    sink = free_port()
    on = {"RADBRIDGE_OTLP_ENDPOINT": f"http://127.0.0.1:{sink}"}
    variables = {
        OFF: {"OTEL_SDK_DISABLED": "true"},
        ON: on,
        ALL: {**on, "RADBRIDGE_TRACE_SAMPLE_RATIO": "1"},
        AGAIN: {"OTEL_SDK_DISABLED": "true"},
    }
    contenders: dict[str, Contender] = {}
    with ExitStack() as running:
        command = [sys.executable, "-m", "benchmarks.otlp_sink", str(sink)]
        running.enter_context(process(command, {}, f"http://127.0.0.1:{sink}/"))
        for name, environment in variables.items():
            place = folder / name.replace(" ", "-")
            place.mkdir()
            port = running.enter_context(ingest(place, f"sqlite+aiosqlite:///{place}/ingest-api.db", environment))
            contenders[name] = Contender(port, pid_of(port), register(port), [], [])
        for number in range(rounds + 1):
            order = list(contenders.values())
            for contender in order if number % 2 else reversed(order):
                contender.push(count if number else WARM_UP, keep=bool(number))
    off = contenders[OFF]
    return {
        "share_max": SHARE_MAX,
        "pushes_per_second": {name: statistics.median(one.per_second) for name, one in contenders.items()},
        "processor_ms": {name: statistics.median(one.processor_ms) for name, one in contenders.items()},
        "throughput": {name: _ratio(contenders[name].per_second, off.per_second) for name in contenders if name != OFF},
        "processor": {
            name: _ratio(off.processor_ms, contenders[name].processor_ms) for name in contenders if name != OFF
        },
    }


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, float]:
    """Of the rounds: their median, and how far they lie apart."""
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pushes", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="radbridge-telemetry-") as name:
        found = measure(Path(name), arguments.rounds, arguments.pushes)
    if arguments.json:
        print(json.dumps(found))
        return
    print(f"pushes with telemetry as a share of those without (at least {1 - SHARE_MAX:.2f}):")
    labels = {ON: "on", ALL: "on, every trace recorded", AGAIN: "off once more (the noise)"}
    for key, label in labels.items():
        wall, cpu = found["throughput"][key], found["processor"][key]
        print(
            f"  {label}: {wall['median']:.2f} by throughput ({wall['min']:.2f}-{wall['max']:.2f}), "
            f"{cpu['median']:.2f} by processor time ({cpu['min']:.2f}-{cpu['max']:.2f}); "
            f"{found['pushes_per_second'][key]:.0f}/s, {found['processor_ms'][key]:.2f} ms a push"
        )
    print(f"  off: {found['pushes_per_second'][OFF]:.0f}/s, {found['processor_ms'][OFF]:.2f} ms a push")


if __name__ == "__main__":
    main()
