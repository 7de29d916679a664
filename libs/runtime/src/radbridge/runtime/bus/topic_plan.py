"""Which topics must exist: those of the table, and a dead-letter and a replay topic for each of their consumers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from radbridge.contracts.topics import Retention, Topic, dead_letter_topic, replay_topic
from radbridge.runtime.bus.protocol import TopicShrunk

_STRENGTH = {Retention.DAY: 0, Retention.COMPACT: 1, Retention.FOREVER: 2}


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """One topic that must exist."""

    name: str
    partitions: int
    retention: Retention
    refuses_known: bool = True
    """False where the same event may rightly come again: a message can die twice and be replayed twice."""


def plan_topics(topics: Iterable[Topic]) -> Iterator[TopicPlan]:
    """All topics that the table asks for."""
    for topic in topics:
        yield TopicPlan(topic.name, topic.partitions, topic.retention)
        for group in topic.consumers:
            for name in (dead_letter_topic(topic.name, group), replay_topic(topic.name, group)):
                yield TopicPlan(name, 1, Retention.FOREVER, refuses_known=False)


def refuse_to_shrink(plan: TopicPlan, *, partitions: int, retention: Retention) -> None:
    """Compare a plan with the topic that exists.

    :raises TopicShrunk: the plan has fewer partitions or keeps messages for a shorter time.
    """
    if plan.partitions < partitions:
        raise TopicShrunk(f"{plan.name} has {partitions} partitions, the table says {plan.partitions}")
    if _STRENGTH[plan.retention] < _STRENGTH[retention]:
        raise TopicShrunk(f"{plan.name} keeps messages by {retention.value}, the table says {plan.retention.value}")
