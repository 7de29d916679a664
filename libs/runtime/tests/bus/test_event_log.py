"""What both event logs promise (``radbridge.runtime.bus.protocol``)."""

import asyncio
import contextlib
from collections.abc import Callable

import pytest

from radbridge.contracts.topics import Retention, Topic, dead_letter_topic, replay_topic
from radbridge.runtime.bus.protocol import EventLog, Fenced, Partition, Record, Subscription, TopicShrunk, UnknownTopic
from radbridge.runtime.testing import eventually
from tests.support.bus import Backend, Watcher, collect, message, next_offsets, until


async def values(log: EventLog, topic: str) -> list[str]:
    return [record.value.decode() for record in await log.read(topic)]


async def test_a_record_comes_back_as_it_was_written(backend: Backend, log: EventLog) -> None:
    topic = await backend.topic(log)
    headers = (("ce_id", b"e-1"), ("traceparent", b"00-aa"), ("odd", bytes(range(256))), ("empty", b""))
    written = message(topic.name, "钥匙", '{"a": 1}')
    [(partition, offset)] = await log.append([written.__class__(topic.name, written.key, written.value, headers)])
    subscription = await log.subscribe(f"g-{topic.name}", [topic.name])
    [record] = await collect(subscription, 1)
    assert (record.topic, record.partition, record.offset) == (topic.name, partition, offset)
    assert (record.key, record.value, record.headers) == ("钥匙", b'{"a": 1}', headers)
    assert record.timestamp_ms > 0


async def test_one_key_keeps_its_order_over_many_appends(backend: Backend, log: EventLog) -> None:
    topic = await backend.topic(log)
    for round_ in range(20):
        await log.append([message(topic.name, f"k{key}", f"{key}-{round_}") for key in range(10)])
    subscription = await log.subscribe(f"g-{topic.name}", [topic.name])
    records = await collect(subscription, 200)
    for key in range(10):
        own = [record.value.decode() for record in records if record.key == f"k{key}"]
        assert own == [f"{key}-{round_}" for round_ in range(20)]
    assert len({record.partition for record in records}) > 1
    offsets = [(record.partition, record.offset) for record in records]
    for partition in {number for number, _ in offsets}:
        own_offsets = [offset for number, offset in offsets if number == partition]
        assert own_offsets == sorted(set(own_offsets))


async def test_a_key_lies_in_one_partition(backend: Backend, log: EventLog) -> None:
    topic = await backend.topic(log)
    places = [await log.append([message(topic.name, "same", str(n))]) for n in range(5)]
    assert len({place[0][0] for place in places}) == 1


async def test_unknown_topics_are_refused(log: EventLog) -> None:
    with pytest.raises(UnknownTopic):
        await log.append([message("nobody-made-this", "k", "v")])
    with pytest.raises(UnknownTopic):
        await log.subscribe("g", ["nobody-made-this"])
    with pytest.raises(UnknownTopic):
        await log.read("nobody-made-this")


async def test_a_waiting_member_gets_what_is_appended_later(backend: Backend, log: EventLog) -> None:
    topic = await backend.topic(log)
    subscription = await log.subscribe(f"g-{topic.name}", [topic.name])
    assert await subscription.poll(timeout=0.3) == []
    waiting = asyncio.create_task(collect(subscription, 1))
    await asyncio.sleep(0.3)
    await log.append([message(topic.name, "k", "late")])
    assert [record.value for record in await waiting] == [b"late"]


async def test_what_was_not_committed_comes_again(backend: Backend, log: EventLog) -> None:
    topic = await backend.topic(log, partitions=1)
    await log.append([message(topic.name, "k", str(n)) for n in range(10)])
    first = await log.subscribe(f"g-{topic.name}", [topic.name])
    records = await collect(first, 10)
    await first.commit(next_offsets(records[:4]))
    await first.close()
    second = await log.subscribe(f"g-{topic.name}", [topic.name])
    again = await collect(second, 6)
    assert [record.value.decode() for record in again] == [str(n) for n in range(4, 10)]


async def test_a_commit_never_moves_back(backend: Backend, log: EventLog) -> None:
    topic = await backend.topic(log, partitions=1)
    await log.append([message(topic.name, "k", str(n)) for n in range(10)])
    first = await log.subscribe(f"g-{topic.name}", [topic.name])
    records = await collect(first, 10)
    await first.commit(next_offsets(records[:8]))
    await first.commit(next_offsets(records[:3]))
    await first.close()
    second = await log.subscribe(f"g-{topic.name}", [topic.name])
    assert [record.value for record in await collect(second, 2)] == [b"8", b"9"]
    await second.commit(next_offsets(records[:5]))
    await second.close()
    third = await log.subscribe(f"g-{topic.name}", [topic.name])
    assert [record.value for record in await collect(third, 2)] == [b"8", b"9"]


