"""A process that is killed while it publishes and relays: each event arrives, in order per key."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from radbridge.runtime.clock import utc_now
from radbridge.runtime.database.protocol import Database
from radbridge.runtime.outbox import Outbox
from tests.support.outbox import LineLog, relaying

_PROCESS = Path(__file__).with_name("publishing_process.py")
_REPOSITORY = Path(__file__).parents[4]


@pytest.mark.faults
async def test_acknowledged_events_arrive_in_order_though_the_relay_is_killed(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    log = tmp_path / "log"
    acknowledged: set[str] = set()
    for _ in range(4):
        acknowledged |= _kill_after(dice.randrange(20, 600), database_url, str(log))
    outbox = Outbox(database, LineLog(log), service="ingest-api", clock=utc_now)
    async with relaying(outbox):
        await outbox.drained()
    sent = log.read_text().splitlines()
    assert acknowledged <= set(sent)
    first_sight: dict[str, list[int]] = {}
    for line in dict.fromkeys(sent):
        subject, version = line.split()
        first_sight.setdefault(subject, []).append(int(version))
    for versions in first_sight.values():
        assert versions == list(range(1, len(versions) + 1))


def _kill_after(count: int, *arguments: str) -> set[str]:
    """Run the process until it acknowledged ``count`` events, kill it, and answer all that it acknowledged."""
    with subprocess.Popen(
        [sys.executable, str(_PROCESS), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(_REPOSITORY), os.environ.get("PYTHONPATH", "")])},
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(count)]
        process.kill()
        lines += process.stdout.readlines()
    return {line.strip() for line in lines if line.endswith("\n")}
