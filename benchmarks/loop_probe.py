"""Watches an event loop from inside: how late a task wakes, and how much of that the machine is to blame for.

``python -m benchmarks.loop_probe FILE serve ingest-api --port N`` runs ``radbridge`` with a probe on the loop of the
service; ``python -m benchmarks.loop_probe FILE idle`` runs a loop that has nothing else to do. The probe sleeps for a
millisecond again and again and writes (moment, lateness, time that its thread waited for a processor, processor time
of the process) to FILE, as doubles in seconds, the moment on the machine's monotonic clock.
"""

import asyncio
import struct
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

PERIOD_S = 0.001
_SAMPLE = struct.Struct("=dddd")


@dataclass(frozen=True, slots=True)
class Sample:
    """One waking of the probe. Milliseconds, but for ``at``: seconds on the monotonic clock."""

    at: float
    late_ms: float
    waited_ms: float
    """The thread could have run and did not: other processes had the processors."""
    used_ms: float
    """Processor time of all threads of the process."""

    @property
    def own_ms(self) -> float:
        """What the process itself is to blame for: its code on the loop, or its threads on the interpreter, as long as
        they worked. A thread that was sent to sleep with the interpreter in its hands is the machine's doing."""
        return max(0.0, min(self.late_ms - self.waited_ms, self.used_ms))


async def probe(file: BinaryIO) -> None:
    """Watch for ever."""
    schedule = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
    waited, used = _waited(schedule), time.process_time()
    while True:
        began = time.monotonic()
        await asyncio.sleep(PERIOD_S)
        now, waited_before, used_before = time.monotonic(), waited, used
        waited, used = _waited(schedule), time.process_time()
        file.write(_SAMPLE.pack(now, now - began - PERIOD_S, waited - waited_before, used - used_before))


def samples(path: Path) -> Iterator[Sample]:
    """What a probe has written so far."""
    content = path.read_bytes()
    for at, late, waited, used in _SAMPLE.iter_unpack(content[: len(content) // _SAMPLE.size * _SAMPLE.size]):
        yield Sample(at, late * 1000, waited * 1000, used * 1000)


def _waited(schedule: Path) -> float:
    """Seconds that the thread spent on a run queue (proc_pid_schedstat(5))."""
    return int(schedule.read_text().split()[1]) / 1e9


async def _beside(file: BinaryIO, work: Callable[[], Awaitable[None]]) -> None:
    watching = asyncio.create_task(probe(file))
    try:
        await work()
    finally:
        watching.cancel()


def main() -> None:
    """Run what the arguments name, watched."""
    with Path(sys.argv[1]).open("wb", buffering=0) as file:
        if sys.argv[2:] == ["idle"]:
            asyncio.run(probe(file))
            return
        from radbridge.cli.main import app
        from radbridge.runtime.host import single

        run = single._run  # pyright: ignore[reportPrivateUsage]
        single._run = lambda *known: _beside(file, lambda: run(*known))  # pyright: ignore[reportPrivateUsage]
        app(sys.argv[2:])


if __name__ == "__main__":
    main()