async def test_groups_read_independently(backend: Backend, log: EventLog) -> None:
    topic = await backend.topic(log)
    await log.append([message(topic.name, f"k{n}", str(n)) for n in range(10)])
    for group in ("one", "two"):
        subscription = await log.subscribe(f"{group}-{topic.name}", [topic.name])
        assert len(await collect(subscription, 10)) == 10


async def test_two_members_share_the_partitions(backend: Backend, log: EventLog) -> None:
    topic = await backend.topic(log, partitions=6)
    watchers = [Watcher(), Watcher()]
    first = await log.subscribe(f"g-{topic.name}", [topic.name], listener=watchers[0])
    await _keep_polling_until(first, lambda: len(watchers[0].held) == 6)
    second = await backend.open().subscribe(f"g-{topic.name}", [topic.name], listener=watchers[1])
    await _keep_polling_until(second, lambda: [len(watcher.held) for watcher in watchers] == [3, 3])
    assert not watchers[0].held & watchers[1].held
    await log.append([message(topic.name, f"k{n}", str(n)) for n in range(100)])
    mine: list[Record] = []
    others: list[Record] = []

    async def take(subscription: Subscription, taken: list[Record]) -> None:
        while len(mine) + len(others) < 100:
            taken += await subscription.poll(timeout=0.2)
        taken += await subscription.poll(timeout=0.5)  # nothing comes twice

    async with asyncio.timeout(60):
        await asyncio.gather(take(first, mine), take(second, others))
    assert {record.home for record in mine} <= watchers[0].held
    assert {record.home for record in others} <= watchers[1].held
    assert sorted(int(record.value) for record in mine + others) == list(range(100))


async def test_a_member_that_leaves_is_replaced(backend: Backend, log: EventLog) -> None:
    topic = await backend.topic(log, partitions=4)
    watchers = [Watcher(), Watcher()]
    first = await log.subscribe(f"g-{topic.name}", [topic.name], listener=watchers[0])
    second = await backend.open().subscribe(f"g-{topic.name}", [topic.name], listener=watchers[1])
    await _keep_polling_until(second, lambda: [len(watcher.held) for watcher in watchers] == [2, 2])
    await first.close()
    await _keep_polling_until(second, lambda: len(watchers[1].held) == 4)
    await log.append([message(topic.name, f"k{n}", str(n)) for n in range(20)])
    assert len(await collect(second, 20)) == 20


async def test_partitions_are_given_up_only_after_the_listener_has_finished(backend: Backend, log: EventLog) -> None:
    topic = await backend.topic(log, partitions=2)
    await log.append([message(topic.name, f"k{n}", str(n)) for n in range(40)])

    class CommitsWhenRevoked(Watcher):
        async def on_revoked(self, partitions: frozenset[Partition]) -> None:
            await asyncio.sleep(0.3)
            given_up = [record for record in seen if record.home in partitions]
            await first.commit(next_offsets(given_up))
            await super().on_revoked(partitions)

    listener = CommitsWhenRevoked()
    first = await log.subscribe(f"g-{topic.name}", [topic.name], listener=listener)
    seen: list[Record] = await collect(first, 40)
    watcher = Watcher()
    second = await backend.open().subscribe(f"g-{topic.name}", [topic.name], listener=watcher)
    await _keep_polling_until(second, lambda: len(watcher.held) == 1 and len(listener.held) == 1)
    assert await second.poll(timeout=0.5) == []


async def test_a_commit_for_a_lost_partition_is_fenced(backend: Backend, log: EventLog) -> None:
    topic = await backend.topic(log, partitions=2)
    await log.append([message(topic.name, f"k{n}", str(n)) for n in range(40)])
    watchers = [Watcher(), Watcher()]
    first = await log.subscribe(f"g-{topic.name}", [topic.name], listener=watchers[0])
    records = await collect(first, 40)
    second = await backend.open().subscribe(f"g-{topic.name}", [topic.name], listener=watchers[1])
    await _keep_polling_until(second, lambda: [len(watcher.held) for watcher in watchers] == [1, 1])
    with pytest.raises(Fenced):
        await first.commit(next_offsets(records))
    [state] = await log.groups([f"g-{topic.name}"])
    assert state.lag[topic.name] == 40


