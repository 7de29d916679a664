# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false
# aiokafka publishes no types
"""Topics and groups of Kafka."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.protocol import ConsumerProtocol
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from radbridge.contracts.topics import Retention
from radbridge.runtime.bus.kafka.clients import end_consumer, make_admin, make_reader, partitions_of
from radbridge.runtime.bus.kafka.errors import as_bus_error, translated
from radbridge.runtime.bus.kafka.settings import KafkaSettings
from radbridge.runtime.bus.protocol import GroupState
from radbridge.runtime.bus.topic_plan import TopicPlan, refuse_to_shrink

_DAY_MS: Final = 24 * 3_600_000
_CONFIGS: Final[dict[Retention, dict[str, str]]] = {
    Retention.FOREVER: {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"},
    Retention.COMPACT: {"cleanup.policy": "compact"},
    Retention.DAY: {"cleanup.policy": "delete", "retention.ms": str(_DAY_MS)},
}
_REPLICAS_THAT_MAY_WAIT: Final = 3
"""From so many replicas on, two must have a message before it is acknowledged, so one broker may be away."""
_BROKER_DEFAULT: Final = -1
_VISIBLE_EVERY_S = 0.05


@asynccontextmanager
async def _admin(settings: KafkaSettings) -> AsyncGenerator[AIOKafkaAdminClient]:
    with translated():
        async with asyncio.timeout(settings.timeout_ms / 1000):
            client = make_admin(settings)
            try:
                await client.start()
                yield client
            finally:
                await client.close()


async def ping(settings: KafkaSettings) -> None:
    """Return if a broker answers."""
    async with _admin(settings) as client:
        await client.list_topics()


async def topic_names(settings: KafkaSettings) -> list[str]:
    """All topics but Kafka's own."""
    async with _admin(settings) as client:
        return sorted(name for name in await client.list_topics() if not name.startswith("__"))


async def create_topics(settings: KafkaSettings, plans: Sequence[TopicPlan]) -> list[str]:
    """Create or enlarge; answers the names made. First everything is compared, then anything is changed.

    :raises TopicShrunk: a plan asks for less than what exists; then nothing is changed.
    """
    async with _admin(settings) as client:
        existing = set(await client.list_topics())
        known = [plan for plan in plans if plan.name in existing]
        partitions = await _partition_counts(client, known)
        retentions = await _retentions(client, known)
        for plan in known:
            refuse_to_shrink(plan, partitions=partitions[plan.name], retention=retentions[plan.name])
        grown = [plan for plan in known if plan.partitions > partitions[plan.name]]
        if grown:
            await client.create_partitions({plan.name: NewPartitions(plan.partitions) for plan in grown})
        await _lengthen(client, [plan for plan in known if plan.retention is not retentions[plan.name]])
        made = await _create(client, settings, [plan for plan in plans if plan.name not in existing])
        await _until_visible(client, {plan.name: plan.partitions for plan in (*grown, *plans)})
    return made


async def group_states(settings: KafkaSettings, wanted: Collection[str] | None) -> list[GroupState]:
    """Groups with members and lag; ``wanted``: only these."""
    async with _admin(settings) as client:
        existing = [name for name, protocol in await client.list_consumer_groups() if protocol in ("consumer", "")]
        names = sorted(name for name in existing if wanted is None or name in wanted)
        members: dict[str, list[str]] = {name: [] for name in names}
        topics: dict[str, set[str]] = {name: set() for name in names}
        for name in names:  # one by one: aiokafka misreads answers about several
            for answer in await client.describe_consumer_groups([name]):
                error_code, _name, _state, _kind, _protocol, group_members = answer.groups[0]
                _raise_for(error_code, name)
                members[name] = sorted(member[0] for member in group_members)
                topics[name] |= {topic for member in group_members for topic in _subscribed(member[3])}
        committed = {name: await client.list_consumer_group_offsets(name) for name in names}
    for name in names:
        topics[name] |= {home.topic for home in committed[name]}
    bounds = await _bounds(settings, set[str]().union(*topics.values()))
    return [GroupState(name, tuple(members[name]), _lag(topics[name], committed[name], bounds)) for name in names]


