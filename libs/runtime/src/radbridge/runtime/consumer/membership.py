"""One stay in a consumer group: records in, offsets out."""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping

from radbridge.runtime.bus.protocol import BusError, BusUnavailable, Fenced, Partition, Record, Subscription
from radbridge.runtime.consumer.flow import FlowLimits
from radbridge.runtime.consumer.lanes import Handle, Lanes
from radbridge.runtime.consumer.offsets import OffsetTracker
from radbridge.runtime.telemetry.logs import describe_error

_POLL_RECORDS = 200
_POLL_S = 1.0
_COMMIT_INTERVAL_S = 0.05
_REVOKE_GRACE_S = 3.0
"""Under the 6 s of a session, which a member that gives up partitions may not outlast."""

_log = logging.getLogger(__name__)


class Membership:
    """The ``RebalanceListener`` of a subscription, and what happens with its records.

    :param main_topics: replay topic to the topic whose keys it shares
    """

    def __init__(self, handle: Handle, main_topics: Mapping[str, str], limits: FlowLimits) -> None:
        self._main_topics = main_topics
        self._limits = limits
        self._lanes = Lanes(handle, finished=self._finish, failed=self._fail)
        self._trackers: dict[Partition, OffsetTracker] = {}
        self._committed: dict[Partition, int] = {}
        self._paused: frozenset[Partition] = frozenset()
        self._progress = asyncio.Event()
        self._interrupted = False
        self._polling: asyncio.Timeout | None = None
        self._failure: BaseException | None = None
        self._subscription: Subscription | None = None

    async def on_assigned(self, partitions: frozenset[Partition]) -> None:
        """Expect records of these partitions, from the committed offsets on."""
        for partition in partitions:
            self._trackers[partition] = OffsetTracker()
            self._committed.pop(partition, None)

    async def on_revoked(self, partitions: frozenset[Partition]) -> None:
        """Finish the attempts under way, commit them, forget the rest."""
        await self._lanes.abandon(partitions, _REVOKE_GRACE_S)
        await self._commit(partitions)
        for partition in partitions:
            self._trackers.pop(partition, None)
        self._paused -= partitions

    async def consume(self, subscription: Subscription) -> None:
        """Handle records until ``interrupt``.

        :raises BusError: the log is away.
        """
        self._subscription = subscription
        committing = asyncio.create_task(self._commit_for_ever(), name="commit")
        try:
            while not self._interrupted:
                # nothing may happen between a poll's end and the hand-over of its records: they are of this assignment
                self._accept(await self._poll(subscription))
                self._regulate()
            if self._failure is not None:
                raise self._failure
        finally:
            committing.cancel()
            await asyncio.gather(committing, return_exceptions=True)

    def interrupt(self) -> None:
        """Let ``consume`` return soon."""
        self._interrupted = True
        if self._polling is not None:
            self._polling.reschedule(asyncio.get_running_loop().time())

    async def finish(self, grace_s: float) -> None:
        """Let attempts end, for so long, and commit what is finished."""
        partitions = frozenset(self._trackers)
        await self._lanes.abandon(partitions, grace_s)
        await self._commit(partitions)

    async def _poll(self, subscription: Subscription) -> list[Record]:
        try:
            async with asyncio.timeout(None) as self._polling:
                return await subscription.poll(max_records=_POLL_RECORDS, timeout=_POLL_S)
        except TimeoutError:
            return []
        finally:
            self._polling = None

    def _accept(self, records: Iterable[Record]) -> None:
        for record in records:
            tracker = self._trackers.get(record.home)
            if tracker is not None and tracker.hand_out(record.offset):
                self._lanes.add((self._main_topics.get(record.topic, record.topic), record.key), record)

    def _finish(self, record: Record) -> None:
        tracker = self._trackers.get(record.home)
        if tracker is not None:
            tracker.finish(record.offset)
            self._progress.set()
        if self._paused:
            self._regulate()

    def _fail(self, error: BaseException) -> None:
        self._failure = error
        self.interrupt()

    def _regulate(self) -> None:
        """Pause the partitions that have enough under way, resume those that have room."""
        if self._subscription is None:
            return
        full = self._limits.full(self._trackers)
        if full != self._paused:
            self._subscription.pause(full - self._paused)
            self._subscription.resume(self._paused - full)
            self._paused = full

    async def _commit_for_ever(self) -> None:
        while True:
            await self._progress.wait()
            self._progress.clear()
            await self._commit(frozenset(self._trackers))
            await asyncio.sleep(_COMMIT_INTERVAL_S)

    async def _commit(self, partitions: frozenset[Partition]) -> None:
        if self._subscription is None:
            return
        offsets: dict[Partition, int] = {}
        for partition in partitions & self._trackers.keys():
            next_offset = self._trackers[partition].next_offset
            if next_offset is not None and next_offset > self._committed.get(partition, -1):
                offsets[partition] = next_offset
        if not offsets:
            return
        try:
            await self._subscription.commit(offsets)
        except Fenced:
            await self._commit_one_by_one(self._subscription, offsets)
        except BusUnavailable as error:
            _log.info("a commit waits for the event log", extra={"reason": describe_error(error)})
            self._progress.set()
        except BusError as error:
            _log.warning("a commit failed", extra={"reason": describe_error(error)})
        else:
            self._committed.update(offsets)

    async def _commit_one_by_one(self, subscription: Subscription, offsets: Mapping[Partition, int]) -> None:
        """Some partitions are lost; their new reader gets the events again and recognises them."""
        for partition, next_offset in offsets.items():
            with contextlib.suppress(BusError):
                await subscription.commit({partition: next_offset})
            self._committed[partition] = next_offset
