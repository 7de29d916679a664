"""The parts of the consumer by themselves."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radbridge.runtime.bus.protocol import Partition, Record
from radbridge.runtime.consumer.flow import FlowLimits
from radbridge.runtime.consumer.lanes import Lanes
from radbridge.runtime.consumer.offsets import OffsetTracker
from radbridge.runtime.consumer.policy import DeadLetterLimit, RetryPolicy

GAPPED_OFFSETS = st.sets(st.integers(0, 300), min_size=1).map(sorted)


@given(GAPPED_OFFSETS, st.randoms(use_true_random=False))
def test_the_commit_is_the_lowest_unfinished_offset_whatever_finishes_first(offsets: list[int], dice) -> None:
    tracker = OffsetTracker()
    assert all(tracker.hand_out(offset) for offset in offsets)
    unfinished = set(offsets)
    order = list(offsets)
    dice.shuffle(order)
    for offset in order:
        tracker.finish(offset)
        unfinished.remove(offset)
        below = [other for other in offsets if not unfinished or other < min(unfinished)]
        assert tracker.next_offset == (below[-1] + 1 if below else None)
        assert tracker.unfinished == len(unfinished)
    assert tracker.uncommittable == 0


def test_an_offset_is_handed_out_once() -> None:
    tracker = OffsetTracker()
    assert [tracker.hand_out(offset) for offset in (3, 7, 7, 3, 5, 8)] == [True, True, False, False, False, True]


def test_flow_is_bounded_per_partition_and_in_all() -> None:
    limits = FlowLimits(unfinished_per_partition=3, uncommittable_per_partition=5, unfinished=6)
    first, second, third = (Partition("t", number) for number in range(3))
    trackers = {partition: OffsetTracker() for partition in (first, second, third)}
    for offset in range(3):
        trackers[first].hand_out(offset)
    assert limits.full(trackers) == {first}
    for offset in range(5):
        trackers[second].hand_out(offset)
        if offset:
            trackers[second].finish(offset)
    assert limits.full(trackers) == {first, second}
    for offset in range(2):
        trackers[third].hand_out(offset)
    assert limits.full(trackers) == {first, second, third}


def test_pauses_grow_to_their_limit() -> None:
    policy = RetryPolicy(first_pause=timedelta(seconds=1), longest_pause=timedelta(seconds=5))
    for failures, seconds in [(1, 1), (2, 2), (3, 4), (4, 5), (1000, 5)]:
        assert policy.pause_after(failures) == pytest.approx(seconds, rel=0.11)


def test_the_limit_of_dead_letters_slides_until_it_is_reached() -> None:
    now = 0.0
    limit = DeadLetterLimit(RetryPolicy(dead_letters=2, dead_letters_within=timedelta(seconds=10)), lambda: now)
    assert limit.take()
    assert limit.take()
    now = 11
    assert limit.take()
    assert limit.take()
    limit.give_back()
    assert limit.take()
    assert not limit.take()
    now = 1000
    assert not limit.take()
    assert limit.reached


class Workshop:
    """Handles records when told to."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.finished: list[int] = []
        self.failures: list[BaseException] = []
        self.doors: dict[int, asyncio.Event] = {}
        self.lanes = Lanes(
            self._handle,
            finished=lambda record: self.finished.append(record.offset),
            failed=self.failures.append,
        )

    async def _handle(self, record: Record, give_up: asyncio.Event) -> bool:
        self.begun.append(record.offset)
        if door := self.doors.get(record.offset):
            opened, gave_up = asyncio.ensure_future(door.wait()), asyncio.ensure_future(give_up.wait())
            await asyncio.wait([opened, gave_up], return_when=asyncio.FIRST_COMPLETED)
            return opened.done()
        if record.value == b"broken":
            raise RuntimeError
        return True

    def add(self, offset: int, key: str, *, partition: int = 0, value: bytes = b"") -> None:
        self.lanes.add(key, Record("t", partition, offset, key, value))


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_lanes_run_side_by_side_and_each_in_order() -> None:
    shop = Workshop()
    shop.doors[1] = asyncio.Event()
    for offset, key in [(1, "a"), (2, "a"), (3, "b"), (4, "b")]:
        shop.add(offset, key)
    await settle()
    assert (shop.begun, shop.finished) == ([1, 3, 4], [3, 4])
    shop.doors[1].set()
    await settle()
    assert shop.finished == [3, 4, 1, 2]


async def test_abandoning_a_partition_leaves_the_others_alone() -> None:
    shop = Workshop()
    shop.doors[1] = shop.doors[5] = asyncio.Event()
    shop.add(1, "a", partition=0)
    shop.add(2, "a", partition=0)
    shop.add(3, "a", partition=1)
    shop.add(5, "b", partition=1)
    await settle()
    await shop.lanes.abandon([Partition("t", 0)], grace_s=5)
    await settle()
    assert (shop.begun, shop.finished) == ([1, 5, 3], [3])
    shop.doors[5].set()
    await settle()
    assert shop.finished == [3, 5]


async def test_what_does_not_give_up_in_time_is_cancelled() -> None:
    cancelled = []

    async def handle(record: Record, give_up: asyncio.Event) -> bool:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.append(record.offset)
            raise
        return True

    lanes = Lanes(handle, finished=lambda record: None, failed=cancelled.append)
    lanes.add("a", Record("t", 0, 1, "a", b""))
    await settle()
    await lanes.abandon([Partition("t", 0)], grace_s=0.01)
    assert cancelled == [1]


async def test_a_broken_handler_is_told_of_and_stops_its_key() -> None:
    shop = Workshop()
    shop.add(1, "a", value=b"broken")
    shop.add(2, "a")
    await settle()
    assert [type(error) for error in shop.failures] == [RuntimeError]
    assert shop.begun == [1]
