"""How long a partition waits for another consumer when its own is killed, or told to stop, on a real Kafka broker.

Two processes share a group; a message goes to every partition each 20 ms. One process is killed (SIGKILL) or told to
stop (SIGTERM): the gap is the longest that one of its partitions waited until the other process handled it. The peer of
both is a message that is handled while nobody stops.

    uv run python -m benchmarks.replacement [--rounds 20] [--json]
"""

import argparse
import asyncio
import json
import signal
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from radbridge.contracts.topics import Topic
from radbridge.runtime.bus.open import open_log
from radbridge.runtime.bus.protocol import EventLog, Message
from tests.servers.kafka import KafkaBroker

BOUNDS_S = {signal.SIGKILL: 9.0, signal.SIGTERM: 2.5}
PARTITIONS = 6
PAUSE_S = 0.02
SETTLED_S = 2.0
LONGEST_S = 60.0
GROUP, TOPIC = "replacement", "replacement"


@dataclass(eq=False)
class Member:
    """A process of the group, and when it last handled a message of each partition."""

    process: asyncio.subprocess.Process
    handled: dict[int, float] = field(default_factory=dict[int, float])
    delays_ms: list[float] = field(default_factory=list[float])

    async def listen(self) -> None:
        """Take down what it tells: partition, and when the message was made."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            partition, made = line.split()
            self.handled[int(partition)] = time.time()
            self.delays_ms.append((time.time() - float(made)) * 1000)

    def partitions(self) -> set[int]:
        """Those that it handles now."""
        return {partition for partition, at in self.handled.items() if time.time() - at < SETTLED_S / 4}


async def be_member(url: str) -> None:
    """Handle messages until told to stop, as a service's consumer does: poll, work, commit, leave."""
    log = open_log(url)
    subscription = await log.subscribe(GROUP, [TOPIC])
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    while not stop.is_set():
        records = await subscription.poll(timeout=0.1)
        for record in records:
            print(record.partition, record.value.decode(), flush=True)
        if records:
            await subscription.commit({record.home: record.offset + 1 for record in records})
    await subscription.close()
    await log.close()


@asynccontextmanager
async def member(url: str) -> AsyncIterator[Member]:
    """A new process of the group."""
    command = (sys.executable, "-m", "benchmarks.replacement", "--member", url)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    made = Member(process)
    listening = asyncio.create_task(made.listen())
    try:
        yield made
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await listening


async def until_shared(first: Member, second: Member) -> None:
    """Return when both handle some, together all, and that has lasted."""
    since = time.monotonic()
    deadline = since + LONGEST_S
    while time.monotonic() - since < SETTLED_S:
        mine, yours = first.partitions(), second.partitions()
        if not (mine and yours and not mine & yours and len(mine | yours) == PARTITIONS):
            since = time.monotonic()
        if time.monotonic() > deadline:
            raise SystemExit("the group does not settle")
        await asyncio.sleep(PAUSE_S)


async def produce(log: EventLog, keys: list[str]) -> None:
    """A message to every partition, again and again."""
    while True:
        await log.append([Message(TOPIC, key, str(time.time()).encode()) for key in keys])
        await asyncio.sleep(PAUSE_S)


async def keys_of_partitions(log: EventLog) -> list[str]:
    """A key of each partition."""
    keys = [f"key{number}" for number in range(20 * PARTITIONS)]
    places = await log.append([Message(TOPIC, key, str(time.time()).encode()) for key in keys])
    return list({partition: key for key, (partition, _) in zip(keys, places, strict=True)}.values())


async def gap(url: str, survivor: Member, number: signal.Signals) -> float:
    """Seconds until the survivor handles all that the other handled, from the signal on."""
    async with member(url) as victim:
        await until_shared(survivor, victim)
        lost = victim.partitions()
        began = time.time()
        victim.process.send_signal(number)
        while not all(survivor.handled.get(partition, 0) > began for partition in lost):
            if time.time() - began > LONGEST_S:
                raise SystemExit(f"partitions {sorted(lost)} are handled by nobody")
            await asyncio.sleep(PAUSE_S / 4)
        return time.time() - began


async def measure(url: str, rounds: int) -> dict[str, object]:
    """Kill and stop in turn."""
    log = open_log(url)
    await log.ensure_topics([Topic(TOPIC, "key", (), (), (), partitions=PARTITIONS)])
    producing = asyncio.create_task(produce(log, await keys_of_partitions(log)))
    gaps: dict[signal.Signals, list[float]] = {number: [] for number in BOUNDS_S}
    async with member(url) as survivor:
        for _ in range(rounds):
            for number, found in gaps.items():
                found.append(await gap(url, survivor, number))
    producing.cancel()
    await asyncio.gather(producing, return_exceptions=True)
    await log.close()
    return {
        "undisturbed_ms": statistics.median(survivor.delays_ms),
        **{
            number.name: {
                "median_s": statistics.median(found),
                "worst_s": max(found),
                "at_most_s": BOUNDS_S[number],
                "within": sum(one <= BOUNDS_S[number] for one in found),
                "rounds": len(found),
            }
            for number, found in gaps.items()
        },
    }


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--member", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.member:
        asyncio.run(be_member(arguments.member))
        return
    broker = KafkaBroker()
    broker.start()
    try:
        found = asyncio.run(measure(broker.url, arguments.rounds))
    finally:
        broker.close()
    if arguments.json:
        print(json.dumps(found))
        return
    print(f"undisturbed, a message is handled after {found.pop('undisturbed_ms'):.1f} ms")
    for name, figures in found.items():
        assert isinstance(figures, dict)
        print(
            f"{name}: replaced after {figures['median_s']:.2f} s, at worst {figures['worst_s']:.2f} s "
            f"(at most {figures['at_most_s']:g}): {figures['within']} of {figures['rounds']}"
        )


if __name__ == "__main__":
    main()
