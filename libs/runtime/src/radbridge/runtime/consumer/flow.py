"""How much may be under way: enough to keep all keys busy, little enough for memory and for a repeat after a crash."""

from collections.abc import Mapping
from dataclasses import dataclass

from radbridge.runtime.bus.protocol import Partition
from radbridge.runtime.consumer.offsets import OffsetTracker


@dataclass(frozen=True, slots=True)
class FlowLimits:
    """Bounds on records handed out."""

    unfinished_per_partition: int = 200
    uncommittable_per_partition: int = 2000
    """Finished records that one stuck key keeps from being committed are handled again after a crash."""
    unfinished: int = 1000

    def full(self, trackers: Mapping[Partition, OffsetTracker]) -> frozenset[Partition]:
        """The partitions that should deliver nothing for now."""
        if sum(tracker.unfinished for tracker in trackers.values()) >= self.unfinished:
            return frozenset(trackers)
        return frozenset(
            partition
            for partition, tracker in trackers.items()
            if tracker.unfinished >= self.unfinished_per_partition
            or tracker.uncommittable >= self.uncommittable_per_partition
        )
