"""What the embedded log promises beyond the protocol."""

import asyncio
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radbridge.contracts.topics import Retention, Topic, dead_letter_topic
from radbridge.runtime.bus.embedded.balance import balance
from radbridge.runtime.bus.embedded.cleaner import COMPACT_AFTER_MS, DAY_MS
from radbridge.runtime.bus.embedded.log import EmbeddedLog
from radbridge.runtime.bus.embedded.subscription import group_bell
from radbridge.runtime.bus.open import open_log
from radbridge.runtime.bus.protocol import BusError, BusUnavailable
from tests.support.bus import message

TOPIC = Topic("t", "key", (), (), ("g",), 4)


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EmbeddedLog]:
    log = EmbeddedLog(tmp_path / "events.db")
    await log.ensure_topics([TOPIC])
    yield log
    await log.close()


@pytest.mark.parametrize("event_id", [str(uuid.uuid4()), "not a uuid"])
async def test_a_known_event_keeps_its_place_and_is_not_written_again(
    log: EmbeddedLog, tmp_path: Path, event_id: str
) -> None:
    [place] = await log.append([message("t", "k", "once", event_id)])
    again = message("t", "k", "again", event_id)
    assert await log.append([again]) == [place]
    fresh = message("t", "k", "other", f"{event_id}2")
    [first, known, repeated] = await log.append([fresh, again, fresh])
    assert (known, repeated) == (place, first)
    second = EmbeddedLog(tmp_path / "events.db")
    assert await second.append([again]) == [place]
    assert [record.value for record in await second.read("t")] == [b"once", b"other"]
    await second.close()


async def test_an_event_is_known_per_topic(log: EmbeddedLog) -> None:
    await log.ensure_topics([Topic("u", "key", (), (), ())])
    await log.append([message("t", "k", "x", "id"), message("u", "k", "y", "id")])
    assert [record.value for record in await log.read("u")] == [b"y"]


async def test_an_event_may_die_twice(log: EmbeddedLog) -> None:
    dead = dead_letter_topic("t", "g")
    await log.append([message(dead, "k", "x", "id")])
    await log.append([message(dead, "k", "x", "id")])
    assert len(await log.read(dead)) == 2


async def test_one_refused_append_does_not_disturb_those_written_with_it(log: EmbeddedLog) -> None:
    results = await asyncio.gather(
        log.append([message("t", "k", "1")]),
        log.append([message("t", "k", "2"), message("unknown", "k", "no")]),
        log.append([message("t", "k", "x" * (1 << 21))]),
        log.append([message("t", "k", "3")]),
        return_exceptions=True,
    )
    assert [isinstance(result, BusError) for result in results] == [False, True, True, False]
    assert [record.value for record in await log.read("t")] == [b"1", b"3"]


async def test_waiting_appends_share_a_commit(log: EmbeddedLog, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "events.db")) as watcher:
        before = watcher.execute("PRAGMA data_version").fetchone()
        await asyncio.gather(*(log.append([message("t", str(n), str(n))]) for n in range(200)))
        assert watcher.execute("PRAGMA data_version").fetchone() != before
        timestamps = watcher.execute("SELECT count(DISTINCT timestamp_ms) FROM record").fetchone()[0]
    assert len(await log.read("t")) == 200
    assert timestamps <= 3


async def test_a_cancelled_append_hinders_nobody(log: EmbeddedLog) -> None:
    cancelled = asyncio.create_task(log.append([message("t", "k", "1")]))
    others = [asyncio.create_task(log.append([message("t", "k", str(n))])) for n in (2, 3)]
    await asyncio.sleep(0)
    cancelled.cancel()
    assert len(await asyncio.gather(*others)) == 2


async def test_after_closing_nothing_is_accepted(log: EmbeddedLog) -> None:
    await log.close()
    with pytest.raises(BusUnavailable):
        await log.append([message("t", "k", "v")])


async def test_offsets_go_on_after_everything_was_removed(tmp_path: Path) -> None:
    now = 1_000_000_000_000
    log = EmbeddedLog(tmp_path / "events.db", now_ms=lambda: now)
    await log.ensure_topics([Topic("day", "key", (), (), (), 1, Retention.DAY)])
    [(_, first)] = await log.append([message("day", "k", "old")])
    now += DAY_MS + 1
    assert await log.clean() == 1
    [(_, second)] = await log.append([message("day", "k", "new")])
    assert second > first
    assert [record.value for record in await log.read("day")] == [b"new"]
    subscription = await log.subscribe("g", ["day"])
    assert [record.offset for record in await subscription.poll(timeout=60)] == [second]
    await log.close()


