"""Processes are killed and stopped, brokers and disks go away: nothing acknowledged is lost."""

import asyncio
import contextlib
import random
import signal
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from radbridge.contracts.topics import Topic
from radbridge.runtime.bus.embedded.log import EmbeddedLog
from radbridge.runtime.bus.protocol import BusError, BusUnavailable, EventLog, Record, Subscription
from tests.servers.kafka import KafkaBroker
from tests.support.bus import Backend, Watcher, collect, message, until
from tests.support.child import child
from tests.support.small_disk import disk_of_one_megabyte

pytestmark = pytest.mark.faults

T = TypeVar("T")

APPENDING = Path(__file__).with_name("appending_process.py")
MEMBER = Path(__file__).with_name("member_process.py")


async def everything(log: EventLog, topic: str) -> list[Record]:
    found: list[Record] = []
    after: dict[int, int] = {}
    while page := await log.read(topic, after=after):
        found += page
        after.update({record.partition: record.offset for record in page})
    return found


async def test_no_acknowledged_append_of_a_killed_process_is_lost_or_repeated(embedded: Backend) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    log = embedded.open()
    topic = await embedded.topic(log)
    acknowledged: list[str] = []
    for _ in range(4):
        async with child(APPENDING, embedded.url, topic.name) as process:
            for _ in range(dice.randrange(1, 800)):
                await process.next_line()
            acknowledged += await process.kill()
    records = await everything(log, topic.name)
    found = [f"{record.value.decode()} {record.partition} {record.offset}" for record in records]
    assert set(acknowledged) <= set(found)
    events = [record.value for record in records]
    assert len(events) == len(set(events))
    for task in range(20):
        numbers = [int(record.value.split()[1]) for record in records if record.key == str(task)]
        assert numbers == sorted(numbers)


async def test_a_killed_member_is_replaced(backend: Backend, log: EventLog) -> None:
    topic = await backend.topic(log, partitions=4)
    group = f"g-{topic.name}"
    async with child(MEMBER, backend.url, group, topic.name) as process:
        await process.until_line("holds 4")
        watcher = Watcher()
        subscription = await log.subscribe(group, [topic.name], listener=watcher)
        async with polling(subscription):
            await until(lambda: len(watcher.held) == 2)
            await process.until_line("holds 2")
        await process.kill()
        await log.append([message(topic.name, f"k{n}", str(n)) for n in range(40)])
        seen: set[int] = set()
        async with asyncio.timeout(60):
            while len(seen) < 40:  # what was not committed before the rebalance comes again
                seen |= {int(record.value) for record in await subscription.poll(timeout=0.5)}
    assert seen == set(range(40))
    assert len(watcher.held) == 4


async def test_a_member_killed_with_its_whole_suite_does_not_keep_the_next_one_waiting(tmp_path: Path) -> None:
    log = EmbeddedLog(tmp_path / "events.db", session_s=3600)
    await log.ensure_topics([Topic("t", "key", (), (), (), 4)])
    async with child(MEMBER, f"sqlite:///{tmp_path}/events.db", "g", "t") as process:
        await process.until_line("holds 4")
        await process.kill()
    watcher = Watcher()
    await log.subscribe("g", ["t"], listener=watcher)
    await until(lambda: len(watcher.held) == 4)
    await log.close()


