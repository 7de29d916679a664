"""The embedded log against one fdatasync per append, in the same run and on the same disk.

Fifty producers append one event each, again and again, and wait until it is durable. The peer appends the same bytes to
a plain file and syncs after each: the most that a log without group commit could reach. Rounds of both alternate, so
that a disk that slows down slows both; the spread over the rounds is the noise of this machine.

    uv run python benchmarks/embedded_log.py [--rounds 7] [--seconds 1.0] [--producers 50] [--json]
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
import uuid
from pathlib import Path

from radbridge.contracts.topics import Topic
from radbridge.runtime.bus.embedded.log import EmbeddedLog
from radbridge.runtime.bus.protocol import Message

REQUIRED_RATIO = 3.0
EVENT_BYTES = 600
TOPIC = Topic("benchmark", "key", (), (), ())


def synced_appends_per_second(folder: Path, seconds: float) -> float:
    """One write and one fdatasync per append."""
    record = b"x" * EVENT_BYTES
    descriptor = os.open(folder / "plain.log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    try:
        count, started = 0, time.perf_counter()
        while time.perf_counter() - started < seconds:
            os.write(descriptor, record)
            os.fdatasync(descriptor)
            count += 1
        return count / (time.perf_counter() - started)
    finally:
        os.close(descriptor)


async def log_appends_per_second(log: EmbeddedLog, seconds: float, producers: int) -> float:
    """Producers that each wait for their append before the next."""
    value = b'{"body":"' + b"x" * (EVENT_BYTES - 11) + b'"}'
    started = time.perf_counter()

    async def produce() -> int:
        count = 0
        while time.perf_counter() - started < seconds:
            event_id = str(uuid.uuid4())
            await log.append([Message(TOPIC.name, event_id, value, (("ce_id", event_id.encode()),))])
            count += 1
        return count

    counts = await asyncio.gather(*(produce() for _ in range(producers)))
    return sum(counts) / (time.perf_counter() - started)


async def measure(folder: Path, rounds: int, seconds: float, producers: int) -> tuple[list[float], list[float]]:
    """Appends per second of the peer and of the log, round by round."""
    log = EmbeddedLog(folder / "events.db")
    await log.ensure_topics([TOPIC])
    await log_appends_per_second(log, 0.2, producers)
    peer: list[float] = []
    ours: list[float] = []
    for _ in range(rounds):
        peer.append(await asyncio.to_thread(synced_appends_per_second, folder, seconds))
        ours.append(await log_appends_per_second(log, seconds, producers))
    await log.close()
    return peer, ours


def noise(figures: list[float]) -> float:
    """Half the range over the median."""
    return (max(figures) - min(figures)) / 2 / statistics.median(figures)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--producers", type=int, default=50)
    parser.add_argument("--folder", type=Path, help="where the files go (default: the system's temporary folder)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        peer, ours = asyncio.run(measure(Path(folder), options.rounds, options.seconds, options.producers))
    ratios = [mine / synced for mine, synced in zip(ours, peer, strict=True)]
    result = {
        "ratio": round(statistics.median(ratios), 2),
        "required": REQUIRED_RATIO,
        "ratio_min": round(min(ratios), 2),
        "ratio_max": round(max(ratios), 2),
        "log_appends_per_s": round(statistics.median(ours)),
        "log_noise": round(noise(ours), 3),
        "fdatasync_appends_per_s": round(statistics.median(peer)),
        "fdatasync_noise": round(noise(peer), 3),
        "producers": options.producers,
    }
    if options.json:
        print(json.dumps(result))
    else:
        print(f"embedded log, {options.producers} waiting producers: {result['log_appends_per_s']} appends/s")
        print(f"one fdatasync per append: {result['fdatasync_appends_per_s']} appends/s")
        print(f"ratio {result['ratio']} ({result['ratio_min']} to {result['ratio_max']}), required {REQUIRED_RATIO}")
        print(f"noise of this machine: log ±{result['log_noise']:.0%}, disk ±{result['fdatasync_noise']:.0%}")
    return 0 if result["ratio"] >= REQUIRED_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
