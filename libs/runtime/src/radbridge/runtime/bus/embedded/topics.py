"""The topics of the embedded log: what they promise, made once and never made smaller."""

from collections.abc import Iterable
from dataclasses import dataclass

from radbridge.contracts.topics import Retention
from radbridge.runtime.bus.embedded.schema import partition_id
from radbridge.runtime.bus.protocol import UnknownTopic
from radbridge.runtime.bus.topic_plan import TopicPlan, refuse_to_shrink
from radbridge.runtime.database.protocol import Transaction


@dataclass(frozen=True, slots=True)
class StoredTopic:
    """A row of ``topic``."""

    id: int
    name: str
    partitions: int
    retention: Retention
    refuses_known: bool
    """Whether an event id that is already there is refused."""


class TopicTable:
    """Finds topics by name.

    Topics are never removed, so what was found may be kept; partitions only grow, and a count that is old for a moment
    puts a key where it used to be.
    """

    def __init__(self) -> None:
        self._known: dict[str, StoredTopic] = {}

    async def find(self, tx: Transaction, name: str) -> StoredTopic:
        """The topic of that name.

        :raises UnknownTopic: there is none.
        """
        found = self._known.get(name)
        if found is None:
            found = next(iter(await read_topics(tx, name)), None)
            if found is None:
                raise UnknownTopic(name)
            self._known[name] = found
        return found

    def forget(self) -> None:
        """Read again what this process has changed."""
        self._known.clear()


async def read_topics(tx: Transaction, name: str | None = None) -> list[StoredTopic]:
    """All topics, or the one of that name."""
    rows = await tx.fetch(
        "SELECT id, name, partitions, retention, refuses_known FROM topic WHERE $1 IS NULL OR name = $1 ORDER BY name",
        name,
    )
    return [StoredTopic(row[0], row[1], row[2], Retention(row[3]), bool(row[4])) for row in rows]


async def create_topics(tx: Transaction, plans: Iterable[TopicPlan]) -> list[str]:
    """Create or enlarge; answers the names made.

    :raises TopicShrunk: a plan asks for less than what exists; then nothing is changed.
    """
    existing = {topic.name: topic for topic in await read_topics(tx)}
    made: list[str] = []
    for plan in plans:
        found = existing.get(plan.name)
        if found is None:
            made.append(plan.name)
        else:
            refuse_to_shrink(plan, partitions=found.partitions, retention=found.retention)
        rows = await tx.fetch(
            "INSERT INTO topic (name, partitions, retention, refuses_known) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (name) DO UPDATE SET partitions = excluded.partitions, retention = excluded.retention"
            " RETURNING id",
            plan.name,
            plan.partitions,
            plan.retention.value,
            plan.refuses_known,
        )
        await tx.execute_many(
            "INSERT INTO partition (id) VALUES ($1) ON CONFLICT DO NOTHING",
            [(partition_id(rows[0][0], number),) for number in range(plan.partitions)],
        )
    return made
