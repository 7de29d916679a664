"""Group commit against one commit per request, on the same file system in the same run.

    .venv/bin/python benchmarks/database_group_commit.py [--seconds 2] [--rounds 3] [--json]

Fifty tasks insert rows of 1 kB. ``group`` is the writer of ``radbridge.runtime.database.sqlite``; ``each`` commits
every row by itself through the plain driver, in a thread that takes one request after the other, with the same
durability. Both run again with each sync delayed by 2 ms. What counts is the ratio; rounds alternate, and their spread
is printed.
"""

import argparse
import asyncio
import itertools
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from radbridge.runtime.database.sqlite import SqliteDatabase

TASKS = 50
BODY = os.urandom(1024)
CREATE = "CREATE TABLE item (id INTEGER PRIMARY KEY, number INTEGER NOT NULL, body BLOB NOT NULL)"
SHIM = Path(__file__).with_name("slow_sync.c")


async def rate(insert: Callable[[int], Awaitable[object]], seconds: float, file: Path) -> float:
    """Inserts per second of all tasks together; every one of them has to be in the file."""
    numbers = itertools.count()
    done = 0
    end = time.perf_counter() + seconds

    async def run() -> None:
        nonlocal done
        for number in numbers:
            await insert(number)
            done += 1
            if time.perf_counter() > end:
                return

    start = time.perf_counter()
    await asyncio.gather(*(run() for _ in range(TASKS)))
    took = time.perf_counter() - start
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT COUNT(*) FROM item").fetchone() == (done,)
    return done / took


async def group(folder: Path, seconds: float) -> float:
    database = SqliteDatabase(folder / "group.db")
    await database.write_one(CREATE)
    statement = "INSERT INTO item (number, body) VALUES ($1, $2)"
    result = await rate(lambda number: database.write_one(statement, number, BODY), seconds, database.path)
    await database.close()
    return result


async def each(folder: Path, seconds: float) -> float:
    loop = asyncio.get_running_loop()
    thread = ThreadPoolExecutor(1)
    file = folder / "each.db"
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", CREATE):
        connection.execute(statement)

    def insert(number: int) -> None:
        connection.execute("INSERT INTO item (number, body) VALUES (?, ?)", (number, BODY))

    result = await rate(lambda number: loop.run_in_executor(thread, insert, number), seconds, file)
    thread.shutdown()
    connection.close()
    return result


def measured(seconds: float, rounds: int) -> dict[str, list[float]]:
    """Rates of both ways, in alternating rounds on fresh files."""
    rates: dict[str, list[float]] = {"group": [], "each": []}
    for _ in range(rounds):
        for name, run in (("each", each), ("group", group)):
            with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
                rates[name].append(asyncio.run(run(Path(folder), seconds)))
    return rates


def slowly(arguments: argparse.Namespace) -> dict[str, list[float]]:
    """The same in a process whose syncs are delayed."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "slow_sync.so"
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(SHIM), "-ldl"], check=True)
        command = [sys.executable, __file__, "--only", "--json"]
        command += ["--seconds", str(arguments.seconds), "--rounds", str(arguments.rounds)]
        done = subprocess.run(
            command, env={**os.environ, "LD_PRELOAD": str(library)}, stdout=subprocess.PIPE, check=True
        )
    return json.loads(done.stdout)


def summary(rates: dict[str, list[float]]) -> dict[str, float]:
    ratios = [group / each for group, each in zip(rates["group"], rates["each"], strict=True)]
    return {
        "group_per_second": statistics.median(rates["group"]),
        "each_per_second": statistics.median(rates["each"]),
        "ratio": statistics.median(ratios),
        "ratio_lowest": min(ratios),
        "ratio_highest": max(ratios),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", action="store_true", help="print the raw rates of this process, without slow syncs")
    arguments = parser.parse_args()
    rates = measured(arguments.seconds, arguments.rounds)
    if arguments.only:
        print(json.dumps(rates))
        return
    found = {"this disk": summary(rates)}
    if shutil.which("cc"):
        found["syncs delayed by 2 ms"] = summary(slowly(arguments))
    if arguments.json:
        print(json.dumps(found))
        return
    for place, numbers in found.items():
        print(
            f"{place}: group {numbers['group_per_second']:.0f}/s, each {numbers['each_per_second']:.0f}/s,"
            f" ratio {numbers['ratio']:.2f} ({numbers['ratio_lowest']:.2f} to {numbers['ratio_highest']:.2f})"
        )


if __name__ == "__main__":
    main()
