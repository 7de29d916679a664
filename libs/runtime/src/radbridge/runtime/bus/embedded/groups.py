"""Consumer groups in the file: members, which partition each should have (target) and has (owner), and offsets.

All functions run inside one write transaction. A change of members computes the targets once and stores them; each
member then gives up what is no longer its own and takes what has become free. A partition with an owner is never taken
from it while its process lives, so two members never read the same partition; a commit checks the owner.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson

from radbridge.runtime.bus.embedded.balance import balance
from radbridge.runtime.bus.embedded.schema import number_in, partition_id, topic_in
from radbridge.runtime.bus.embedded.topics import TopicTable, read_topics
from radbridge.runtime.bus.protocol import Fenced, GroupState, Partition
from radbridge.runtime.database.protocol import Transaction


@dataclass(frozen=True, slots=True)
class MemberId:
    """A member of a group, and the process that it lives in."""

    group: str
    member: str
    instance: str


@dataclass(frozen=True, slots=True)
class Synchronised:
    """What a member has to do after looking at its group."""

    generation: int
    is_member: bool
    """False: the others took it for dead and have its partitions."""
    to_release: frozenset[Partition]
    claimed: Mapping[Partition, int]
    """Newly its own, with the offset to start at."""


async def join(tx: Transaction, table: TopicTable, who: MemberId, topics: Iterable[str]) -> None:
    """Become a member.

    :raises UnknownTopic: a topic does not exist.
    """
    names = sorted(set(topics))
    for name in names:
        await table.find(tx, name)
    await tx.execute("INSERT INTO consumer_group (name) VALUES ($1) ON CONFLICT DO NOTHING", who.group)
    await tx.execute(
        "INSERT INTO group_member (id, group_name, instance, topics) VALUES ($1, $2, $3, $4)",
        who.member,
        who.group,
        who.instance,
        orjson.dumps(names).decode(),
    )
    await _rebalance(tx, who.group)


async def leave(tx: Transaction, who: MemberId) -> None:
    """Stop being a member; what it had is free at once."""
    await tx.execute("DELETE FROM group_member WHERE id = $1", who.member)
    await _rebalance(tx, who.group)


async def remove_instances(tx: Transaction, group: str, instances: Iterable[str]) -> None:
    """Remove the members of processes that are dead."""
    for instance in instances:
        await tx.execute("DELETE FROM group_member WHERE group_name = $1 AND instance = $2", group, instance)
    await _rebalance(tx, group)


async def instances_of(tx: Transaction, group: str) -> set[str]:
    """The processes that members of the group live in."""
    return {row[0] for row in await tx.fetch("SELECT instance FROM group_member WHERE group_name = $1", group)}


async def generation_of(tx: Transaction, group: str) -> int:
    """A number that changes when a member may have something to do."""
    row = await tx.fetch_one("SELECT generation FROM consumer_group WHERE name = $1", group)
    return row[0] if row else -1


async def synchronise(tx: Transaction, who: MemberId) -> Synchronised:
    """Take the free partitions that are meant for this member; tell which ones it must release."""
    generation = await generation_of(tx, who.group)
    if await tx.fetch_one("SELECT 1 FROM group_member WHERE id = $1", who.member) is None:
        return Synchronised(generation, False, frozenset(), {})
    claimed = await tx.fetch(
        "UPDATE group_partition SET owner = $1 WHERE group_name = $2 AND target = $1 AND owner IS NULL"
        " RETURNING partition",
        who.member,
        who.group,
    )
    to_release = await tx.fetch(
        "SELECT partition FROM group_partition WHERE group_name = $1 AND owner = $2 AND target IS NOT owner",
        who.group,
        who.member,
    )
    names = {topic.id: topic.name for topic in await read_topics(tx)}
    return Synchronised(
        generation,
        True,
        frozenset(_named(names, row[0]) for row in to_release),
        {_named(names, row[0]): await _committed(tx, who.group, row[0]) for row in claimed},
    )


async def release(tx: Transaction, table: TopicTable, who: MemberId, partitions: Iterable[Partition]) -> None:
    """Give partitions up, so that the members they are meant for can take them."""
    for partition in partitions:
        await tx.execute(
            "UPDATE group_partition SET owner = NULL WHERE group_name = $1 AND partition = $2 AND owner = $3",
            who.group,
            await _id_of(tx, table, partition),
            who.member,
        )
    await _announce(tx, who.group)


async def commit(tx: Transaction, table: TopicTable, who: MemberId, offsets: Mapping[Partition, int]) -> None:
    """Store the next offset of each partition; an offset below the stored one changes nothing.

    :raises Fenced: a partition belongs to somebody else; then nothing is stored.
    """
    for partition, next_offset in offsets.items():
        number = await _id_of(tx, table, partition)
        owner = await tx.fetch_one(
            "SELECT owner FROM group_partition WHERE group_name = $1 AND partition = $2", who.group, number
        )
        if owner is None or owner[0] != who.member:
            raise Fenced(f"{partition.topic}/{partition.number} is no longer this member's in group {who.group}")
        await tx.execute(
            "INSERT INTO group_offset (group_name, partition, next_offset) VALUES ($1, $2, $3)"
            " ON CONFLICT DO UPDATE SET next_offset = max(next_offset, excluded.next_offset)",
            who.group,
            number,
            next_offset,
        )


async def rebalance_all(tx: Transaction) -> None:
    """Share out anew, after topics have got more partitions."""
    for row in await tx.fetch("SELECT name FROM consumer_group"):
        await _rebalance(tx, row[0])


async def group_states(tx: Transaction) -> list[GroupState]:
    """All groups with members and lag."""
    members: dict[str, list[str]] = {}
    for row in await tx.fetch("SELECT group_name, id FROM group_member ORDER BY id"):
        members.setdefault(row[0], []).append(row[1])
    topics = {topic.id: topic.name for topic in await read_topics(tx)}
    lags: dict[str, dict[str, int]] = {}
    for row in await tx.fetch(
        """SELECT g.group_name, g.partition, (
               SELECT count(*) FROM record r
               WHERE r.partition = g.partition AND r.offset >= coalesce(o.next_offset, 0))
           FROM group_partition g
           LEFT JOIN group_offset o ON o.group_name = g.group_name AND o.partition = g.partition"""
    ):
        lag = lags.setdefault(row[0], {})
        topic = _named(topics, row[1]).topic
        lag[topic] = lag.get(topic, 0) + row[2]
    names = [row[0] for row in await tx.fetch("SELECT name FROM consumer_group ORDER BY name")]
    return [GroupState(name, tuple(members.get(name, ())), lags.get(name, {})) for name in names]


def _named(names: Mapping[int, str], partition: int) -> Partition:
    return Partition(names[topic_in(partition)], number_in(partition))


async def _id_of(tx: Transaction, table: TopicTable, partition: Partition) -> int:
    return partition_id((await table.find(tx, partition.topic)).id, partition.number)


async def _committed(tx: Transaction, group: str, partition: int) -> int:
    row = await tx.fetch_one(
        "SELECT next_offset FROM group_offset WHERE group_name = $1 AND partition = $2", group, partition
    )
    return row[0] if row else 0


async def _rebalance(tx: Transaction, group: str) -> None:
    """Compute and store the targets; free what members had who are gone."""
    members: dict[str, frozenset[str]] = {
        row[0]: frozenset(orjson.loads(row[1]))
        for row in await tx.fetch("SELECT id, topics FROM group_member WHERE group_name = $1", group)
    }
    topics = {topic.name: topic for topic in await read_topics(tx)}
    names = {topic.id: name for name, topic in topics.items()}
    current: dict[tuple[str, int], str] = {
        _named(names, row[0]): row[1]
        for row in await tx.fetch("SELECT partition, target FROM group_partition WHERE group_name = $1", group)
    }
    partitions = {name: range(topics[name].partitions) for name in set[str]().union(*members.values())}
    shares = balance(partitions, members, current)
    await tx.execute(
        "UPDATE group_partition SET target = NULL,"
        " owner = CASE WHEN owner IN (SELECT id FROM group_member WHERE group_name = $1) THEN owner END"
        " WHERE group_name = $1",
        group,
    )
    await tx.execute_many(
        "INSERT INTO group_partition (group_name, partition, target) VALUES ($1, $2, $3)"
        " ON CONFLICT DO UPDATE SET target = excluded.target",
        [(group, partition_id(topics[topic].id, number), member) for (topic, number), member in shares.items()],
    )
    await _announce(tx, group)


async def _announce(tx: Transaction, group: str) -> None:
    await tx.execute("UPDATE consumer_group SET generation = generation + 1 WHERE name = $1", group)