async def test_a_member_gets_past_the_gap_that_retention_left(tmp_path: Path) -> None:
    now = 1_000_000_000_000
    log = EmbeddedLog(tmp_path / "events.db", now_ms=lambda: now)
    await log.ensure_topics([Topic("day", "key", (), (), (), 1, Retention.DAY)])
    await log.append([message("day", "k", str(n)) for n in range(1200)])
    now += DAY_MS + 1
    assert await log.clean() == 1200
    subscription = await log.subscribe("g", ["day"])
    assert await subscription.poll(timeout=0.3) == []
    await log.append([message("day", "k", "new")])
    assert [record.value for record in await subscription.poll(timeout=60)] == [b"new"]
    await log.close()


async def test_compaction_keeps_the_newest_of_each_key_and_what_is_young(tmp_path: Path) -> None:
    now = 1_000_000_000_000
    log = EmbeddedLog(tmp_path / "events.db", now_ms=lambda: now)
    await log.ensure_topics([Topic("c", "key", (), (), (), 2, Retention.COMPACT), TOPIC])
    await log.append([message(topic, f"k{n % 3}", str(n)) for topic in ("c", "t") for n in range(700 * 3)])
    assert await log.clean() == 0
    now += COMPACT_AFTER_MS + 1
    await log.append([message("c", "k0", "young"), message("c", "k0", "younger")])
    assert await log.clean() == 700 * 3 - 2
    kept = sorted((record.key, record.value.decode()) for record in await log.read("c"))
    assert kept == [("k0", "young"), ("k0", "younger"), ("k1", "2098"), ("k2", "2099")]
    assert len(await log.read("t", limit=5000)) == 700 * 3
    await log.close()


async def test_a_file_of_a_newer_release_is_refused(log: EmbeddedLog, tmp_path: Path) -> None:
    await log.close()
    with closing(sqlite3.connect(tmp_path / "events.db")) as other:
        other.execute("PRAGMA user_version=99")
    newer = EmbeddedLog(tmp_path / "events.db")
    with pytest.raises(BusError, match="format 99"):
        await newer.append([message("t", "k", "v")])
    await newer.close()


async def test_many_consumers_of_one_process_join_at_once(log: EmbeddedLog) -> None:
    subscriptions = await asyncio.gather(*(log.subscribe(f"g{n}", ["t"]) for n in range(10)))
    await log.append([message("t", "k", "v")])
    polled = await asyncio.gather(*(subscription.poll(timeout=60) for subscription in subscriptions))
    assert [len(records) for records in polled] == [1] * 10


async def test_a_member_leaves_though_its_group_changes_in_that_moment(log: EmbeddedLog) -> None:
    subscription = await log.subscribe("g", ["t"])
    await asyncio.sleep(0.2)
    log.bells.ring([group_bell("g")])
    async with asyncio.timeout(60):
        await subscription.close()


async def test_growing_a_topic_gives_its_new_partitions_to_the_members(log: EmbeddedLog) -> None:
    subscription = await log.subscribe("g", ["t"])
    await log.ensure_topics([Topic("t", "key", (), (), ("g",), 16)])
    await log.append([message("t", f"k{n}", str(n)) for n in range(100)])
    found: set[bytes] = set()
    async with asyncio.timeout(60):
        while len(found) < 100:
            found |= {record.value for record in await subscription.poll(timeout=0.2)}


@pytest.mark.parametrize(
    "url", ["sqlite:///", "sqlite://host/events.db", "postgresql://x/y", "kafka:///x", "kafka://host", "events.db"]
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        open_log(url)


MEMBERS = st.dictionaries(
    st.sampled_from("abcdef"), st.frozensets(st.sampled_from(["exam", "report", "images"]), min_size=1), max_size=6
)
PARTITIONS = st.fixed_dictionaries({name: st.integers(1, 13).map(range) for name in ("exam", "report", "images")})


@given(PARTITIONS, MEMBERS, MEMBERS)
def test_balance_is_even_complete_and_keeps_what_it_can(
    partitions: Mapping[str, range],
    before: Mapping[str, frozenset[str]],
    members: Mapping[str, frozenset[str]],
) -> None:
    current = balance(partitions, before, {})
    shares = balance(partitions, members, current)
    for topic, numbers in partitions.items():
        readers = [member for member, topics in members.items() if topic in topics]
        owners = [shares.get((topic, number)) for number in numbers]
        if not readers:
            assert owners == [None] * len(numbers)
            continue
        counts = [owners.count(member) for member in readers]
        assert sum(counts) == len(numbers)
        assert max(counts) - min(counts) <= 1
        for member in readers:
            had = {number for number in numbers if current.get((topic, number)) == member}
            has = {number for number in numbers if shares[topic, number] == member}
            assert len(had & has) == min(len(had), len(has))
    assert balance(partitions, members, shares) == shares


def test_the_embedded_log_and_the_consumer_load_no_kafka_client() -> None:
    program = (
        "import sys; from radbridge.runtime.bus.open import open_log; import radbridge.runtime.consumer;"
        " open_log('sqlite:///x.db'); assert not [name for name in sys.modules if name.startswith('aiokafka')]"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
