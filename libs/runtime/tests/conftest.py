"""A service of a few lines, real in all its parts, for the tests of the runtime."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from radbridge.runtime.database.open import open_database
from radbridge.runtime.database.protocol import Database
from radbridge.runtime.migrations import migrate

_PACKAGE = "lampservice"
_MIGRATION = """
import sqlalchemy as sa
from alembic import op
from radbridge.runtime.database.tables import (
    create_institution_copy,
    create_runtime_tables,
    create_stored_blob,
)

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_runtime_tables(op)
    create_institution_copy(op)
    create_stored_blob(op)
    op.create_table("lamp", sa.Column("name", sa.Text, primary_key=True), sa.Column("lit", sa.BigInteger))
"""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits of time that tell what is away would strike a slow machine, too; tests of a limit set their own."""
    for limit in (
        "database.postgres_pool._WAIT_S",
        "database.postgres_session._CONNECT_TIMEOUT_S",
        "database.postgres._PING_S",
        "database.sqlite_session.BUSY_TIMEOUT_S",
        "readiness._CHECK_SECONDS",
    ):
        monkeypatch.setattr(f"radbridge.runtime.{limit}", 60.0)


@pytest.fixture
def lamp_migrations(tmp_path: Path) -> Iterator[str]:
    """Name of an importable package with the migrations of a service that keeps lamps."""
    folder = tmp_path / "packages" / _PACKAGE / "migrations" / "versions"
    folder.mkdir(parents=True)
    (folder / "0001_lamps.py").write_text(_MIGRATION)
    sys.path.insert(0, str(tmp_path / "packages"))
    yield f"{_PACKAGE}.migrations"
    sys.path.remove(str(tmp_path / "packages"))
    for name in [name for name in sys.modules if name.split(".")[0] == _PACKAGE]:
        del sys.modules[name]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
async def lamp_database(
    request: pytest.FixtureRequest, lamp_migrations: str, tmp_path: Path
) -> AsyncIterator[Database]:
    """That service's database with all tables, once per kind."""
    sqlite = request.param == "sqlite"
    url = f"sqlite+aiosqlite:///{tmp_path}/lamp.db" if sqlite else request.getfixturevalue("postgres_database")
    await migrate(url, lamp_migrations)
    database = open_database(url, service="lamp")
    yield database
    await database.close()
