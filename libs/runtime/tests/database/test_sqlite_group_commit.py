"""What is SQLite's own: jobs that share a commit, and what they are told when the commit fails."""

import asyncio
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from radbridge.runtime.database.protocol import DatabaseUnavailable, ForeignAwait, Transaction
from radbridge.runtime.database.sqlite import SqliteDatabase
from radbridge.runtime.database.sqlite_writer import GroupCommitWriter

INSERT = "INSERT INTO item (name, amount) VALUES ($1, $2)"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(tmp_path / "group.db")
    await database.write_one("CREATE TABLE item (name TEXT PRIMARY KEY, amount BIGINT NOT NULL, body BLOB)")
    yield database
    await database.close()


class Gate:
    """Holds the writer thread inside a job until opened."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._open = threading.Event()
        self._inside = threading.Event()
        self._task = asyncio.create_task(database.write(self._wait))

    async def entered(self) -> None:
        await asyncio.to_thread(self._inside.wait)

    async def open(self) -> None:
        self._open.set()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _wait(self, tx: Transaction) -> None:
        self._inside.set()
        self._open.wait()


def commits(database: SqliteDatabase) -> int:
    """Frames of the WAL that end a commit (SQLite file format, section 4: a size after the commit, else 0)."""
    wal = database.path.with_name(f"{database.path.name}-wal").read_bytes()
    salt = wal[16:24]
    frames = [wal[start : start + 24] for start in range(32, len(wal) - 23, 24 + 4096)]
    return sum(1 for frame in frames if frame[8:16] == salt and frame[4:8] != b"\0\0\0\0")


async def test_writes_of_one_turn_of_the_loop_share_one_commit(database: SqliteDatabase) -> None:
    before = commits(database)
    await asyncio.gather(*(database.write_one(INSERT, str(n), n) for n in range(20)))
    assert commits(database) - before == 1


async def test_a_write_in_the_turn_of_the_close_is_committed(tmp_path: Path) -> None:
    writer = GroupCommitWriter(tmp_path / "closing.db")
    async with asyncio.timeout(60):
        rows, _ = await asyncio.gather(writer.write(lambda tx: tx.fetch("SELECT 1")), writer.close())
    assert [tuple(row) for row in rows] == [(1,)]


async def test_what_waits_shares_one_commit(database: SqliteDatabase) -> None:
    before = commits(database)
    gate = Gate(database)
    await gate.entered()
    writes = [asyncio.create_task(database.write_one(INSERT, str(n), n)) for n in range(50)]
    await asyncio.sleep(0)
    await gate.open()
    await asyncio.gather(*writes)
    assert commits(database) - before == 1


async def test_nobody_is_answered_before_the_commit(database: SqliteDatabase) -> None:
    first = asyncio.create_task(database.write_one(INSERT, "first", 1))
    gate = Gate(database)
    await gate.entered()
    second = asyncio.create_task(database.write_one(INSERT, "second", 2))
    await asyncio.sleep(0.05)
    assert not second.done()
    visible = {row["name"] for row in await database.fetch("SELECT name FROM item")}
    assert visible == ({"first"} if first.done() else set())
    await gate.open()
    await asyncio.gather(first, second)


async def test_durability_is_full(database: SqliteDatabase) -> None:
    async def pragmas(tx: Transaction) -> tuple[object, object]:
        return (await tx.fetch_one("PRAGMA synchronous"))[0], (await tx.fetch_one("PRAGMA journal_mode"))[0]

    assert await database.write(pragmas) == (2, "wal")


async def test_awaiting_something_else_is_an_error_that_undoes_the_work(database: SqliteDatabase) -> None:
    async def sleeps(tx: Transaction) -> None:
        await tx.execute(INSERT, "a", 1)
        await asyncio.sleep(0.001)

    async def yields(tx: Transaction) -> None:
        await tx.execute(INSERT, "a", 1)
        await asyncio.sleep(0)

    for work in (sleeps, yields):
        with pytest.raises(ForeignAwait, match="nothing but its transaction"):
            await database.write(work)
        with pytest.raises(ForeignAwait):
            await database.read(lambda tx: asyncio.sleep(0))
    assert await database.fetch("SELECT name FROM item") == []


async def test_a_cancelled_job_that_waits_is_not_run(database: SqliteDatabase) -> None:
    gate = Gate(database)
    await gate.entered()
    waiting = asyncio.create_task(database.write_one(INSERT, "a", 1))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await gate.open()
    await database.ping()
    assert await database.fetch("SELECT name FROM item") == []


async def test_callbacks_run_for_committed_work_whose_caller_has_gone(database: SqliteDatabase) -> None:
    seen: list[str] = []
    entered, proceed = threading.Event(), threading.Event()

    async def work(tx: Transaction) -> None:
        tx.on_commit(lambda: seen.append("committed"))
        await tx.execute(INSERT, "a", 1)
        entered.set()
        proceed.wait()

    caller = asyncio.create_task(database.write(work))
    await asyncio.to_thread(entered.wait)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    proceed.set()
    await database.ping()
    assert seen == ["committed"]
    assert len(await database.fetch("SELECT name FROM item")) == 1


@pytest.mark.faults
async def test_a_full_disk_fails_all_that_shared_the_commit_and_leaves_nothing(tiny_disk: Path) -> None:
    database = SqliteDatabase(tiny_disk / "full.db")
    await database.write_one("CREATE TABLE item (name TEXT PRIMARY KEY, amount BIGINT NOT NULL, body BLOB)")
    callbacks: list[str] = []

    async def small(tx: Transaction, name: str) -> str:
        tx.on_commit(lambda: callbacks.append(name))
        await tx.execute(INSERT, name, 1)
        return name

    async def refused(tx: Transaction) -> None:
        raise LookupError("judged by rows that are gone now")

    async def large(tx: Transaction) -> None:
        await tx.execute("INSERT INTO item (name, amount, body) VALUES ('large', 1, $1)", bytes(4_000_000))

    async def swallows(tx: Transaction) -> None:
        try:
            await large(tx)
        except DatabaseUnavailable:
            return

    for greedy in (large, swallows):
        gate = Gate(database)
        await gate.entered()
        works = (lambda tx: small(tx, "before"), refused, greedy)
        together = [asyncio.create_task(database.write(work)) for work in works]
        await asyncio.sleep(0)
        await gate.open()
        outcomes = await asyncio.gather(*together, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailable] * 3
        assert len({id(outcome) for outcome in outcomes}) == 3
        assert callbacks == []
        assert await database.fetch("SELECT name FROM item") == []
    assert await database.write(lambda tx: small(tx, "after")) == "after"
    await database.close()


@pytest.mark.faults
def test_a_failed_commit_reports_nothing_as_written(tmp_path: Path) -> None:
    """A limit on the size of files makes the write of the commit itself fail, as a broken disk does."""
    script = """
        import asyncio, pathlib, resource, sys
        from radbridge.runtime.database.sqlite import SqliteDatabase
        from radbridge.runtime.database.protocol import DatabaseUnavailable

        async def main():
            database = SqliteDatabase(pathlib.Path(sys.argv[1]))
            await database.write_one("CREATE TABLE item (name TEXT, body BLOB)")
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
            written = set()
            for number in range(200):
                try:
                    await database.write_one("INSERT INTO item VALUES ($1, $2)", str(number), bytes(3000))
                    written.add(str(number))
                except DatabaseUnavailable:
                    break
            else:
                sys.exit("the limit was never met")
            assert {row["name"] for row in await database.fetch("SELECT name FROM item")} == written
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            await database.write_one("INSERT INTO item VALUES ('later', NULL)")
            await database.close()
            again = SqliteDatabase(pathlib.Path(sys.argv[1]))
            assert {row["name"] for row in await again.fetch("SELECT name FROM item")} == written | {"later"}
            await again.close()

        asyncio.run(main())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "limited.db")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


