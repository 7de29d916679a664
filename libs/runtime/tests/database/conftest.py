"""Both databases behind one fixture."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from radbridge.runtime.database.open import open_database
from radbridge.runtime.database.protocol import Database
from tests.support.small_disk import disk_of_one_megabyte

DIALECTS = ("sqlite", pytest.param("postgresql", marks=pytest.mark.real))


@pytest.fixture(params=DIALECTS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database, once per kind."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/data/test.db"
    return request.getfixturevalue("postgres_database")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open database with the table ``item (name, amount, body)``."""
    database = open_database(database_url, service="test")
    body = "BLOB" if database.dialect == "sqlite" else "BYTEA"
    await database.write_one(f"CREATE TABLE item (name TEXT PRIMARY KEY, amount BIGINT NOT NULL, body {body})")
    yield database
    async with asyncio.timeout(60):
        await database.close()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of one megabyte."""
    with disk_of_one_megabyte(tmp_path / "disk") as folder:
        yield folder