async def test_paused_partitions_wait(backend: Backend, log: EventLog) -> None:
    topic = await backend.topic(log, partitions=2)
    watcher = Watcher()
    subscription = await log.subscribe(f"g-{topic.name}", [topic.name], listener=watcher)
    await _keep_polling_until(subscription, lambda: len(watcher.held) == 2)
    paused = Partition(topic.name, 0)
    subscription.pause([paused])
    await log.append([message(topic.name, f"k{n}", str(n)) for n in range(40)])
    elsewhere = [record for record in await log.read(topic.name) if record.home != paused]
    assert 0 < len(elsewhere) < 40
    assert {record.home for record in await collect(subscription, len(elsewhere))} == {Partition(topic.name, 1)}
    assert await subscription.poll(timeout=0.3) == []
    subscription.resume([paused])
    assert {record.home for record in await collect(subscription, 40 - len(elsewhere))} == {paused}


async def test_pausing_loses_nothing_that_was_fetched_ahead(backend: Backend, log: EventLog) -> None:
    topic = await backend.topic(log, partitions=1)
    await log.append([message(topic.name, "k", str(n)) for n in range(20)])
    subscription = await log.subscribe(f"g-{topic.name}", [topic.name])
    home = Partition(topic.name, 0)
    seen: list[Record] = []
    async with asyncio.timeout(60):
        while len(seen) < 20:
            seen += await subscription.poll(max_records=3, timeout=0.2)
            subscription.pause([home])
            if seen:
                assert await subscription.poll(timeout=0.05) == []
            subscription.resume([home])
    assert [int(record.value) for record in seen] == list(range(20))


async def test_a_member_that_comes_and_goes_leaves_at_once(backend: Backend, log: EventLog) -> None:
    topic = await backend.topic(log, partitions=4)
    watcher = Watcher()
    subscription = await log.subscribe(f"g-{topic.name}", [topic.name], listener=watcher)
    await _keep_polling_until(subscription, lambda: len(watcher.held) == 4)
    for _ in range(3):
        guest = await backend.open().subscribe(f"g-{topic.name}", [topic.name])
        await _keep_polling_until(subscription, lambda: len(watcher.held) == 2)
        await guest.close()
        await _keep_polling_until(subscription, lambda: len(watcher.held) == 4)


async def test_poll_keeps_to_its_limit(backend: Backend, log: EventLog) -> None:
    topic = await backend.topic(log, partitions=3)
    await log.append([message(topic.name, f"k{n}", str(n)) for n in range(50)])
    subscription = await log.subscribe(f"g-{topic.name}", [topic.name])
    seen: list[Record] = []
    async with asyncio.timeout(60):
        while len(seen) < 50:
            records = await subscription.poll(max_records=7, timeout=0.2)
            assert len(records) <= 7
            seen += records
    assert sorted(int(record.value) for record in seen) == list(range(50))


async def test_follow_gives_everything_and_says_where_the_end_is(backend: Backend, log: EventLog) -> None:
    topic = await backend.topic(log)
    await log.append([message(topic.name, f"k{n}", str(n)) for n in range(10)])
    async with asyncio.timeout(60), contextlib.aclosing(log.follow(topic.name)) as records:  # type: ignore[type-var]
        before: list[str] = []
        async for record in records:
            if record is None:
                break
            before.append(record.value.decode())
        assert sorted(before, key=int) == [str(n) for n in range(10)]
        await log.append([message(topic.name, "k3", "later")])
        async for record in records:
            if record is not None:
                assert record.value == b"later"
                break


async def test_follow_from_the_end_leaves_out_what_was_there(backend: Backend, log: EventLog) -> None:
    topic = await backend.topic(log)
    await log.append([message(topic.name, "k", "old")])
    async with asyncio.timeout(60), contextlib.aclosing(log.follow(topic.name, from_beginning=False)) as records:  # type: ignore[type-var]
        assert await anext(records) is None
        await log.append([message(topic.name, "k", "new")])
        async for record in records:
            if record is not None:
                assert record.value == b"new"
                break


async def test_follow_of_an_empty_topic_is_at_its_end(backend: Backend, log: EventLog) -> None:
    topic = await backend.topic(log)
    async with asyncio.timeout(60), contextlib.aclosing(log.follow(topic.name)) as records:  # type: ignore[type-var]
        assert await anext(records) is None


