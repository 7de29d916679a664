"""Brings a service's database to the newest revision of the migrations that its package ships.

A database that is there already, the normal case at a start, is recognised without importing Alembic or SQLAlchemy
(half a second): the newest revision is read from the files' own text, the database's from its table.
"""

import asyncio
import re
import sqlite3
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radbridge.runtime.database.protocol import DatabaseError, DatabaseUnavailable
from radbridge.runtime.database.statements import lock_number

if TYPE_CHECKING:
    from sqlalchemy import Connection

_REVISION = re.compile(r"^(revision|down_revision)\b[^=\n]*=\s*(?:[\"']([^\"']+)[\"']|None)\s*$", re.MULTILINE)
_BUSY_TIMEOUT_S = 60.0
_LOCK = lock_number("radbridge migrations")
_ALEMBIC = threading.Lock()
"""Alembic's ``op`` is one proxy for the whole process: the services of a suite take turns."""
_CURRENT = "SELECT version_num FROM alembic_version"


class MigrationError(DatabaseError):
    """The migrations of a package cannot be read, or do not end in one newest revision."""


async def migrate(database_url: str, package: str) -> bool:
    """Upgrade to the newest revision in ``<package>/versions``; answers whether the database was older.

    Each start may call it: several processes at once wait for the first one. On SQLite all revisions of one call are
    one transaction, and so they are on PostgreSQL.

    :param package: an importable package, for example ``radbridge.mpi.migrations``.
    :raises DatabaseUnavailable: the database is away or locked.
    :raises MigrationError: the package has no such folder, or not exactly one newest revision.
    """
    folder = _folder_of(package)
    head = _head_of(folder)
    if database_url.startswith("sqlite"):
        return await asyncio.to_thread(_migrate_sqlite, database_url, folder, head)
    if await _postgres_revision(database_url) == head:
        return False
    await _migrate_postgres(database_url, folder)
    return True


async def require_current(database_url: str, package: str) -> None:
    """Return if the database is at the newest revision of ``<package>/versions``, or at one that this release does not
    know yet (a rolling upgrade has gone ahead).

    :raises DatabaseUnavailable: the database is away or locked.
    :raises MigrationError: it is older, or has no tables yet.
    """
    folder = _folder_of(package)
    head = _head_of(folder)
    if database_url.startswith("sqlite"):
        from radbridge.runtime.database.sqlite import path_of

        path = path_of(database_url)
        present = await asyncio.to_thread(_sqlite_revision, path) if path.exists() else None
    else:
        present = await _postgres_revision(database_url)
    if present != head and (present is None or present in _revisions_of(folder)):
        raise MigrationError(f"the database is at revision {present}, not {head}: run `radbridge migrate`")


def _revisions_of(folder: Path) -> set[str]:
    named = (dict(_REVISION.findall(file.read_text("utf-8"))) for file in (folder / "versions").glob("*.py"))
    return {found["revision"] for found in named if "revision" in found}


def _folder_of(package: str) -> Path:
    spec = find_spec(package)
    places = spec.submodule_search_locations if spec else None
    if not places:
        raise MigrationError(f"{package} is not a package")
    folder = Path(next(iter(places)))
    if not (folder / "versions").is_dir():
        raise MigrationError(f"{package} has no folder versions")
    return folder


def _head_of(folder: Path) -> str:
    """The revision that no other one names as its predecessor."""
    revisions: set[str] = set()
    followed: set[str] = set()
    for file in (folder / "versions").glob("*.py"):
        named = dict(_REVISION.findall(file.read_text("utf-8")))
        if "revision" in named:
            revisions.add(named["revision"])
            followed.add(named.get("down_revision", ""))
    heads = revisions - followed
    if len(heads) != 1:
        raise MigrationError(f"{folder} has {len(heads)} newest revisions, not one")
    return heads.pop()


def _migrate_sqlite(database_url: str, folder: Path, head: str) -> bool:
    from radbridge.runtime.database.sqlite import path_of

    path = path_of(database_url).absolute()
    if path.exists() and _sqlite_revision(path) == head:
        return False
    from sqlalchemy import create_engine, event
    from sqlalchemy.exc import OperationalError
    from sqlalchemy.pool import NullPool

    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        f"sqlite:///{path}", poolclass=NullPool, connect_args={"timeout": _BUSY_TIMEOUT_S, "isolation_level": None}
    )

    # the driver would begin before a write only: a second starter has to wait before it reads the present revision
    def begin(connection: "Connection") -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "begin", begin)
    try:
        with engine.begin() as connection:
            _upgrade(connection, folder)
    except OperationalError as error:
        raise DatabaseUnavailable(f"{path.name}: {error.orig}") from error
    finally:
        engine.dispose()
    return True


def _sqlite_revision(path: Path) -> str | None:
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S)
    try:
        row = connection.execute(_CURRENT).fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:  # no such table
            return None
        raise DatabaseUnavailable(f"{path.name}: {error}") from error
    except sqlite3.DatabaseError as error:
        raise DatabaseUnavailable(f"{path.name}: {error}") from error
    finally:
        connection.close()
    return row[0] if row else None


async def _postgres_revision(database_url: str) -> str | None:
    from radbridge.runtime.database.postgres_session import DRIVER_ERRORS, connect, translated

    connection = await connect(database_url, service="migrations")
    try:
        if await connection.fetchval("SELECT to_regclass('alembic_version') IS NULL"):
            return None
        return await connection.fetchval(_CURRENT)
    except DRIVER_ERRORS as error:
        raise translated(error) from None
    finally:
        await connection.close()


async def _migrate_postgres(database_url: str, folder: Path) -> None:
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    from radbridge.runtime.database.postgres_session import connect

    engine = create_async_engine(
        "postgresql+asyncpg://",
        poolclass=NullPool,
        async_creator=lambda: connect(database_url, service="migrations"),
    )
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            await connection.run_sync(_upgrade, folder)
    finally:
        await engine.dispose()


def _upgrade(connection: "Connection", folder: Path) -> None:
    """Run Alembic inside the transaction that ``connection`` has open. The project's folders need no ``env.py``."""
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(folder), version_locations=[str(folder / "versions")])

    def upgrade(present: str | tuple[str, ...], _context: object) -> list[Any]:
        return script._upgrade_revs("head", present)  # pyright: ignore  (what `alembic upgrade` itself calls)

    with _ALEMBIC, EnvironmentContext(Config(), script, fn=upgrade) as environment:
        environment.configure(connection=connection, transactional_ddl=True)
        environment.run_migrations()
