"""A process that is killed while it commits: what it acknowledged is there, and nothing is there by half."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from radbridge.runtime.database.open import open_database

_PROCESS = Path(__file__).with_name("committing_process.py")


@pytest.mark.faults
async def test_what_was_acknowledged_survives_sigkill_and_nothing_is_halved(database_url: str) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    database = open_database(database_url, service="test")
    await database.write_one("CREATE TABLE pair (number BIGINT NOT NULL, side TEXT NOT NULL)")
    for _ in range(3):
        await database.write_one("DELETE FROM pair")
        acknowledged = _kill_after(database_url, dice.randrange(1, 1500))
        sides: dict[int, int] = {}
        for row in await database.fetch("SELECT number FROM pair"):
            sides[row["number"]] = sides.get(row["number"], 0) + 1
        assert acknowledged
        assert acknowledged <= sides.keys()
        assert set(sides.values()) == {2}
        assert not any(number % 7 == 0 for number in sides)
    await database.close()


def _kill_after(url: str, count: int) -> set[int]:
    """Run the process until it acknowledged ``count`` pairs, kill it, and answer all that it acknowledged."""
    with subprocess.Popen([sys.executable, str(_PROCESS), url], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(count)]
        process.kill()
        lines += process.stdout.readlines()
    return {int(line) for line in lines if line.endswith(b"\n")}
