"""A migrated database of each kind, and an outbox on it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from radbridge.runtime.clock import utc_now
from radbridge.runtime.database.open import open_database
from radbridge.runtime.database.protocol import Database
from radbridge.runtime.migrations import migrate
from radbridge.runtime.outbox import Outbox
from tests.support.outbox import KeptLog


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database with the runtime's tables and ``exam (id, number)``, once per kind."""
    sqlite = request.param == "sqlite"
    url = f"sqlite+aiosqlite:///{tmp_path}/test.db" if sqlite else request.getfixturevalue("postgres_database")
    await migrate(url, "tests.support.outbox_migrations")
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = open_database(database_url, service="test")
    yield database
    await database.close()


@pytest.fixture
def log() -> KeptLog:
    return KeptLog()


@pytest.fixture
def outbox(database: Database, log: KeptLog) -> Outbox:
    return Outbox(database, log, service="ingest-api", clock=utc_now)
