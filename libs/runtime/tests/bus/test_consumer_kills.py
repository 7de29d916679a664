"""A consumer that is killed again and again: each event has its effect exactly once."""

import asyncio
import random
from pathlib import Path

import pytest

from radbridge.runtime.deadletters import list_dead
from tests.support.child import child
from tests.support.consuming import Desk

CONSUMING = Path(__file__).with_name("consuming_process.py")
KEYS, ROUNDS = 40, 30


@pytest.mark.faults
async def test_each_event_has_its_effect_once_though_consumers_are_killed(desk: Desk) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    events = [desk.event(f"n{key}", str(round_)) for round_ in range(ROUNDS) for key in range(KEYS)]
    await desk.send(*events)
    arguments = (desk.backend.url, desk.database.url, desk.topic.name, desk.group)
    for _ in range(3):
        goal = await count(desk) + dice.randrange(1, 200)
        async with child(CONSUMING, *arguments), child(CONSUMING, *arguments):
            await until_count(desk, min(goal, len(events)))
    async with child(CONSUMING, *arguments):
        await until_count(desk, len(events))
        await desk.until_lag(0)
    rows = await desk.database.fetch("SELECT id FROM exam")
    # a second effect would have violated the primary key and ended as a dead letter
    assert {row["id"] for row in rows} == {event.id for event in events}
    assert await list_dead(desk.log, desk.topic.name, desk.group) == []


async def count(desk: Desk) -> int:
    row = await desk.database.fetch_one("SELECT COUNT(*) AS rows FROM exam")
    return int(row["rows"]) if row else 0


async def until_count(desk: Desk, wanted: int) -> None:
    async with asyncio.timeout(90):
        while await count(desk) < wanted:  # noqa: ASYNC110 - another process counts
            await asyncio.sleep(0.02)
