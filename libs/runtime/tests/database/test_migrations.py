"""Migrations run once, on both databases, whoever starts them."""

import asyncio
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from radbridge.runtime.database.open import open_database
from radbridge.runtime.database.protocol import DatabaseUnavailable
from radbridge.runtime.migrations import MigrationError, migrate, require_current

FIRST = '''
"""First tables."""
import sqlalchemy as sa
from alembic import op
from radbridge.runtime.database.tables import create_runtime_tables, drop_runtime_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_runtime_tables(op)
    op.create_table("exam", sa.Column("id", sa.Text, primary_key=True))
'''
SECOND = """
import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    op.execute("INSERT INTO exam (id) VALUES ('seen')")
    op.add_column("exam", sa.Column("number", sa.Text))
"""
BROKEN = """
revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    raise RuntimeError("broken")
"""


def with_path(folder: Path) -> dict[str, str]:
    """This process's environment, with a folder to import from."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """The folder ``versions`` of an importable package of this test's own, named like the folder above it."""
    versions = tmp_path / "packages" / f"migrations_{abs(hash(request.node.name))}" / "versions"
    versions.mkdir(parents=True)
    (versions.parent / "__init__.py").touch()
    (versions / "0001_first.py").write_text(FIRST)
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    return versions


async def test_each_revision_runs_once(database_url: str, package: Path) -> None:
    name = package.parent.name
    assert await migrate(database_url, name)
    assert not await migrate(database_url, name)
    (package / "0002_second.py").write_text(SECOND)
    assert await migrate(database_url, name)
    assert not await migrate(database_url, name)
    database = open_database(database_url, service="test")
    assert [tuple(row) for row in await database.fetch("SELECT id, number FROM exam")] == [("seen", None)]
    await database.close()


async def test_who_does_not_migrate_waits_for_the_newest_revision(database_url: str, package: Path) -> None:
    name = package.parent.name
    with pytest.raises(MigrationError, match="radbridge migrate"):
        await require_current(database_url, name)
    await migrate(database_url, name)
    await require_current(database_url, name)
    (package / "0002_second.py").write_text(SECOND)
    with pytest.raises(MigrationError, match="radbridge migrate"):
        await require_current(database_url, name)
    await migrate(database_url, name)
    (package / "0002_second.py").unlink()
    await require_current(database_url, name)


async def test_starters_at_once_do_not_collide(database_url: str, package: Path) -> None:
    first = package / "0001_first.py"
    first.write_text(FIRST + "    __import__('time').sleep(2)\n")  # the others arrive meanwhile
    (package / "0002_second.py").write_text(SECOND)
    script = (
        "import asyncio, sys; from radbridge.runtime.migrations import migrate; asyncio.run(migrate(*sys.argv[1:]))"
    )
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, database_url, package.parent.name, env=with_path(package.parents[1])
        )
        for _ in range(3)
    ]
    assert [await process.wait() for process in processes] == [0, 0, 0]
    database = open_database(database_url, service="test")
    assert len(await database.fetch("SELECT id FROM exam")) == 1
    await database.close()


async def test_a_broken_revision_leaves_the_database_as_it_was(database_url: str, package: Path) -> None:
    await migrate(database_url, package.parent.name)
    (package / "0002_second.py").write_text(SECOND)
    (package / "0003_broken.py").write_text(BROKEN)
    with pytest.raises(RuntimeError, match="broken"):
        await migrate(database_url, package.parent.name)
    database = open_database(database_url, service="test")
    assert [row[0] for row in await database.fetch("SELECT version_num FROM alembic_version")] == ["0001"]
    assert await database.fetch("SELECT * FROM exam") == []
    await database.close()


def test_a_database_that_is_there_already_needs_neither_alembic_nor_sqlalchemy(tmp_path: Path, package: Path) -> None:
    script = """
        import asyncio, sys
        from radbridge.runtime.migrations import migrate
        print(asyncio.run(migrate(*sys.argv[1:])), sorted({"alembic", "sqlalchemy"} & sys.modules.keys()))
    """
    command = [sys.executable, "-c", textwrap.dedent(script), f"sqlite+aiosqlite:///{tmp_path}/m.db"]
    told = [
        subprocess.run(
            [*command, package.parent.name],
            env=with_path(package.parents[1]),
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for _ in range(2)
    ]
    assert told == ["True ['alembic', 'sqlalchemy']", "False []"]


async def test_a_package_without_one_newest_revision_is_refused(tmp_path: Path, package: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/m.db"
    (package / "0002_second.py").write_text(SECOND)
    (package / "0002_other.py").write_text(SECOND.replace("0002", "0002b"))
    with pytest.raises(MigrationError, match="2 newest"):
        await migrate(url, package.parent.name)
    with pytest.raises(MigrationError, match="not a package"):
        await migrate(url, "no_such_package_anywhere")
    with pytest.raises(MigrationError, match="no folder versions"):
        await migrate(url, "json")
    assert not (tmp_path / "m.db").exists()


async def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path, package: Path) -> None:
    (tmp_path / "m.db").write_bytes(b"noise" * 1000)
    with pytest.raises(DatabaseUnavailable):
        await migrate(f"sqlite+aiosqlite:///{tmp_path}/m.db", package.parent.name)