async def test_a_member_that_does_nothing_is_replaced_and_comes_back(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/events.db"
    log = EmbeddedLog(tmp_path / "events.db", session_s=3)
    await log.ensure_topics([Topic("t", "key", (), (), (), 4)])
    async with child(MEMBER, url, "g", "t") as process:
        await process.until_line("holds 4")
        watcher = Watcher()
        subscription = await log.subscribe("g", ["t"], listener=watcher)
        await until(lambda: len(watcher.held) == 2)
        process.signal(signal.SIGSTOP)
        await until(lambda: len(watcher.held) == 4)
        await log.append([message("t", f"k{n}", str(n)) for n in range(40)])
        assert len(await collect(subscription, 40)) == 40
        process.signal(signal.SIGCONT)
        await process.until_line("holds 0")
        await process.until_line("holds 2")
        await until(lambda: len(watcher.held) == 2)
    await log.close()


async def test_another_process_is_heard_while_waiting(embedded: Backend) -> None:
    log = embedded.open()
    topic = await embedded.topic(log)
    subscription = await log.subscribe("g", [topic.name])
    assert await subscription.poll(timeout=0.2) == []
    async with child(APPENDING, embedded.url, topic.name):
        assert await subscription.poll(timeout=60)


async def test_a_full_disk_refuses_and_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    with disk_of_one_megabyte(tmp_path / "disk") as disk:
        log = EmbeddedLog(disk / "events.db")
        await log.ensure_topics([Topic("t", "key", (), (), ())])
        acknowledged: list[str] = []
        while len(acknowledged) < 1000:
            try:
                await log.append([message("t", str(len(acknowledged)), "x" * 3000)])
                acknowledged.append(str(len(acknowledged)))
            except BusUnavailable:
                break
        assert 0 < len(acknowledged) < 1000
        assert {record.key for record in await everything(log, "t")} == set(acknowledged)
        with pytest.raises(BusUnavailable):
            await log.append([message("t", "k", "x" * 500_000), message("t", "k", "small")])
        assert len(await everything(log, "t")) == len(acknowledged)
        await log.close()


async def test_a_file_that_another_program_keeps_locked_refuses_and_serves_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("radbridge.runtime.database.sqlite_session.BUSY_TIMEOUT_S", 0.2)
    log = EmbeddedLog(tmp_path / "events.db")
    await log.ensure_topics([Topic("t", "key", (), (), ())])
    with contextlib.closing(sqlite3.connect(tmp_path / "events.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BusUnavailable):
            await log.append([message("t", "k", "refused")])
        other.execute("ROLLBACK")
    await log.append([message("t", "k", "taken")])
    assert [record.value for record in await log.read("t")] == [b"taken"]
    await log.close()


async def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    log = EmbeddedLog(tmp_path / "file" / "events.db")
    with pytest.raises(BusUnavailable):
        await log.ping()
    await log.close()


async def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "events.db").write_bytes(b"something else entirely " * 100)
    log = EmbeddedLog(tmp_path / "events.db")
    with pytest.raises(BusError):
        await log.ping()
    await log.close()


@pytest.mark.real
async def test_no_acknowledged_append_is_lost_though_the_broker_is_killed(own_kafka: KafkaBroker) -> None:
    backend = Backend("kafka", own_kafka.url)
    log = backend.open()
    topic = await backend.topic(log)
    subscription = await log.subscribe("g", [topic.name])
    seen: list[Record] = []
    async with child(APPENDING, f"{own_kafka.url}?timeout_ms=3000", topic.name) as process:
        for _ in range(2):
            for _ in range(1500):
                await process.next_line()
            seen += await subscription.poll(timeout=0.5)
            await asyncio.to_thread(own_kafka.kill)
            await asyncio.to_thread(own_kafka.start)
        for _ in range(500):
            await process.next_line()
        acknowledged = {line.rsplit(" ", 2)[0] for line in await process.kill()}
    async with asyncio.timeout(60):
        while acknowledged - {record.value.decode() for record in seen}:
            seen += await subscription.poll(timeout=0.5)
    records = await everything(log, topic.name)
    assert acknowledged <= {record.value.decode() for record in records}
    for task in range(20):
        own = dict.fromkeys(int(record.value.split()[1]) for record in records if record.key == str(task))
        assert list(own) == sorted(own)
    await backend.close()


@pytest.mark.real
async def test_a_broker_that_is_away_is_unavailable_and_waited_for(own_kafka: KafkaBroker) -> None:
    patient = Backend("kafka", own_kafka.url)
    topic = await patient.topic(patient.open())
    await patient.opened[0].append([message(topic.name, "k", "before")])
    await patient.close()
    backend = Backend("kafka", f"{own_kafka.url}?timeout_ms=1500")
    log = backend.open()
    subscription = await answered(lambda: log.subscribe("g", [topic.name]))
    assert [record.value for record in await collect(subscription, 1)] == [b"before"]
    followed: list[bytes] = []
    following = asyncio.create_task(_follow(log, topic.name, followed))
    await until(lambda: followed == [b"before"])
    await asyncio.to_thread(own_kafka.stop)
    with pytest.raises(BusUnavailable):
        await log.ping()
    with pytest.raises(BusUnavailable):
        await log.append([message(topic.name, "k", "during")])
    with pytest.raises(BusUnavailable):
        await backend.open().subscribe("g", [topic.name])
    assert await subscription.poll(timeout=0.5) == []
    await asyncio.to_thread(own_kafka.start)
    await answered(lambda: log.append([message(topic.name, "k", "after")]))
    later: list[bytes] = []
    async with asyncio.timeout(60):
        while b"after" not in later:
            later += [record.value for record in await answered(lambda: subscription.poll(timeout=0.5))]
    await until(lambda: b"after" in followed)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await backend.close()


async def answered(call: Callable[[], Awaitable[T]]) -> T:
    """What it answers, called again while the log is away: a short limit strikes a slow machine, too."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(BusUnavailable):
                return await call()


async def _follow(log: EventLog, topic: str, found: list[bytes]) -> None:
    async for record in log.follow(topic):
        if record is not None:
            found.append(record.value)


@contextlib.asynccontextmanager
async def polling(subscription: Subscription) -> AsyncIterator[None]:
    """Kafka's members join while they are polled."""

    async def poll() -> None:
        while True:
            await subscription.poll(timeout=0.2)

    task = asyncio.create_task(poll())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
