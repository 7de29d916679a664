"""What the rest of the system may expect of an event log, whichever implementation stands behind it.

Guarantees that both implementations are tested for:

* ``append`` returns when the messages are durable; messages of one key keep the order of their appends.
* A topic's messages are spread over its partitions by key; within a partition offsets rise, with gaps allowed.
* Each partition of a subscribed topic is read by exactly one live member of a group. A member starts at the group's
  committed offset, or at the beginning. What was delivered but not committed is delivered again, to this member after
  a restart or to another one after it died.
* ``commit`` names the next offset to read; it never moves backwards. A commit for a partition that this member has
  lost raises ``Fenced`` and changes nothing.
* An event whose ``ce_id`` is known may be refused silently (the embedded log does; Kafka does not), so readers must
  tolerate repeats.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from radbridge.contracts.topics import Topic


class BusError(Exception):
    """The log cannot do what was asked now."""


class BusUnavailable(BusError):
    """The log does not answer; trying again later may help."""


class UnknownTopic(BusError):
    """The topic does not exist: the topics job has not run."""


class Fenced(BusError):
    """This member no longer owns the partition."""


class TopicShrunk(BusError):
    """The table asks for fewer partitions, or a shorter retention, than the topic has."""


class Partition(NamedTuple):
    """One partition of a topic."""

    topic: str
    number: int


@dataclass(frozen=True, slots=True)
class Message:
    """What a producer hands over."""

    topic: str
    key: str
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """What a consumer gets."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_ms: int = 0

    @property
    def home(self) -> Partition:
        """The partition the record lies in."""
        return Partition(self.topic, self.partition)


class RebalanceListener(Protocol):
    """Told before this member gives up partitions and after it got some."""

    async def on_revoked(self, partitions: frozenset[Partition]) -> None:
        """Finish or drop what is under way in these partitions; commits are still possible inside this call."""
        ...

    async def on_assigned(self, partitions: frozenset[Partition]) -> None:
        """These partitions are this member's from now on."""
        ...


class Subscription(Protocol):
    """One member of a consumer group."""

    async def poll(self, *, max_records: int = 500, timeout: float = 1.0) -> list[Record]:  # noqa: ASYNC109
        """The next records of this member's partitions, oldest first per partition; empty after ``timeout`` seconds."""
        ...

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Store the next offset to read of each partition.

        :raises Fenced: a partition is no longer this member's.
        """
        ...

    def pause(self, partitions: Iterable[Partition]) -> None:
        """Deliver nothing from these partitions until ``resume``; they stay assigned."""
        ...

    def resume(self, partitions: Iterable[Partition]) -> None:
        """Deliver from these partitions again."""
        ...

    async def close(self) -> None:
        """Leave the group at once, so that others take over without waiting for the session to expire."""
        ...


@dataclass(frozen=True, slots=True)
class GroupState:
    """A consumer group as an operator sees it."""

    group: str
    members: tuple[str, ...]
    lag: Mapping[str, int] = field(default_factory=dict[str, int])
    """Messages not yet committed, per topic."""


class EventLog(Protocol):
    """The event log."""

    async def append(self, messages: Sequence[Message]) -> list[tuple[int, int]]:
        """Make the messages durable; answers (partition, offset) of each.

        :raises BusUnavailable: the log is away; nothing is promised of messages not yet answered for.
        :raises UnknownTopic: a topic does not exist.
        """
        ...

    async def subscribe(
        self, group: str, topics: Sequence[str], *, listener: RebalanceListener | None = None
    ) -> Subscription:
        """Join a group."""
        ...

    def follow(self, topic: str, *, from_beginning: bool = True) -> AsyncIterator[Record | None]:
        """All records of all partitions, outside any group, for ever; ``None`` each time the end is reached.

        Without ``from_beginning`` it starts at the ends that it finds when the first item is asked for.
        """
        ...

    async def read(self, topic: str, *, after: Mapping[int, int] | None = None, limit: int = 1000) -> list[Record]:
        """Up to ``limit`` records after the given offset of each partition, by partition and offset. For tools."""
        ...

    async def ensure_topics(self, topics: Sequence[Topic]) -> list[str]:
        """Create what is missing (with the dead-letter and replay topics of each consumer); answers the names made.

        :raises TopicShrunk: an existing topic would have to lose partitions or retention.
        """
        ...

    async def topics(self) -> list[str]:
        """Names of all topics that exist."""
        ...

    async def groups(self, names: Collection[str] | None = None) -> list[GroupState]:
        """Consumer groups with members and lag.

        :param names: of those that exist, only these; ``None``: all. On Kafka each group costs requests of its own,
            and a cluster may have hundreds of others.
        """
        ...

    async def ping(self) -> None:
        """Answer quickly if the log can be used.

        :raises BusUnavailable: it cannot.
        """
        ...

    async def close(self) -> None:
        """Flush and release."""
        ...