def _lag(
    topics: Iterable[str], committed: dict[TopicPartition, Any], bounds: dict[TopicPartition, tuple[int, int]]
) -> dict[str, int]:
    lag: dict[str, int] = {}
    for topic in sorted(topics):
        for home, (first, end) in bounds.items():
            if home.topic == topic:
                offset = committed[home].offset if home in committed else -1
                lag[topic] = lag.get(topic, 0) + end - max(first, offset)
    return lag


async def _bounds(settings: KafkaSettings, topics: set[str]) -> dict[TopicPartition, tuple[int, int]]:
    """First and next offset of each partition of these topics."""
    if not topics:
        return {}
    consumer = make_reader(settings)
    try:
        with translated():
            async with asyncio.timeout(settings.timeout_ms / 1000):
                await consumer.start()
                homes = await partitions_of(consumer, topics)
                first, ends = await consumer.beginning_offsets(homes), await consumer.end_offsets(homes)
                return {home: (first[home], ends[home]) for home in homes}
    finally:
        await end_consumer(consumer, settings.timeout_ms / 1000)


def _subscribed(metadata: bytes) -> list[str]:
    return ConsumerProtocol.METADATA.decode(metadata).subscription if metadata else []


async def _partition_counts(client: AIOKafkaAdminClient, plans: Sequence[TopicPlan]) -> dict[str, int]:
    if not plans:
        return {}
    described = await client.describe_topics([plan.name for plan in plans])
    return {topic["topic"]: len(topic["partitions"]) for topic in described}


async def _retentions(client: AIOKafkaAdminClient, plans: Sequence[TopicPlan]) -> dict[str, Retention]:
    if not plans:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, plan.name) for plan in plans]
    found: dict[str, Retention] = {}
    for answer in await client.describe_configs(resources):
        for error_code, _message, _type, name, entries in answer.resources:
            _raise_for(error_code, name)
            configs = {entry[0]: entry[1] for entry in entries}
            found[name] = _retention(configs["cleanup.policy"], int(configs["retention.ms"]))
    return found


def _retention(cleanup_policy: str, retention_ms: int) -> Retention:
    """The strongest promise that these configs keep."""
    if "compact" in cleanup_policy:
        return Retention.COMPACT
    return Retention.FOREVER if retention_ms < 0 else Retention.DAY


async def _create(client: AIOKafkaAdminClient, settings: KafkaSettings, plans: Sequence[TopicPlan]) -> list[str]:
    if not plans:
        return []
    replicas = settings.replication_factor or _BROKER_DEFAULT
    extra = {"min.insync.replicas": "2"} if replicas >= _REPLICAS_THAT_MAY_WAIT else {}
    answer = await client.create_topics(
        [
            NewTopic(
                plan.name,
                plan.partitions,
                replicas,
                # aiokafka takes the brokers' default only beside an assignment, which may be empty
                replica_assignments={} if replicas == _BROKER_DEFAULT else None,
                topic_configs={**_CONFIGS[plan.retention], **extra},
            )
            for plan in plans
        ]
    )
    made: list[str] = []
    for name, error_code, *_rest in answer.topic_errors:
        error = for_code(error_code)
        if error is TopicAlreadyExistsError:
            continue  # another starter was quicker
        _raise_for(error_code, name)
        made.append(name)
    return made


async def _lengthen(client: AIOKafkaAdminClient, plans: Sequence[TopicPlan]) -> None:
    """Keep messages for longer. Sets all configs of the topic, as this request replaces them."""
    if not plans:
        return
    resources = [ConfigResource(ConfigResourceType.TOPIC, plan.name, _CONFIGS[plan.retention]) for plan in plans]
    for answer in await client.alter_configs(resources):
        for error_code, _message, _type, name in answer.resources:
            _raise_for(error_code, name)


async def _until_visible(client: AIOKafkaAdminClient, partitions: dict[str, int]) -> None:
    """A broker may know a new topic a moment later than the controller."""
    while True:
        described = await client.describe_topics(list(partitions))
        ready = {
            topic["topic"]
            for topic in described
            if len(topic["partitions"]) >= partitions[topic["topic"]]
            and all(partition["leader"] >= 0 for partition in topic["partitions"])
        }
        if ready == partitions.keys():
            return
        await asyncio.sleep(_VISIBLE_EVERY_S)


def _raise_for(error_code: int, name: str) -> None:
    if error_code:
        error: KafkaError = for_code(error_code)(name)
        raise as_bus_error(error) from error
