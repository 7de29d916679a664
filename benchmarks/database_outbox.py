"""Row and event in one transaction, against the row alone through the plain driver, on the same database.

    .venv/bin/python benchmarks/database_outbox.py [--postgres URL] [--seconds 2] [--rounds 3] [--json]

Fifty tasks insert rows of 1 kB; the relay runs and hands the events to a log that only counts them. ``driver`` is the
row alone, one commit each, through ``sqlite3`` or ``asyncpg`` itself; ``write_one`` is row and event by
``Outbox.write_one``, ``publish`` by ``Outbox.publish`` inside ``Database.write``. Without ``--postgres`` only SQLite is
measured. What counts are the ratios to ``driver``.
"""

import argparse
import asyncio
import itertools
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg

from radbridge.contracts.events.exam import ExamVoided
from radbridge.runtime.bus.protocol import EventLog, Message
from radbridge.runtime.clock import utc_now
from radbridge.runtime.database.open import open_database
from radbridge.runtime.database.protocol import Database, Transaction
from radbridge.runtime.database.sqlite import path_of
from radbridge.runtime.migrations import migrate
from radbridge.runtime.outbox import Outbox

TASKS = 50
BODY = os.urandom(1024)
INSERT = "INSERT INTO bench_row (id, body) VALUES ($1, $2)"
WAYS = ("driver", "write_one", "publish")
Insert = Callable[[str], Awaitable[object]]


class CountingLog(EventLog):
    def __init__(self) -> None:
        self.count = 0

    async def append(self, messages: Sequence[Message]) -> list[tuple[int, int]]:
        self.count += len(messages)
        return [(0, 0)] * len(messages)


async def rate(insert: Insert, seconds: float) -> tuple[int, float]:
    """How many inserts, and how many each second."""
    numbers = itertools.count()
    done = 0
    end = time.perf_counter() + seconds

    async def run() -> None:
        nonlocal done
        while time.perf_counter() < end:
            await insert(f"row-{next(numbers)}")
            done += 1

    start = time.perf_counter()
    await asyncio.gather(*(run() for _ in range(TASKS)))
    return done, done / (time.perf_counter() - start)


async def by_driver(url: str, seconds: float) -> float:
    if url.startswith("postgresql"):
        async with asyncpg.create_pool(url.replace("+asyncpg", ""), min_size=16, max_size=16) as pool:
            return (await rate(lambda key: pool.execute(INSERT, key, BODY), seconds))[1]
    loop, thread = asyncio.get_running_loop(), ThreadPoolExecutor(1)
    connection = sqlite3.connect(path_of(url), isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous=FULL")

    def insert(key: str) -> None:
        connection.execute("INSERT INTO bench_row (id, body) VALUES (?, ?)", (key, BODY))

    result = (await rate(lambda key: loop.run_in_executor(thread, insert, key), seconds))[1]
    thread.shutdown()
    connection.close()
    return result


async def by_outbox(database: Database, way: str, seconds: float) -> float:
    log = CountingLog()
    outbox = Outbox(database, log, service="benchmark", clock=utc_now)

    def event(key: str) -> ExamVoided:
        return ExamVoided(exam_id=key, institution_id="i", exam_number=key, changed_at=utc_now())

    async def publish(key: str) -> object:
        async def work(tx: Transaction) -> object:
            await tx.execute(INSERT, key, BODY)
            return await outbox.publish(tx, event(key))

        return await database.write(work)

    async def write_one(key: str) -> object:
        return await outbox.write_one(INSERT, key, BODY, body=event(key))

    relay = asyncio.create_task(outbox.run())
    done, result = await rate(publish if way == "publish" else write_one, seconds)
    await outbox.drained()
    relay.cancel()
    await asyncio.wait([relay])
    assert log.count == done
    return result


async def measured(url: str, rounds: int, seconds: float) -> dict[str, list[float]]:
    """Rates of each way, in alternating rounds on an emptied table."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    await migrate(url, "tests.support.outbox_migrations")
    database = open_database(url, service="benchmark")
    body = "BYTEA" if database.dialect == "postgresql" else "BLOB"
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    for way in WAYS * rounds:
        await database.write_one("DROP TABLE IF EXISTS bench_row")
        await database.write_one(f"CREATE TABLE bench_row (id TEXT PRIMARY KEY, body {body} NOT NULL)")
        driver = way == "driver"
        rates[way].append(await (by_driver(url, seconds) if driver else by_outbox(database, way, seconds)))
    await database.write_one("DROP TABLE bench_row")
    await database.close()
    return rates


def summary(rates: dict[str, list[float]]) -> dict[str, float]:
    found = {f"{way}_per_second": statistics.median(rates[way]) for way in WAYS}
    for way in WAYS[1:]:
        ratios = [own / driver for own, driver in zip(rates[way], rates["driver"], strict=True)]
        found |= {
            f"{way}_ratio": statistics.median(ratios),
            f"{way}_lowest": min(ratios),
            f"{way}_highest": max(ratios),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--postgres", metavar="URL", help="postgresql+asyncpg://… of an empty database")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        urls = {"sqlite": f"sqlite+aiosqlite:///{folder}/benchmark.db", "postgresql": arguments.postgres}
        for name, url in urls.items():
            if url:
                found[name] = summary(asyncio.run(measured(url, arguments.rounds, arguments.seconds)))
    if arguments.json:
        print(json.dumps(found))
        return
    for name, numbers in found.items():
        print(f"{name}: driver {numbers['driver_per_second']:.0f}/s")
        for way in WAYS[1:]:
            spread = f"{numbers[f'{way}_lowest']:.2f} to {numbers[f'{way}_highest']:.2f}"
            print(f"  {way}: {numbers[f'{way}_per_second']:.0f}/s, ratio {numbers[f'{way}_ratio']:.2f} ({spread})")


if __name__ == "__main__":
    main()
