"""The inbox by itself: what enters, what is known, what is forgotten."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from radbridge.contracts.envelope import Event
from radbridge.runtime.consumer.inbox import KEEP, Inbox
from radbridge.runtime.consumer.spec import Order
from tests.support.consuming import Desk

NOW = datetime(2026, 5, 1, tzinfo=UTC)


class Memory:
    """An inbox on the desk's database, with a clock to be set."""

    def __init__(self, desk: Desk, group: str = "g") -> None:
        self.now = NOW
        self.database = desk.database
        self.inbox = Inbox(group, lambda: self.now)

    async def enter(self, event: Event, order: Order) -> bool:
        known = await self.database.read(lambda tx: self.inbox.knows(tx, event, order))
        entered = await self.database.write(lambda tx: self.inbox.enter(tx, event, order))
        assert known is not entered
        return entered


def event(number: int, version: int, *, source: str = "/a", subject: str = "s", time: datetime = NOW) -> Event:
    return Event(f"id-{number}", source, "t", subject, time, version, b"")


async def test_newest_takes_rising_versions_of_each_source_and_subject(desk: Desk) -> None:
    memory = Memory(desk)
    entered = [await memory.enter(event(n, version), "newest") for n, version in enumerate((1, 1, 3, 2, 3, 4))]
    assert entered == [True, False, True, False, False, True]
    assert await memory.enter(event(10, 1, source="/b"), "newest")
    assert await memory.enter(event(11, 1, subject="other"), "newest")
    assert await Memory(desk, "another group").enter(event(12, 1), "newest")


async def test_every_takes_each_id_once(desk: Desk) -> None:
    memory = Memory(desk)
    entered = [
        await memory.enter(event(n, version), "every") for n, version in ((1, 5), (1, 5), (2, 3), (3, 4), (2, 3))
    ]
    assert entered == [True, False, True, True, False]
    assert await Memory(desk, "another group").enter(event(1, 5), "every")


async def test_of_what_is_forgotten_the_version_decides(desk: Desk) -> None:
    memory = Memory(desk)
    assert await memory.enter(event(1, 1), "every")
    assert await memory.enter(event(3, 3), "every")
    assert await memory.inbox.forget_old(desk.database) == 0
    memory.now = NOW + KEEP + timedelta(hours=1)
    assert await memory.enter(event(9, 1, subject="young"), "every")
    assert await memory.inbox.forget_old(desk.database) == 2
    assert not await memory.enter(event(1, 1), "every")
    assert not await memory.enter(event(2, 2), "every")
    assert await memory.enter(event(4, 4), "every")
    assert not await memory.enter(event(9, 1, subject="young"), "every")


@pytest.mark.parametrize("order", ["newest", "every"])
async def test_of_two_at_once_one_enters(desk: Desk, order: Order) -> None:
    memory = Memory(desk)
    repeats = [desk.database.write(lambda tx: memory.inbox.enter(tx, event(1, 1), order)) for _ in range(20)]
    assert sorted(await asyncio.gather(*repeats)) == [False] * 19 + [True]


async def test_what_is_rolled_back_is_not_remembered(desk: Desk) -> None:
    memory = Memory(desk)

    async def fail(tx) -> None:
        assert await memory.inbox.enter(tx, event(1, 1), "every")
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - it is ours
        await desk.database.write(fail)
    assert await memory.enter(event(1, 1), "every")
