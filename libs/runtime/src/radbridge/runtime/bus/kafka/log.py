"""The event log on Kafka."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from weakref import WeakSet

from radbridge.contracts.topics import Topic
from radbridge.runtime.bus.kafka import administration, reading
from radbridge.runtime.bus.kafka.producer import Producer
from radbridge.runtime.bus.kafka.settings import KafkaSettings
from radbridge.runtime.bus.kafka.subscription import KafkaSubscription
from radbridge.runtime.bus.protocol import GroupState, Message, RebalanceListener, Record
from radbridge.runtime.bus.topic_plan import plan_topics


class KafkaLog:
    """An ``EventLog`` on Apache Kafka. Nothing connects before the first use."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer = Producer(settings)
        self._subscriptions: WeakSet[KafkaSubscription] = WeakSet()

    async def append(self, messages: Sequence[Message]) -> list[tuple[int, int]]:
        """See ``EventLog.append``."""
        return await self._producer.append(messages) if messages else []

    async def subscribe(
        self, group: str, topics: Sequence[str], *, listener: RebalanceListener | None = None
    ) -> KafkaSubscription:
        """See ``EventLog.subscribe``."""
        subscription = KafkaSubscription(self._settings, group, topics, listener)
        await subscription.start()
        self._subscriptions.add(subscription)
        return subscription

    def follow(self, topic: str, *, from_beginning: bool = True) -> AsyncIterator[Record | None]:
        """See ``EventLog.follow``."""
        return reading.follow(self._settings, topic, from_beginning=from_beginning)

    async def read(self, topic: str, *, after: Mapping[int, int] | None = None, limit: int = 1000) -> list[Record]:
        """See ``EventLog.read``."""
        return await reading.read(self._settings, topic, after or {}, limit)

    async def ensure_topics(self, topics: Sequence[Topic]) -> list[str]:
        """See ``EventLog.ensure_topics``."""
        return await administration.create_topics(self._settings, list(plan_topics(topics)))

    async def topics(self) -> list[str]:
        """See ``EventLog.topics``."""
        return await administration.topic_names(self._settings)

    async def groups(self, names: Collection[str] | None = None) -> list[GroupState]:
        """See ``EventLog.groups``."""
        return await administration.group_states(self._settings, names)

    async def ping(self) -> None:
        """See ``EventLog.ping``."""
        await administration.ping(self._settings)

    async def close(self) -> None:
        """See ``EventLog.close``. Members leave their groups."""
        for subscription in list(self._subscriptions):
            await subscription.close()
        await self._producer.close()