async def test_a_file_locked_for_long_is_unavailable_for_all_that_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("radbridge.runtime.database.sqlite_session.BUSY_TIMEOUT_S", 0.2)
    database = SqliteDatabase(tmp_path / "locked.db")
    await database.write_one("CREATE TABLE item (name TEXT, amount BIGINT)")
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    outcomes = await asyncio.gather(*(database.write_one(INSERT, str(n), n) for n in range(9)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {DatabaseUnavailable}
    other.execute("ROLLBACK")
    other.close()
    await database.write_one(INSERT, "a", 1)
    assert len(await database.fetch("SELECT name FROM item")) == 1
    await database.close()


async def test_two_openers_of_a_file_take_turns(tmp_path: Path) -> None:
    first, second = SqliteDatabase(tmp_path / "shared.db"), SqliteDatabase(tmp_path / "shared.db")
    await asyncio.gather(first.ping(), second.ping())
    await first.write_one("CREATE TABLE item (name TEXT PRIMARY KEY, amount BIGINT)")
    await asyncio.gather(*((first, second)[n % 2].write_one(INSERT, str(n), n) for n in range(100)))
    assert (await second.fetch_one("SELECT COUNT(*) AS n FROM item"))["n"] == 100
    await first.close()
    await second.close()


async def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "noise.db"
    path.write_bytes(b"noise" * 1000)
    database = SqliteDatabase(path)
    for call in (database.ping(), database.fetch("SELECT 1 FROM sqlite_master")):
        with pytest.raises(DatabaseUnavailable):
            await call
    await database.close()
    assert path.read_bytes() == b"noise" * 1000


async def test_brief_work_shares_the_commit_and_fails_alone(database: SqliteDatabase) -> None:
    on_loop: list[bool] = []

    async def write(tx: Transaction, name: str) -> None:
        on_loop.append(threading.current_thread() is threading.main_thread())
        await tx.execute(INSERT, name, 1)
        if name == "refused":
            raise LookupError

    before = commits(database)
    outcomes = await asyncio.gather(
        database.write(lambda tx: write(tx, "first"), brief=True),
        database.write(lambda tx: write(tx, "refused"), brief=True),
        database.write(lambda tx: write(tx, "long")),
        database.write(lambda tx: write(tx, "last"), brief=True),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), LookupError, type(None), type(None)]
    assert sorted(on_loop) == [False, True, True, True]
    assert commits(database) - before == 1
    rows = await database.fetch("SELECT name FROM item ORDER BY name")
    assert [row["name"] for row in rows] == ["first", "last", "long"]


def test_a_loop_that_ended_keeps_no_commit_open(tmp_path: Path) -> None:
    path = tmp_path / "group.db"
    release = threading.Event()

    async def hold(tx: Transaction) -> None:
        await tx.execute(INSERT, "held", 1)
        release.wait()

    async def leave_work_behind() -> None:
        database = SqliteDatabase(path)
        await database.write_one("CREATE TABLE item (name TEXT PRIMARY KEY, amount BIGINT)")
        left.add(asyncio.ensure_future(database.write(hold)))
        left.add(asyncio.ensure_future(database.write(lambda tx: tx.execute(INSERT, "brief", 1), brief=True)))
        await asyncio.sleep(0.05)

    async def write_elsewhere() -> list[str]:
        database = SqliteDatabase(path)
        await database.write_one(INSERT, "later", 1)
        names = [row["name"] for row in await database.fetch("SELECT name FROM item")]
        await database.close()
        return names

    left: set[asyncio.Future[object]] = set()
    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave_work_behind())
    release.set()
    assert asyncio.run(write_elsewhere()) == ["later"]
    loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    loop.close()
    assert {type(task.exception()) for task in left} == {DatabaseUnavailable}
