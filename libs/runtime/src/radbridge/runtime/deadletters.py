"""Events that a group could not handle: written, listed, and put back for that group alone.

A dead letter is the message as it came, with headers that say why (``dlq-reason``, ``dlq-attempts``), where it stood
(``dlq-topic``, ``dlq-partition``, ``dlq-offset``) and when it was given up (``dlq-at``). They stay for ever; a replay
writes a copy to the group's replay topic, which names its dead letter (``dlq-replay-of``).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from radbridge.contracts.envelope import EnvelopeError, Event, from_headers
from radbridge.contracts.topics import dead_letter_topic, replay_topic
from radbridge.runtime.bus.protocol import EventLog, Message, Record

_PREFIX = "dlq-"
_REPLAY_OF = "dlq-replay-of"
_LONGEST_REASON = 1000
_PAGE = 500


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter of a topic and group."""

    number: int
    """Names it among the dead letters of its topic and group: its offset there."""
    topic: str
    group: str
    key: str
    event: Event | None
    """``None`` when the message is no event."""
    reason: str
    attempts: int
    origin_topic: str
    """The topic, or its replay topic when it died again."""
    origin_partition: int
    origin_offset: int
    died_at: datetime
    replayed: bool
    """Whether it was put back at least once."""
    record: Record


async def bury(log: EventLog, record: Record, group: str, *, reason: str, attempts: int, at: datetime) -> None:
    """Write a record to the dead letters of its topic and ``group``.

    :param reason: without personal data
    :raises BusUnavailable: the log is away.
    :raises UnknownTopic: the topic table does not name the group as a consumer.
    """
    topic = _main_topic(record.topic, group)
    about = {
        "dlq-reason": reason[:_LONGEST_REASON],
        "dlq-attempts": str(attempts),
        "dlq-topic": record.topic,
        "dlq-partition": str(record.partition),
        "dlq-offset": str(record.offset),
        "dlq-at": at.isoformat(),
    }
    headers = (*_own_headers(record), *((name, value.encode()) for name, value in about.items()))
    await log.append([Message(dead_letter_topic(topic, group), record.key, record.value, headers)])


async def list_dead(log: EventLog, topic: str, group: str) -> list[DeadLetter]:
    """All dead letters of a topic and group, oldest first. One that a crash made be written twice appears once."""
    replayed = {
        int(value)
        for record in await _read_all(log, replay_topic(topic, group))
        for name, value in record.headers
        if name == _REPLAY_OF
    }
    found: dict[tuple[str, int, int], DeadLetter] = {}
    for record in await _read_all(log, dead_letter_topic(topic, group)):
        letter = _dead_letter(record, topic, group, record.offset in replayed)
        found.setdefault((letter.origin_topic, letter.origin_partition, letter.origin_offset), letter)
    return sorted(found.values(), key=lambda letter: letter.number)


async def replay_dead(log: EventLog, topic: str, group: str, selection: Collection[int] | None = None) -> int:
    """Put dead letters back for their group alone; answers how many.

    The group's handlers get them like new events: what has happened since decides (the versions of the aggregate).

    :param selection: their numbers; ``None``: all that were never put back.
    """
    letters = [
        letter
        for letter in await list_dead(log, topic, group)
        if (not letter.replayed if selection is None else letter.number in selection)
    ]
    await log.append(
        [
            Message(
                replay_topic(topic, group),
                letter.key,
                letter.record.value,
                (*_own_headers(letter.record), (_REPLAY_OF, str(letter.number).encode())),
            )
            for letter in letters
        ]
    )
    return len(letters)


def _main_topic(name: str, group: str) -> str:
    return name.removesuffix(replay_topic("", group))


def _own_headers(record: Record) -> tuple[tuple[str, bytes], ...]:
    """The message's own headers, without those of an earlier death."""
    return tuple((name, value) for name, value in record.headers if not name.startswith(_PREFIX))


def _dead_letter(record: Record, topic: str, group: str, replayed: bool) -> DeadLetter:
    about = {name: value.decode(errors="replace") for name, value in record.headers if name.startswith(_PREFIX)}
    try:
        event = from_headers(_own_headers(record), record.value)
    except EnvelopeError:
        event = None
    return DeadLetter(
        number=record.offset,
        topic=topic,
        group=group,
        key=record.key,
        event=event,
        reason=about["dlq-reason"],
        attempts=int(about["dlq-attempts"]),
        origin_topic=about["dlq-topic"],
        origin_partition=int(about["dlq-partition"]),
        origin_offset=int(about["dlq-offset"]),
        died_at=datetime.fromisoformat(about["dlq-at"]),
        replayed=replayed,
        record=record,
    )


async def _read_all(log: EventLog, topic: str) -> list[Record]:
    found: list[Record] = []
    after: dict[int, int] = {}
    while page := await log.read(topic, after=after, limit=_PAGE):
        found += page
        after.update({record.partition: record.offset for record in page})
    return found
