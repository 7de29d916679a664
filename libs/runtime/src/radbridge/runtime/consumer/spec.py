"""How a service says which events it handles."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from radbridge.contracts.envelope import Event
from radbridge.contracts.events.base import EventBody
from radbridge.contracts.topics import replay_topic
from radbridge.runtime.database.protocol import Transaction

E = TypeVar("E", bound=EventBody)
P = TypeVar("P")

Order: TypeAlias = Literal["newest", "every"]


@dataclass(frozen=True, slots=True)
class Received(Generic[E]):
    """An event with its body."""

    body: E
    event: Event

    @property
    def subject(self) -> str:
        """Id of the aggregate."""
        return self.event.subject

    @property
    def version(self) -> int:
        """Count of the aggregate's events at their source."""
        return self.event.version

    @property
    def time(self) -> datetime:
        """When it happened."""
        return self.event.time


@dataclass(frozen=True, slots=True)
class On(Generic[E, P]):
    """Handler of one event type.

    ``apply`` runs inside the transaction that also remembers the event, so both happen or neither. It may await nothing
    but the transaction. Whatever takes longer (blobs, cryptography, HTTP) belongs into ``prepare``, whose result
    ``apply`` gets; it runs before the transaction and, after a crash or a failed attempt, again.
    Where ``prepare_when`` says no, nothing is prepared and ``apply`` gets ``None``.

    ``order`` is ``newest`` when only an aggregate's latest state counts: an event that is not newer than the last one
    handled from that source is skipped. It is ``every`` when each event counts, in whatever order.
    """

    event: type[E]
    apply: Callable[[Transaction, Received[E], P], Awaitable[None]]
    prepare: Callable[[Received[E]], Awaitable[P]] | None = field(default=None, kw_only=True)
    prepare_when: Callable[[Received[E]], bool] | None = field(default=None, kw_only=True)
    order: Order = field(default="newest", kw_only=True)


@dataclass(frozen=True, slots=True)
class ConsumerSpec:
    """What one consumer group handles. The topics follow from the events.

    :raises ValueError: two handlers for one event type.
    """

    group: str
    handlers: tuple[On[Any, Any], ...]

    def __post_init__(self) -> None:
        types = [on.event.event_type() for on in self.handlers]
        twice = sorted({name for name in types if types.count(name) > 1})
        if twice:
            raise ValueError(f"group {self.group} handles {', '.join(twice)} twice")

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics of the events."""
        return tuple(sorted({on.event.TOPIC for on in self.handlers}))

    @property
    def subscribed_topics(self) -> tuple[str, ...]:
        """The topics, and what is replayed to this group from its dead letters."""
        return tuple(name for topic in self.topics for name in (topic, replay_topic(topic, self.group)))
