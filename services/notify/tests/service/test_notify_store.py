"""What replicas share, on both databases: leases of deliveries, WeChat's token."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from radbridge.notify.channels.wechat_token import StoredToken
from radbridge.notify.domain.delivery import State, begin, queue
from radbridge.notify.domain.messages import ChannelName
from radbridge.notify.store import deliveries
from radbridge.notify.store.deliveries import StoredDelivery
from radbridge.notify.wechat_token_store import DatabaseTokenStore
from radbridge.runtime.database.open import open_database
from radbridge.runtime.database.protocol import Database
from radbridge.runtime.migrations import migrate
from radbridge.runtime.security.keyring import Keyring
from radbridge.runtime.security.vault import Vault

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
LEASE = timedelta(minutes=2)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    if request.param == "sqlite":
        url = f"sqlite+aiosqlite:///{tmp_path}/notify.db"
    else:
        url = request.getfixturevalue("postgres_database")
    await migrate(url, "radbridge.notify.migrations")
    database = open_database(url, service="notify")
    yield database
    await database.close()


def new_delivery(due_at: datetime = NOW) -> StoredDelivery:
    return StoredDelivery(
        delivery=queue(uuid4(), ChannelName.ALIYUN_SMS, due_at, None),
        notification_id=str(uuid4()),
        account_owner="platform",
        route_sealed=None,
        traceparent=None,
        changed_at=NOW,
    )


async def lease(database: Database, holder: str, now: datetime = NOW, limit: int = 10) -> set[str]:
    leased = await database.write(lambda tx: deliveries.lease_due(tx, holder, now, now + LEASE, limit))
    return {stored.id for stored in leased}


async def test_replicas_lease_different_deliveries_until_a_lease_ends(database: Database) -> None:
    rows = [new_delivery() for _ in range(5)]
    for row in rows:
        assert await database.write(lambda tx, row=row: deliveries.add(tx, row))
        assert not await database.write(lambda tx, row=row: deliveries.add(tx, row))
    await database.write(lambda tx: deliveries.add(tx, new_delivery(NOW + timedelta(hours=1))))

    first, second = await lease(database, "one", limit=3), await lease(database, "two")
    assert (len(first), len(second)) == (3, 2)
    assert first | second == {row.id for row in rows}
    assert await lease(database, "two") == set()
    assert await database.read(deliveries.next_due) == NOW + LEASE
    assert await lease(database, "two", NOW + LEASE) == first | second
    assert await database.read(lambda tx: deliveries.held(tx, rows[0].id, "one")) is None


async def test_a_send_under_way_is_free_again_when_its_time_is_over(database: Database) -> None:
    row = new_delivery()
    await database.write(lambda tx: deliveries.add(tx, row))
    await lease(database, "one")
    sending = replace(row, delivery=begin(row.delivery, NOW))
    await database.write(lambda tx: deliveries.save(tx, sending, busy_until=NOW + LEASE))
    assert await lease(database, "two", NOW + LEASE - timedelta(seconds=1)) == set()
    assert await lease(database, "two", NOW + LEASE) == {row.id}
    found = await database.read(lambda tx: deliveries.find(tx, row.id))
    assert found is not None
    assert (found.delivery.state, found.delivery.attempts) == (State.SENDING, 1)
    assert found.delivery.attempted_at == NOW


async def test_one_replica_at_a_time_fetches_wechats_token(database: Database) -> None:
    moment = [NOW]
    store = DatabaseTokenStore(database, Keyring(Vault.create()), lambda: moment[0])
    token = StoredToken("TOKEN" * 120, NOW + timedelta(hours=2), NOW)
    assert await store.read("wx1") is None
    assert await store.acquire("wx1", "one", NOW + timedelta(seconds=20))
    assert not await store.acquire("wx1", "two", NOW + timedelta(seconds=20))
    assert await store.acquire("wx2", "two", NOW + timedelta(seconds=20))
    assert not await store.write("wx1", "two", token)
    assert await store.write("wx1", "one", token)
    assert await store.read("wx1") == token
    assert await store.read("wx2") is None
    assert await store.acquire("wx1", "two", NOW + timedelta(seconds=20))
    moment[0] += timedelta(seconds=20)
    assert await store.acquire("wx1", "one", NOW + timedelta(seconds=40))
    assert not await store.write("wx1", "two", replace(token, forced_at=None))
    await store.release("wx1", "two")
    assert not await store.acquire("wx1", "two", NOW + timedelta(seconds=60))
    await store.release("wx1", "one")
    assert await store.acquire("wx1", "two", NOW + timedelta(seconds=60))
