"""Each event once in effect, in order per key, keys side by side."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from radbridge.contracts.envelope import Event, to_headers
from radbridge.runtime.blobs.protocol import BlobUnavailable
from radbridge.runtime.bus.protocol import BusUnavailable, Message
from radbridge.runtime.consumer import ConsumerNotReady, ConsumerSpec, On, Received, RetryPolicy
from radbridge.runtime.consumer.flow import FlowLimits
from radbridge.runtime.database.protocol import DatabaseUnavailable, Transaction
from radbridge.runtime.deadletters import list_dead, replay_dead
from radbridge.runtime.testing import eventually
from tests.support.bus import until
from tests.support.consuming import Desk, Note, fail

QUICK = RetryPolicy(attempts=3, first_pause=timedelta(milliseconds=10))
STUBBORN = RetryPolicy(
    attempts=1_000_000, first_pause=timedelta(milliseconds=50), longest_pause=timedelta(milliseconds=50)
)


async def test_events_are_applied_once_each_and_in_order_per_key(desk: Desk) -> None:
    async with desk.consuming():
        await desk.send(*(desk.event(f"n{key}", f"{round_}") for round_ in range(10) for key in range(8)))
        await until(lambda: len(desk.applied) == 80)
        await desk.until_lag(0)
    for key in range(8):
        assert [text for note, text in desk.applied if note == f"n{key}"] == [str(n) for n in range(10)]
    async with desk.consuming():
        await desk.publish("n0", "last")
        await until(lambda: len(desk.applied) > 80)
    assert desk.applied[80:] == [("n0", "last")]


async def test_newest_skips_what_is_older_than_what_was_applied(desk: Desk) -> None:
    async with desk.consuming():
        for version in (2, 1, 4, 3, 4, 5):
            await desk.publish("n", f"v{version}", version=version)
        await until(lambda: ("n", "v5") in desk.applied)
        await desk.publish("n", "v1 of another source", version=1, service="editor")
        await until(lambda: len(desk.applied) == 4)
    assert [text for _, text in desk.applied] == ["v2", "v4", "v5", "v1 of another source"]


async def test_every_applies_each_event_once_in_whatever_order(desk: Desk) -> None:
    async with desk.consuming(desk.spec(order="every")):
        for version in (2, 1, 4, 3, 4, 2, 5):
            await desk.publish("n", f"v{version}", version=version)
        await until(lambda: ("n", "v5") in desk.applied)
    assert [text for _, text in desk.applied] == ["v2", "v1", "v4", "v3", "v5"]


async def test_every_recognises_repeats_older_than_its_memory_by_their_version(desk: Desk) -> None:
    async with desk.consuming(desk.spec(order="every")):
        await desk.publish("n", "v1")
        await desk.publish("n", "v2")
        await until(lambda: len(desk.applied) == 2)
    # 40 days later the ids are forgotten, and somebody replays the first event
    later = datetime.now(UTC) + timedelta(days=40)
    await desk.database.write(lambda tx: tx.execute("DELETE FROM inbox"))
    first = desk.event("n", "v1", version=1)
    repeat = Event(f"{first.id[:-1]}x", first.source, first.type, "n", first.time, 1, first.data)
    async with desk.consuming(desk.spec(order="every"), clock=lambda: later):
        await desk.send(repeat)
        await desk.publish("other", "end")
        await until(lambda: ("other", "end") in desk.applied)
        await desk.until_lag(0)
    assert desk.applied == [("n", "v1"), ("n", "v2"), ("other", "end")]


async def test_events_without_a_handler_are_passed_over(desk: Desk) -> None:
    known = desk.event("n", "x")
    unknown = Event("id-1", known.source, "radbridge.note.burnt.v1", "n", known.time, 1, b"{}")
    async with desk.consuming():
        await desk.send(unknown)
        await desk.send(known)
        await desk.until_lag(0)
    assert desk.applied == [("n", "x")]
    assert await list_dead(desk.log, desk.topic.name, desk.group) == []


async def test_a_failing_event_blocks_its_key_alone_and_the_commit(desk: Desk) -> None:
    desk.troubles["bad"] = fail
    async with desk.consuming(policy=STUBBORN):
        await desk.publish("stuck", "bad")
        await desk.publish("stuck", "after it")
        for number in range(40):
            await desk.publish(f"n{number}", "good")
        await until(lambda: len(desk.applied) == 40)
        assert ("stuck", "after it") not in desk.applied
        assert await desk.lag() >= 2
        del desk.troubles["bad"]
        await until(lambda: len(desk.applied) == 42)
        await desk.until_lag(0)
    assert [text for note, text in desk.applied if note == "stuck"] == ["bad", "after it"]


async def test_what_a_stuck_key_kept_from_being_committed_is_not_applied_again(desk: Desk) -> None:
    desk.troubles["bad"] = fail
    async with desk.consuming(policy=STUBBORN):
        await desk.publish("stuck", "bad")
        for number in range(20):
            await desk.publish(f"n{number}", "good")
        await until(lambda: len(desk.applied) == 20)
    desk.troubles.clear()
    async with desk.consuming():
        await desk.until_lag(0)
    assert sorted(desk.applied) == sorted([("stuck", "bad"), *((f"n{number}", "good") for number in range(20))])


async def test_an_event_that_keeps_failing_goes_to_the_dead_letters_and_its_key_moves_on(desk: Desk) -> None:
    desk.troubles["bad"] = fail
    async with desk.consuming(policy=QUICK):
        event = await desk.publish("n", "bad")
        await desk.publish("n", "good")
        await until(lambda: desk.applied == [("n", "good")])
        await desk.until_lag(0)
    assert desk.prepared.count("bad") == 3
    [letter] = await list_dead(desk.log, desk.topic.name, desk.group)
    assert letter.event == event
    assert (letter.attempts, letter.origin_topic, letter.key) == (3, desk.topic.name, "n")
    assert letter.reason == "ValueError"
    assert await list_dead(desk.log, desk.topic.name, desk.other_group) == []


@pytest.mark.parametrize("fault", ["no event", "no body", "wrong body"])
async def test_what_cannot_be_read_goes_to_the_dead_letters_at_once(desk: Desk, fault: str) -> None:
    event = desk.event("n", "x")
    headers = () if fault == "no event" else tuple(to_headers(event))
    value = {"no event": event.data, "no body": b"\xff not json", "wrong body": b'{"note_id": "n", "text": 17}'}[fault]
    async with desk.consuming(policy=STUBBORN):
        await desk.log.append([Message(desk.topic.name, "n", value, headers)])
        await desk.publish("n", "good")
        await until(lambda: desk.applied == [("n", "good")])
    [letter] = await list_dead(desk.log, desk.topic.name, desk.group)
    assert letter.attempts == 1
    reasons = {"no event": "ce_specversion", "no body": "json_invalid", "wrong body": "text: string_type"}
    assert reasons[fault] in letter.reason
    assert (letter.event is None) == (fault == "no event")


async def test_a_replay_reaches_the_group_alone(desk: Desk) -> None:
    desk.troubles["bad"] = fail
    others: list[str] = []

    async def other(tx: Transaction, received: Received[Note], prepared: object) -> None:
        tx.on_commit(lambda: others.append(received.body.text))

    other_spec = ConsumerSpec(desk.other_group, (On(desk.note_type, other),))
    async with desk.consuming(policy=QUICK), desk.consuming(other_spec):
        await desk.publish("n", "bad")
        await desk.until_lag(0)
        await until(lambda: others == ["bad"])
        desk.troubles.clear()
        assert await replay_dead(desk.log, desk.topic.name, desk.group) == 1
        await until(lambda: desk.applied == [("n", "bad")])
        assert others == ["bad"]
        [letter] = await list_dead(desk.log, desk.topic.name, desk.group)
        assert letter.replayed
        assert await replay_dead(desk.log, desk.topic.name, desk.group) == 0


async def test_a_replayed_event_that_fails_again_is_a_dead_letter_again(desk: Desk) -> None:
    desk.troubles["bad"] = fail
    async with desk.consuming(policy=QUICK):
        await desk.publish("n", "bad")
        await desk.until_lag(0)
        for deaths in (2, 3):
            [*_, newest] = await list_dead(desk.log, desk.topic.name, desk.group)
            await replay_dead(desk.log, desk.topic.name, desk.group, [newest.number])
            await eventually(lambda deaths=deaths: desk.has_dead(deaths))
        desk.troubles.clear()
        assert await replay_dead(desk.log, desk.topic.name, desk.group) == 1
        await until(lambda: desk.applied == [("n", "bad")])
    letters = await list_dead(desk.log, desk.topic.name, desk.group)
    assert [letter.replayed for letter in letters] == [True, True, True]


async def test_a_replay_of_what_is_outdated_changes_nothing(desk: Desk) -> None:
    desk.troubles["old"] = fail
    async with desk.consuming(policy=QUICK):
        await desk.publish("n", "old")
        await desk.publish("n", "new")
        await until(lambda: desk.applied == [("n", "new")])
        desk.troubles.clear()
        await replay_dead(desk.log, desk.topic.name, desk.group)
        await desk.publish("n", "newer")
        await until(lambda: ("n", "newer") in desk.applied)
        await desk.until_lag(0)
    assert desk.applied == [("n", "new"), ("n", "newer")]


async def test_too_many_dead_letters_pause_the_consumer_until_another_takes_its_place(desk: Desk) -> None:
    policy = RetryPolicy(attempts=1, first_pause=timedelta(milliseconds=10), dead_letters=5)
    for number in range(20):
        desk.troubles[f"bad{number}"] = fail
    async with desk.consuming(policy=policy) as consumer:
        await until(lambda: _passes(consumer.check))
        for number in range(20):
            await desk.publish(f"n{number}", f"bad{number}")
        await until(lambda: not _passes(consumer.check))
        with pytest.raises(ConsumerNotReady, match="too many dead letters"):
            await consumer.check()
        await desk.publish("fine", "good")
        await eventually(lambda: desk.has_dead(5))
        await asyncio.sleep(0.3)
        assert await desk.has_dead(5)
        assert desk.applied == []
    desk.troubles.clear()
    async with desk.consuming(policy=policy):
        await until(lambda: len(desk.applied) == 16)
        await desk.until_lag(0)


@pytest.mark.parametrize("away", [DatabaseUnavailable, BusUnavailable, BlobUnavailable])
async def test_what_is_away_is_waited_for_and_costs_no_event(desk: Desk, away: type[Exception]) -> None:
    attempts = 0

    async def be_away() -> None:
        nonlocal attempts
        attempts += 1
        if attempts <= 6:
            raise away("away")

    desk.troubles["patient"] = be_away
    async with desk.consuming(policy=QUICK):
        await desk.publish("n", "patient")
        await until(lambda: desk.applied == [("n", "patient")])
    assert await list_dead(desk.log, desk.topic.name, desk.group) == []


async def test_a_dead_letter_waits_for_a_log_that_is_away(desk: Desk) -> None:
    desk.troubles["bad"] = fail
    log = desk.backend.open()
    append, refusals = log.append, 3

    async def refuse_for_a_while(messages: list[Message]) -> list[tuple[int, int]]:
        nonlocal refusals
        if refusals:
            refusals -= 1
            raise BusUnavailable("away")
        return await append(messages)

    log.append = refuse_for_a_while  # type: ignore[method-assign]
    async with desk.consuming(log=log, policy=QUICK):
        await desk.publish("n", "bad")
        await desk.until_lag(0)
    assert refusals == 0
    assert len(await list_dead(desk.log, desk.topic.name, desk.group)) == 1


async def test_an_attempt_that_hangs_has_failed(desk: Desk) -> None:
    async def hang() -> None:
        await asyncio.sleep(3600)

    desk.troubles["hangs"] = hang
    policy = RetryPolicy(
        attempts=2, first_pause=timedelta(milliseconds=10), longest_attempt=timedelta(milliseconds=100)
    )
    async with desk.consuming(policy=policy):
        await desk.publish("n", "hangs")
        await desk.until_lag(0)
    [letter] = await list_dead(desk.log, desk.topic.name, desk.group)
    assert letter.reason.startswith("TimeoutError")


async def test_a_stop_finishes_what_is_under_way_and_nothing_else(desk: Desk) -> None:
    begun = asyncio.Event()

    async def take_time() -> None:
        begun.set()
        await asyncio.sleep(0.3)

    desk.troubles["slow"] = take_time
    async with desk.consuming():
        await desk.send(desk.event("n", "slow"), desk.event("n", "next"))
        await begun.wait()
    assert desk.applied == [("n", "slow")]
    async with desk.consuming():
        await until(lambda: len(desk.applied) == 2)
        await desk.until_lag(0)
    assert desk.applied == [("n", "slow"), ("n", "next")]
    assert desk.prepared == ["slow", "next"]


async def test_a_stop_does_not_wait_for_pauses_between_attempts(desk: Desk) -> None:
    desk.troubles["bad"] = fail
    slow = RetryPolicy(first_pause=timedelta(minutes=10), longest_pause=timedelta(minutes=10))
    async with desk.consuming(policy=slow):
        await desk.publish("n", "bad")
        await until(lambda: desk.prepared == ["bad"])
    desk.troubles.clear()
    async with desk.consuming():
        await until(lambda: desk.applied == [("n", "bad")])


async def test_two_consumers_share_and_one_that_breaks_off_is_replaced(desk: Desk) -> None:
    async with desk.consuming():
        second_log = desk.backend.open()
        async with desk.consuming(log=second_log) as second:
            await until(lambda: _passes(second.check))
            await desk.send(*(desk.event(f"n{number}", "first") for number in range(50)))
            await until(lambda: len(desk.applied) == 50)
        await desk.send(*(desk.event(f"n{number}", "second") for number in range(50)))
        await until(lambda: len(desk.applied) == 100)
        await desk.until_lag(0)
    assert len(set(desk.applied)) == 100


async def test_a_known_event_is_not_prepared_again(desk: Desk) -> None:
    async with desk.consuming():
        await desk.publish("n", "v2", version=2)
        await until(lambda: len(desk.applied) == 1)
        await desk.publish("n", "v1", version=1)
        await desk.publish("n", "v3", version=3)
        await until(lambda: len(desk.applied) == 2)
    assert desk.prepared == ["v2", "v3"]


async def test_only_what_needs_it_is_prepared(desk: Desk) -> None:
    applied: list[tuple[str, str | None]] = []

    async def prepare(received: Received[Note]) -> str:
        return received.body.text.upper()

    async def apply(tx: Transaction, received: Received[Note], prepared: str | None) -> None:
        applied.append((received.body.text, prepared))

    on = On(desk.note_type, apply, prepare=prepare, prepare_when=lambda received: received.body.text == "large")
    async with desk.consuming(ConsumerSpec(desk.group, (on,))):
        await desk.publish("n", "large")
        await desk.publish("n", "small")
        await until(lambda: len(applied) == 2)
    assert applied == [("large", "LARGE"), ("small", None)]


async def test_narrow_limits_let_everything_through_in_the_end(desk: Desk) -> None:
    limits = FlowLimits(unfinished_per_partition=3, uncommittable_per_partition=5, unfinished=6)
    await desk.send(*(desk.event(f"n{number % 30}", str(number)) for number in range(600)))
    async with desk.consuming(limits=limits):
        await until(lambda: len(desk.applied) == 600)
        await desk.until_lag(0)
    for key in range(30):
        assert [int(text) for note, text in desk.applied if note == f"n{key}"] == list(range(key, 600, 30))


async def test_handling_happens_in_a_span_of_the_event(desk: Desk) -> None:
    opened: list[str] = []

    @contextlib.contextmanager
    def span(event: Event) -> Iterator[None]:
        opened.append(event.id)
        yield

    async with desk.consuming(span=span):
        event = await desk.publish("n", "x")
        await until(lambda: len(desk.applied) == 1)
    assert opened == [event.id]


async def test_a_consumer_waits_for_missing_topics(desk: Desk) -> None:
    missing = type("Note", (Note,), {"TOPIC": f"{desk.topic.name}-missing", "__module__": __name__})

    async def apply(tx: Transaction, received: Received[Note], prepared: object) -> None:
        raise AssertionError

    async with desk.consuming(ConsumerSpec(desk.group, (On(missing, apply),))) as consumer:
        await asyncio.sleep(0.2)
        with pytest.raises(ConsumerNotReady):
            await consumer.check()


def test_one_handler_per_event_type() -> None:
    async def apply(tx: Transaction, received: Received[Note], prepared: object) -> None: ...

    with pytest.raises(ValueError, match=r"radbridge\.note\.taken\.v1 twice"):
        ConsumerSpec("g", (On(Note, apply), On(Note, apply)))


def _passes(check: Callable[[], Coroutine[None, None, None]]) -> bool:
    coroutine = check()
    try:
        coroutine.send(None)
    except StopIteration:
        return True
    except ConsumerNotReady:
        return False
    raise AssertionError("the check waits")
