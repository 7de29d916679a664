"""The institution directory and who has followed it how far."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from radbridge.contracts.topics import TOPICS
from radbridge.runtime.bus.open import open_log
from radbridge.runtime.bus.protocol import EventLog, Message
from radbridge.runtime.clock import utc_now
from radbridge.runtime.directory import Directory
from radbridge.runtime.presence import Presence, PresenceView
from radbridge.runtime.security.keyring import Keyring, SealError
from radbridge.runtime.security.vault import Vault
from radbridge.runtime.testing import add_institution, eventually


@pytest.fixture
async def log(tmp_path: Path) -> AsyncGenerator[EventLog]:
    log = open_log(f"sqlite:///{tmp_path}/events.db")
    await log.ensure_topics(TOPICS)
    yield log
    await log.close()


@pytest.fixture
def vault() -> Vault:
    return Vault.create()


@asynccontextmanager
async def running(*followers: Directory | Presence | PresenceView) -> AsyncGenerator[None]:
    tasks = [asyncio.create_task(follower.run()) for follower in followers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_an_institution_is_found_by_each_of_its_names(log: EventLog, vault: Vault) -> None:
    keyring = Keyring(vault)
    directory = Directory(log, keyring)
    async with running(directory):
        await directory.caught_up()
        assert (directory.version, directory.all()) == (0, [])
        added = await add_institution(
            log, keyring, directory, code="H1", ae_title="PACS1", hosts=["pacs.cn"], clock_skew_seconds=60
        )
    assert directory.by_id(added.id) is added
    assert directory.by_code("H1") is added
    assert directory.by_ae_title(" PACS1  ") is added
    assert directory.by_access_key(added.access_key) is added
    assert directory.by_app_id(added.app_id) is added
    assert (added.hosts, added.clock_skew) == (("pacs.cn",), timedelta(minutes=1))
    for missing in (
        directory.by_code(""),
        directory.by_ae_title(""),
        directory.by_access_key(""),
        directory.by_code("h1"),
    ):
        assert missing is None


async def test_another_process_knows_the_same_and_opens_the_credentials(log: EventLog, vault: Vault) -> None:
    keyring = Keyring(vault)
    first, second = Directory(log, keyring), Directory(log, Keyring(vault))
    async with running(first, second):
        added = await add_institution(log, keyring, first, code="H1")
        await second.wait_for_institution(added.id, added.version)
        found = second.by_code("H1")
    assert found is not None
    assert (found.sm4_key, found.secret_key, found.secure_code) == (added.sm4_key, added.secret_key, added.secure_code)
    assert len(found.sm4_key) == 16


async def test_the_newest_state_counts_whatever_comes_after(log: EventLog, vault: Vault) -> None:
    keyring = Keyring(vault)
    directory = Directory(log, keyring)
    async with running(directory):
        one = await add_institution(log, keyring, directory, code="OLD", version=2)
        await add_institution(log, keyring, directory, institution_id=one.id, code="NEW", version=3, enabled=False)
        newest = directory.by_id(one.id)
        await add_institution(log, keyring, directory, institution_id=one.id, code="STALE", version=1)
        while directory.version < 3:
            await directory.wait_for_change(directory.version)
    assert newest is not None
    assert directory.by_code("OLD") is None
    assert directory.by_code("STALE") is None
    assert directory.by_code("NEW") is newest
    assert not newest.enabled


async def test_one_unreadable_institution_takes_nobody_else_away(log: EventLog, vault: Vault) -> None:
    keyring = Keyring(vault)
    directory = Directory(log, keyring)
    foreign_keyring = Keyring(Vault.create())
    foreign = Directory(log, foreign_keyring)
    async with running(directory, foreign):
        await log.append([Message("institution", "junk", b"{", ())])
        await add_institution(log, foreign_keyring, foreign, code="FOREIGN")
        await add_institution(log, keyring, directory, code="H1")
    assert [institution.code for institution in directory.all()] == ["H1"]
    assert directory.version == 3


async def test_a_changed_credential_does_not_open(log: EventLog, vault: Vault) -> None:
    keyring = Keyring(vault)
    directory = Directory(log, keyring)
    async with running(directory):
        added = await add_institution(log, keyring, directory)
    swapped = added._credentials.model_copy(update={"secure_code": added._credentials.secret_key})
    object.__setattr__(added, "_credentials", swapped)
    with pytest.raises(SealError):
        _ = added.secure_code


async def test_a_waiter_learns_when_every_process_knows_an_institution(
    log: EventLog, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("radbridge.runtime.presence.HEARTBEAT_SECONDS", 0.1)
    keyring = Keyring(vault)
    fast, slow = Directory(log, keyring), Directory(log, Keyring(vault))
    view = PresenceView(log)
    presences = [
        Presence(
            log, service=name, instance_id="i", directory=directory, ready=lambda: True, degraded=tuple, clock=utc_now
        )
        for name, directory in (("ingest-api", fast), ("mpi", slow))
    ]
    async with running(fast, view, *presences):
        added = await add_institution(log, keyring, fast)
        version = await fast.wait_for_institution(added.id, 1)
        waiting = asyncio.create_task(view.wait_until_directory(version))

        async def both_seen() -> bool:
            return [body.service for body in view.alive()] == ["ingest-api", "mpi"]

        await eventually(both_seen)
        await asyncio.sleep(0.8)
        assert not waiting.done()
        async with running(slow):
            async with asyncio.timeout(60):
                await waiting


async def test_who_leaves_or_falls_silent_is_not_alive(log: EventLog, vault: Vault) -> None:
    now = [0.0]
    view = PresenceView(log, monotonic=lambda: now[0])
    directory = Directory(log, Keyring(vault))
    one, two = (
        Presence(
            log, service="mpi", instance_id=name, directory=directory, ready=lambda: True, degraded=tuple, clock=utc_now
        )
        for name in ("one", "two")
    )

    def alive() -> set[str]:
        return {body.instance_id for body in view.alive()}

    async def is_alive(names: set[str]) -> bool:
        return alive() == names

    async with running(view):
        await asyncio.sleep(0.3)
        async with running(one, two):
            await eventually(lambda: is_alive({"one", "two"}))
        await one.leave()
        await eventually(lambda: is_alive({"two"}))
        now[0] += 9.9
        assert alive() == {"two"}
        now[0] += 0.2
        assert alive() == set()