async def test_read_goes_on_after_the_given_offsets(backend: Backend, log: EventLog) -> None:
    topic = await backend.topic(log, partitions=2)
    await log.append([message(topic.name, f"k{n}", str(n)) for n in range(30)])
    seen: list[Record] = []
    after: dict[int, int] = {}
    while page := await log.read(topic.name, after=after, limit=8):
        assert len(page) <= 8
        seen += page
        after.update({record.partition: record.offset for record in page})
    assert sorted(int(record.value) for record in seen) == list(range(30))
    assert [(record.partition, record.offset) for record in seen] == sorted(
        (record.partition, record.offset) for record in seen
    )


async def test_ensure_topics_creates_each_once_with_those_of_its_consumers(backend: Backend, log: EventLog) -> None:
    name = f"{(await backend.topic(log)).name}-more"
    topic = Topic(name, "key", (), (), ("mpi", "portal"), 3)
    made = await log.ensure_topics([topic])
    assert set(made) == {name} | {
        of(name, group) for group in ("mpi", "portal") for of in (dead_letter_topic, replay_topic)
    }
    assert await log.ensure_topics([topic]) == []
    assert set(made) <= set(await log.topics())


@pytest.mark.parametrize(
    ("partitions", "retention"), [(3, Retention.FOREVER), (4, Retention.DAY), (4, Retention.COMPACT)]
)
async def test_ensure_topics_refuses_to_shrink(
    backend: Backend, log: EventLog, partitions: int, retention: Retention
) -> None:
    topic = await backend.topic(log, partitions=4)
    other = f"{topic.name}-new"
    with pytest.raises(TopicShrunk, match=topic.name):
        await log.ensure_topics(
            [Topic(other, "key", (), (), ()), Topic(topic.name, "key", (), (), (), partitions, retention)]
        )
    assert other not in await log.topics()


async def test_ensure_topics_enlarges(backend: Backend, log: EventLog) -> None:
    topic = await backend.topic(log, partitions=2, retention=Retention.DAY)
    await log.ensure_topics([Topic(topic.name, "key", (), (), (), 4, Retention.FOREVER)])
    with pytest.raises(TopicShrunk):
        await log.ensure_topics([Topic(topic.name, "key", (), (), (), 2, Retention.FOREVER)])
    with pytest.raises(TopicShrunk):
        await log.ensure_topics([Topic(topic.name, "key", (), (), (), 4, Retention.DAY)])


async def test_groups_tell_members_and_lag(backend: Backend, log: EventLog) -> None:
    topic = await backend.topic(log, partitions=2)
    group = f"g-{topic.name}"
    await log.append([message(topic.name, f"k{n}", str(n)) for n in range(10)])
    subscription = await log.subscribe(group, [topic.name])
    records = await collect(subscription, 10)
    first = [record for record in records if record.home == records[0].home]
    await subscription.commit(next_offsets(first))
    [state] = await log.groups([group])
    assert len(state.members) == 1
    assert state.lag == {topic.name: 10 - len(first)}
    await subscription.close()
    [state] = await log.groups([group, "of nobody"])
    assert state.members == ()
    assert state.lag == {topic.name: 10 - len(first)}


async def test_of_many_groups_only_those_asked_for_are_told(backend: Backend, log: EventLog) -> None:
    topic = await backend.topic(log)
    names = [f"{number}-{topic.name}" for number in range(3)]
    for name in names:
        await (await log.subscribe(name, [topic.name])).poll(timeout=0.1)

    async def told(*asked: str) -> bool:
        return [state.group for state in await log.groups(asked)] == sorted(asked)

    await eventually(lambda: told(*names))
    assert await told(names[1])
    assert {state.group for state in await log.groups()} >= set(names)
    assert await log.groups([]) == []


async def test_ping_answers(log: EventLog) -> None:
    await log.ping()


async def test_closing_twice_is_harmless(backend: Backend, log: EventLog) -> None:
    topic = await backend.topic(log)
    subscription = await log.subscribe(f"g-{topic.name}", [topic.name])
    await subscription.close()
    await subscription.close()
    await log.close()
    await log.close()


async def _keep_polling_until(subscription: Subscription, condition: Callable[[], bool]) -> None:
    polling = asyncio.create_task(_poll_for_ever(subscription))
    try:
        await until(condition)
    finally:
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)


async def _poll_for_ever(subscription: Subscription) -> None:
    while True:
        await subscription.poll(timeout=0.2)
