"""The directory's copy in a service's database: what it holds, what replaces it, and what it is good for."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from radbridge.contracts.topics import TOPICS
from radbridge.runtime.bus.open import open_log
from radbridge.runtime.bus.protocol import EventLog, Message
from radbridge.runtime.database.protocol import Database
from radbridge.runtime.directory import Directory, DirectoryBehind
from radbridge.runtime.directory_copy import DirectoryCopy
from radbridge.runtime.security.keyring import Keyring
from radbridge.runtime.security.vault import Vault
from radbridge.runtime.testing import add_institution, eventually
from tests.support.cut_log import CutLog

NEWER = b'{"of": "a newer release"}'


@pytest.fixture
async def log(tmp_path: Path) -> AsyncGenerator[CutLog]:
    log = CutLog(open_log(f"sqlite:///{tmp_path}/events.db"))
    await log.ensure_topics(TOPICS)
    yield log
    await log.close()


@pytest.fixture
def database(lamp_database: Database) -> Database:
    return lamp_database


class Process:
    """What a process has of the directory."""

    def __init__(self, log: EventLog, vault: Vault, database: Database) -> None:
        self.keyring = Keyring(vault)
        self.directory = Directory(log, self.keyring)
        self.copy = DirectoryCopy(self.directory, database, log)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """As a service does it: load, then follow and write."""
        await self.copy.load()
        tasks = [asyncio.create_task(work()) for work in (self.directory.run, self.copy.run)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def held(database: Database) -> dict[str, int]:
    """Version of each institution in the copy."""
    rows = await database.fetch("SELECT institution_id, version FROM institution_copy")
    return {row["institution_id"]: row["version"] for row in rows}


async def bodies(database: Database) -> set[bytes]:
    return {row["body"] for row in await database.fetch("SELECT body FROM institution_copy")}


async def written_once(process: Process) -> None:
    """The copy as it is once the process has compared it with what it knows, and written what it had to."""
    compared = asyncio.Event()

    async def wait_for_change(version: int) -> int:
        compared.set()
        await asyncio.Event().wait()
        return version

    process.directory.wait_for_change = wait_for_change
    running = asyncio.create_task(process.copy.run())
    await compared.wait()
    running.cancel()


async def until_held(database: Database, expected: dict[str, int]) -> None:
    async def is_so() -> bool:
        return await held(database) == expected

    await eventually(is_so)


async def is_behind(directory: Directory) -> bool:
    """Whether the directory knows of the copy alone, as of now."""
    try:
        await directory.check()
    except DirectoryBehind:
        return True
    return False


async def test_a_process_without_the_log_knows_what_another_one_knew(log: CutLog, database: Database) -> None:
    vault = Vault.create()
    first = Process(log, vault, database)
    async with first.running():
        one = await add_institution(log, first.keyring, first.directory, code="H1")
        two = await add_institution(log, first.keyring, first.directory, code="H2", ae_title="H2", enabled=False)
        await until_held(database, {one.id: 1, two.id: 1})
    log.away = True
    second = Process(log, vault, database)
    async with second.running():
        found = second.directory.by_code("H1")
        assert found is not None
        assert (found.sm4_key, found.secret_key) == (one.sm4_key, one.secret_key)
        assert [institution.enabled for institution in second.directory.all()] == [True, False]
        assert second.directory.version == first.directory.version == 2
        assert await is_behind(second.directory)


async def test_there_is_no_copy_before_the_topic_was_read_to_its_end(log: CutLog, database: Database) -> None:
    log.away = True
    process = Process(log, Vault.create(), database)
    assert not await process.copy.load()
    async with process.running():
        await asyncio.sleep(0.2)
        assert await held(database) == {}


async def test_a_row_is_the_event_as_the_log_holds_it(log: CutLog, database: Database) -> None:
    vault = Vault.create()
    process = Process(log, vault, database)
    async with process.running():
        added = await add_institution(log, process.keyring, process.directory)
        await until_held(database, {added.id: 1})
        [record] = await log.read("institution")
    [row] = await database.fetch("SELECT * FROM institution_copy")
    assert row["body"] == record.value
    restored = Process(log, vault, database)
    await restored.copy.load()
    assert [(found.headers, found.offset) for found in restored.directory.records()] == [
        (record.headers, record.offset)
    ]
    assert added.secret_key.encode() not in row["body"]


async def test_the_log_decides_once_it_is_back_and_not_before_it_was_read_whole(
    log: CutLog, database: Database
) -> None:
    vault = Vault.create()
    first = Process(log, vault, database)
    async with first.running():
        one = await add_institution(log, first.keyring, first.directory, code="OLD")
        await add_institution(log, first.keyring, first.directory, institution_id=one.id, code="COPIED", version=2)
        await until_held(database, {one.id: 2})
    # what nobody copied: the hospital was disabled while this service was down
    writer = Process(log, vault, database)
    following = asyncio.create_task(writer.directory.run())
    await add_institution(
        log, writer.keyring, writer.directory, institution_id=one.id, code="COPIED", version=3, enabled=False
    )
    following.cancel()

    log.away = True
    second = Process(log, vault, database)
    seen: list[tuple[str, bool]] = []
    async with second.running():
        log.away = False
        while await is_behind(second.directory):
            seen += [(known.code, known.enabled) for known in second.directory.all()]
            await asyncio.sleep(0)
        assert set(seen) == {("COPIED", True)}
        assert [(known.code, known.enabled) for known in second.directory.all()] == [("COPIED", False)]
        assert second.directory.version == 3
        await until_held(database, {one.id: 3})


async def test_a_process_that_is_behind_does_not_take_the_copy_back(log: CutLog, database: Database) -> None:
    vault = Vault.create()
    behind, ahead = Process(log, vault, database), Process(log, vault, database)
    async with behind.running():
        one = await add_institution(log, behind.keyring, behind.directory)
        await until_held(database, {one.id: 1})
    async with ahead.running():
        await add_institution(log, ahead.keyring, ahead.directory, institution_id=one.id, version=2)
        await until_held(database, {one.id: 2})
    behind.copy._saved.clear()
    await behind.copy._save(behind.directory.records())
    assert await held(database) == {one.id: 2}


async def test_a_topic_made_anew_replaces_the_copy(
    log: CutLog, database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    vault = Vault.create()
    first = Process(log, vault, database)
    async with first.running():
        one = await add_institution(log, first.keyring, first.directory, code="H1", version=7)
        two = await add_institution(log, first.keyring, first.directory, code="H2", ae_title="H2")
        three = await add_institution(log, first.keyring, first.directory, code="H3", ae_title="H3")
        await until_held(database, {one.id: 7, two.id: 1, three.id: 1})
    anew = open_log(f"sqlite:///{tmp_path}/anew.db")
    await anew.ensure_topics(TOPICS)
    writer = Process(anew, vault, database)
    following = asyncio.create_task(writer.directory.run())
    await add_institution(anew, writer.keyring, writer.directory, institution_id=one.id, code="ANEW", version=1)
    await add_institution(anew, writer.keyring, writer.directory, institution_id=three.id, code="OTHER", ae_title="H3")
    following.cancel()
    second = Process(anew, vault, database)
    async with second.running():
        await second.directory.caught_up()
        assert [known.code for known in second.directory.all()] == ["ANEW", "OTHER"]
        assert second.directory.version == 2
        await until_held(database, {one.id: 1, three.id: 1})
    assert await bodies(database) == {record.value for record in await anew.read("institution")}
    assert "made anew" in caplog.text
    await anew.close()


async def test_a_process_that_knows_less_than_the_copy_does_not_take_it_for_a_topic_made_anew(
    log: CutLog, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    vault = Vault.create()
    behind, ahead = Process(log, vault, database), Process(log, vault, database)
    following = asyncio.create_task(behind.directory.run())
    one = await add_institution(log, ahead.keyring, behind.directory)
    following.cancel()
    async with ahead.running():
        await add_institution(log, ahead.keyring, ahead.directory, institution_id=one.id, version=2)
        await until_held(database, {one.id: 2})
    held_before = await bodies(database)
    await behind.copy.load()
    assert behind.directory.version == 1
    await written_once(behind)
    assert await held(database) == {one.id: 2}
    assert await bodies(database) == held_before
    assert "made anew" not in caplog.text


@pytest.mark.parametrize("tells_its_version", [True, False])
async def test_what_only_another_release_can_read_stays_in_the_copy(
    log: CutLog, database: Database, caplog: pytest.LogCaptureFixture, tells_its_version: bool
) -> None:
    vault = Vault.create()
    first = Process(log, vault, database)
    async with first.running():
        one = await add_institution(log, first.keyring, first.directory)
        await until_held(database, {one.id: 1})
        [record] = await log.read("institution")
        headers = dict(record.headers) | {"ce_id": b"another", "ce_aggregateversion": b"2"}
        if not tells_its_version:
            del headers["ce_specversion"]
        [(_, offset)] = await log.append([Message("institution", one.id, NEWER, tuple(headers.items()))])
    # as a process of that release writes it
    await database.write_one(
        "UPDATE institution_copy SET version = 2, log_offset = CAST($1 AS BIGINT), body = $2", offset, NEWER
    )
    second = Process(log, vault, database)
    following = asyncio.create_task(second.directory.run())
    await second.copy.load()
    await second.directory.caught_up()
    await written_once(second)
    following.cancel()
    assert await held(database) == {one.id: 2}
    assert await bodies(database) == {NEWER}
    assert "made anew" not in caplog.text


async def test_a_copy_that_cannot_be_opened_here_is_kept_for_others(log: CutLog, database: Database) -> None:
    vault = Vault.create()
    first = Process(log, vault, database)
    async with first.running():
        one = await add_institution(log, first.keyring, first.directory)
        await until_held(database, {one.id: 1})
    foreign = Process(log, Vault.create(), database)
    async with foreign.running():
        await foreign.directory.caught_up()
        assert foreign.directory.all() == []
        await asyncio.sleep(0.2)
    assert await held(database) == {one.id: 1}
